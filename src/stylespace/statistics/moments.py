"""First and second moments of features over positions."""

from __future__ import annotations

import torch
from torch import Tensor

from stylespace.pictures.float64 import float64
from stylespace.statistics.positions import moments_of, positions, weights


def mean_and_covariance(features: Tensor, guide: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean (C,) and covariance (C, C) over positions, float32. ``features``: (1, C, H, W), ``guide``: (1, 1, H, W) or None."""
    mean, second = moments_of(features, guide)
    return mean, second - torch.outer(mean, mean)


def mean_and_deviation(features: Tensor, guide: Tensor | None = None, epsilon: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean (C,) and standard deviation (C,) over positions ("BN statistics", Li et al. 2017, sec. 3.3), float32."""
    f = positions(features)
    weight = weights(guide, f)
    mean = (f * weight).sum(1)
    variance = ((f - mean[:, None]).square() * weight).sum(1)
    return mean, (variance + epsilon).sqrt()


def means_and_squares(features: Tensor, guide: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean (C,) and mean square (C,) over positions, float64: unlike :func:`mean_and_deviation` they add up over parts of a picture."""
    f = float64(positions(features))
    weight = weights(guide, f)
    return (f * weight).sum(1), (f.square() * weight).sum(1)


def deviation_of(mean: Tensor, square: Tensor, epsilon: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean (C,) and standard deviation (C,) from the result of :func:`means_and_squares`."""
    return mean, ((square - mean.square()).clamp_min(0) + epsilon).sqrt()
