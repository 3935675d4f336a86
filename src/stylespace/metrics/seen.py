"""A picture as metrics see it: over mid grey, with a weight for each position."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import Source, read
from stylespace.pictures.resizing import fit, resize

PAPER = 0.5


@dataclass(frozen=True)
class Seen:
    """``pixels``: (1, 3, H, W) sRGB in [0, 1]. ``guide``: (1, 1, H, W) in [0, 1], 0 where transparent, or None."""

    pixels: Tensor
    guide: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[2], self.pixels.shape[3]

    def at(self, size: tuple[int, int]) -> Seen:
        """The same at ``size`` (height, width)."""
        return Seen(resize(self.pixels, size), None if self.guide is None else resize(self.guide, size))

    def within(self, long_side: int) -> Seen:
        """The same with at most ``long_side`` pixels on the longer side; never enlarged, which would blur it."""
        return self.at(fit(self.size, min(long_side, max(self.size))))

    def to(self, device: torch.device) -> Seen:
        """The same on ``device``."""
        return Seen(self.pixels.to(device), None if self.guide is None else self.guide.to(device))


def seen(source: Source, role: str) -> Seen:
    """``source`` (whatever :func:`~stylespace.pictures.reading.read` takes) over mid grey where it is transparent.

    ``role``: what an error calls it. Raises ``PictureError`` for what cannot be read, ``InputError`` where nothing can be seen.
    """
    picture: Picture = read(source)
    alpha = picture.alpha
    if alpha is None or float(alpha.min()) >= 1:
        return Seen(picture.pixels)
    if float(alpha.max()) <= 0:
        raise InputError(f"The {role} is transparent everywhere: give a picture in which something can be seen.")
    return Seen(picture.pixels * alpha + PAPER * (1 - alpha), alpha)
