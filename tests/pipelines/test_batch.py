"""One task over many photos."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylespace.errors import InputError, PictureError, WeightsError
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.pictures import read_settings
from stylespace.pipelines import batch
from stylespace.pipelines.batch import Beside, Job
from stylespace.pipelines.record import inputs, same
from stylespace.pipelines.task import Task

SETTINGS = GatysSettings(size=32, smallest=32, steps=3, precision="fp32", keep="last")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{name}.png" for name in ("a", "b", "c")]
    for path in paths:
        Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(path)
    return paths


@pytest.fixture
def task(photos: list[Path], compact_weights: Path) -> Task:
    return Task(SETTINGS, {photos[2]: 1.0}, weights=compact_weights)


def job(photo: Path) -> Job:
    return Job(photo, photo.parent / "out" / photo.name, photo.name)


def states(outcomes: Any) -> list[str]:
    return [outcome.state for outcome in outcomes]


def test_done_then_skipped(photos: list[Path], task: Task) -> None:
    todo = [job(photo) for photo in photos]
    assert states(batch.run(todo, task)) == ["done"] * 3
    assert states(batch.run(todo, task)) == ["skipped"] * 3
    todo[1].target.unlink()
    assert states(batch.run(todo, task)) == ["skipped", "done", "skipped"]
    assert states(batch.run(todo, task, force=True)) == ["done"] * 3


def test_the_record_is_what_was_foreseen(photos: list[Path], task: Task) -> None:
    result = task.run(photos[0])
    assert same(result.record, task.inputs(photos[0]))
    assert not same(result.record, task.inputs(photos[1]))
    assert not same(result.record, replace(task, styles={photos[2]: 0.5}).inputs(photos[0]))
    assert not same(result.record, replace(task, settings=replace(SETTINGS, seed=1)).inputs(photos[0]))


def test_objects_without_a_checksum_are_never_the_same(photos: list[Path]) -> None:
    for unknown in ("-", object()):
        assert not same(inputs("gatys", unknown, SETTINGS), inputs("gatys", unknown, SETTINGS))
    array = np.zeros((4, 4, 3), np.uint8)
    assert same(inputs("gatys", array, SETTINGS), inputs("gatys", array.copy(), SETTINGS))
    assert not same(inputs("gatys", array, SETTINGS), inputs("gatys", array + 1, SETTINGS))
    data = photos[0].read_bytes()
    assert same(inputs("gatys", data, SETTINGS), inputs("gatys", data, SETTINGS))


def test_a_bad_photo_is_passed_over(photos: list[Path], task: Task) -> None:
    photos[0].write_bytes(b"")
    outcomes = list(batch.run([job(photo) for photo in photos], task))
    assert states(outcomes) == ["failed", "done", "done"]
    assert isinstance(outcomes[0].error, PictureError)
    assert not job(photos[0]).target.exists()


def test_trouble_that_all_would_have_is_raised(photos: list[Path], task: Task) -> None:
    todo = [job(photo) for photo in photos]
    with pytest.raises(InputError, match="relu9_9"):
        list(batch.run(todo, replace(task, settings=replace(SETTINGS, content_layers="relu9_9"))))
    with pytest.raises(WeightsError):
        list(batch.run(todo, replace(task, weights=photos[0])))
    assert not (photos[0].parent / "out").exists()


@pytest.mark.parametrize("at", [2, 4])
def test_interrupted(photos: list[Path], task: Task, at: int) -> None:
    """In the first photo (step 2) and in the second (step 4): what is there is written and marked, the rest is left for later."""
    steps = 0

    def interrupting(progress: object) -> None:
        nonlocal steps
        steps += 1
        if steps == at:
            raise KeyboardInterrupt

    todo = [job(photo) for photo in photos]
    outcomes = list(batch.run(todo, task, progress=interrupting))
    assert states(outcomes) == ["done", "interrupted"][at == 2 :]
    at_work = outcomes[-1].job.target
    assert read_settings(at_work)["interrupted"] is True
    assert not todo[2].target.exists()
    assert states(batch.run(todo, task)) == [*["skipped"] * (at == 4), *["done"] * (3 - (at == 4))]
    assert read_settings(at_work)["interrupted"] is False


def test_interrupted_before_there_is_anything(photos: list[Path], task: Task) -> None:
    def begin(job: Job) -> None:
        raise KeyboardInterrupt

    (outcome,) = batch.run([job(photo) for photo in photos], task, begin=begin)
    assert (outcome.state, outcome.result) == ("interrupted", None)
    assert not (photos[0].parent / "out").exists()


def test_targets_that_cannot_be(photos: list[Path], task: Task) -> None:
    with pytest.raises(PictureError, match="photo itself"):
        batch.look(Job(photos[0], photos[0].parent / "out" / ".." / "a.png", "a"), task, force=True)
    with pytest.raises(PictureError, match="is a file"):
        batch.look(Job(photos[0], photos[1] / "deep" / "a.png", "a"), task)
    with pytest.raises(PictureError, match="is a folder"):
        batch.look(Job(photos[0], _folder(photos[0].parent / "x.png"), "a"), task)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="everything is writable")
def test_a_folder_that_may_not_be_written(photos: list[Path], task: Task) -> None:
    closed = _folder(photos[0].parent / "closed")
    closed.chmod(0o500)
    with pytest.raises(PictureError, match="not writable"):
        batch.look(Job(photos[0], closed / "a.png", "a"), task)


def test_a_snapshot_is_not_the_result(photos: list[Path], task: Task) -> None:
    first = job(photos[0])
    list(batch.run([first], task, beside=Beside(snapshots=(1,))))
    os.replace(first.target.with_stem("a-1"), first.target)
    assert batch.look(first, task) == "unfinished"


def test_the_preview_comes_first(photos: list[Path], task: Task) -> None:
    outcomes = list(batch.run([job(photos[0])], task, beside=Beside(preview=True)))
    assert states(outcomes) == ["preview", "done"]
    assert [max(outcome.result.source.size) for outcome in outcomes if outcome.result] == [8, 32]


def test_smaller_tasks(compact_weights: Path) -> None:
    explicit = Task(replace(SETTINGS, sizes=(100, 400), steps_each=(5, 7))).smaller().settings
    assert isinstance(explicit, GatysSettings)
    assert (explicit.sizes, explicit.steps_each) == ((25, 100), (5, 7))
    assert Task(replace(SETTINGS, size=2)).smaller().settings.size == 1


def test_pictures_are_checked_before_the_first_photo(photos: list[Path], task: Task) -> None:
    task.check_pictures()
    photos[2].write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"c\.png"):
        task.check_pictures()
