"""The nearest point of the hull of very many points: fully-corrective Frank-Wolfe (Jaggi 2013), many new points a pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylespace.statistics import simplex

# A squared distance below this share of the point's squared length counts as zero: a share of it would mean nothing.
NEGLIGIBLE = 1e-4
# Of more than four times as many points, each pass picks this many and continues with these alone.
WORKING = 4096


@dataclass(frozen=True)
class Hull:
    """``active``: indices of the points with a weight; ``weights``: theirs, with sum 1; ``square``: squared distance.

    ``gap``: the duality gap, a bound on how much less the squared distance could be, as a share of it; ``passes`` over all points.
    """

    active: NDArray[np.int64]
    weights: NDArray[np.float64]
    square: float
    gap: float
    passes: int


def nearest(
    points: Tensor | Sequence[Tensor],
    to: Tensor,
    *,
    scale: Tensor | None = None,
    gap: float = 0.01,
    batch: int = 96,
    most: int = 60,
) -> Hull:
    """The point of the hull of ``points`` (N, D) nearest to ``to`` (D,), until the duality gap is at most ``gap`` of the squared distance.

    ``points`` may be float16, and in pieces (n, D) one after another. ``scale`` (D,): multiplies both first. Each pass adds
    the ``batch`` points that lie furthest towards ``to`` to the active set and solves the programme on it exactly; of very many
    points it first takes 4,096 and minimises among these. ``most``: the largest number of passes.
    """
    pieces = [points] if isinstance(points, Tensor) else list(points)
    count = sum(map(len, pieces))
    by = torch.ones_like(to) if scale is None else scale
    target = (to * by).double()
    size = float(target @ target)
    active = np.zeros(0, dtype=np.int64)
    weights = np.zeros(0)
    residual = -target
    square, share = size, float("inf")
    passes = 0
    for passes in range(1, most + 1):
        direction = (residual * by).float()
        towards = torch.cat([_product(piece, direction) for piece in pieces])
        if len(active):
            at = float(torch.from_numpy(weights) @ (_rows(pieces, active).double() * by @ residual))
            share = 2 * (at - float(towards.min())) / max(square, NEGLIGIBLE * size, 1e-300)
            if share <= gap:
                break
        many = count > 4 * WORKING
        new = torch.topk(towards, WORKING if many else min(batch, count), largest=False).indices.numpy()
        before = square
        chosen = np.union1d(active, new)
        own = _rows(pieces, chosen).float() * by
        if many:
            inner = nearest(own, target.float(), gap=gap / 4, batch=batch, most=most)
            kept, weights, square = inner.active, inner.weights, inner.square
        else:
            wide = own.double()
            found = simplex.nearest((wide @ wide.T).numpy(), (wide @ target).numpy())
            kept = np.flatnonzero(found)
            weights = found[kept]
        active = chosen[kept]
        residual = torch.from_numpy(weights) @ own[torch.from_numpy(kept)].double() - target
        square = float(residual @ residual)
        if passes > 1 and square >= before * (1 - 1e-9) and set(new) <= set(active):
            break
    return Hull(active, weights, square, max(share, 0.0), passes)


def _product(piece: Tensor, vector: Tensor, chunk: int = 16384) -> Tensor:
    """``piece @ vector``; half precision is widened bit by bit, so that no second copy of all points is made."""
    if piece.dtype == torch.float32:
        return piece @ vector
    wide = torch.empty(min(chunk, len(piece)), piece.shape[1])
    return torch.cat([wide[: len(part)].copy_(part) @ vector for part in torch.split(piece, chunk)])


def _rows(pieces: Sequence[Tensor], numbers: NDArray[np.int64]) -> Tensor:
    """The points with these indices, in ascending order."""
    ends = np.cumsum([len(piece) for piece in pieces])
    owners = np.searchsorted(ends, numbers, side="right")
    found = []
    for owner in np.unique(owners):
        inside = numbers[owners == owner] - (ends[owner] - len(pieces[owner]))
        found.append(pieces[owner][torch.from_numpy(inside)])
    return torch.cat(found)
