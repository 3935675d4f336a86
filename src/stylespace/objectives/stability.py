"""Stability under motion: what is painted of a moved photo should be what was painted, moved.

No film is needed for it: smooth random flow moves a photo (Wang et al. 2020, "Consistent Video Style Transfer via Relaxation and
Regularization", TIP 29; its compound regularisation draws flow and noise so).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.pictures.warp import sample

SHIFT = 12.0  # pixels that a whole picture is moved by at most, each way
BEND = 6.0  # largest standard deviation in pixels of what smooth flow adds
COARSE = 5  # values a side from which smooth flow is drawn


def smooth_flow(count: int, size: Sequence[int], generator: torch.Generator) -> Tensor:
    """Random flow (N, 2, H, W; down and right, in shares of the sides): a shift, and a bend that varies smoothly over the picture."""
    shift = SHIFT * (2 * torch.rand(count, 2, 1, 1, generator=generator) - 1)
    bend = BEND * torch.rand(count, 1, 1, 1, generator=generator) * torch.randn(count, 2, COARSE, COARSE, generator=generator)
    pixels = shift + F.interpolate(bend, size=tuple(size), mode="bicubic", align_corners=True)
    return pixels / torch.tensor([float(side) for side in size])[:, None, None]


def inside(flow: Tensor) -> Tensor:
    """1 where ``flow`` (N, 2, H, W) leads to a place within the picture, else 0: (N, 1, H, W)."""
    ones = flow.new_ones(len(flow), 1, *flow.shape[-2:])
    places = [(torch.arange(side, device=flow.device, dtype=flow.dtype) + 0.5) / side for side in flow.shape[-2:]]
    down, right = flow[:, :1] + places[0][:, None], flow[:, 1:] + places[1]
    return ones * ((down >= 0) & (down <= 1) & (right >= 0) & (right <= 1))


def instability(painted: Tensor, again: Tensor, flow: Tensor) -> Tensor:
    """How far ``again``, painted of the photos moved along ``flow``, is from ``painted`` (N, 3, H, W) moved so; (N,).

    Mean squared difference as a share of the paintings' own variance, so that a dull painting is no steadier than a strong one.
    """
    seen = inside(flow)
    difference = (seen * (again - sample(painted, flow, "bicubic")).square()).sum((1, 2, 3)) / (
        3 * seen.sum((1, 2, 3))
    ).clamp_min(1.0)
    contrast = (painted.var((2, 3), correction=0) + again.var((2, 3), correction=0)).mean(1) / 2
    return difference / contrast.clamp_min(1e-4)
