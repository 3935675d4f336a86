"""Frames of another tool, held still by the film they were made from."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from films import apart, moving
from PIL import Image

import stylespace as ss
from stylespace.cli.app import main
from stylespace.errors import InputError
from stylespace.film.reading import open_film

pytest.importorskip("av")
pytest.importorskip("cv2")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A moving ground, and the same with other colours that flicker."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name in ("guide", "styled"):
        Path(name).mkdir()
    for number in range(10):
        photo = moving(number, (96, 128))
        Image.fromarray(photo).save(f"guide/{number}.png")
        flicker = (photo[..., ::-1] * 0.8 + random.normal(0, 12, photo.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(flicker).save(f"styled/{number}.png")
    return tmp_path


def restless(folder: str) -> float:
    """How far each frame is from the one before, moved by the two pixels that the ground moves."""
    frames = [frame.pixels for frame in open_film(folder).frames()]
    return float(np.mean([apart(a[8:-8, 10:-8], b[8:-8, 8:-10]) for a, b in pairwise(frames[3:])]))


def test_flicker_goes_and_movement_stays(folders: Path) -> None:
    result = ss.deflicker("styled", "out/", "guide")
    assert result.frames == 10
    assert restless("out") < 0.5 * restless("styled")
    first, last = ([frame.pixels for frame in open_film(name).frames()][-1] for name in ("styled", "out"))
    assert abs(float(first.mean()) - float(last.mean())) < 1.5


def test_from_the_command_line(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deflicker", "styled", "-g", "guide", "-o", "out.mkv", "--steady", "fast", "--rate", "10"]) == 0
    assert "out.mkv: 10 frames" in capsys.readouterr().err
    assert len(list(open_film("out.mkv").frames())) == 10
    assert main(["deflicker", "styled", "-g", "none", "-o", "other.mkv"]) == 1
    assert "is not there" in capsys.readouterr().err


def test_films_of_different_lengths(folders: Path) -> None:
    Path("guide/9.png").unlink()
    with pytest.raises(InputError, match=r"guide ends after 9 frames, styled does not"):
        ss.deflicker("styled", "out.mkv", "guide")
    Path("styled/9.png").unlink()
    Path("styled/8.png").unlink()
    with pytest.raises(InputError, match=r"styled ends after 8 frames, guide does not"):
        ss.deflicker("styled", "out.mkv", "guide")
    assert not Path("out.mkv").exists()
    with pytest.raises(InputError, match="Nothing would be held still"):
        ss.deflicker("styled", "out.mkv", "guide", steady="off")
