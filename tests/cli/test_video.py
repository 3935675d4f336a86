"""``stylespace video`` from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from films import apart, moving, network
from PIL import Image

from stylespace.cli.app import main
from stylespace.film.reading import open_film

pytest.importorskip("av")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    network().save("net.safetensors")
    Path("frames").mkdir()
    for number in range(6):
        Image.fromarray(moving(number)).save(f"frames/{number}.png")
    return tmp_path


def video(*more: str) -> int:
    return main(["video", "frames", "-n", "net.safetensors", *more])


def test_a_film_with_a_mix(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert video("-s", "style_0=0.5", "-s", "style_1", "--rate", "12", "-o", "out.mkv") == 0
    assert "out.mkv: 6 frames in" in capsys.readouterr().err
    film = open_film("out.mkv")
    assert [float(frame.ticks * film.info.time_base) for frame in film.frames()] == pytest.approx(
        [i / 12 for i in range(6)], abs=1e-3
    )


def test_groups_of_styles_over_time(folder: Path) -> None:
    """Each ``--style`` belongs to the ``--at`` before it, wherever other options stand; a track file says the same."""
    more = ("--steady", "off", "--codec", "ffv1")
    assert video("--at", "0", "-s", "style_0", *more, "--at", "0.2", "-s", "style_1=3", "-s", "style_2", "-o", "at.mkv") == 0
    Path("mix.json").write_text(
        '{"keys": [{"at": 0, "styles": {"style_0": 1}}, {"at": 0.2, "styles": {"style_1": 3, "style_2": 1}}]}'
    )
    assert video("--track", "mix.json", *more, "-o", "track.mkv") == 0
    one, other = ([frame.pixels for frame in open_film(name).frames()] for name in ("at.mkv", "track.mkv"))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    net = network()
    assert apart(one[0], np.asarray(net(moving(0), "style_0"))) < 0.5
    assert apart(one[5], np.asarray(net(moving(5), {"style_1": 3, "style_2": 1}))) < 0.5


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("-s", "style_9", "-o", "out.mkv"), 1, "no style 'style_9'"),
        (("-s", "style_0", "-s", "style_0", "-o", "out.mkv"), 2, "given twice"),
        (("-s", "style_0=much", "-o", "out.mkv"), 2, "give a number"),
        (("-s", "style_0", "--at", "1", "-s", "style_1", "-o", "out.mkv"), 2, "begin with --at 0"),
        (("--at", "0", "--at", "1", "-s", "style_1", "-o", "out.mkv"), 2, "no --style follows --at 0"),
        (("--track", "mix.json", "-s", "style_0", "-o", "out.mkv"), 2, "a track says all styles"),
        (("--track", "mix.json", "-o", "out.mkv"), 1, "cannot be read as a track"),
        (("-s", "style_0", "-o", "out.xyz"), 1, "cannot be written as '.xyz'"),
        (("-s", "style_0", "-o", "out.mkv", "--steady", "very"), 1, "Steadiness 'very' is unknown"),
        (("-s", "style_0", "-o", "out.mkv", "--start", "9"), 1, "no frame from 9 s on"),
        (("-s", "style_0", "-o", "out.mkv", "--end", "0"), 1, "no part of a film"),
        (("-s", "style_0"), 2, "--out"),
    ],
)
def test_mistakes_are_said(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert video(*arguments) == code
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert words in said
    assert not Path("out.mkv").exists()
    assert not list(folder.glob(".out*"))
