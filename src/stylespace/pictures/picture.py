"""The picture every room works on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stylespace.errors import PictureError


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in memory.

    ``pixels``: (1, 3, H, W) float32, contiguous, sRGB as encoded (not linear light), in [0, 1].
    ``alpha``: (1, 1, H, W) float32 in [0, 1], 0 transparent, not multiplied into ``pixels``; or None.
    ``bits``: 8 or 16, what the source held (float sources count as 16).
    ``exif``: the source's EXIF block with its orientation set to 1; or None.
    ``profile``: the source's ICC profile, for reference (``pixels`` are sRGB already); or None.
    ``name``: the file's name, or the kind of source.

    Raises ``PictureError`` when the shapes do not fit together.
    """

    pixels: Tensor
    alpha: Tensor | None = None
    bits: int = 8
    exif: bytes | None = None
    profile: bytes | None = None
    name: str = "picture"

    def __post_init__(self) -> None:
        shape = tuple(self.pixels.shape)
        if len(shape) != 4 or shape[:2] != (1, 3):
            raise PictureError(f"The pixels of {self.name} have shape {shape}: (1, 3, height, width) is expected.")
        if self.alpha is not None and tuple(self.alpha.shape) != (1, 1, *shape[2:]):
            raise PictureError(f"The alpha of {self.name} has shape {tuple(self.alpha.shape)}: {(1, 1, *shape[2:])} is expected.")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[2], self.pixels.shape[3]

    def with_pixels(self, pixels: Tensor) -> Picture:
        """This picture with other ``pixels`` (1, 3, h, w) in [0, 1]; alpha is resized to them, the rest is kept."""
        alpha = self.alpha
        if alpha is not None and alpha.shape[2:] != pixels.shape[2:]:
            from stylespace.pictures.resizing import resize

            alpha = resize(alpha, (pixels.shape[2], pixels.shape[3]))
        return replace(self, pixels=pixels.detach().to(torch.float32).contiguous(), alpha=alpha)
