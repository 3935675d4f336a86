"""A margin around a picture while it is optimised, so that border pixels have neighbours and it can be seen at an offset."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

# Each step sees the picture at the next of these offsets (rows, columns), which cover all phases of pooling by two and four.
OFFSETS = ((0, 0), (2, 1), (1, 2), (3, 3))


def offsets(margin: int) -> tuple[tuple[int, int], ...]:
    """The offsets at which the picture is seen in its margin, step after step; (0, 0) alone if the margin is too narrow for the others."""
    return OFFSETS if margin > max(OFFSETS[-1]) else OFFSETS[:1]


def framed(picture: Tensor, margin: int) -> Tensor:
    """``picture`` (1, C, H, W) with ``margin`` pixels reflected around it.

    Pixels at the border have fewer neighbours and drift to odd colours; in a margin, which is cut off, this does no harm.
    """
    return F.pad(picture, (margin,) * 4, mode="reflect") if margin else picture


def unframed(picture: Tensor, margin: int) -> Tensor:
    """The inverse of :func:`framed`."""
    return picture[..., margin:-margin, margin:-margin].contiguous() if margin else picture
