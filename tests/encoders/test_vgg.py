"""VGG against a plain loop over convolutions, and the errors for weights that are not what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from stylespace.encoders import store
from stylespace.encoders.trunk import Trunk
from stylespace.encoders.vgg import vgg
from stylespace.encoders.weights import read_weights
from stylespace.errors import InputError, WeightsError

# Simonyan & Zisserman 2015, table 1, columns D and E.
CONFIGURATIONS: dict[str, list[int | str]] = {
    "vgg16": [64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512, 512, 512],
    "vgg19": [64, 64, "pool", 128, 128, "pool", *[256] * 4, "pool", *[512] * 4, "pool", *[512] * 4],
}  # fmt: skip
DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
FULL = (64, 128, 256, 512, 512)
NARROW = (4, 5, 6, 7, 8)


def layers_of(name: str) -> list[str]:
    return [f"relu{block}_{place}" for block, depth in enumerate(DEPTHS[name], 1) for place in range(1, depth + 1)]


def plain(
    state: Mapping[str, Tensor], picture: Tensor, name: str, padding: str = "constant", pooling: str = "max"
) -> dict[str, Tensor]:
    """torchvision's ``features`` as a loop, in float64: normalise, then pad, convolve, ReLU; pool between blocks."""
    mean, deviation = picture.new_tensor([0.485, 0.456, 0.406]), picture.new_tensor([0.229, 0.224, 0.225])
    x = (picture - mean[:, None, None]) / deviation[:, None, None]
    found = {}
    number, names = 0, iter(layers_of(name))
    for step in CONFIGURATIONS[name]:
        if step == "pool":
            x = F.max_pool2d(x, 2) if pooling == "max" else F.avg_pool2d(x, 2)
            number += 1
        else:
            if f"features.{number}.weight" not in state:
                break
            weight, bias = (state[f"features.{number}.{kind}"].double() for kind in ("weight", "bias"))
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=padding), weight, bias).clamp(min=0)
            found[next(names)] = x
            number += 2
    return found


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both networks with few channels, so that tests are quick."""
    for name, source in store.PUBLISHED.items():
        changed = store.Published(name, source.title, source.url, source.sha256, source.length, source.depths, NARROW)
        monkeypatch.setitem(store.PUBLISHED, name, changed)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", list(DEPTHS))
@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize(("padding", "mode"), [("zero", "constant"), ("replicate", "replicate"), ("reflect", "reflect")])
def test_agrees_with_a_plain_loop(
    tmp_path: Path, torchvision_state: Callable, name: str, pooling: str, padding: str, mode: str
) -> None:
    state = torchvision_state(DEPTHS[name], NARROW)
    torch.save(state, tmp_path / "a.pth")
    trunk = vgg(name, weights=tmp_path / "a.pth", pooling=pooling, padding=padding).double()
    picture = torch.rand(2, 3, 50, 37, dtype=torch.float64)  # odd sizes on the way down: 25, 12, 6, 3 and 18, 9, 4, 2
    expected = plain(state, picture, name, mode, pooling)
    found = trunk(picture, layers_of(name))
    assert list(found) == list(expected)
    for layer, features in expected.items():
        # The input map is kept in float32: 2e-7 of the features' size.
        torch.testing.assert_close(found[layer], features, rtol=1e-6, atol=1e-6 * features.abs().max().item(), msg=layer)


@pytest.mark.usefixtures("narrow")
def test_replicating_the_first_padding_only(tmp_path: Path, torchvision_state: Callable) -> None:
    """relu1_1 as with replicate; a frame of zeros from relu1_2 on."""
    torch.save(torchvision_state(DEPTHS["vgg16"], NARROW), tmp_path / "a.pth")
    picture = torch.rand(1, 3, 12, 12)
    first, replicate, zero = (
        vgg("vgg16", weights=tmp_path / "a.pth", padding=padding)(picture, ["relu1_1", "relu1_2"])
        for padding in ("replicate-first", "replicate", "zero")
    )
    assert torch.equal(first["relu1_1"], replicate["relu1_1"])
    assert not torch.allclose(first["relu1_1"], zero["relu1_1"])
    assert not torch.allclose(first["relu1_2"], replicate["relu1_2"])
    torch.testing.assert_close(first["relu1_2"][..., 2:-2, 2:-2], zero["relu1_2"][..., 2:-2, 2:-2])


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("padding", ["zero", "replicate", "reflect", "replicate-first"])
def test_folding_the_input_map_changes_nothing(tmp_path: Path, torchvision_state: Callable, padding: str) -> None:
    torch.save(torchvision_state(DEPTHS["vgg16"], NARROW), tmp_path / "a.pth")
    trunk = vgg("vgg16", weights=tmp_path / "a.pth", padding=padding).double()
    picture = torch.rand(1, 3, 20, 20, dtype=torch.float64)
    before = trunk(picture, ["relu1_1", "relu3_1"])
    trunk.fold_input()
    for layer, features in trunk(picture, ["relu1_1", "relu3_1"]).items():
        torch.testing.assert_close(features, before[layer], rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("narrow")
def test_torchvision_and_caffe_forms_of_one_network_agree(tmp_path: Path, torchvision_state: Callable) -> None:
    """The first convolution rewritten from torchvision's input to Caffe's sees the same picture."""
    state = {name: value.double() for name, value in torchvision_state(DEPTHS["vgg19"], NARROW).items()}
    torch.save(state, tmp_path / "torchvision.pth")
    caffe = {}
    numbers = [int(name.split(".")[1]) for name in state if name.startswith("features") and name.endswith("weight")]
    for layer, number in zip(layers_of("vgg19"), numbers, strict=True):
        for kind in ("weight", "bias"):
            caffe[f"{layer.replace('relu', 'conv')}.{kind}"] = state[f"features.{number}.{kind}"].clone()
    # torchvision's x = (rgb - mean) / deviation; Caffe's y = flip(255 rgb) - m; so x = (flip(y + m) / 255 - mean) / deviation.
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]).double(), torch.tensor([0.229, 0.224, 0.225]).double()
    m = torch.tensor([103.939, 116.779, 123.68]).double()
    weight = caffe["conv1_1.weight"]
    offset = (m.flip(0) / 255 - mean) / deviation
    caffe["conv1_1.bias"] += torch.einsum("ocij,c->o", weight, offset)
    caffe["conv1_1.weight"] = (weight / (255 * deviation)[:, None, None]).flip(1).contiguous()
    save_file(caffe, tmp_path / "caffe.safetensors")
    picture = torch.rand(1, 3, 24, 24)
    one = vgg("vgg19", weights=tmp_path / "torchvision.pth")(picture, layers_of("vgg19"))
    other = vgg("vgg19", weights=tmp_path / "caffe.safetensors")(picture, layers_of("vgg19"))
    for layer, features in one.items():
        torch.testing.assert_close(other[layer], features, rtol=1e-4, atol=1e-5 * features.max().item())


@pytest.mark.parametrize("name", list(DEPTHS))
def test_full_size(name: str) -> None:
    trunk = vgg(name, random_seed=0)
    assert isinstance(trunk, Trunk)
    assert list(trunk.layers) == layers_of(name)
    widths = [convolution.out_channels for convolution in trunk.convolutions.values()]
    assert widths == [step for step in CONFIGURATIONS[name] if step != "pool"]
    weights = [convolution.weight.shape for convolution in trunk.convolutions.values()]
    assert [tuple(shape) for shape in weights] == [(c, before, 3, 3) for c, before in zip(widths, [3, *widths], strict=False)]
    assert not trunk.training
    assert not any(parameter.requires_grad for parameter in trunk.parameters())
    assert all(parameter.dtype == torch.float32 and parameter.device.type == "cpu" for parameter in trunk.parameters())
    features = trunk(torch.rand(1, 3, 32, 32), ["relu1_1", "relu3_1", f"relu5_{DEPTHS[name][4]}"])
    assert [tuple(f.shape) for f in features.values()] == [(1, 64, 32, 32), (1, 256, 8, 8), (1, 512, 2, 2)]


def test_random_weights_keep_the_size_of_activations_and_the_global_seed() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one, same, other = (vgg("vgg16", random_seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    picture = torch.rand(1, 3, 64, 64)
    features = one(picture, layers_of("vgg16"))
    assert torch.equal(features["relu5_3"], same(picture, ["relu5_3"])["relu5_3"])
    assert not torch.equal(features["relu5_3"], other(picture, ["relu5_3"])["relu5_3"])
    sizes = [f.square().mean().sqrt().item() for f in features.values()]
    assert all(0.2 < size < 5 for size in sizes), sizes


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(("asked", "count"), [(["relu1_1"], 1), (["relu3_1", "relu2_2"], 5), (["relu5_4", "relu1_1"], 16)])
def test_stops_at_the_deepest_layer_asked_for(asked: list[str], count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    convolve, calls = F.conv2d, []

    def counting(x: Tensor, weight: Tensor, *rest: object, **more: object) -> Tensor:
        calls.append(weight.shape)
        return convolve(x, weight, *rest, **more)

    trunk = vgg("vgg19", random_seed=0)
    monkeypatch.setattr(F, "conv2d", counting)
    found = trunk(torch.rand(1, 3, 16, 16), asked)
    assert set(found) == set(asked)
    assert len([shape for shape in calls if shape[-1] == 3]) == count


@pytest.mark.usefixtures("narrow")
def test_gradients_reach_the_picture() -> None:
    trunk = vgg("vgg16", random_seed=0).double()
    picture = torch.rand(1, 3, 6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: tuple(trunk(x, ["relu1_2", "relu2_1"]).values()), picture)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3)])
@pytest.mark.parametrize("padding", ["zero", "replicate", "reflect"])
def test_tiny_pictures(size: tuple[int, int], padding: str) -> None:
    features = vgg("vgg19", random_seed=0, padding=padding)(torch.rand(1, 3, *size), ["relu5_4"])["relu5_4"]
    assert features.shape[-2:].numel() >= 1
    assert torch.isfinite(features).all()


def save_cut(
    torchvision_state: Callable, path: Path, name: str, blocks: tuple[int, ...], widths: tuple[int, ...] = NARROW
) -> Path:
    torch.save(torchvision_state(blocks, widths[: len(blocks)], classifier=0), path)
    return path


@pytest.mark.usefixtures("narrow")
def test_weights_that_end_early(tmp_path: Path, torchvision_state: Callable) -> None:
    path = save_cut(torchvision_state, tmp_path / "a.pth", "vgg19", (2, 2, 1))
    trunk = vgg("vgg19", weights=path)
    assert trunk.layers == ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1")
    picture = torch.rand(1, 3, 16, 16)
    expected = plain(torchvision_state((2, 2, 1), NARROW[:3], classifier=0), picture.double(), "vgg19", "reflect")
    assert list(expected) == list(trunk.layers)
    torch.testing.assert_close(trunk(picture, ["relu3_1"])["relu3_1"].double(), expected["relu3_1"], rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("narrow")
def test_layers_that_are_not_there(tmp_path: Path, torchvision_state: Callable) -> None:
    trunk = vgg("vgg19", weights=save_cut(torchvision_state, tmp_path / "a.pth", "vgg19", (2, 2, 1)))
    picture = torch.rand(1, 3, 16, 16)
    with pytest.raises(WeightsError, match=r"VGG-19 weights end at relu3_1, so there is no relu4_2: .* --weights FILE"):
        trunk(picture, ["relu1_1", "relu4_2"])
    for layer in ("relu6_1", "relu3_5", "conv1_1", ""):
        with pytest.raises(InputError, match="vgg19 encoder has no layer"):
            trunk(picture, [layer])
    with pytest.raises(InputError, match="vgg16 encoder has no layer 'relu3_4'"):
        vgg("vgg16", random_seed=0)(picture, ["relu3_4"])


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(
    ("name", "blocks", "message"),
    [
        ("vgg19", (2, 2, 3, 3, 3), "holds VGG-16, but VGG-19 was asked for: use --encoder vgg16"),
        ("vgg16", (2, 2, 4, 4, 4), "holds VGG-19, but VGG-16 was asked for: use --encoder vgg19"),
        ("vgg16", (2, 2, 4), "holds VGG-19, but VGG-16"),
        ("vgg19", (2, 2, 3, 1), "holds VGG-16, but VGG-19"),
        ("vgg16", (2, 2, 2, 2, 2), "blocks of 2, 2, 2, 2, 2 convolutions where VGG-16 has 2, 2, 3, 3, 3"),
        ("vgg19", (1, 1, 2, 2, 2), "blocks of 1, 1, 2, 2, 2 convolutions where VGG-19"),
        ("vgg19", (2, 2, 4, 4, 5), "blocks of 2, 2, 4, 4, 5"),
    ],
)
def test_another_network(tmp_path: Path, torchvision_state: Callable, name: str, blocks: tuple[int, ...], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        vgg(name, weights=save_cut(torchvision_state, tmp_path / "a.pth", name, blocks))


def test_other_widths(tmp_path: Path, torchvision_state: Callable) -> None:
    path = save_cut(torchvision_state, tmp_path / "a.pth", "vgg19", (2, 2, 4, 4, 1), (16, 32, 64, 128, 128))
    for name in ("vgg16", "vgg19"):
        with pytest.raises(WeightsError, match=r"has 16 channels at conv1_1 where VGG-1[69] has 64"):
            vgg(name, weights=path)


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no VGG encoder 'vgg11': choose among vgg16, vgg19"):
        vgg("vgg11", random_seed=0)
    with pytest.raises(InputError, match="give one of 'weights' and 'random_seed'"):
        vgg("vgg16", weights=tmp_path / "a.pth", random_seed=0)
    with pytest.raises(InputError, match="Pooling 'median'"):
        vgg("vgg16", random_seed=0, pooling="median")
    with pytest.raises(InputError, match="Padding 'circular'"):
        vgg("vgg16", random_seed=0, padding="circular")
    with pytest.raises(WeightsError, match="does not exist"):
        vgg("vgg16", weights=tmp_path / "absent.pth")


@pytest.mark.usefixtures("narrow")
def test_weights_by_environment(tmp_path: Path, torchvision_state: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_cut(torchvision_state, tmp_path / "a.pth", "vgg19", DEPTHS["vgg19"])
    monkeypatch.setenv("STYLESPACE_WEIGHTS", str(path))
    state = torchvision_state(DEPTHS["vgg19"], NARROW, classifier=0)
    assert torch.equal(vgg("vgg19").convolutions["conv1_1"].weight, state["features.0.weight"])
    with pytest.raises(WeightsError, match="holds VGG-19, but VGG-16 was asked for"):
        vgg("vgg16")


def test_without_a_network_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLESPACE_WEIGHTS", str(tmp_path / "empty"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(WeightsError) as caught:
        vgg("vgg19")
    for words in ("VGG-19", "download.pytorch.org", "--encoder compact", "--weights FILE"):
        assert words in str(caught.value)
    assert not list((tmp_path / "empty").glob("*.safetensors"))


def test_the_normalised_reference(shared_weights: Path, shared_data: Path) -> None:
    """Gatys' normalised VGG-19: mean activations over pictures and positions are one (Gatys et al. 2016, section 2)."""
    path = shared_weights / "vgg19_normalised_to_conv3_1.safetensors"
    trunk = vgg("vgg19", weights=path)
    assert set(trunk.state_dict()) == set(read_weights(path))
    total = dict.fromkeys(trunk.layers, 0.0)
    photos = sorted((shared_data / "photos" / "val").glob("*.jpg"))[:6]
    for photo in photos:
        pixels = np.asarray(Image.open(photo).convert("RGB").resize((224, 224)), dtype=np.float32) / 255
        for layer, features in trunk(torch.from_numpy(pixels).permute(2, 0, 1)[None], trunk.layers).items():
            total[layer] += features.mean().item() / len(photos)
    assert total == pytest.approx(dict.fromkeys(trunk.layers, 1.0), abs=0.15)
