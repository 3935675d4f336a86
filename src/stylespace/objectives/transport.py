"""Distances between two sets of vectors by relaxed optimal transport, by moments, and of the structure inside one set.

Kusner et al. 2015; Kolkin, Salavon & Shakhnarovich 2019 (eq. 4 to 9).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 1024
FLAT = 1e-4  # mean cosine distance; photographs have 0.1 to 0.5, a flat colour has 1e-6 of either sign


@dataclass(frozen=True)
class Cloud:
    """Vectors (m, D) that others are compared with, and what is computed from them once: ``unit`` rows, ``mean``, ``covariance``."""

    rows: Tensor
    unit: Tensor
    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Cloud:
        """Measure ``rows``."""
        return cls(rows, F.normalize(rows, dim=1), rows.mean(0), covariance(rows))


def transport(x: Tensor, cloud: Cloud, euclidean: bool = False) -> Tensor:
    """Relaxed earth mover's distance of ``x`` (n, D) to the ``cloud`` (eq. 4 to 6).

    The larger of two means: the cosine distance from each row of ``x`` to the nearest of the cloud, and from each of the cloud to the
    nearest of ``x``. ``euclidean`` adds the Euclidean distance divided by the root of D, for colours (authors' code). Nearest rows are
    searched in blocks without a gradient and only the distances to them are differentiated, which gives the gradient of the whole loss:
    memory does not grow with n times m.
    """
    unit = F.normalize(x, dim=1)
    with torch.no_grad():
        to_cloud, from_cloud, forth, back = _nearest(x, unit, cloud, euclidean)
    if forth >= back:
        near, far = (x, unit), (cloud.rows[to_cloud], cloud.unit[to_cloud])
    else:
        # index_select: the gradient of x[from_cloud] adds in any order where there are several threads.
        near, far = (x.index_select(0, from_cloud), unit.index_select(0, from_cloud)), (cloud.rows, cloud.unit)
    apart = 1 - (near[1] * far[1]).sum(1)
    if euclidean:
        apart = apart + (near[0] - far[0]).square().mean(1).clamp_min(1e-12).sqrt()
    return apart.mean()


def matched(x: Tensor, y: Tensor) -> Tensor:
    """Mean cosine distance between corresponding rows of ``x`` and ``y`` (n, D): transport that the user prescribes (section 2.4)."""
    return (1 - F.cosine_similarity(x, y, dim=1)).mean()


def pairwise(x: Tensor, unit: Tensor, cloud: Cloud, euclidean: bool = False) -> Tensor:
    """All distances between ``x`` (n, D), whose normalised rows are ``unit``, and the cloud, as in :func:`transport`: (n, m)."""
    far = 1 - unit @ cloud.unit.T
    return far + torch.cdist(x, cloud.rows) / x.shape[1] ** 0.5 if euclidean else far


def _nearest(x: Tensor, unit: Tensor, cloud: Cloud, euclidean: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The nearest of the cloud for each row of ``x``, the nearest of ``x`` for each of the cloud, and both mean distances."""
    to_cloud, forth = [], []
    best = x.new_full((len(cloud.rows),), float("inf"))
    from_cloud = torch.zeros(len(cloud.rows), dtype=torch.long, device=x.device)
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        far = pairwise(x[part], unit[part], cloud, euclidean)
        least, where = far.min(1)
        to_cloud.append(where)
        forth.append(least)
        least, where = far.min(0)
        nearer = least < best
        best = torch.where(nearer, least, best)
        from_cloud = torch.where(nearer, where + start, from_cloud)
    return torch.cat(to_cloud), from_cloud, torch.cat(forth).mean(), best.mean()


def moments(x: Tensor, cloud: Cloud) -> Tensor:
    """Mean absolute difference of the means of ``x`` (n, D) and the cloud plus that of their covariances (eq. 7)."""
    return (x.mean(0) - cloud.mean).abs().mean() + (covariance(x) - cloud.covariance).abs().mean()


def covariance(x: Tensor) -> Tensor:
    """Covariance of the columns of ``x`` (n, D): (D, D)."""
    centred = x - x.mean(0)
    return centred.T @ centred / max(len(x) - 1, 1)


def self_similarity(x: Tensor) -> Tensor:
    """Cosine distances between all rows of ``x`` (n, D), each column divided by its sum (eq. 8): (n, n).

    A mean distance counts as ``FLAT`` at least: in a flat colour the shares would otherwise be shares of rounding errors.
    """
    unit = F.normalize(x, dim=1)
    far = 1 - unit @ unit.T
    return far / far.sum(0, keepdim=True).clamp_min(FLAT * len(x))


def structure(x: Tensor, wanted: Tensor) -> Tensor:
    """How far the self-similarity of ``x`` (n, D) is from ``wanted`` (n, n), that of the photo at the same places (eq. 9)."""
    return (self_similarity(x) - wanted).abs().mean() * len(x)
