"""Patterns with the period of a network's strides: what remains when a picture is averaged over cells of that size."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

WINDOW = 64
CELLS = {4: 1.0, 8: 0.25}  # a cell of 8 contains patterns of period 4 too, and more of the picture itself


def grid(pictures: Tensor) -> Tensor:
    """Energy (N,) of patterns of period 4 and 8 in the fine detail of ``pictures`` (N, 3, H, W; sRGB in [0, 1]); ours.

    Cells are averaged within each window of 64 x 64 pixels: strokes and objects keep a small share of their variance, a grid that comes
    from upsampling keeps all of it. Windows overlap by half. A smaller picture is one window; incomplete cells are left out.
    """
    blurred = F.avg_pool2d(F.pad(pictures, (4, 4, 4, 4), mode="replicate"), 9, 1)
    fine = pictures - blurred
    total = pictures.new_zeros(pictures.shape[0])
    for cell, weight in CELLS.items():
        high, wide = (min(WINDOW, side // cell * cell) for side in pictures.shape[-2:])
        if not high or not wide:
            continue
        # (N, 3, windows down, windows right, high, wide), then sides of the cells.
        windows = fine.unfold(2, high, max(1, high // 2)).unfold(3, wide, max(1, wide // 2))
        cells = windows.reshape(*windows.shape[:4], high // cell, cell, wide // cell, cell).mean((-4, -2))
        total = total + weight * (cells - cells.mean((-2, -1), keepdim=True)).square().mean((1, 2, 3, 4, 5))
    return total
