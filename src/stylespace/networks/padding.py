"""Borders for convolutions: reflected where the map is large enough, else replicated."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pad(x: Tensor, left: int, right: int, top: int, bottom: int, mode: str = "reflect") -> Tensor:
    """``x`` (N, C, H, W) with so many pixels more on each side; ``reflect`` becomes ``replicate`` where a side is too short for it."""
    if mode == "reflect" and (max(left, right) >= x.shape[-1] or max(top, bottom) >= x.shape[-2]):
        mode = "replicate"
    return F.pad(x, (left, right, top, bottom), mode=mode)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """``x`` (N, C, H, W) grown at its right and lower border to sides that ``multiple`` divides, by mirroring."""
    high, wide = x.shape[-2:]
    if high % multiple:
        x = x[..., continued(high, multiple, x.device), :]
    return x[..., continued(wide, multiple, x.device)] if wide % multiple else x


def continued(length: int, multiple: int, device: torch.device | None = None) -> Tensor:
    """Positions along a side of ``length`` and, mirrored, of as many more as make ``multiple`` divide it.

    A side that is too short for it repeats its first position.
    """
    index = torch.arange((length + multiple - 1) // multiple * multiple, device=device)
    return torch.where(index < length, index, 2 * (length - 1) - index).clamp(min=0)
