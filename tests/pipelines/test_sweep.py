"""Contact sheets over settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylespace.cli.app import main
from stylespace.errors import InputError
from stylespace.pictures import read_settings
from stylespace.pipelines.sweep import Axis, Sweep, axis, sweep
from stylespace.pipelines.transfer import transfer

TINY = {"size": 32, "smallest": 32, "steps": 2, "precision": "fp32"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name in ("photo.png", "style.png"):
        Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(name)
    return tmp_path


def last(grows: Any) -> Sweep:
    *_, end = grows
    return end


@pytest.mark.parametrize(
    ("text", "method", "expected"),
    [
        ("style_weight=0.3,1,3", "gatys", Axis("style_weight", (0.3, 1.0, 3.0), ("0.3", "1", "3"))),
        ("style-weight= 1 ", "gatys", Axis("style_weight", (1.0,), ("1",))),
        ("size=256,384", "gatys", Axis("size", (256, 384), ("256", "384"))),
        ("preset=default,neural-style", "gatys", Axis("preset", ("default", "neural-style"), ("default", "neural-style"))),
        (
            "style_layers=relu1_1,relu2_1=0.5/all:geometric",
            "gatys",
            Axis("style_layers", ("relu1_1,relu2_1=0.5", "all:geometric"), ("relu1_1,relu2_1=0.5", "all:geometric")),
        ),
        ("content_layers=relu3_1,relu4_2", "gatys", Axis("content_layers", ("relu3_1", "relu4_2"), ("relu3_1", "relu4_2"))),
        ("sizes=64,128/128", "gatys", Axis("sizes", ((64, 128), (128,)), ("64,128", "128"))),
        ("final_rate=none,0.01", "gatys", Axis("final_rate", (None, 0.01), ("none", "0.01"))),
        ("layer=relu1_1,relu2_1", "inversion", Axis("layer", ("relu1_1", "relu2_1"), ("relu1_1", "relu2_1"))),
    ],
)
def test_axes(text: str, method: str, expected: Axis) -> None:
    assert axis(text, method) == expected


@pytest.mark.parametrize(
    ("text", "method", "words"),
    [
        ("style_weight", "gatys", "a setting to vary"),
        ("style_weight=", "gatys", "a setting to vary"),
        ("magic=1", "gatys", "no setting 'magic'"),
        ("layer=relu1_1", "gatys", "no setting 'layer'"),
        ("preset=default", "inversion", "no setting 'preset'"),
        ("size=big", "gatys", "whole number"),
        ("preset=mine", "gatys", "preset 'mine'"),
        ("solver=adam,sgd", "gatys", "'sgd'"),
    ],
)
def test_axes_that_cannot_be(text: str, method: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        axis(text, method)


def test_every_place_has_its_settings(folder: Path, compact_weights: Path) -> None:
    """Each cell is what a transfer with those settings gives."""
    axes = [axis("seed=1,2"), axis("preset=default,neural-style,course-project")]
    given: dict[str, Any] = TINY | {"start": "noise", "encoder": "compact", "content_layers": "relu4_2", "solver": "adam"}
    made = last(sweep("photo.png", "style.png", axes, settings=given, weights=compact_weights, side=32))
    assert sorted(made.pictures) == made.places == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    alone = transfer(
        "photo.png", "style.png", preset="neural-style", weights=compact_weights, **(given | {"seed": 2})
    ).picture  # fmt: skip
    assert (np.asarray(made.pictures[1, 1]) == np.asarray(alone)).all()
    assert (np.asarray(made.pictures[0, 1]) != np.asarray(alone)).any()


def test_a_place_that_cannot_be_made(folder: Path, compact_weights: Path) -> None:
    axes = [axis("layer=relu1_1,relu5_4,relu2_1", "inversion")]
    made = last(sweep("photo.png", (), axes, method="inversion", settings=TINY, weights=compact_weights))
    assert set(made.pictures) == {(0,), (2,)}
    assert "relu5_4" in str(made.failures[1,])
    assert made.label((1,)) == "layer=relu5_4"
    assert made.sheet().size[0] > 4 * 200


def test_all_that_cannot_be_made(folder: Path, compact_weights: Path) -> None:
    with pytest.raises(InputError, match="relu5_3"):
        last(sweep("photo.png", "style.png", [axis("content_layers=relu5_4,relu5_3")], settings=TINY, weights=compact_weights))


def test_interrupted(folder: Path, compact_weights: Path) -> None:
    """What was finished is on the sheet."""
    steps = 0

    def interrupting(progress: object) -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise KeyboardInterrupt

    grows = sweep("photo.png", "style.png", [axis("seed=1,2,3")], settings=TINY, weights=compact_weights, progress=interrupting)
    made = last(grows)
    assert made.interrupted
    assert set(made.pictures) == {(0,)}
    assert made.sheet().size[1] > 100


@pytest.mark.parametrize("texts", [["seed=1", "seed=2"], ["seed=1", "size=32", "rate=1"], ["seed=" + ",".join("1" * 201)]])
def test_sweeps_that_cannot_be(texts: list[str]) -> None:
    with pytest.raises(InputError):
        last(sweep("photo.png", "style.png", [axis(text) for text in texts]))


def flags(weights: Path) -> list[str]:
    return ["--weights", str(weights), *(part for name, value in TINY.items() for part in (f"--{name}", str(value)))]


def test_the_command(folder: Path, compact_weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["sweep", "photo.png", "--style", "style.png", "--vary", "style_weight=0.3,3", "--vary", "size=24,32"]
    assert main([*command, *flags(compact_weights), "-o", "sheet.png", "--cell", "48"]) == 0
    said = capfd.readouterr()
    assert said.out == "sheet.png\n"
    assert "4 of 4: style_weight=3, size=32" in said.err
    with Image.open("sheet.png") as sheet:
        wide, high = sheet.size
    assert wide > 2 * 48
    assert high > 2 * 36
    assert read_settings("sheet.png")["sweep"] == ["style_weight=0.3,3", "size=24,32"]
    assert main([*command, *flags(compact_weights), "-o", "sheet.png"]) == 1
    assert "sheet.png exists already" in capfd.readouterr().err


def test_the_command_for_layers(folder: Path, compact_weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["sweep", "photo.png", "--method", "inversion", "--vary", "layer=relu1_1,relu9_1,relu2_1", "-o", "layers.jpg"]
    assert main([*command, *flags(compact_weights)]) == 1
    assert "stylespace: layer=relu9_1: The compact encoder has no layer" in capfd.readouterr().err
    assert Path("layers.jpg").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--vary", "seed=1"], "style picture"),
        (["--style", "style.png"], "--vary"),
        (["--style", "style.png", "--vary", "seed"], "a setting to vary"),
        (["--method", "inversion", "--style", "style.png", "--vary", "seed=1"], "takes no style"),
    ],
)
def test_wrong_usage(folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert main(["sweep", "photo.png", *arguments]) == 2
    assert words in capfd.readouterr().err
