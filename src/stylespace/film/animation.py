"""GIF, WebP and APNG, by Pillow: frames put together, with their durations."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from stylespace.errors import PictureError
from stylespace.film.frame import Film, Frame, Info, Span
from stylespace.pictures.reading import MAX_PIXELS

BROKEN = (OSError, EOFError, ValueError, SyntaxError, IndexError, KeyError, TypeError, struct.error)  # what Pillow raises
SUFFIXES = (".gif", ".webp", ".apng", ".png")


class Animation(Film):
    """An animated picture. Its ticks are milliseconds."""

    def __init__(self, path: Path, span: Span | None = None, max_pixels: int = MAX_PIXELS) -> None:
        from PIL import Image, UnidentifiedImageError

        super().__init__(str(path), span or Span())
        self.path = path
        try:
            with Image.open(path) as picture:
                if picture.width * picture.height > max_pixels:
                    raise PictureError(
                        f"{path} is {picture.width} x {picture.height}, more than {max_pixels} pixels: give a smaller film."
                    )
                self._frames = getattr(picture, "n_frames", 1)
                # A GIF says of single frames whether they show through; of these two formats the mode does.
                alpha = "A" in picture.mode or "transparency" in picture.info
                seconds = picture.info.get("duration", 0) or 100
                self._info = Info(
                    (picture.height, picture.width), Fraction(1000) / Fraction(seconds).limit_denominator(1000), Fraction(1, 1000),
                    alpha=alpha, count=self._frames, repeats=picture.info.get("loop", 1) == 0,
                )  # fmt: skip
        except FileNotFoundError as error:
            raise PictureError(f"{path} is not there: check the name.") from error
        except (UnidentifiedImageError, Image.DecompressionBombError, *BROKEN) as error:
            raise PictureError(f"{path} cannot be read as an animation ({error}): give another file.") from error

    @property
    def info(self) -> Info:
        """See :attr:`Film.info`."""
        return self._info

    def frames(self, skip: int = 0) -> Iterator[Frame]:
        """See :meth:`Film.frames`."""
        from PIL import Image

        ticks = number = taken = 0
        with Image.open(self.path) as picture:
            for index in range(self._frames):
                try:
                    picture.seek(index)
                    pixels = np.asarray(picture.convert("RGBA" if self._info.alpha else "RGB"))
                except (Image.DecompressionBombError, *BROKEN) as error:
                    raise PictureError(f"{self.name} is broken at frame {index + 1} ({error}): give another file.") from error
                duration = round(picture.info.get("duration", 0) or 100)
                seconds = Fraction(ticks, 1000)
                keep = self.taken(number, seconds)
                if keep is None:
                    break
                number += seconds >= Fraction(self.span.start)
                if keep:
                    taken += 1
                    if taken > skip:
                        yield Frame(pixels, ticks - round(self.span.start * 1000), duration)
                ticks += duration
        if not taken:
            raise PictureError(f"{self.name} has no frame from {self.span.start:g} s on: give another part of it.")


def is_animated(path: Path) -> bool:
    """Whether a file is a GIF, WebP or APNG."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return picture.format == "GIF" or getattr(picture, "n_frames", 1) > 1
    except (Image.DecompressionBombError, *BROKEN):
        return path.suffix.lower() in (".gif", ".apng")
