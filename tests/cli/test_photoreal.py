"""``stylespace photoreal``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Call


def pixels(name: str) -> np.ndarray:
    with Image.open(name) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_labels_by_command(folder: Path, call: Call, tiny: list[str]) -> None:
    """The table used is told; the result is repeated from its file."""
    labels = np.zeros((36, 36), np.uint8)
    labels[:, 18:] = 255
    Image.fromarray(labels).save("there.png")
    quick = [*tiny[:2], "--size", "32", "--precision", "fp32", "--route", "fast"]
    asked = ["photoreal", "photo.png", "--style", "style.png", "--labels", "mask.png=there.png", *quick, "-o", "out.png"]
    said = call(*asked)
    assert said.code == 0, said.err
    assert "#ffffff to #ffffff" in " ".join(said.err.split())
    assert "is finished already" in call(*asked).err
    assert call("transfer", "--from", "out.png", "-o", "again.png", *tiny[:2]).code == 0
    assert np.array_equal(pixels("out.png"), pixels("again.png"))
    Path("table.csv").write_text("photo,style\n#ffffff,#000000\n#000000,#ffffff\n")
    assert call(*asked[:-1], "swapped.png", "--classes", "table.csv").code == 0
    assert not np.array_equal(pixels("out.png"), pixels("swapped.png"))


def test_cube_and_found_classes(folder: Path, call: Call, tiny: list[str]) -> None:
    quick = [*tiny[:2], "--size", "32", "--style", "style.png"]
    said = call("photoreal", "photo.png", *quick, "--route", "global", "--cube", "look.cube", "-o", "out.png")
    assert said.code == 0, said.err
    assert "LUT_3D_SIZE 33" in Path("look.cube").read_text()
    assert call("photoreal", "photo.png", *quick, "--route", "fast", "--find", "2", "-o", "found.png").code == 0


def test_without_pymatting(folder: Path, call: Call, tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pymatting"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pymatting", None)
    said = call("photoreal", "photo.png", "--style", "style.png", *tiny[:2], "--size", "32", "-o", "out.png")
    assert said.code == 1
    assert "pip install 'stylespace[matting]'" in said.err
    assert not Path("out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--labels", "mask.png"], 2, "LABELS=STYLELABELS"),
        (["--labels", "mask.png=style.png", "--find", "2"], 1, "give one of them"),
        (["--classes", "table.csv"], 1, "give one of them"),
        (["--find", "2", "--style", "second.png"], 1, "one style picture"),
        (["--find", "2", "--keep-region", "mask.png"], 1, "divide the whole photo"),
        (["--cube", "look.cube"], 2, "--route global"),
        (["--route", "global", "--cube", "look.txt"], 2, ".cube"),
        (["--segmenter", "none.onnx"], 1, "does not exist"),
    ],
)
def test_mistakes(folder: Path, call: Call, tiny: list[str], arguments: list[str], code: int, words: str) -> None:
    route = [] if "--route" in arguments else ["--route", "fast"]
    said = call("photoreal", "photo.png", "--style", "style.png", *tiny[:2], "--size", "32", *route, *arguments, "-o", "x.png")
    assert said.code == code, said.err
    assert words in " ".join(said.err.split())
    assert not Path("x.png").exists()
