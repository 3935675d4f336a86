"""Any film that FFmpeg reads."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from stylespace.errors import PictureError
from stylespace.film.colour import depth, has_alpha, is_full, matrix_of, pixels_of
from stylespace.film.extra import pyav
from stylespace.film.frame import Film, Frame, Info, Span, at_depth
from stylespace.pictures.reading import MAX_PIXELS

MICRO = 1_000_000  # FFmpeg's ticks a second, for containers


class Container(Film):
    """A film in a file. Frames keep their times, whatever their spacing; broken ones are made from their neighbours."""

    def __init__(self, path: Path, span: Span | None = None, max_pixels: int = MAX_PIXELS) -> None:
        super().__init__(str(path), span or Span(), audio=path)
        self.path, self.max_pixels = path, max_pixels
        with self._opened() as (film, stream):
            self._zero = Fraction(film.start_time or 0, MICRO)
            self._info = self._described(film, stream)

    @property
    def info(self) -> Info:
        """See :attr:`Film.info`."""
        return self._info

    def frames(self, skip: int = 0) -> Iterator[Frame]:
        """See :meth:`Film.frames`."""
        self.repaired.clear()
        number = taken = 0
        first: Fraction | None = None
        for frame in self._mended():
            seconds = frame.ticks * self._info.time_base
            keep = self.taken(number, seconds)
            if keep is None:
                break
            if seconds >= Fraction(self.span.start) - Fraction(1, MICRO):
                number += 1
            if not keep:
                continue
            if first is None:
                first = Fraction(self.span.start)
            if frame.repaired:
                self.repaired.append(float(seconds))
            taken += 1
            if taken > skip:
                yield Frame(frame.pixels, frame.ticks - round(first / self._info.time_base), frame.duration, frame.repaired)
        if not taken:
            raise PictureError(f"{self.name} has no frame {self._where()}: give another file or part of it.")

    def _where(self) -> str:
        return "that can be read" if not self.span.start and self.span.end is None else f"from {self.span.start:g} s on"

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        av = pyav("Films need PyAV")
        if not self.path.exists():
            raise PictureError(f"{self.name} is not there: check the name.")
        try:
            with av.open(str(self.path), metadata_errors="replace") as film:
                streams = [s for s in film.streams.video if not int(s.disposition) & int(av.stream.Disposition.attached_pic)]
                if not streams:
                    raise PictureError(f"{self.name} has no pictures in it: give a film.")
                context = streams[0].codec_context
                if context is None:
                    raise PictureError(f"{self.name} is of a codec that is not known here: convert it, to H.264 for one.")
                if context.width * context.height > self.max_pixels:
                    raise PictureError(
                        f"{self.name} is {context.width} x {context.height}, more than {self.max_pixels} pixels: give a smaller film."
                    )
                streams[0].thread_type = "AUTO"
                context.options = {"max_pixels": str(self.max_pixels)}  # of frames whose size differs from what the file says
                yield film, streams[0]
        except av.FFmpegError as error:
            raise PictureError(f"{self.name} cannot be read as a film ({error.strerror or error}): give another file.") from error

    def _described(self, film: Any, stream: Any) -> Info:
        """The film's facts, by its first frame where one can be read."""
        first = next(self._decoded(film, stream), None)
        if first is None or first[0] is None:
            raise PictureError(f"{self.name} has no frame that can be read: give another film.")
        frame = first[0]
        turned = _turns(frame) % 2
        size = (frame.width, frame.height) if turned else (frame.height, frame.width)
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        rate = Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 24)
        seconds = Fraction(stream.duration) * stream.time_base if stream.duration else Fraction(film.duration or 0, MICRO)
        context = stream.codec_context
        return Info(
            size,
            rate,
            stream.time_base,
            depth(frame.format),
            has_alpha(frame.format),
            matrix_of(int(frame.colorspace), (frame.height, frame.width)),
            is_full(frame),
            int(context.color_trc or 2),
            int(context.color_primaries or 2),
            1 / aspect if turned and aspect else aspect or Fraction(1),
            self._count(stream.frames or round(seconds * rate), rate),
        )

    def _count(self, count: int, rate: Fraction) -> int | None:
        """Frames of the span, where they are evenly spaced."""
        if not count:
            return None
        end = count if self.span.end is None else min(count, round(Fraction(self.span.end) * rate))
        return max(1, -(-(end - round(Fraction(self.span.start) * rate)) // self.span.every))

    def _mended(self) -> Iterator[Frame]:
        """All frames of and around the span, broken ones made from their neighbours."""
        last: Frame | None = None
        broken: list[tuple[int, int]] = []
        for frame, ticks, duration in self._ticked():
            if frame is None:
                broken.append((ticks, duration))
                continue
            made = Frame(self._pixels(frame, ticks), ticks, duration)
            yield from _between(last, made, broken)
            broken.clear()
            yield made
            last = made
        if last is not None:
            yield from _between(last, last, broken)

    def _ticked(self) -> Iterator[tuple[Any, int, int]]:
        """Frames, or None for a broken one, with ticks that grow, and durations."""
        with self._opened() as (film, stream):
            base = stream.time_base
            zero = round(self._zero / base)
            self._seek(film)
            step = max(1, round(1 / (self._info.rate * base)))
            last = -1
            for frame, lost in self._decoded(film, stream):
                for each in lost:
                    if each - zero > last:
                        last = each - zero
                        yield None, last, step
                if frame is None:
                    break
                ticks = last + step if frame.pts is None else frame.pts - zero
                if ticks <= last:
                    ticks = last + 1
                last = ticks
                yield None if frame.is_corrupt else frame, ticks, int(frame.duration or 0)

    def _seek(self, film: Any) -> None:
        """To before the span's start."""
        if self.span.start:
            # A little earlier: what an index calls a key frame may lie after the time that was asked for.
            film.seek(max(0, int((self.span.start - 0.5) * MICRO)) + (film.start_time or 0))

    def _decoded(self, film: Any, stream: Any) -> Iterator[tuple[Any, list[int]]]:
        """Frames in order, each with the times of frames before it that could not be decoded; None for the end of the film."""
        av = pyav("Films need PyAV")
        context = _decoder(stream)
        expected: list[int] = []  # times of packets that have not come out yet
        errors = 0
        for packet in film.demux(stream):
            if packet.pts is not None and packet.size and not packet.is_discard:
                bisect.insort(expected, packet.pts)
            try:
                found = context.decode(packet if packet.size else None)
            except av.error.EOFError:
                found = []
            except av.error.InvalidDataError:
                errors += 1
                continue
            for frame in found:
                lost: list[int] = []
                if frame.pts is not None:
                    while expected and expected[0] <= frame.pts:
                        if (earlier := expected.pop(0)) < frame.pts:
                            lost.append(earlier)
                yield frame, lost if errors else []
        if errors and expected:
            yield None, expected

    def _pixels(self, frame: Any, ticks: int) -> np.ndarray[Any, Any]:
        turns = _turns(frame)
        size = (frame.width, frame.height) if turns % 2 else (frame.height, frame.width)
        if size != self._info.size:
            seconds = float(ticks * self._info.time_base)
            raise PictureError(
                f"{self.name} changes its size at {seconds:.2f} s, from {_sides(self._info.size)} to {_sides(size)}: redraw its parts"
                f" one by one, with --end {seconds:.2f} and --start {seconds:.2f}."
            )
        pixels = pixels_of(frame, self._info)
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _decoder(stream: Any) -> Any:
    """The stream's decoder; of VP8 and VP9 with transparency the one that reads it."""
    transparent = any(name.lower() == "alpha_mode" and value == "1" for name, value in stream.metadata.items())
    if transparent and stream.codec_context.name in ("vp8", "vp9"):
        av = pyav("Films need PyAV")
        context = av.CodecContext.create("libvpx-vp9" if stream.codec_context.name == "vp9" else "libvpx", "r")
        context.extradata, context.options = stream.codec_context.extradata, stream.codec_context.options
        return context
    return stream.codec_context


def _turns(frame: Any) -> int:
    """Quarter turns to the left that show a frame upright."""
    return round((frame.rotation or 0) / 90) % 4


def _between(before: Frame | None, after: Frame, broken: list[tuple[int, int]]) -> Iterator[Frame]:
    """Frames for ``broken`` times, faded from ``before`` to ``after``."""
    for ticks, duration in broken:
        if before is None or before is after:
            pixels = after.pixels
        else:
            share = (ticks - before.ticks) / max(1, after.ticks - before.ticks)
            mixed = before.pixels.astype(np.float32) * (1 - share) + after.pixels.astype(np.float32) * share
            pixels = at_depth((mixed + 0.5).astype(after.pixels.dtype), 16 if after.pixels.dtype == np.uint16 else 8)
        yield Frame(pixels, ticks, duration, repaired=True)


def _sides(size: tuple[int, int]) -> str:
    return f"{size[1]} x {size[0]}"
