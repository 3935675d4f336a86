"""Films out and read back: colours, times, transparency, depth, sound; segments joined as one piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import apart, picture

from stylespace.errors import InputError
from stylespace.film.encoding import Segment, form_of
from stylespace.film.folder import write_frame
from stylespace.film.frame import Film, Info, Span
from stylespace.film.joining import join
from stylespace.film.reading import open_film

av = pytest.importorskip("av")

Write = Callable[..., Path]
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(
        name: str,
        info: Info,
        ticks: Sequence[int],
        *,
        each: int = 5,
        source: Film | None = None,
        notes: list[str] | None = None,
        **options: Any,
    ) -> Path:
        form, said = form_of(Path(name).suffix, info, **options)
        if notes is not None:
            notes += said
        segments: list[Path] = []
        for first in range(0, len(ticks), each):
            segments.append(tmp_path / f"segment-{first}.scratch")
            segment = Segment(segments[-1], form)
            for number in range(first, min(first + each, len(ticks))):
                segment.write(picture(number, info.size, 4 if info.alpha else 3, info.bits > 8))
            segment.close()
        said_of = notes if notes is not None else []
        return join(segments, ticks, 512, form, tmp_path / name, source, metadata={"comment": "how"}, note=said_of.append)

    return made


TIMES = [0, 512, 1024, 1100, 2600, 3072, 3584, 4096, 4700, 5120, 5632]
BASE = Fraction(1, 12800)


@pytest.mark.parametrize(("matrix", "full"), [(1, False), (5, False), (1, True), (6, True)])
def test_colours_come_back(make: Make, matrix: int, full: bool) -> None:
    film = open_film(make("out.mp4", Info((64, 96), time_base=BASE, matrix=matrix, full=full), TIMES))
    assert (film.info.matrix, film.info.full) == (matrix, full)
    frames = list(film.frames())
    assert len(frames) == len(TIMES)
    assert max(apart(frame.pixels, picture(n)) for n, frame in enumerate(frames)) < 2


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.m4v"])
def test_times_come_back(make: Make, name: str) -> None:
    film = open_film(make(name, Info((64, 96), time_base=BASE), TIMES))
    assert [frame.ticks * film.info.time_base for frame in film.frames()] == [t * BASE for t in TIMES]
    with av.open(str(film.audio)) as held:
        assert held.metadata["comment"] == "how"
        assert held.streams.video[0].codec_context.codec_tag == "avc1"
        assert float(held.duration / 1e6) == pytest.approx((TIMES[-1] + 512) / 12800, abs=0.001)


def test_segments_are_joined_as_one_piece(make: Make) -> None:
    """Every packet's decoding time is later than the one's before, and no later than its own frame's."""
    path = make("out.mp4", Info((64, 96), time_base=BASE), TIMES, each=4)
    with av.open(str(path)) as film:
        times = [(packet.dts, packet.pts) for packet in film.demux(video=0) if packet.size]
    assert all(one[0] < other[0] for one, other in pairwise(times))
    assert all(dts <= pts for dts, pts in times)


@pytest.mark.parametrize(
    ("name", "codec", "bits", "alpha"),
    [
        ("out.mkv", None, 16, True), ("out.mkv", "ffv1", 12, False), ("out.mov", None, 10, True), ("out.mp4", "h265", 10, False),
        ("out.webm", None, 8, True), ("out.mkv", "av1", 10, False), ("out.webm", None, 10, False), ("out.mp4", None, 10, False),
    ],
)  # fmt: skip
def test_depth_and_transparency_come_back(make: Make, name: str, codec: str | None, bits: int, alpha: bool) -> None:
    film = open_film(
        make(name, Info((64, 96), time_base=Fraction(1, 1000), bits=bits, alpha=alpha), [0, 40, 80, 90], codec=codec)
    )
    assert film.info.alpha == alpha
    assert film.info.bits == bits
    for number, frame in enumerate(film.frames()):
        expected = picture(number, channels=4 if alpha else 3)
        assert apart(frame.pixels[..., :3], expected[..., :3]) < 2
        assert not alpha or apart(frame.pixels[..., 3], expected[..., 3]) < 1
    assert [frame.ticks for frame in open_film(film.audio or "").frames()][-1] * film.info.time_base == Fraction(90, 1000)


@pytest.mark.parametrize("name", ["out.gif", "out.webp", "out.apng"])
@pytest.mark.parametrize("alpha", [False, True])
def test_animations_come_back(make: Make, name: str, alpha: bool) -> None:
    film = open_film(make(name, Info((63, 95), time_base=Fraction(1, 1000), alpha=alpha), [0, 50, 170, 220]))
    frames = list(film.frames())
    assert [frame.ticks for frame in frames] == [0, 50, 170, 220]
    assert frames[-1].duration == (510 if name == "out.gif" else 512) or name == "out.webp"  # whose encoder takes the mean
    assert film.info.repeats
    assert frames[0].pixels.shape[:2] == (63, 95)
    shown = (slice(None), slice(0, 47), slice(0, 3))  # the opaque half
    assert apart(frames[3].pixels[shown[0], shown[1], shown[2]], picture(3, (63, 95))[shown[0], shown[1], shown[2]]) < 13
    if alpha:
        assert frames[0].pixels[5, 90, 3] in ((0, 102) if name == "out.gif" else (102,))


def packets(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as film:
        return [(p.pts * p.time_base, bytes(p)) for p in film.demux(audio=0) if p.size]


def test_sound_is_copied_packet_by_packet(make: Make, write: Write) -> None:
    source = open_film(write("in.mp4", count=50, sound=True))
    out = make("out.mp4", source.info, [frame.ticks for frame in source.frames()], each=20, source=source)
    assert packets(out) == packets(Path(source.name))


def test_sound_is_cut_at_packets(make: Make, write: Write) -> None:
    source = open_film(write("in.mp4", count=75, sound=True), Span(1.0, 2.0))
    out = make("out.mp4", source.info, [frame.ticks for frame in source.frames()], source=source, each=50)
    whole, part = packets(Path(source.name)), packets(out)
    expected = [(time - 1, data) for time, data in whole if 1 <= time < 2]
    assert [data for _, data in part] == [data for _, data in expected]
    assert [float(time) for time, _ in part] == pytest.approx([float(time) for time, _ in expected], abs=1 / 44100)


def test_sound_that_does_not_fit_is_said(make: Make, write: Write) -> None:
    source = open_film(write("in.mp4", count=10, sound=True))
    notes: list[str] = []
    make("out.webm", source.info, [frame.ticks for frame in source.frames()], source=source, notes=notes)
    assert any("Sound of the form aac does not go into webm" in note for note in notes)


def test_odd_sides(make: Make) -> None:
    notes: list[str] = []
    film = open_film(make("out.mp4", Info((63, 95), time_base=BASE), TIMES[:3], notes=notes))
    assert film.info.size == (62, 94)
    assert "95 x 63 is written as 94 x 62" in notes[0]
    assert open_film(make("out.webm", Info((63, 95), time_base=BASE), TIMES[:3])).info.size == (63, 95)


def test_one_frame(make: Make) -> None:
    (frame,) = open_film(make("out.mp4", Info((64, 96), time_base=BASE), [0])).frames()
    assert apart(frame.pixels, picture(0)) < 2


def test_a_pixels_aspect_is_kept(make: Make) -> None:
    assert open_film(make("out.mp4", Info((64, 96), time_base=BASE, aspect=Fraction(4, 3)), TIMES)).info.aspect == Fraction(4, 3)


@pytest.mark.parametrize("bits", [8, 16])
def test_frames_to_a_folder(tmp_path: Path, bits: int) -> None:
    for number in range(3):
        write_frame(picture(number, channels=4, deep=bits == 16), tmp_path / "frames", number + 1)
    film = open_film(tmp_path / "frames")
    assert all(np.array_equal(f.pixels, picture(n, channels=4, deep=bits == 16)) for n, f in enumerate(film.frames()))


def test_what_cannot_be_written() -> None:
    info = Info((64, 96), bits=10, alpha=True)
    assert form_of(".mp4", info)[1] == ["h264 in .mp4 has no transparency: it is left out (.mov, .webm and .mkv keep it)."]
    for suffix, options, words in (
        (".xyz", {}, "cannot be written as '.xyz'"), (".mp4", {"codec": "ffv1"}, "holds h264, h265, av1, vp9, not 'ffv1'"),
        (".mp4", {"bits": 16}, "has 8, 10 bits a channel here, not 16"), (".mov", {"crf": 3.0}, "has no --crf"),
        (".gif", {"codec": "h264"}, "has no codec 'h264'"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            form_of(suffix, info, **options)  # type: ignore[arg-type]
