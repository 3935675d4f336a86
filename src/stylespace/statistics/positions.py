"""Features as a matrix of channels by positions, and the weight of each position."""

from __future__ import annotations

import torch
from torch import Tensor

from stylespace.errors import InputError


def positions(features: Tensor, guide: Tensor | None) -> tuple[Tensor, Tensor]:
    """``features`` (1, C, H, W) as (C, M) in at least float32, and weights (1, M) that sum to one.

    ``guide``: (1, 1, H, W), not negative; without one every position counts alike.
    """
    if features.ndim != 4 or features.shape[0] != 1:
        raise InputError(f"Features of one picture are wanted, (1, C, H, W), not {tuple(features.shape)}.")
    f = features[0].flatten(1)
    if f.dtype in (torch.bfloat16, torch.float16):
        f = f.float()
    if guide is None:
        return f, torch.full((1, 1), 1.0 / f.shape[1], dtype=f.dtype, device=f.device)
    weight = guide.reshape(1, -1).to(f)
    return f, weight / weight.sum().clamp_min(torch.finfo(f.dtype).tiny)
