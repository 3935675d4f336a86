"""Frames redrawn as they come: dropped rather than late, mixed by keys, shown on a page; without a screen or a camera."""

from __future__ import annotations

import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import moving, network
from PIL import Image

import stylespace as ss
from stylespace.cli.app import main
from stylespace.errors import InputError, MissingExtraError
from stylespace.pipelines.mixer import EASE, Mixer
from stylespace.video.capture import Newest
from stylespace.video.showing import Page, Shown

pytest.importorskip("av")
pytest.importorskip("cv2")


class Kept(Shown):
    """Keeps what it is shown; ``pressed`` after so many frames."""

    def __init__(self, pressed: dict[int, list[str]] | None = None, slow: float = 0.0) -> None:
        self.frames: list[Any] = []
        self.said: list[str] = []
        self.pressed, self.slow, self.closed = pressed or {}, slow, False

    def show(self, pixels: Any, status: str) -> None:
        self.frames.append(pixels)
        self.said.append(status)
        time.sleep(self.slow)

    def keys(self) -> list[str]:
        return self.pressed.pop(len(self.frames), [])

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def film(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(moving(number, (48, 64))).save(folder / f"{number}.png")
    return folder


def test_the_newest_frame_is_taken_and_the_others_dropped() -> None:
    def frames() -> Iterator[Any]:
        for number in range(50):
            time.sleep(0.01)
            yield np.full((1, 1, 3), number, np.uint8)

    taken = []
    with Newest(frames()) as newest:
        while not taken or taken[-1] < 49:
            frame = newest.next(5.0)
            assert frame is not None
            taken.append(int(frame[0, 0, 0]))
            time.sleep(0.1)
        with pytest.raises(EOFError):
            newest.next(5.0)
        assert newest.dropped == 50 - len(taken)
    assert taken == sorted(taken)
    assert taken[-1] == 49
    assert len(taken) < 25


def test_a_film_is_shown_at_its_pace(film: Path) -> None:
    shown = Kept(slow=0.15)
    done = ss.live(film, "style_0", to=shown, network=network(), size=32)
    assert shown.closed
    assert done.shown + done.dropped == 12
    assert done.dropped > 0
    assert all(frame.shape == (24, 32, 3) for frame in shown.frames)
    assert "frames/s" in shown.said[-1]


def test_keys_mix_and_end(film: Path) -> None:
    shown = Kept({1: ["2", "up"], 2: ["space"], 3: ["q"]})
    ss.live(film, "style_0", to=shown, network=network(), size=32)
    assert len(shown.frames) == 3
    assert shown.said[0].endswith("style_0")
    assert shown.said[1].endswith("style_1 90% + style_2 10%")
    assert shown.said[2].endswith("strength 0%")


def test_a_mix_is_eased() -> None:
    mixer = Mixer(["a", "b", "c"], {"a": 1.0})
    mixer.press("right", 5.0)
    assert mixer.at(5.0) == {"a": 1.0}
    assert mixer.at(5.0 + EASE / 2) == pytest.approx({"a": 0.5, "b": 0.5})
    assert mixer.at(5.0 + EASE) == {"b": 1.0}
    mixer.press("left", 9.0)
    mixer.press("up", 9.0)
    assert mixer.at(20.0) == pytest.approx({"a": 0.9, "b": 0.1})
    mixer.press("down", 20.0)
    assert mixer.at(30.0) == {"a": 1.0}
    for _ in range(3):
        mixer.press("[", 30.0)
    assert mixer.strength == pytest.approx(0.7)
    for key in ("9", "x", ""):
        mixer.press(key, 40.0)
    assert mixer.at(50.0) == {"a": 1.0}


def test_the_page(film: Path) -> None:
    """Frames and keys go through the page's own address, and only there."""
    with Page() as page:
        threading.Timer(0.1, lambda: [page.show(moving(0, (48, 64)), "7 frames/s") for _ in range(3)]).start()
        with urllib.request.urlopen(page.where + "frames", timeout=20) as answer:
            assert answer.headers["Content-Type"].startswith("multipart/x-mixed-replace")
            assert b"image/jpeg" in answer.read(60)
        with urllib.request.urlopen(page.where, timeout=20) as answer:
            assert b"Stylespace live" in answer.read()
        with urllib.request.urlopen(page.where + "status", timeout=20) as answer:
            assert answer.read() == b"7 frames/s"
        urllib.request.urlopen(urllib.request.Request(page.where + "key?k=left", method="POST"), timeout=20).close()
        assert page.keys() == ["left"]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(page.where.rsplit("/", 2)[0] + "/frames", timeout=20)


def test_from_the_command_line(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = tmp_path / "net.safetensors"
    network().save(net)
    given = [
        "live",
        str(film),
        "--to",
        "page",
        "--network",
        str(net),
        "--size",
        "32",
        "--style",
        "style_0=2",
        "--style",
        "style_1",
    ]
    assert main([*given, "--seconds", "0.3"]) == 0
    said = capsys.readouterr().err
    assert "http://127.0.0.1:" in said
    assert "frames shown" in said


@pytest.mark.parametrize("name", ["pygame", "mss", "pyvirtualcam"])
def test_without_the_extra(film: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    source, to = ("screen", Kept()) if name == "mss" else (film, {"pygame": "window", "pyvirtualcam": "camera"}[name])
    with pytest.raises(MissingExtraError, match=r"stylespace\[live\]"):
        ss.live(source, "style_0", to=to, network=network(), size=32)


def test_what_cannot_be_asked(film: Path) -> None:
    for given, words in (
        ({"to": "wall"}, "no place to show"),
        ({"size": 8}, "too small"),
        ({"source": "-"}, "have no pace"),
        ({"style": "none"}, "no style"),
    ):
        with pytest.raises(InputError, match=words):
            ss.live(**{"source": film, "style": "style_0", "to": Kept(), "network": network(), **given})
