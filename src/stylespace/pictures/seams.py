"""The least visible seam between a picture and a block laid over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
FAR = np.int64(1) << 40  # more than any path costs
_TURNS = (
    lambda a: a,  # left
    lambda a: a.T,  # top
    lambda a: a[:, ::-1],  # right
    lambda a: a[::-1].T,  # bottom
)
_BACK = (lambda a: a, lambda a: a.T, lambda a: a[:, ::-1], lambda a: a.T[::-1])


def boundary(error: Integers, widths: Sequence[int]) -> NDArray[np.bool_]:
    """Where a block covers what it overlaps. ``error`` (side, side): their squared difference; ``widths``: how far the overlap reaches
    from the left, the top, the right and the bottom.

    Each strip is cut along its path of least error, found by dynamic programming (Efros & Freeman 2001, sec. 2.1); a path continues
    to one of three neighbours. Ties go to the outer side.
    """
    side = error.shape[0]
    shown = np.ones(error.shape, bool)
    used = [edge for edge in range(4) if widths[edge]]
    if not used:
        return shown
    widest = max(widths)
    strips = np.full((len(used), side, widest + 2), FAR, np.int64)  # with a column on either side that no path takes
    for strip, edge in zip(strips, used, strict=True):
        strip[:, 1 : widths[edge] + 1] = _TURNS[edge](error)[:, : widths[edge]]
    for row in range(1, side):
        before = strips[:, row - 1]
        least = np.minimum(np.minimum(before[:, :-2], before[:, 1:-1]), before[:, 2:])
        strips[:, row, 1:-1] += least
        np.minimum(strips[:, row], FAR, out=strips[:, row])
    every = np.arange(len(used))
    at = strips[:, -1].argmin(1)
    paths = np.empty((len(used), side), np.int64)
    paths[:, -1] = at
    for row in range(side - 2, -1, -1):
        near = np.stack([strips[every, row, at + step] for step in (-1, 0, 1)])
        at = at + near.argmin(0) - 1
        paths[:, row] = at
    columns = np.arange(side)
    for path, edge in zip(paths, used, strict=True):
        shown &= _BACK[edge](columns[None] >= path[:, None] - 1)
    return shown


def graph_cut(error: Integers, old: NDArray[np.bool_], new: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a block covers what is below it, in any shape: pixels ``old`` stay, pixels ``new`` are covered, and the minimum cut decides on
    the rest.

    ``error`` (side, side): the squared difference at each pixel; a seam between two pixels costs both of theirs (Kwatra et al. 2003,
    eq. 1).
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    if not old.any() or not new.any():
        return ~old
    side, wide = error.shape
    cells = np.arange(side * wide).reshape(side, wide)
    source, sink = cells.size, cells.size + 1
    cost = np.minimum(error, 1 << 20)
    ends = [(cells[:, :-1], cells[:, 1:], cost[:, :-1] + cost[:, 1:]), (cells[:-1], cells[1:], cost[:-1] + cost[1:])]
    a, b, capacity = (np.concatenate([each[k].ravel() for each in ends]) for k in range(3))
    endless = np.int64(1 << 30)
    rows = np.concatenate([a, b, np.full(int(old.sum()), source), cells[new]])
    columns = np.concatenate([b, a, cells[old], np.full(int(new.sum()), sink)])
    # One more on every edge, so that of equal cuts the shortest wins.
    values = np.concatenate([capacity + 1, capacity + 1, np.full(int(old.sum() + new.sum()), endless)])
    graph = csr_matrix((values.astype(np.int32), (rows, columns)), shape=(cells.size + 2,) * 2)
    rest = graph - maximum_flow(graph, source, sink).flow
    rest.data = np.maximum(rest.data, 0)
    rest.eliminate_zeros()
    reached = breadth_first_order(rest, source, return_predecessors=False)
    below = np.zeros(cells.size + 2, bool)
    below[reached] = True
    return ~below[: cells.size].reshape(side, wide)
