"""Weight files of every form against the tensors they were made from, and files that are none."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from stylespace.encoders import weights
from stylespace.encoders.weights import read_weights, torchvision_shapes
from stylespace.errors import WeightsError

# Where torchvision has its convolutions: models/vgg.py, configurations D and E.
VGG16 = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
VGG19 = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
NAMES = {(2, 2, 3, 3, 3): VGG16, (2, 2, 4, 4, 4): VGG19}

# The same points of colour in the three forms: black, white and a red.
COLOURS = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 0.2, 0.4]]).T[None, :, :, None]
TORCHVISION = [[-2.117904, -2.035714, -1.804444], [2.248908, 2.428571, 2.64], [2.248908, -1.142857, -0.026667]]
CAFFE = [[-103.939, -116.779, -123.68], [151.061, 138.221, 131.32], [-1.939, -65.779, 131.32]]
AMDEGROOT = [[-122.99925, -116.9991, -103.9992], [132.00075, 138.0009, 151.0008], [132.00075, -65.9991, -1.9992]]


def seen(state: dict[str, torch.Tensor]) -> torch.Tensor:
    """What the first convolution sees of ``COLOURS``, a row a colour."""
    return torch.nn.functional.conv2d(COLOURS, state["input.weight"], state["input.bias"])[0, :, :, 0].T


def named(state: dict[str, torch.Tensor], depths: tuple[int, ...] = (2, 2, 3, 3, 3)) -> dict[str, torch.Tensor]:
    layers = [f"conv{block}_{place}" for block, depth in enumerate(depths, 1) for place in range(1, depth + 1)]
    return {
        f"{layer}.{kind}": state[f"features.{number}.{kind}"]
        for layer, number in zip(layers, NAMES[depths], strict=True)
        for kind in ("weight", "bias")
    }


@pytest.mark.parametrize("form", ["2017", "old", "zip", "safetensors"])
@pytest.mark.parametrize("depths", list(NAMES))
def test_torchvision(
    tmp_path: Path, torchvision_state: Callable, save_weights: Callable, form: str, depths: tuple[int, ...]
) -> None:
    state = torchvision_state(depths)
    assert {int(name.split(".")[1]) for name in state if name.startswith("features")} == set(NAMES[depths])
    path = tmp_path / "a.file"
    if form == "safetensors":
        save_file(state, path)
    else:
        save_weights(state, path, form)
    found = read_weights(path)
    expected = {f"convolutions.{name}": value for name, value in named(state, depths).items()}
    assert list(found) == ["input.weight", "input.bias", *expected]
    assert all(torch.equal(found[name], value) and found[name].dtype == torch.float32 for name, value in expected.items())
    torch.testing.assert_close(seen(found), torch.tensor(TORCHVISION), atol=1e-5, rtol=0)


def test_features_alone(tmp_path: Path, torchvision_state: Callable) -> None:
    state = {name.removeprefix("features."): value for name, value in torchvision_state(classifier=0).items()}
    torch.save(state, tmp_path / "features.pth")
    found = read_weights(tmp_path / "features.pth")
    assert torch.equal(found["convolutions.conv5_3.weight"], state["28.weight"])
    torch.testing.assert_close(seen(found), torch.tensor(TORCHVISION), atol=1e-5, rtol=0)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_caffe_names(tmp_path: Path, torchvision_state: Callable, suffix: str) -> None:
    state = named(torchvision_state())
    path = tmp_path / f"vgg_conv.{suffix}"
    (save_file if suffix == "safetensors" else torch.save)(state | {"fc6.weight": torch.zeros(3, 3)}, path)
    found = read_weights(path)
    assert list(found)[2:] == [f"convolutions.{name}" for name in state]
    torch.testing.assert_close(seen(found), torch.tensor(CAFFE), atol=1e-4, rtol=0)


def test_order_of_names_does_not_matter(tmp_path: Path, torchvision_state: Callable) -> None:
    state = named(torchvision_state())
    torch.save(dict(reversed(state.items())), tmp_path / "a.pth")
    assert [name for name in read_weights(tmp_path / "a.pth") if name.endswith("weight")][:3] == [
        "input.weight",
        "convolutions.conv1_1.weight",
        "convolutions.conv1_2.weight",
    ]


def test_a_map_of_its_own(tmp_path: Path, torchvision_state: Callable) -> None:
    own = {"input.weight": torch.randn(3, 3, 1, 1), "input.bias": torch.randn(3)}
    save_file(named(torchvision_state()) | own, tmp_path / "a.safetensors")
    found = read_weights(tmp_path / "a.safetensors")
    assert torch.equal(found["input.weight"], own["input.weight"])
    assert torch.equal(found["input.bias"], own["input.bias"])


def test_what_is_read_can_be_written_and_read(tmp_path: Path, torchvision_state: Callable, save_weights: Callable) -> None:
    once = read_weights(save_weights(torchvision_state(), tmp_path / "a.pth", "zip"))
    save_file(once, tmp_path / "b.safetensors")
    twice = read_weights(tmp_path / "b.safetensors")
    assert list(once) == list(twice)
    assert all(torch.equal(once[name], twice[name]) for name in once)


def test_normalised_as_published_with_adain(tmp_path: Path, torchvision_state: Callable) -> None:
    """Its Sequential: 1x1 convolution, then (padding, convolution, ReLU), with a pooling between blocks."""
    state = torchvision_state((2, 2, 4, 4, 4))
    numbers = (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51)  # of its published nn.Sequential
    moved = {
        f"{new}.{kind}": state[f"features.{old}.{kind}"]
        for new, old in zip(numbers, VGG19, strict=True)
        for kind in ("weight", "bias")
    }
    first = {"0.weight": torch.randn(3, 3, 1, 1), "0.bias": torch.randn(3)}
    torch.save(first | moved, tmp_path / "vgg_normalised.pth")
    found = read_weights(tmp_path / "vgg_normalised.pth")
    assert torch.equal(found["input.weight"], first["0.weight"])
    assert torch.equal(found["convolutions.conv4_1.weight"], state["features.19.weight"])
    assert torch.equal(found["convolutions.conv5_4.bias"], state["features.34.bias"])


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("vgg19-d01eb7cb.pth", CAFFE),
        ("vgg16-00b39a1b.pth", CAFFE),
        ("vgg16_features-amdegroot-88682ab5.pth", AMDEGROOT),
        ("vgg19-dcbb9e9d.pth", TORCHVISION),
    ],
)
def test_published_conversions(tmp_path: Path, torchvision_state: Callable, file: str, expected: list) -> None:
    torch.save(torchvision_state(), tmp_path / file)
    torch.testing.assert_close(seen(read_weights(tmp_path / file)), torch.tensor(expected), atol=1e-4, rtol=0)


def test_classifier_of_nan_is_ignored(tmp_path: Path, torchvision_state: Callable) -> None:
    state = torchvision_state()
    state["classifier.0.weight"].fill_(float("nan"))
    torch.save(state, tmp_path / "a.pth")
    assert len(read_weights(tmp_path / "a.pth")) == 2 + 2 * 13


def test_cut_stack(tmp_path: Path, torchvision_state: Callable) -> None:
    state = {name: value for name, value in named(torchvision_state()).items() if name < "conv3_2"}
    save_file(state, tmp_path / "a.safetensors")
    assert list(read_weights(tmp_path / "a.safetensors"))[-1] == "convolutions.conv3_1.bias"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(tmp_path: Path, torchvision_state: Callable, dtype: torch.dtype) -> None:
    state = {name: value.to(dtype) for name, value in torchvision_state().items()}
    torch.save(state, tmp_path / "a.pth")
    found = read_weights(tmp_path / "a.pth")["convolutions.conv1_1.weight"]
    assert found.dtype == torch.float32
    assert torch.equal(found, state["features.0.weight"].float())


def test_shapes_of_torchvision() -> None:
    """Parameters of the published networks' convolutions: 138,357,544 and 143,667,240 less the classifier's 123,642,856."""
    for depths, total in (((2, 2, 3, 3, 3), 138_357_544), ((2, 2, 4, 4, 4), 143_667_240)):
        shapes = torchvision_shapes(depths, (64, 128, 256, 512, 512))
        assert sum(torch.Size(shape).numel() for shape in shapes.values()) == total - 123_642_856
        assert {int(name.split(".")[1]) for name in shapes} == set(NAMES[depths])


def remove(state: dict, *names: str) -> dict:
    return {name: value for name, value in state.items() if name not in names}


def changed(state: dict, name: str, value: object) -> dict:
    return state | {name: value}


NAN = torch.full((4, 3, 3, 3), float("nan"))
BAD_STATES = {
    "no first layer": (lambda s: remove(s, "features.0.weight", "features.0.bias"), "lacks the first convolution"),
    "no middle layer": (lambda s: remove(s, "features.12.weight", "features.12.bias"), "between numbers 10 and 14"),
    "no block": (
        lambda s: remove(s, *(f"features.{n}.{k}" for n in (5, 7) for k in ("weight", "bias"))),
        "between numbers 2 and 10",
    ),
    "no bias": (lambda s: remove(s, "features.7.bias"), "conv2_2.bias is missing"),
    "no weight": (lambda s: remove(s, "features.7.weight"), "conv2_2.weight is missing"),
    "wrong kernel": (
        lambda s: changed(s, "features.5.weight", torch.zeros(5, 4, 5, 5)),
        r"conv2_1.weight has shape \(5, 4, 5, 5\)",
    ),
    "wrong channels": (lambda s: changed(s, "features.5.weight", torch.zeros(5, 9, 3, 3)), r"where \(5, 4, 3, 3\) is expected"),
    "wrong bias": (lambda s: changed(s, "features.5.bias", torch.zeros(6)), r"conv2_1.bias has shape \(6,\)"),
    "a number": (lambda s: changed(s, "features.5.bias", torch.tensor(1.0)), "conv2_1.bias has shape"),
    "no channels": (lambda s: changed(s, "features.0.weight", torch.zeros(0, 3, 3, 3)), "conv1_1.weight has shape"),
    "not finite": (lambda s: changed(s, "features.0.weight", NAN), "conv1_1.weight holds values that are not finite"),
    "infinite": (lambda s: changed(s, "features.0.bias", torch.full((4,), torch.inf)), "not finite"),
    "whole numbers": (
        lambda s: changed(s, "features.0.weight", torch.ones(4, 3, 3, 3, dtype=torch.int64)),
        "of type torch.int64",
    ),
    "batch norm": (lambda s: changed(s, "features.1.running_mean", torch.zeros(4)), "batch normalisation"),
    "another network": (lambda s: {"layer1.0.conv1.weight": torch.zeros(3)}, "holds no convolution"),
    "nothing": (lambda s: {}, "holds no convolution"),
    "text": (lambda s: changed(s, "features.0.weight", "text"), "conv1_1.weight is missing"),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_bad_states(tmp_path: Path, torchvision_state: Callable, case: str) -> None:
    spoil, message = BAD_STATES[case]
    torch.save(spoil(dict(torchvision_state())), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=message) as caught:
        read_weights(tmp_path / "a.pth")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (("conv1_1",), "lacks conv1_1"),
        (("conv2_1",), "between conv1_2 and conv2_2"),
        (("conv4_2",), "between conv4_1 and conv4_3"),
        (("conv4_1", "conv4_2", "conv4_3"), "between conv3_3 and conv5_1"),
    ],
)
def test_caffe_names_with_a_gap(tmp_path: Path, torchvision_state: Callable, missing: tuple[str, ...], message: str) -> None:
    state = {name: value for name, value in named(torchvision_state()).items() if name.split(".")[0] not in missing}
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=message):
        read_weights(tmp_path / "a.safetensors")


def test_half_a_map(tmp_path: Path, torchvision_state: Callable) -> None:
    save_file(named(torchvision_state()) | {"input.weight": torch.eye(3)[:, :, None, None]}, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=r"input\.bias is missing"):
        read_weights(tmp_path / "a.safetensors")


class Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["old", "zip", "pickle"])
def test_code_is_never_run(tmp_path: Path, torchvision_state: Callable, form: str) -> None:
    state = dict(torchvision_state()) | {"harm": Harmful(tmp_path / "made")}
    path = tmp_path / "a.pth"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Harmful(tmp_path / "made"), protocol=2))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(WeightsError, match=r"code in it could run|not a weights file"):
        read_weights(path)
    assert not (tmp_path / "made").exists()


def test_a_whole_module(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="more than tensors"):
        read_weights(tmp_path / "a.pth")


def test_a_tensor_without_a_name(tmp_path: Path) -> None:
    torch.save(torch.zeros(3), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="holds a Tensor where named tensors are expected"):
        read_weights(tmp_path / "a.pth")


@pytest.mark.parametrize("form", ["2017", "old", "zip", "safetensors"])
def test_cut_files(tmp_path: Path, torchvision_state: Callable, save_weights: Callable, form: str) -> None:
    path = tmp_path / "a.pth"
    if form == "safetensors":
        save_file(torchvision_state(), path)
    else:
        save_weights(torchvision_state(), path, form)
    data = path.read_bytes()
    for length in (1, 8, 9, 100, 3000, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError, match=r"cut short|named tensors"):
            read_weights(path)


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n" + bytes(100), b"<html>not found</html>", bytes(5000), b"PK\x03\x04" + bytes(50)]
)
def test_other_files(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.pth").write_bytes(data)
    with pytest.raises(WeightsError, match="not a weights file"):
        read_weights(tmp_path / "a.pth")


def test_empty_missing_and_folder(tmp_path: Path) -> None:
    (tmp_path / "empty.pth").touch()
    for path, message in (("empty.pth", "is empty"), ("absent.pth", "does not exist"), ("", "is a folder")):
        with pytest.raises(WeightsError, match=message):
            read_weights(tmp_path / path)


def test_tensors_do_not_hang_on_the_file(tmp_path: Path, torchvision_state: Callable, save_weights: Callable) -> None:
    path = save_weights(torchvision_state(), tmp_path / "a.pth", "zip")
    found = read_weights(path)
    before = found["convolutions.conv1_1.weight"].clone()
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(found["convolutions.conv1_1.weight"], before)


def test_maps_are_those_of_the_literature() -> None:
    """torchvision: transforms of VGG19_Weights; Caffe: the mean of Simonyan & Zisserman's models, BGR."""
    assert weights.TORCHVISION_MEAN == (0.485, 0.456, 0.406)
    assert weights.TORCHVISION_DEVIATION == (0.229, 0.224, 0.225)
    assert weights.CAFFE_MEAN == (103.939, 116.779, 123.68)


def test_the_normalised_reference(shared_weights: Path) -> None:
    """Gatys' normalisation: each channel's mean activation is of the order of one, on pictures as on noise."""
    found = read_weights(shared_weights / "vgg19_normalised_to_conv3_1.safetensors")
    assert found["convolutions.conv3_1.weight"].shape == (256, 128, 3, 3)
    torch.testing.assert_close(seen(found), torch.tensor(CAFFE), atol=1e-4, rtol=0)
