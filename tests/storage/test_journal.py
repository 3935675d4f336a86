"""Journals: what is written together stays together, other work begins anew, one process at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from stylespace.errors import InputError, StylespaceError
from stylespace.storage.journal import MARK, Journal


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


@pytest.mark.parametrize("names", [["photo.png"], ["journal.json", "lock", "sums-0123abcd.safetensors", "given.scratch"]])
def test_a_folder_of_somebody_elses_is_refused(tmp_path: Path, names: list[str]) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("mine")
    with pytest.raises(InputError, match="holds other files: name a folder"):
        Journal(folder, {})
    with pytest.raises(InputError, match="is a file: name a folder"):
        Journal(folder / names[0], {})
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert {path.read_text() for path in folder.iterdir()} == {"mine"}


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "j").mkdir()
    Journal(tmp_path / "j", {}).write({"at": 1})
    assert (tmp_path / "j" / "journal.json").exists()


@pytest.mark.parametrize("end", ["done", "other work", "nothing"])
def test_only_its_own_files_are_deleted(tmp_path: Path, end: str) -> None:
    one = Journal(tmp_path / "j", {"photo": "a"})
    one.file("given").write_text("half")
    if end != "nothing":
        one.write({"at": 1}, {"sums": {"0": torch.ones(3)}})
    (tmp_path / "j" / "photo.png").write_text("mine")
    (tmp_path / "j" / "folder").mkdir()
    one.leave()
    if end == "done":
        one.remove()
    if end == "other work":
        Journal(tmp_path / "j", {"photo": "b"}).remove()
    assert sorted(path.name for path in (tmp_path / "j").iterdir()) == ["folder", "photo.png"]


def test_what_was_killed_before_its_first_record_begins_anew(tmp_path: Path) -> None:
    one = Journal(tmp_path / "j", {})
    one.file("given").write_text("half")
    assert one._lock is not None
    one._lock.release()  # as the end of the process does
    again = Journal(tmp_path / "j", {})
    assert again.record == {}
    assert not again.file("given").exists()


def test_other_work_and_damaged_records_begin_anew(tmp_path: Path) -> None:
    one = Journal(tmp_path / "j", {"photo": "a"})
    one.write({"at": 1}, {"sums": {"0": torch.ones(3)}})
    one.leave()
    other = Journal(tmp_path / "j", {"photo": "b"})
    assert other.record == {}
    assert sorted(path.name for path in (tmp_path / "j").iterdir()) in ([MARK], ["lock", MARK])
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
    with pytest.raises(StylespaceError, match="no disk space"):
        Journal(tmp_path / "file" / "j", {}).write({})
