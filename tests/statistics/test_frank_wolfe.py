"""Frank-Wolfe against the programme over all points at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stylespace.statistics import frank_wolfe, simplex


def points(count: int, size: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, generator=generator) + 0.5, torch.randn(size, generator=generator) * 0.5


@pytest.mark.parametrize(("count", "size"), [(5, 3), (300, 12), (2000, 40)])
def test_as_near_as_the_whole_programme(count: int, size: int) -> None:
    atoms, to = points(count, size)
    hull = frank_wolfe.nearest(atoms, to, gap=0.01, batch=8)
    wide, wide_to = atoms.double().numpy(), to.double().numpy()
    weights = simplex.nearest(wide @ wide.T, wide @ wide_to)
    best = float(((weights @ wide - wide_to) ** 2).sum())
    assert hull.gap <= 0.01
    assert hull.weights.sum() == pytest.approx(1)
    assert best - 1e-6 <= hull.square <= best * 1.01 + 1e-4 * float(wide_to @ wide_to)
    assert hull.square == pytest.approx(float(((hull.weights @ wide[hull.active] - wide_to) ** 2).sum()), abs=1e-9)


def test_the_gap_bounds_what_is_left() -> None:
    atoms, to = points(3000, 30, 1)
    rough = frank_wolfe.nearest(atoms, to, gap=0.5, batch=4)
    fine = frank_wolfe.nearest(atoms, to, gap=1e-4, batch=16)
    assert rough.square * (1 - rough.gap) <= fine.square + 1e-9


def test_scale() -> None:
    atoms, to = points(100, 6)
    scale = torch.linspace(0.1, 2, 6)
    one = frank_wolfe.nearest(atoms, to, scale=scale, gap=1e-6)
    two = frank_wolfe.nearest(atoms * scale, to * scale, gap=1e-6)
    assert one.square == pytest.approx(two.square, rel=1e-5)


def test_a_point_of_the_set_and_half_precision() -> None:
    atoms, _ = points(500, 20)
    half = atoms.half()
    hull = frank_wolfe.nearest(half.split(64), half[17].float())
    assert hull.active[np.argmax(hull.weights)] == 17
    assert hull.weights.max() == pytest.approx(1, abs=1e-3)


def test_one_point() -> None:
    atoms, to = points(1, 4)
    hull = frank_wolfe.nearest(atoms, to)
    assert hull.active.tolist() == [0]
    assert hull.weights.tolist() == [1.0]


def test_very_many_points_go_through_a_working_set() -> None:
    atoms, to = points(40_000, 10, 3)
    hull = frank_wolfe.nearest(atoms.half().split(5000), to, gap=1e-3)
    every = frank_wolfe.nearest(atoms.half()[torch.from_numpy(np.sort(hull.active))].float(), to, gap=1e-6)
    assert hull.gap <= 1e-3
    assert hull.square == pytest.approx(every.square, rel=1e-3, abs=1e-9)
    towards = atoms.half().float() @ (torch.from_numpy(hull.weights).float() @ atoms.half()[hull.active].float() - to)
    assert float(towards[hull.active].mean() - towards.min()) * 2 <= 1.1e-3 * max(hull.square, 1e-4 * float(to @ to)) + 1e-5
