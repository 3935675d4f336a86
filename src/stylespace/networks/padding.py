"""Borders for convolutions: reflected where the map is large enough, else replicated."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def pad(x: Tensor, left: int, right: int, top: int, bottom: int, mode: str = "reflect") -> Tensor:
    """``x`` (N, C, H, W) with so many pixels more on each side; ``reflect`` becomes ``replicate`` where a side is too short for it."""
    if mode == "reflect" and (max(left, right) >= x.shape[-1] or max(top, bottom) >= x.shape[-2]):
        mode = "replicate"
    return F.pad(x, (left, right, top, bottom), mode=mode)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """``x`` (N, C, H, W) grown at its right and lower border to sides that ``multiple`` divides."""
    high, wide = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    return pad(x, 0, wide, 0, high) if high or wide else x
