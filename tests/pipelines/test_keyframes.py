"""Films carried from painted frames: by hand, and by what redraws films; gone on with after a stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import apart, moving, network
from PIL import Image

import stylespace as ss
from stylespace.cli.app import main
from stylespace.errors import InputError
from stylespace.film.reading import open_film
from stylespace.pipelines import film_out, keyframes

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("numba")

SIZE, COUNT = (48, 64), 8


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight frames, a cut before the seventh, and the negatives of the second and the fifth as key frames."""
    monkeypatch.chdir(tmp_path)
    for name in ("frames", "keys"):
        Path(name).mkdir()
    for number in range(COUNT):
        Image.fromarray(frame(number)).save(f"frames/{number + 1:03d}.png")
    for number in (1, 4):
        Image.fromarray(255 - frame(number)).save(f"keys/{number + 1:03d}.png")
    return tmp_path


def frame(number: int) -> Any:
    return moving(number, SIZE, shot=int(number >= 6))


def pixels(path: str) -> list[Any]:
    return [each.pixels for each in open_film(path).frames()]


def test_painted_by_hand(folder: Path) -> None:
    """Key frames are as painted, those between and beside them negatives too; a shot without one is painted by its colours."""
    result = ss.stylize_video("frames", "out.mkv", keyframes="keys", codec="ffv1")
    assert (result.frames, result.shots) == (COUNT, (0, 6))
    made = pixels("out.mkv")
    assert np.array_equal(made[1], 255 - frame(1))
    assert np.array_equal(made[4], 255 - frame(4))
    for number in range(6):
        assert apart(made[number][:, 6:-8], 255 - frame(number)[:, 6:-8]) < 12
    assert len(made) == COUNT


@pytest.mark.parametrize("after", [1, 5, 6, 7])
def test_goes_on_where_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    monkeypatch.setattr(film_out, "FRAMES", 1)
    given: dict[str, Any] = {"network": network(), "style": "style_0", "keyframes": 3, "codec": "ffv1"}
    ss.stylize_video("frames", "whole.mkv", **given)
    next_, done = keyframes.Carrier.next, [0]

    def stop(self: Any, photo: Any) -> Any:
        done[0] += 1
        if done[0] > after:
            raise KeyboardInterrupt
        return next_(self, photo)

    with monkeypatch.context() as patch:
        patch.setattr(keyframes.Carrier, "next", stop)
        assert ss.stylize_video("frames", "again.mkv", **given).interrupted
    assert not ss.stylize_video("frames", "again.mkv", **given).interrupted
    assert all(np.array_equal(a, b) for a, b in zip(pixels("whole.mkv"), pixels("again.mkv"), strict=True))
    alone = np.asarray(network()(frame(6), "style_0"))
    assert apart(pixels("whole.mkv")[6], alone) < 0.6  # a shot begins with a key frame


def test_from_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["video", "frames", "--keyframes", "keys", "--end", "0.25", "-o", "out/", "--size", "32"]) == 0
    assert len(pixels("out")) == 6
    for given, words in (
        (["--keyframes", "none"], "none is no folder"),
        (["--keyframes", "every=0"], "every 0 frames cannot be"),
        (["--keyframes", "keys", "--style", "a"], "are the style"),
        (["--keyframes", "keys", "--steady", "off"], "carried by flow"),
        (["--keyframes", "keys", "--loop"], "leave --loop out"),
        (["--keyframes", "keys", "--end", "0.1"], "belongs to no frame"),
    ):
        assert main(["video", "frames", "-o", "no.mkv", *given]) == 1
        assert words in " ".join(capsys.readouterr().err.split())
        assert not Path("no.mkv").exists()


def test_a_pipe_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="read more than once"):
        ss.stylize_video("-", "out.mkv", keyframes="keys", raw="8x8")
