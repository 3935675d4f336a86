"""Guides: maps in [0, 1] that say how much each position belongs to a region (Gatys et al. 2017, sec. 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def follow(guide: Tensor, size: Sequence[int]) -> Tensor:
    """``guide`` (1, 1, H, W) at a layer's size (h, w): the share of each position's area that belongs to the region."""
    return guide if tuple(guide.shape[-2:]) == tuple(size) else F.interpolate(guide, size=tuple(size), mode="area")
