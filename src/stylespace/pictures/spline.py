"""Thin-plate splines: the smoothest surface through scattered values (Duchon 1977; Bookstein 1989, doi:10.1109/34.24792)."""

from __future__ import annotations

import torch
from torch import Tensor

from stylespace.pictures.float64 import float64

_TINY = 1e-30
_APART = 1e-9  # squared distance, as a share of the points' extent, below which two points are one
_RANK = 1e-7


def thin_plate(points: Tensor, values: Tensor, at: Tensor, smoothing: float = 0.0) -> Tensor:
    """Values at ``at`` (n, 2) of the thin-plate spline through ``values`` (k, d) at ``points`` (k, 2): (n, d).

    Weights w and an affine part A solve ``K w + P A = values, P^T w = 0`` with ``K = r^2 log r`` and ``P = [1 x y]``. Computed in
    float64, returned in the dtype of ``values``; differentiable in all arguments. ``smoothing`` is added to K's diagonal. Coincident
    points share the mean of their values. Where the points do not determine an affine part (fewer than three, or all on a line), it is
    constant in the directions that they leave open; without points everything is zero.
    """
    if not len(points):
        return values.new_zeros(len(at), values.shape[1])
    p, v = _once(float64(points), float64(values))
    known, directions = _affine(p)
    top = torch.cat([_kernel(p, p) + smoothing * torch.eye(len(p), dtype=p.dtype, device=p.device), known], 1)
    low = torch.cat([known.T, p.new_zeros(known.shape[1], known.shape[1])], 1)
    right = torch.cat([v, v.new_zeros(known.shape[1], v.shape[1])])
    solved = torch.linalg.solve(torch.cat([top, low]), right)
    q = float64(at)
    return (_kernel(q, p) @ solved[: len(p)] + _linear(q) @ directions @ solved[len(p) :]).to(values)


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    squared = (a[:, None] - b[None]).square().sum(-1)
    return 0.5 * squared * squared.clamp_min(_TINY).log()


def _linear(p: Tensor) -> Tensor:
    return torch.cat([p.new_ones(len(p), 1), p], 1)


def _affine(p: Tensor) -> tuple[Tensor, Tensor]:
    """The affine functions that the points determine: their values at the points (k, r) and their coefficients (3, r)."""
    basis = _linear(p)
    with torch.no_grad():
        _, spread, directions = torch.linalg.svd(basis, full_matrices=False)
        rank = int((spread > _RANK * spread[0]).sum())
        chosen = torch.eye(3, dtype=p.dtype, device=p.device) if rank == 3 else directions[:rank].T
    return basis @ chosen, chosen


def _once(p: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Coincident points merged into one, with the mean of their values."""
    with torch.no_grad():
        extent = (p.amax(0) - p.amin(0)).square().sum().clamp_min(1e-12)
        near = (p[:, None] - p[None]).square().sum(-1) <= _APART * extent
        first = near.double().argmax(1)  # for each point, the first one in its place
        groups, label = torch.unique(first, return_inverse=True)
    if len(groups) == len(p):
        return p, v
    share = torch.zeros(len(groups), len(p), dtype=p.dtype, device=p.device)
    share[label, torch.arange(len(p), device=p.device)] = 1.0
    share = share / share.sum(1, keepdim=True)
    return share @ p, share @ v
