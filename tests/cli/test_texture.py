"""``stylespace texture``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .conftest import Call


def pixels(name: str) -> np.ndarray:
    with Image.open(name) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_texture_maps_and_coordinates(folder: Path, call: Call) -> None:
    said = call(
        "texture", "photo.png", "-o", "out.png", "--size", "60x50", "--tile", "--block", "10", "--maps", "photo.png", "--coordinates",
        "where.safetensors",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.out.split() == ["out.png", "out-photo.png", "where.safetensors"]
    assert pixels("out.png").shape == (50, 60, 3)
    assert np.array_equal(pixels("out.png"), pixels("out-photo.png"))
    assert call("texture", "photo.png", "--apply", "where.safetensors", "-o", "again.png").code == 0
    assert np.array_equal(pixels("out.png"), pixels("again.png"))
    assert not list(folder.glob(".*"))


def test_holes_and_tiles(folder: Path, call: Call) -> None:
    mask = np.zeros((30, 40), np.uint8)
    mask[10:16, 12:20] = 255
    Image.fromarray(mask).save("hole.png")
    assert call("texture", "photo.png", "-o", "whole.png", "--hole", "hole.png").code == 0
    assert np.array_equal(pixels("whole.png")[mask == 0][:200], pixels("photo.png")[mask == 0][:200])
    assert call("texture", "photo.png", "-o", "tile.png", "--tile").code == 0
    assert pixels("tile.png").shape == (30, 40, 3)


def test_a_texture_is_made_again_from_its_file(folder: Path, call: Call) -> None:
    """All that was asked for, and what is changed alone."""
    command = ("--size", "60x50", "--tile", "--block", "10", "--seed", "3", "--mask", "mask.png")
    mask = np.full((30, 40), 255, np.uint8)
    mask[:8] = 0
    Image.fromarray(mask).save("mask.png")
    assert call("texture", "photo.png", "-o", "out.png", *command).code == 0
    said = call("texture", "--from", "out.png", "-o", "again.png")
    assert said.code == 0, said.err
    assert np.array_equal(pixels("out.png"), pixels("again.png"))
    assert call("texture", "--from", "out.png", "-o", "other.png", "--seed", "4", "--size", "40x40").code == 0
    assert pixels("other.png").shape == (40, 40, 3)


def test_pictures_that_keep_their_size_are_made_again(folder: Path, call: Call) -> None:
    hole = np.zeros((30, 40), np.uint8)
    hole[10:16, 12:20] = 255
    Image.fromarray(hole).save("hole.png")
    for name, how in (("whole.png", ("--hole", "hole.png")), ("tile.png", ("--tile",))):
        assert call("texture", "photo.png", "-o", name, *how).code == 0
        assert call("texture", "--from", name, "-o", f"again-{name}").code == 0
        assert np.array_equal(pixels(name), pixels(f"again-{name}"))
    refused = call("texture", "--from", "tile.png", "-o", "wide.png", "--size", "80x80")
    assert refused.code == 2
    assert "leave it out" in refused.err


def test_what_cannot_be_made_again(folder: Path, call: Call) -> None:
    assert call("texture", "photo.png", "-o", "out.png", "--size", "40x40").code == 0
    both = call("texture", "photo.png", "--from", "out.png", "-o", "again.png")
    assert both.code == 2
    assert "leave SOURCE out" in both.err
    assert call("texture", "-o", "again.png").code == 2
    Path("photo.png").rename("elsewhere.png")
    lost = call("texture", "--from", "out.png", "-o", "again.png")
    assert lost.code == 1
    assert "photo.png" in lost.err
    assert "missing" in lost.err
    plain = call("texture", "--from", "elsewhere.png", "-o", "again.png")
    assert plain.code == 1
    assert not Path("again.png").exists()


def test_it_goes_on_after_a_stop(folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from stylespace.cli.progress import Reporter
    from stylespace.storage import journal

    def stop(self: Reporter, progress: Any) -> None:
        if progress.done == 3:
            raise KeyboardInterrupt

    command = ("texture", "photo.png", "-o", "out.png", "--size", "64x64", "--block", "10")
    assert call(*command).code == 0
    whole = pixels("out.png")
    Path("out.png").unlink()
    monkeypatch.setattr(journal, "EVERY", -1.0)
    with monkeypatch.context() as patch:
        patch.setattr(Reporter, "step", stop)
        stopped = call(*command)
    assert stopped.code == 130
    assert "not written yet" in stopped.err
    assert not Path("out.png").exists()
    again = call(*command)
    assert again.code == 0
    assert "Continuing after step 2." in again.err
    assert np.array_equal(pixels("out.png"), whole)
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["photo.png", "-o", "x.png", "--size", "40"], 2, "write 1024x512"),
        (["photo.png", "-o", "x.png", "--apply", "y.safetensors", "--tile"], 2, "leave --tile out"),
        (["photo.png", "-o", "x.png", "--apply", "y.safetensors"], 1, "holds no coordinates"),
        (["photo.png", "-o", "x.png", "--coordinates", "y.png"], 2, ".safetensors"),
        (["photo.png", "-o", "mask.png"], 1, "--force"),
        (["nothing.png", "-o", "x.png"], 1, "does not exist"),
        (["photo.png", "-o", "x.png", "--variety", "3"], 2, "variety"),
        (["photo.png", "-o", "x.png", "--guide", "mask.png"], 2, "MAP=STYLEMAP"),
    ],
)
def test_mistakes(folder: Path, call: Call, arguments: list[str], code: int, words: str) -> None:
    said = call("texture", *arguments)
    assert said.code == code
    assert words in " ".join(said.err.split())
    assert not Path("x.png").exists()


def test_quilting_by_command(folder: Path, call: Call, tiny: list[str]) -> None:
    quick = [*tiny[:2], "--size", "32", "--block", "8", "--steps", "1", "--precision", "fp32"]
    said = call("quilting", "photo.png", "--style", "style.png", "--guide", "mask.png=second.png:0.5", *quick, "-o", "out.png")
    assert said.code == 0, said.err
    assert call("transfer", "--from", "out.png", "-o", "again.png", *tiny[:2]).code == 0
    assert np.array_equal(pixels("out.png"), pixels("again.png"))
    assert (
        "is finished already"
        in call(
            "quilting", "photo.png", "--style", "style.png", "--guide", "mask.png=second.png:0.5", *quick, "-o", "out.png"
        ).err
    )
    refused = call("gatys", "photo.png", "--style", "style.png", "--guide", "mask.png=second.png", "-o", "x.png")
    assert refused.code == 2
    assert call("transfer", "photo.png", "--method", "nnst", "--style", "style.png", "--guide", "a=b", "-o", "x.png").code == 2


def test_analogies_by_command(folder: Path, call: Call, tiny: list[str]) -> None:
    pytest.importorskip("numba")
    quick = [*tiny[:2], "--size", "32", "--smallest", "16", "--steps", "1", "--precision", "fp32"]
    said = call("analogies", "photo.png", "--style", "style.png", "--style-source", "second.png", *quick, "-o", "out.png")
    assert said.code == 0, said.err
    assert call("transfer", "--from", "out.png", "-o", "again.png", *tiny[:2]).code == 0
    assert np.array_equal(pixels("out.png"), pixels("again.png"))
    assert call("quilting", "photo.png", "--style", "style.png", "--style-source", "second.png", "-o", "x.png").code == 2


def test_analogies_want_numba(folder: Path, call: Call, tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "stylespace.statistics.patchmatch_loops", raising=False)
    said = call("analogies", "photo.png", "--style", "style.png", *tiny[:2], "--size", "32", "-o", "out.png")
    assert said.code == 1
    assert "pip install 'stylespace[patches]'" in said.err
    assert not Path("out.png").exists()
