"""Frames through pipes: raw RGB one after another, or whatever FFmpeg recognises on standard input (such as YUV4MPEG)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from stylespace.errors import InputError, PictureError
from stylespace.film.container import Container
from stylespace.film.frame import Film, Frame, Info, Pixels, Span

FORM = re.compile(r"(\d+)x(\d+)(?:@(\d+(?:[./]\d+)?))?")


class RawPipe(Film):
    """Frames of ``form`` (``WIDTHxHEIGHT`` or ``WIDTHxHEIGHT@RATE``), 8 bits of R, G, B a pixel, read once."""

    def __init__(self, form: str, span: Span | None = None, stream: Any = None) -> None:
        super().__init__("standard input", span or Span(), once=True)
        found = FORM.fullmatch(form)
        if found is None or not int(found[1]) or not int(found[2]) or (found[3] and not Fraction(found[3])):
            raise InputError(f"'{form}' does not say what raw frames are: write WIDTHxHEIGHT@RATE, such as 854x480@24.")
        rate = Fraction(found[3] or 24)
        self._stream = stream or sys.stdin.buffer
        self._info = Info((int(found[2]), int(found[1])), rate / self.span.every, 1 / rate, full=True)

    @property
    def info(self) -> Info:
        """See :attr:`Film.info`."""
        return self._info

    def frames(self, skip: int = 0) -> Iterator[Frame]:
        """See :meth:`Film.frames`. A last frame that is not whole is left out."""
        high, wide = self._info.size
        size, base = high * wide * 3, self._info.time_base
        index = number = taken = 0
        while len(data := _read(self._stream, size)) == size:
            keep = self.taken(number, index * base)
            if keep is None:
                break
            number += index * base >= self.span.start
            if keep:
                taken += 1
                pixels = np.frombuffer(data, np.uint8).reshape(high, wide, 3)
                if taken > skip:
                    yield Frame(pixels, index - round(Fraction(self.span.start) / base), self.span.every)
            index += 1
        if not taken:
            raise PictureError(f"Standard input held no whole frame of {wide} x {high} pixels: say its size with --raw.")


class Piped(Container):
    """A film on standard input of a form that says what it is; read once."""

    def __init__(self, span: Span | None = None) -> None:
        from stylespace.film.extra import pyav

        av = pyav("Films need PyAV")
        try:
            self._film = av.open(sys.stdin.buffer, metadata_errors="replace")
        except (av.FFmpegError, ValueError, OSError) as error:
            raise PictureError(
                "Standard input is no film that is recognised: for raw RGB frames give --raw WIDTHxHEIGHT@RATE."
            ) from error
        self._first: list[tuple[Any, list[int]]] = []
        self._rest: Iterator[tuple[Any, list[int]]] = iter(())
        super().__init__(Path("-"), span)
        self.name, self.audio, self.once = "standard input", None, True

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        if not self._film.streams.video or self._film.streams.video[0].codec_context is None:
            raise PictureError("Standard input has no pictures in it: give a film.")
        yield self._film, self._film.streams.video[0]

    def _seek(self, film: Any) -> None:
        """A pipe is read from its beginning."""

    def _decoded(self, film: Any, stream: Any) -> Iterator[tuple[Any, list[int]]]:
        # Its first frame is looked at for what the film is, and then given again.
        if self._first:
            yield from self._first
            self._first.clear()
            yield from self._rest
            return
        self._rest = super()._decoded(film, stream)
        for frame in self._rest:
            self._first.append(frame)
            yield frame
            return


def _read(stream: Any, size: int) -> bytes:
    """``size`` bytes, fewer at the end."""
    parts, left = [], size
    while left and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def write_raw(pixels: Pixels, stream: Any = None) -> None:
    """A frame on standard output: R, G, B (and alpha), 8 or 16 bits in the machine's order, row by row."""
    out = stream or sys.stdout.buffer
    out.write(np.ascontiguousarray(pixels).tobytes())
    out.flush()
