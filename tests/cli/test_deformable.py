"""``deformable``, ``nnst`` and ``warp`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .conftest import Call

PAIRS = {"pairs": [{"a": [x, y], "b": [x * 0.9 + 0.05 * y, y]} for x in (0.25, 0.75) for y in (0.25, 0.75)]}
QUICK = ("--size", "32", "--steps", "3", "--precision", "fp32")


def pixels(name: str) -> NDArray[np.int64]:
    with Image.open(name) as image:
        return np.asarray(image.convert("RGB")).astype(np.int64)


def test_deformable_writes_parts_film_and_a_warp_that_applies_elsewhere(folder: Path, call: Call, tiny: list[str]) -> None:
    Path("pairs.json").write_text(json.dumps(PAIRS))
    said = call(
        "deformable", "photo.png", "--style", "style.png", *tiny[:2], *QUICK, "--base", "gatys", "--fewest", "4",
        "--pairs", "pairs.json", "--parts",
        "--animation", "film.gif", "-o", "out.png",
    )  # fmt: skip
    assert said.code == 0, said.err
    made = {"out.png", "out-stylised.png", "out-warped-photo.png", "out-grid.png", "out-warp.json", "film.gif"}
    assert made <= {path.name for path in folder.iterdir()}
    assert "4 pairs of points, 4 near enough." in said.err
    assert call("warp", "out-warp.json", "other.jpg", "-o", "moved.png").code == 0
    assert pixels("moved.png").shape == (30, 40, 3)
    assert call("warp", "out-warp.json", "other.jpg", "-o", "still.png", "--strength", "0").code == 0
    assert np.abs(pixels("still.png") - pixels("other.jpg")).max() <= 1
    again = call("warp", "out-warp.json", "other.jpg", "-o", "moved.png")
    assert again.code == 1
    assert "--force" in again.err
    assert call("warp", "pairs.json", "other.jpg", "-o", "x.png").code == 1
    assert call("transfer", "--from", "out.png", "-o", "again.png").code == 0
    assert np.array_equal(pixels("again.png"), pixels("out.png"))


def test_parts_belong_to_deformable(folder: Path, call: Call) -> None:
    said = call("transfer", "photo.png", "--style", "style.png", "--parts", "-o", "out.png")
    assert said.code == 2
    assert "deformable" in said.err
    assert call("deformable", "photo.png", "--style", "style.png", "--animation", "film.avi").code == 2
    assert not (folder / "out.png").exists()


def test_nnst(folder: Path, call: Call, tiny: list[str]) -> None:
    said = call("nnst", "photo.png", "--style", "style.png", *tiny[:2], *QUICK, "--last-steps", "2", "-o", "out.png")
    assert said.code == 0, said.err
    assert pixels("out.png").shape == (24, 32, 3)
    assert "rotations" in call("nnst", "--help").out
