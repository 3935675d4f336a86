"""Which styles go where: what every method of optimisation is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Style:
    """A style picture (1, 3, H, W; sRGB in [0, 1]), its weight among others, and where on it (1, 1, H, W) the style is taken.

    ``weight``: one number, or one for each style layer.
    """

    picture: Tensor
    weight: float | Mapping[str, float] = 1.0
    mask: Tensor | None = None


@dataclass(frozen=True)
class Region:
    """Where on the photo styles go: a soft map (1, 1, H, W) in [0, 1], or None for all of it.

    No styles: the photo stays as it is there.
    """

    styles: tuple[Style, ...]
    guide: Tensor | None = None
