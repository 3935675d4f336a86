"""The quadratic programme: its optimality conditions, and what references may expect of it."""

from __future__ import annotations

import numpy as np
import pytest

from stylespace.errors import InputError, StylespaceError
from stylespace.statistics.simplex import distance, nearest


def problem(count: int, size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    atoms = generator.normal(size=(count, size)) + 1
    point = generator.normal(size=size)
    return atoms, point, atoms @ atoms.T, atoms @ point


@pytest.mark.parametrize(("count", "size"), [(2, 5), (7, 3), (40, 10), (200, 60), (60, 200)])
def test_optimality_conditions(count: int, size: int) -> None:
    """Karush, Kuhn and Tucker: feasible; the gradient is the same wherever a weight is positive and nowhere less."""
    _, _, products, to_point = problem(count, size)
    weights = nearest(products, to_point)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-9)
    gradient = 2 * (products @ weights - to_point)
    multiplier = weights @ gradient
    slack = gradient - multiplier
    tolerance = 1e-5 * np.abs(np.diag(products)).max()
    assert slack.min() > -tolerance
    assert np.abs(slack[weights > 1e-4]).max() < tolerance


def test_nothing_near_is_nearer() -> None:
    _, point, products, to_point = problem(12, 6)
    weights = nearest(products, to_point)
    best = distance(weights, products, to_point, float(point @ point))
    generator = np.random.default_rng(1)
    for _ in range(300):
        other = weights * 0.9 + 0.1 * generator.dirichlet(np.ones(12) * 0.3)
        assert distance(other, products, to_point, float(point @ point)) >= best - 1e-9


def test_a_corner_gets_everything() -> None:
    atoms, _, products, _ = problem(9, 20)
    for i in (0, 4, 8):
        assert nearest(products, atoms @ atoms[i]) == pytest.approx(np.eye(9)[i], abs=1e-6)


def test_duplicates_share() -> None:
    atoms, point, _, _ = problem(5, 8)
    doubled = np.concatenate([atoms, atoms[:3]])
    single = nearest(atoms @ atoms.T, atoms @ point)
    weights = nearest(doubled @ doubled.T, doubled @ point)
    assert weights[:3] == pytest.approx(weights[5:], abs=1e-5)
    assert weights[:3] + weights[5:] == pytest.approx(single[:3], abs=1e-4)


def test_order_does_not_matter() -> None:
    atoms, point, products, to_point = problem(30, 12)
    order = np.random.default_rng(2).permutation(30)
    weights = nearest(products, to_point)
    assert nearest((atoms @ atoms.T)[np.ix_(order, order)], to_point[order]) == pytest.approx(weights[order], abs=1e-6)


@pytest.mark.parametrize("limit", [1, 2, 5, 50])
def test_limit(limit: int) -> None:
    _, point, products, to_point = problem(40, 50)
    weights = nearest(products, to_point, limit=limit)
    assert 1 <= np.count_nonzero(weights) <= limit
    assert weights.sum() == pytest.approx(1)
    free = distance(nearest(products, to_point), products, to_point, float(point @ point))
    assert distance(weights, products, to_point, float(point @ point)) >= free - 1e-9


def test_one_reference() -> None:
    assert nearest(np.array([[4.0]]), np.array([1.0])).tolist() == [1.0]


def test_scale_does_not_matter() -> None:
    _, _, products, to_point = problem(10, 6)
    weights = nearest(products, to_point)
    for scale in (1e-8, 1e8):
        assert nearest(products * scale, to_point * scale) == pytest.approx(weights, abs=1e-6)


def test_mistakes() -> None:
    with pytest.raises(InputError, match="1 or more"):
        nearest(np.eye(2), np.ones(2), limit=0)
    with pytest.raises(InputError, match="at least one"):
        nearest(np.zeros((0, 0)), np.zeros(0))
    with pytest.raises(StylespaceError, match="not finite"):
        nearest(np.full((2, 2), np.nan), np.ones(2))
