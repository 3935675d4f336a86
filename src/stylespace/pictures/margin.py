"""A margin around a picture while it is optimised, so that its border pixels have neighbours on all sides, and room to shift it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

# Each step sees the picture at the next of these offsets (rows, columns): all phases of pooling by two and four take part.
OFFSETS = ((0, 0), (2, 1), (1, 2), (3, 3))


def offsets(margin: int) -> tuple[tuple[int, int], ...]:
    """Where in a margin the picture is seen, step after step; at (0, 0) alone where the margin does not hold the others."""
    return OFFSETS if margin > max(OFFSETS[-1]) else OFFSETS[:1]


def framed(picture: Tensor, margin: int) -> Tensor:
    """``picture`` (1, C, H, W) with ``margin`` pixels reflected around it.

    The border's pixels have fewer neighbours and drift to odd colours; in a margin this does no harm.
    """
    return F.pad(picture, (margin,) * 4, mode="reflect") if margin else picture


def unframed(picture: Tensor, margin: int) -> Tensor:
    """The inverse of :func:`framed`."""
    return picture[..., margin:-margin, margin:-margin].contiguous() if margin else picture
