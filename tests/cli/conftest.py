"""The command line called from Python, in a folder of its own with small pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylespace.cli.app import main


@dataclass
class Said:
    """What one call left: exit code, standard output and error."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with ``photo.png``, ``other.jpg``, ``style.png``, ``second.png`` and a ``mask.png`` half white."""
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[:30, :40]
    photo = np.stack([x * 6, y * 8, 100 + 60 * np.sin(x / 4 + y / 6)], -1).clip(0, 255).astype(np.uint8)
    random = np.random.default_rng(0)
    Image.fromarray(photo).save("photo.png")
    Image.fromarray(photo[::-1, ::-1].copy()).save("other.jpg")
    for name in ("style.png", "second.png"):
        Image.fromarray(random.integers(0, 256, (36, 36, 3), dtype=np.uint8)).save(name)
    mask = np.zeros((30, 40), np.uint8)
    mask[:, :20] = 255
    Image.fromarray(mask).save("mask.png")
    return tmp_path


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Call:
    """``stylespace`` with these arguments."""

    def called(*arguments: object) -> Said:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capfd.readouterr()
        return Said(code, said.out, said.err)

    return called


@pytest.fixture
def tiny(compact_weights: Path) -> list[str]:
    """Settings for a run of a blink."""
    return ["--weights", str(compact_weights), "--size", "32", "--smallest", "32", "--steps", "2", "--precision", "fp32"]
