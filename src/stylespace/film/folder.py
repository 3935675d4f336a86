"""A folder of numbered pictures as a film, and a film as such a folder."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from stylespace.errors import PictureError
from stylespace.film.frame import Film, Frame, Info, Pixels, Span, as_tensor
from stylespace.pictures.decoding import header
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import read
from stylespace.pictures.writing import write

FORMATS = ("png", "jpg", "tif", "webp")


class Folder(Film):
    """Pictures of a folder in the order of the numbers in their names, ``rate`` a second. One tick a frame."""

    def __init__(self, path: Path, span: Span | None = None, rate: Fraction = Fraction(24)) -> None:
        super().__init__(str(path), span or Span())
        self.paths = find_pictures([path])
        first = read(self.paths[0])
        deep = header(self.paths[0], self.paths[0].name).format == "ushort"
        chosen = [i for i in range(len(self.paths)) if self.taken(i, Fraction(i) / rate)]
        self._info = Info(
            first.size, rate / self.span.every, 1 / rate, 16 if deep else 8, first.alpha is not None, full=True, count=len(chosen)
        )

    @property
    def info(self) -> Info:
        """See :attr:`Film.info`."""
        return self._info

    def frames(self, skip: int = 0) -> Iterator[Frame]:
        """See :meth:`Film.frames`. A picture that cannot be read is that before it."""
        self.repaired.clear()
        base = self._info.time_base
        last: Pixels | None = None
        number = taken = 0
        for index, path in enumerate(self.paths):
            keep = self.taken(number, index * base)
            if keep is None:
                break
            number += index * base >= self.span.start
            if not keep:
                continue
            taken += 1
            repaired = False
            try:
                pixels = self._pixels(read(path), path)
            except PictureError:
                if last is None or (path.stat().st_size and self._differs(path)):
                    raise
                pixels, repaired = last, True
                self.repaired.append(float(index * base))
            last = pixels
            if taken > skip:
                yield Frame(pixels, index - round(Fraction(self.span.start) / base), self.span.every, repaired)
        if not taken:
            raise PictureError(f"{self.name} has no frame from {self.span.start:g} s on: give another part of it.")

    def _differs(self, path: Path) -> bool:
        """Whether a picture can be read and is of another size."""
        try:
            return read(path).size != self._info.size
        except PictureError:
            return False

    def _pixels(self, picture: Picture, path: Path) -> Pixels:
        if picture.size != self._info.size:
            high, wide = self._info.size
            raise PictureError(
                f"{path} is {picture.size[1]} x {picture.size[0]}, but the frames before it are {wide} x {high}: give frames of one size."
            )
        largest, kind = (65535, np.uint16) if self._info.bits > 8 else (255, np.uint8)
        parts = [picture.pixels[0]]
        if self._info.alpha:
            parts.append(picture.alpha[0] if picture.alpha is not None else picture.pixels[0, :1] * 0 + 1)
        rows = np.concatenate([part.numpy() for part in parts]).transpose(1, 2, 0)
        return np.ascontiguousarray((rows.clip(0, 1) * largest + 0.5).astype(kind))


def frame_file(folder: Path, number: int, kind: str = "png") -> Path:
    """Where the ``number``-th frame (from 1) of a folder lies."""
    return folder / f"frame-{number:06d}.{kind}"


def write_frame(pixels: Pixels, folder: Path, number: int, kind: str = "png") -> Path:
    """Write a frame, whole or not at all; ``pixels`` of 16 bits as such where ``kind`` holds them."""
    tensor = as_tensor(pixels)
    picture = Picture(tensor[:, :3], tensor[:, 3:] if pixels.shape[2] == 4 else None)
    bits = 16 if pixels.dtype == np.uint16 and kind in ("png", "tif") else 8
    return write(picture, frame_file(folder, number, kind), bits=bits, force=True)
