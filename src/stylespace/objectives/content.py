"""Distance of features to a content picture's."""

from __future__ import annotations

from torch import Tensor

from stylespace.statistics.positions import widened


def feature_distance(given: Tensor, target: Tensor, guide: Tensor | None = None) -> Tensor:
    """Sum of squared differences of features (1, C, H, W) (Gatys et al. 2016, eq. 1, without the half).

    ``guide``: (1, 1, H, W), how much each position counts.
    """
    difference = (widened(given) - widened(target)).square()
    return difference.sum() if guide is None else (difference * guide).sum()
