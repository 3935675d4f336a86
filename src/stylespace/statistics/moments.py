"""First and second moments of features over positions."""

from __future__ import annotations

import torch
from torch import Tensor

from stylespace.statistics.positions import positions


def mean_and_covariance(features: Tensor, guide: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean (C,) and covariance (C, C) over positions, float32. ``features``: (1, C, H, W), ``guide``: (1, 1, H, W) or None."""
    f, weight = positions(features, guide)
    mean = (f * weight).sum(1)
    # Second moment minus the mean's square: one pass over the features instead of three.
    return mean, (f * weight) @ f.T - torch.outer(mean, mean)


def mean_and_deviation(features: Tensor, guide: Tensor | None = None, epsilon: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean (C,) and standard deviation (C,) over positions ("BN statistics", Li et al. 2017, sec. 3.3), float32."""
    f, weight = positions(features, guide)
    mean = (f * weight).sum(1)
    variance = ((f - mean[:, None]).square() * weight).sum(1)
    return mean, (variance + epsilon).sqrt()
