"""Scratch files and shelves: what is laid down comes back, and a full disk is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stylespace.errors import StylespaceError
from stylespace.storage import scratch as module
from stylespace.storage.scratch import Scratch, Shelf


def test_scratch_stays_where_it_has_a_path(tmp_path: Path) -> None:
    scratch = Scratch(2, (3, 4), path=tmp_path / "pixels")
    scratch.tensors[1][1, 2] = 5
    scratch.release()
    assert scratch.tensors[1][1, 2] == 5
    again = Scratch(2, (3, 4), path=tmp_path / "pixels")
    assert again.tensors[0].sum() == 0
    assert again.tensors[1].sum() == 5


def test_scratch_says_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "reserve", full)
    with pytest.raises(StylespaceError, match="No space left"):
        Scratch(2, (3, 4), folder=tmp_path)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16])
def test_a_shelf_gives_back_what_was_put_there(kind: torch.dtype) -> None:
    shelf = Shelf()
    given = [torch.rand(1, 3, 5, 7).to(kind), torch.rand(2, 4, 3, 3).to(kind).contiguous(memory_format=torch.channels_last)]
    got = [shelf.put(tensor) for tensor in given]
    for tensor, get in zip(given, got, strict=True):
        assert torch.equal(get(), tensor)
        assert get().stride() == tensor.stride()
