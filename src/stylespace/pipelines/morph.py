"""A film of a picture from undeformed to deformed and back."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi
from typing import TYPE_CHECKING

from torch import Tensor

from stylespace.pictures.pillow import to_pil
from stylespace.pictures.warp import Warp

if TYPE_CHECKING:
    from PIL.Image import Image


def morph(picture: Tensor, warp: Warp, frames: int = 24) -> Iterator[Image]:
    """``picture`` (1, 3, H, W) warped gradually (by a cosine) and back: ``2 * frames - 2`` pictures that loop smoothly."""
    shares = [(1 - cos(pi * i / max(frames - 1, 1))) / 2 for i in range(frames)]
    for share in shares + shares[-2:0:-1]:
        yield to_pil(warp.apply(picture, share))
