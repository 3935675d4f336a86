"""Distance of features from those of the content picture."""

from __future__ import annotations

import torch
from torch import Tensor

from stylespace.statistics.positions import widened


def feature_distance(features: Tensor, target: Tensor, guide: Tensor | None = None) -> Tensor:
    """Sum of squared differences of features (1, C, H, W) (Gatys et al. 2016, eq. 1, without the half).

    ``guide``: (1, 1, H, W), how much each position counts.
    """
    difference = (widened(features) - widened(target)).square()
    return difference.sum() if guide is None else (difference * guide).sum()


def own_energy(target: Tensor) -> Tensor:
    """The divisor that makes a distance to ``target`` (1, C, H, W) a share of the target's variance over positions.

    A flat photo has no variance; a thousandth of its sum of squares serves instead.
    """
    target = widened(target)
    own = (target - target.mean((2, 3), keepdim=True)).square().sum()
    return torch.maximum(own, 1e-3 * target.square().sum()).clamp_min(1e-12)
