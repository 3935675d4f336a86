"""Where tensors lie in PyTorch's files, against torch.load reading the same files."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from stylespace.encoders.layout import LayoutError, read_layout


def read_all(path: Path) -> dict[str, torch.Tensor]:
    data = path.read_bytes()
    slots = read_layout(io.BytesIO(data), len(data))
    return {slot.name: slot.tensor(data[slot.start : slot.start + slot.length]) for slot in slots}


@pytest.mark.parametrize("form", ["2017", "old", "zip"])
def test_agrees_with_torch(tmp_path: Path, torchvision_state: Callable, save_weights: Callable, form: str) -> None:
    path = save_weights(torchvision_state(), tmp_path / "a.pth", form)
    expected = torch.load(path, weights_only=True)
    found = read_all(path)
    assert list(found) == list(expected) == list(torchvision_state())
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("form", ["old", "zip"])
def test_types_parameters_and_shared_storages(tmp_path: Path, save_weights: Callable, form: str) -> None:
    both = torch.arange(24, dtype=torch.float64)
    state = {
        "half": torch.randn(3, 2).half(),
        "brain": torch.randn(5).bfloat16(),
        "first": both[:10].reshape(2, 5),
        "second": both[10:22].reshape(3, 4),
        "parameter": torch.nn.Parameter(torch.randn(4)),
        "steps": torch.tensor(7),
        "empty": torch.zeros(0, 3),
    }
    found = read_all(save_weights(state, tmp_path / "a.pth", form))
    for name, expected in state.items():
        assert found[name].dtype == expected.dtype
        assert torch.equal(found[name], expected.detach())


@pytest.mark.parametrize("form", ["2017", "old", "zip"])
def test_only_the_ends_are_read(tmp_path: Path, torchvision_state: Callable, save_weights: Callable, form: str) -> None:
    """The tensors' own bytes can be anything: the layout does not look at them."""
    path = save_weights(torchvision_state(), tmp_path / "a.pth", form)
    data = bytearray(path.read_bytes())
    slots = read_layout(io.BytesIO(bytes(data)), len(data))
    for slot in slots:
        size = slot.count * slot.dtype.itemsize
        frame = slot.length - size if form != "zip" else 30 + sum(data[slot.start + 26 : slot.start + 30 : 2])
        data[slot.start + frame : slot.start + frame + size] = bytes(size)
    assert read_layout(io.BytesIO(bytes(data)), len(data)) == slots


@pytest.mark.parametrize(("form", "message"), [("old", "element count"), ("zip", "CRC-32")])
def test_a_changed_tensor_is_noticed(
    tmp_path: Path, torchvision_state: Callable, save_weights: Callable, form: str, message: str
) -> None:
    path = save_weights(torchvision_state(), tmp_path / "a.pth", form)
    data = bytearray(path.read_bytes())
    slot = read_layout(io.BytesIO(bytes(data)), len(data))[0]
    place = slot.start if form == "old" else data.index(torch.load(path, weights_only=True)[slot.name].numpy().tobytes())
    data[place] ^= 1
    with pytest.raises(LayoutError, match=message):
        slot.tensor(bytes(data[slot.start : slot.start + slot.length]))


@pytest.mark.parametrize("form", ["old", "zip"])
def test_a_cut_tensor_is_noticed(tmp_path: Path, torchvision_state: Callable, save_weights: Callable, form: str) -> None:
    data = save_weights(torchvision_state(), tmp_path / "a.pth", form).read_bytes()
    slot = read_layout(io.BytesIO(data), len(data))[2]
    for length in (0, 4, 20, 100):
        with pytest.raises(LayoutError):
            slot.tensor(data[slot.start : slot.start + length])


@pytest.mark.parametrize("form", ["2017", "old", "zip"])
def test_cut_files_are_refused(tmp_path: Path, torchvision_state: Callable, save_weights: Callable, form: str) -> None:
    data = save_weights(torchvision_state(classifier=0), tmp_path / "a.pth", form).read_bytes()
    for length in (0, 1, 3, 50, 1000, len(data) // 2, len(data) - 1):
        with pytest.raises(LayoutError):
            read_layout(io.BytesIO(data[:length]), length)


def test_a_file_longer_than_its_tensors_is_refused(tmp_path: Path, torchvision_state: Callable, save_weights: Callable) -> None:
    data = save_weights(torchvision_state(), tmp_path / "a.pth", "old").read_bytes()
    with pytest.raises(LayoutError, match="end at byte"):
        read_layout(io.BytesIO(data + b"\0"), len(data) + 1)


@pytest.mark.parametrize("form", ["old", "zip"])
def test_views_with_gaps_are_refused(tmp_path: Path, save_weights: Callable, form: str) -> None:
    path = save_weights({"a": torch.randn(4, 6)[:, :3]}, tmp_path / "a.pth", form)
    with pytest.raises(LayoutError, match="gaps"):
        read_all(path)


class Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["old", "zip"])
def test_code_is_never_run(tmp_path: Path, save_weights: Callable, form: str) -> None:
    state = OrderedDict({"a": torch.zeros(2), "b": Harmful(tmp_path / "made")})
    path = save_weights(state, tmp_path / "a.pth", form)
    with pytest.raises(LayoutError, match="mkdir"):
        read_all(path)
    plain = tmp_path / "plain.pth"
    plain.write_bytes(pickle.dumps(Harmful(tmp_path / "made")))
    with pytest.raises(LayoutError, match="mkdir"):
        read_all(plain)
    assert not (tmp_path / "made").exists()


def test_whole_modules_are_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "a.pth")
    with pytest.raises(LayoutError, match="Linear"):
        read_all(tmp_path / "a.pth")


def test_other_archives_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(LayoutError):
        read_all(tmp_path / "a.zip")


def test_compressed_members_are_refused(tmp_path: Path, torchvision_state: Callable, save_weights: Callable) -> None:
    source = save_weights(torchvision_state(), tmp_path / "a.pth", "zip")
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(tmp_path / "b.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        for member in archive.infolist():
            packed.writestr(member.filename, archive.read(member))
    with pytest.raises(LayoutError):
        read_all(tmp_path / "b.pth")
