"""Boundaries of least error: by dynamic programming against trying all paths, and by cuts of graphs against the same."""

from __future__ import annotations

from itertools import product

import numpy as np

from stylespace.pictures.seams import boundary, graph_cut


def every_path(error: np.ndarray) -> int:
    """The cost of the cheapest path down ``error`` (h, w), by trying all."""
    high, wide = error.shape
    best = 1 << 60
    for start in range(wide):
        for steps in product((-1, 0, 1), repeat=high - 1):
            path = start + np.concatenate([[0], np.cumsum(steps)]).astype(int)
            if 0 <= path.min() and path.max() < wide:
                best = min(best, int(error[np.arange(high), path].sum()))
    return best


def test_a_path_is_the_cheapest() -> None:
    random = np.random.default_rng(0)
    for _ in range(5):
        error = random.integers(0, 100, (6, 6))
        shown = boundary(error, (4, 0, 0, 0))
        first = shown.argmax(1)  # the path's pixels are the first that are covered
        assert np.abs(np.diff(first)).max() <= 1
        assert all(row[k:].all() for row, k in zip(shown, first, strict=True))
        assert int(error[np.arange(6), first].sum()) == every_path(error[:, :4])


def test_edges_are_alike() -> None:
    """A strip at any edge is cut as the same strip at the left is."""
    error = np.random.default_rng(1).integers(0, 1000, (8, 8))
    left = boundary(error, (3, 0, 0, 0))
    assert np.array_equal(boundary(error.T, (0, 3, 0, 0)), left.T)
    assert np.array_equal(boundary(error[:, ::-1], (0, 0, 3, 0)), left[:, ::-1])
    assert np.array_equal(boundary(error[::-1].T, (0, 0, 0, 3)), left[::-1].T) or np.array_equal(
        boundary(error.T[::-1], (0, 0, 0, 3)), left.T[::-1]
    )
    both = boundary(error, (3, 3, 0, 0))
    assert np.array_equal(both, left & boundary(error, (0, 3, 0, 0)))
    assert boundary(error, (0, 0, 0, 0)).all()


def test_a_cut_runs_where_nothing_shows() -> None:
    error = np.full((7, 7), 900)
    error[:, 3] = error[3, 4:] = 0  # a path that costs nothing
    old, new = np.zeros((7, 7), bool), np.zeros((7, 7), bool)
    old[:, 0], new[:, 6] = True, True
    shown = graph_cut(error, old, new)
    assert not shown[old].any()
    assert shown[new].all()
    crossed = (shown[:, 1:] != shown[:, :-1]) * (error[:, 1:] + error[:, :-1])
    assert crossed.sum() <= 7 * 900
    assert crossed[:, 2:4].sum() == crossed.sum()


def test_nothing_below() -> None:
    none, every = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert graph_cut(np.ones((4, 4), np.int64), none, every).all()
    assert not graph_cut(np.ones((4, 4), np.int64), every, none).any()
