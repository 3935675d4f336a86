"""A margin around a picture, so that its border pixels have neighbours to answer to as all others have."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def framed(picture: Tensor, margin: int) -> Tensor:
    """``picture`` (1, C, H, W) with ``margin`` pixels reflected around it.

    Border pixels have fewer neighbours to answer to and drift to odd colours; in a margin they may.
    """
    return F.pad(picture, (margin,) * 4, mode="reflect") if margin else picture


def unframed(picture: Tensor, margin: int) -> Tensor:
    """The inverse of :func:`framed`."""
    return picture[..., margin:-margin, margin:-margin].contiguous() if margin else picture
