"""Content distance: how far the result's features are from the photo's.

Range: 0 (the same features) upwards; published results lie between 0.7 and 4, results of another photo from 2 up. Lower is
closer to the photo.
Definition: sum of squared differences at ``relu4_2`` (Gatys et al. 2016, eq. 1, without the half) as a share of the photo's own
variance there, so that it compares between photos.
It does not measure whether the result is good: a result that is the photo itself has 0. It does not see colour shifts or fine
lines well, and a result of another proportion than the photo is squeezed to fit first.
"""

from __future__ import annotations

from torch import Tensor

from stylespace.objectives.content import feature_distance
from stylespace.statistics.guides import follow

LAYER = "relu4_2"


def content_distance(features: Tensor, target: Tensor, guide: Tensor | None = None) -> float:
    """The share of the variance of ``target`` that ``features`` miss, both (1, C, h, w).

    ``guide``: (1, 1, H, W) in [0, 1], how much each position counts.
    """
    at = None if guide is None else follow(guide, (target.shape[2], target.shape[3]))
    flat = target.float().mean((2, 3), keepdim=True).expand_as(target)
    if at is not None:
        flat = ((target.float() * at).sum((2, 3), keepdim=True) / at.sum().clamp_min(1e-12)).expand_as(target)
    energy = float(feature_distance(flat, target, at))
    # A flat photo has no variance to measure by; then the mean square serves.
    floor = 1e-3 * float(feature_distance(flat * 0, target, at))
    return float(feature_distance(features, target, at)) / max(energy, floor, 1e-12)
