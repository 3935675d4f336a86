"""Journals: what is written together stays together, other work begins anew, one process at a time; scratch files and shelves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from stylespace.errors import InputError, StylespaceError
from stylespace.solvers import journal as module
from stylespace.solvers.journal import Journal, Scratch, Shelf


def test_a_record_and_its_tensors_are_found_again(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j", {"photo": "a"})
    assert not (tmp_path / "j").exists()
    first.steps = 7
    first.write({"at": 1}, {"sums": {"0": torch.ones(3)}, "start": {"x": torch.zeros(2, 2)}})
    first.write({"at": 2}, {"sums": {"0": torch.full((3,), 2.0)}})
    first.leave()
    second = Journal(tmp_path / "j", {"photo": "a"})
    assert (second.record["at"], second.steps) == (2, 7)
    assert second.tensors("sums")["0"].tolist() == [2.0, 2.0, 2.0]
    assert second.tensors("start")["x"].shape == (2, 2)
    assert len(list((tmp_path / "j").glob("*.safetensors"))) == 2
    second.remove()
    assert not (tmp_path / "j").exists()


def test_a_folder_that_says_nothing_goes(tmp_path: Path) -> None:
    one = Journal(tmp_path / "j", {})
    one.file("given").write_text("half")
    one.leave()
    assert not (tmp_path / "j").exists()


def test_other_work_and_damaged_records_begin_anew(tmp_path: Path) -> None:
    one = Journal(tmp_path / "j", {"photo": "a"})
    one.write({"at": 1}, {"sums": {"0": torch.ones(3)}})
    one.leave()
    other = Journal(tmp_path / "j", {"photo": "b"})
    assert other.record == {}
    assert sorted(path.name for path in (tmp_path / "j").iterdir()) in ([], ["lock"])
    other.write({"at": 1})
    other.leave()
    (tmp_path / "j" / "journal.json").write_text("{")
    assert Journal(tmp_path / "j", {"photo": "b"}).record == {}


def test_tensors_that_are_gone_make_a_record_void(tmp_path: Path) -> None:
    one = Journal(tmp_path / "j", {})
    one.write({"at": 1}, {"sums": {"0": torch.ones(3)}})
    one.leave()
    name = json.loads((tmp_path / "j" / "journal.json").read_text())["files"]["sums"]
    (tmp_path / "j" / name).unlink()
    assert Journal(tmp_path / "j", {}).record == {}


def test_one_process_at_a_time(tmp_path: Path) -> None:
    one = Journal(tmp_path / "j", {})
    one.write({})
    with pytest.raises(InputError, match="Another process"):
        Journal(tmp_path / "j", {})
    one.leave()
    Journal(tmp_path / "j", {}).leave()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StylespaceError, match="no room"):
        Journal(tmp_path / "file" / "j", {}).write({})


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
