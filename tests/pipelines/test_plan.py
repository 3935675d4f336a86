"""What a transfer would do is what it does; nothing is written, and the estimate follows from what was measured."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stylespace.cli.app import main
from stylespace.demo.drawings import draw
from stylespace.errors import PictureError
from stylespace.pipelines.plan import _line, duration, plan
from stylespace.pipelines.task import Task
from stylespace.pipelines.transfer import resolve
from stylespace.solvers import budget


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawings")
    for name, drawing, size in (
        ("photo.png", "waves", (60, 80)),
        ("style.png", "swirls", (50, 40)),
        ("second.png", "linocut", (40, 40)),
    ):
        Image.fromarray(draw(drawing, size)).save(folder / name)
    return folder


@pytest.fixture
def folder(drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(drawings, tmp_path, dirs_exist_ok=True)
    return tmp_path


PHOTO, STYLE = Path("photo.png"), {Path("style.png"): 1.0}
SMALL: dict[str, dict[str, Any]] = {
    "gatys": {"smallest": 32},
    "blend": {"smallest": 32},
    "strotss": {"smallest": 32, "samples": 100, "style_samples": 100},
    "nnst": {"smallest": 32, "last_steps": 2},
    "deformable": {"base": "gatys"},
    "inversion": {"smallest": 32},
}


@pytest.mark.parametrize("method", SMALL)
def test_sizes_and_steps_are_those_of_the_run(folder: Path, compact_weights: Path, method: str) -> None:
    settings = resolve("default", None, None, {"size": 64, "steps": 6, "precision": "fp32", **SMALL[method]}, method)
    styles = (
        {}
        if method == "inversion"
        else [Path("style.png"), Path("second.png")]
        if method == "blend"
        else {Path("style.png"): 1.0}
    )
    task = Task(settings, styles, weights=compact_weights, threads=1)
    before = sorted(folder.iterdir())
    made = plan(task, Path("photo.png"))
    assert sorted(folder.iterdir()) == before
    result = task.run(Path("photo.png"))
    taken = Counter(record["size"] for record in result.losses)
    planned: Counter[int] = Counter()
    for size in made.sizes:
        planned[max(size.width, size.height)] += size.steps
    assert planned == taken
    assert made.steps == len(result.losses)
    assert (made.sizes[-1].width, made.sizes[-1].height) == (64, 48)
    assert all(size.tiles == 1 for size in made.sizes)
    assert made.seconds > 0
    assert (made.method, made.precision, made.device, made.threads) == (method, "float32", "cpu", 1)
    assert made.encoder["name"] == "compact"
    if method == "inversion":
        assert made.memory is None
    else:
        assert made.memory is not None
        assert budget.STANDING < made.memory < 2 << 30


def test_tiles_and_memory(folder: Path, compact_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "SMALLEST_CORE", 32)
    small = {"style_layers": "relu1_1,relu2_1", "content_layers": "relu2_1", "precision": "fp32", "smallest": 80, "steps": 8}
    whole, tiled = (
        plan(Task(resolve("default", None, None, small | {"size": 160, "memory": memory}), STYLE, weights=compact_weights), PHOTO)
        for memory in (None, "406MB")
    )
    assert {size.tiles for size in whole.sizes} == {1}
    assert tiled.sizes[-1].tiles > 1
    assert tiled.sizes[-1].seen > 4 / 3 * 160 * 120  # what lies around each is looked at again
    assert tiled.memory is not None
    assert whole.memory is not None
    assert tiled.memory <= 407 << 20 < whole.memory


def test_what_cannot_be_done_is_said(folder: Path, compact_weights: Path) -> None:
    task = Task(resolve("default", None, None, {"size": 64}), {Path("style.png"): 1.0}, weights=compact_weights)
    with pytest.raises(PictureError, match="does not exist"):
        plan(task, Path("gone.png"))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(100.0, 1.0), (400.0, 2.5)], (0.005, 0.5)),
        ([(100.0, 1.0), (400.0, 5.0)], (0.0125, 0.0)),  # no time below none
        ([(100.0, 3.0), (400.0, 2.0)], (0.005, 0.0)),  # a machine that was busy at first
        ([(100.0, 3.0)], (0.03, 0.0)),
    ],
)
def test_the_line_through_what_was_measured(points: list[tuple[float, float]], expected: tuple[float, float]) -> None:
    assert _line(points) == pytest.approx(expected)


def test_durations() -> None:
    assert [duration(s) for s in (0.1, 40, 89, 100, 5000, 9000)] == ["1 s", "40 s", "89 s", "2 min", "83 min", "2.5 h"]


def test_command(folder: Path, compact_weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    quick = [
        "--weights",
        str(compact_weights),
        "--size",
        "48",
        "--smallest",
        "48",
        "--steps",
        "4",
        "--precision",
        "fp32",
        "--threads",
        "1",
    ]
    command = ["transfer", "photo.png", "--style", "style.png", *quick, "-o", "out.png"]
    before = sorted(folder.iterdir())
    assert main([*command, "--dry-run"]) == 0
    said = capfd.readouterr().out
    for words in ("photo.png -> out.png", "method gatys", "48 x 36 pixels, 4 steps, whole", "3 steps each at 48 pixels"):
        assert words in said
    assert main([*command, "--dry-run", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    (photo,) = told["photos"]
    assert (photo["photo"], photo["result"], photo["finished"], photo["steps"]) == ("photo.png", "out.png", False, 4)
    assert photo["sizes"][0] | {"memory": 0} == {"width": 48, "height": 36, "steps": 4, "tiles": 1, "memory": 0}
    assert told["seconds"] == photo["seconds"] > 0
    assert sorted(folder.iterdir()) == before
    assert main(command) == 0
    assert main([*command, "--dry-run"]) == 0
    assert "finished already" in capfd.readouterr().out
    assert main([*command, "--json"]) == 2
    assert "--dry-run" in capfd.readouterr().err
    assert main(["transfer", "photo.png", "gone.png", "--style", "style.png", *quick, "-o", "all/", "--dry-run", "--json"]) == 1
    said = capfd.readouterr()
    assert len(json.loads(said.out)["photos"]) == 1
    assert "gone.png" in said.err
    assert not Path("all").exists()


def test_strokes_are_said_to_be_left_out(folder: Path, compact_weights: Path) -> None:
    settings = resolve("default", None, None, {"size": 48, "smallest": 48, "steps": 3})
    task = Task(settings, {Path("style.png"): 1.0}, strokes=Path("second.png"), weights=compact_weights)
    assert "strokes" in plan(task, Path("photo.png")).lines()[-1]
