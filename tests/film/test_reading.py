"""Films in: colours by matrix and range, times, turns, transparency, depth, parts, broken frames."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import apart, picture
from PIL import Image

from stylespace.errors import InputError, MissingExtraError, PictureError
from stylespace.film.frame import Span
from stylespace.film.reading import open_film

av = pytest.importorskip("av")

Write = Callable[..., Path]


@pytest.mark.parametrize("matrix", [1, 5, 6])
@pytest.mark.parametrize("full", [False, True])
def test_colours_by_matrix_and_range(write: Write, matrix: int, full: bool) -> None:
    film = open_film(write(matrix=matrix, full=full))
    assert (film.info.matrix, film.info.full) == (matrix, full)
    for number, frame in enumerate(film.frames()):
        assert apart(frame.pixels, picture(number)) < 1.5  # the other matrix is 6 away, the other range 8


def test_an_unsaid_matrix_is_that_of_the_size(write: Write) -> None:
    small = open_film(write("small.mp4", matrix=2, count=1))
    large = open_film(write("large.mp4", matrix=2, count=1, size=(720, 96)))
    assert (small.info.matrix, large.info.matrix) == (5, 1)


@pytest.mark.parametrize("name", ["film.mp4", "film.mov", "film.mkv"])
def test_times_are_the_films_own(write: Write, name: str) -> None:
    times = [0, 400, 1000, 1040, 3000, 3400, 9000]
    film = open_film(write(name, count=7, times=times, base=Fraction(1, 1000)))
    assert [frame.ticks * film.info.time_base for frame in film.frames()] == [Fraction(t, 1000) for t in times]


@pytest.mark.parametrize(("turn", "turns"), [(90, 1), (-90, 3), (180, 2)])
def test_turned_films_are_upright(write: Write, turn: int, turns: int) -> None:
    film = open_film(write(turn=turn, count=2))
    expected = np.rot90(picture(0), turns)
    assert film.info.size == expected.shape[:2]
    assert apart(next(iter(film.frames())).pixels, expected) < 1.5


def test_ten_bits_stay(write: Write) -> None:
    film = open_film(write(pixel_format="yuv444p10le", count=1))
    (frame,) = film.frames()
    assert film.info.bits == 10
    assert frame.pixels.dtype == np.uint16
    assert len(np.unique(frame.pixels[0, :, 0] // 64)) > 90
    assert apart(frame.pixels, picture(0, deep=True)) < 1


def test_grey_films(write: Write) -> None:
    film = open_film(write("film.mkv", "ffv1", "gray", count=1))
    (frame,) = film.frames()
    assert frame.pixels.shape == (64, 96, 3)
    assert np.ptp(frame.pixels.astype(int), axis=2).max() == 0


def test_parts_of_a_film(write: Write) -> None:
    """Seconds are the film's; times begin anew with the part."""
    path = write(count=50)
    film = open_film(path, Span(1.0, 1.4, 2))
    frames = list(film.frames())
    assert film.info.count == len(frames) == 5
    assert [frame.ticks * film.info.time_base for frame in frames] == [Fraction(2 * i, 25) for i in range(5)]
    assert [apart(frame.pixels, picture(25 + 2 * i)) < 1.5 for i, frame in enumerate(frames)] == [True] * 5
    assert [frame.ticks for frame in film.frames(skip=3)] == [frame.ticks for frame in frames[3:]]
    with pytest.raises(PictureError, match=r"no frame from 9 s on"):
        list(open_film(path, Span(9.0)).frames())
    with pytest.raises(InputError, match="no part of a film"):
        Span(2.0, 1.0)


def test_a_broken_frame_is_made_from_its_neighbours(write: Write) -> None:
    film = open_film(
        write("film.mkv", "ffv1", "yuv444p", count=12, damaged=[5], options={"level": "3", "slicecrc": "1", "g": "1"})
    )
    frames = list(film.frames())
    assert [frame.repaired for frame in frames] == [i == 5 for i in range(12)]
    assert film.repaired == [0.2]
    assert apart(frames[5].pixels, picture(5)) < 1.5
    ends = open_film(
        write("ends.mkv", "ffv1", "yuv444p", count=6, damaged=[0, 5], options={"level": "3", "slicecrc": "1", "g": "1"})
    )
    assert [frame.repaired for frame in ends.frames()] == [True, False, False, False, False, True]


def test_what_is_no_film(tmp_path: Path, write: Write) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no film")
    with pytest.raises(PictureError, match="cannot be read as a film"):
        open_film(tmp_path / "no.mp4")
    with pytest.raises(PictureError, match="is not there"):
        open_film(tmp_path / "none.mp4")
    with av.open(str(tmp_path / "sound.m4a"), "w", format="mp4") as film:
        stream = film.add_stream("aac", rate=44100, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.rate = 44100
        film.mux([*stream.encode(sound), *stream.encode(None)])
    with pytest.raises(PictureError, match="has no pictures in it"):
        open_film(tmp_path / "sound.m4a")
    with av.open(str(tmp_path / "empty.mkv"), "w") as film:
        stream = film.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        film.start_encoding()
    with pytest.raises(PictureError, match=r"no frame that can be read|cannot be read"):
        open_film(tmp_path / "empty.mkv")


def test_films_that_lie(write: Write, tmp_path: Path) -> None:
    """What damaged files were found to do: a codec that nobody knows, names that are no text, sizes beyond all measure."""
    whole = write(sound=True).read_bytes()
    unknown, nameless, huge = (tmp_path / name for name in ("unknown.mp4", "nameless.mp4", "huge.gif"))
    unknown.write_bytes(whole.replace(b"avc1\x00", b"qqqq\x00"))
    with pytest.raises(PictureError, match=r"not known here|cannot be read"):
        open_film(unknown)
    assert b"VideoHandler" in whole
    nameless.write_bytes(whole.replace(b"VideoHandler", b"Video\xff\xfendler"))
    assert len(list(open_film(nameless).frames())) == 8
    Image.new("RGB", (8, 8)).save(huge)
    data = bytearray(huge.read_bytes())
    data[6:10] = b"\xff\xff\xff\xff"  # 65535 x 65535
    huge.write_bytes(data)
    with pytest.raises(PictureError, match=r"cannot be read|more than"):
        open_film(huge)
    with pytest.raises(PictureError, match=r"96 x 64, more than 1000 pixels"):
        open_film(write("large.mp4"), max_pixels=1000)


def test_a_size_that_changes(write: Write, tmp_path: Path) -> None:
    parts = [write("a.ts", count=5), write("b.ts", count=5, size=(48, 80))]
    (tmp_path / "both.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(PictureError, match=r"changes its size at .* from 96 x 64 to 80 x 48"):
        list(open_film(tmp_path / "both.ts").frames())


def test_a_folder_of_frames(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        Image.fromarray(picture(number, channels=4)).save(tmp_path / f"f{number}.png")
    film = open_film(tmp_path, rate=Fraction(10))
    frames = list(film.frames())
    assert (film.info.alpha, film.info.count, film.info.rate) == (True, 3, 10)
    assert all(np.array_equal(frame.pixels, picture(n, channels=4)) for frame, n in zip(frames, (1, 2, 10), strict=True))
    (tmp_path / "f2.png").write_bytes((tmp_path / "f2.png").read_bytes()[:90])
    assert [frame.repaired for frame in film.frames()] == [False, True, False]
    assert film.repaired == [0.1]
    Image.new("RGB", (20, 20)).save(tmp_path / "f2.png")
    with pytest.raises(PictureError, match="is 20 x 20, but the frames before it are 96 x 64"):
        list(film.frames())


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_animations(tmp_path: Path, suffix: str) -> None:
    pictures = [Image.fromarray(picture(0) // 9 * 0 + 40 * n) for n in range(4)]
    extra = {"lossless": True} if suffix == ".webp" else {}
    pictures[0].save(
        tmp_path / f"a{suffix}", save_all=True, append_images=pictures[1:], duration=[50, 120, 50, 200], loop=0, **extra
    )
    film = open_film(tmp_path / f"a{suffix}")
    frames = list(film.frames())
    assert [(frame.ticks, frame.duration) for frame in frames] == [(0, 50), (50, 120), (170, 50), (220, 200)]
    assert film.info.repeats
    assert [int(frame.pixels[5, 5, 0]) for frame in frames] == pytest.approx([0, 40, 80, 120], abs=1)


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_raw_frames_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, b"".join(picture(n).tobytes() for n in range(3)) + b"half a frame")
    film = open_film("-", raw="96x64@12.5")
    frames = list(film.frames())
    assert len(frames) == 3
    assert frames[2].ticks * film.info.time_base == Fraction(4, 25)
    assert np.array_equal(frames[2].pixels, picture(2))
    for wrong in ("96", "0x4", "96x64@"):
        with pytest.raises(InputError, match="does not say what raw frames are"):
            open_film("-", raw=wrong)


def test_a_film_from_a_pipe(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    piped(monkeypatch, write("film.mkv", count=4).read_bytes())
    film = open_film("-")
    assert [apart(frame.pixels, picture(n)) < 1.5 for n, frame in enumerate(film.frames())] == [True] * 4
    piped(monkeypatch, b"no film")
    with pytest.raises(PictureError, match="--raw WIDTHxHEIGHT@RATE"):
        open_film("-")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    path = write(count=1)
    monkeypatch.setattr(av, "__version__", "16.1.0")
    with pytest.raises(MissingExtraError, match=r"17 or newer, not 16.1.0: pip install --upgrade 'stylespace\[video\]'"):
        open_film(path)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'stylespace\[video\]'"):
        open_film(path)
