"""Thin-plate splines against SciPy, their gradients, and point sets that tell too little."""

from __future__ import annotations

import pytest
import torch
from scipy.interpolate import RBFInterpolator
from torch import Tensor

from stylespace.pictures.spline import thin_plate


def random(*size: int, seed: int = 0) -> Tensor:
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("count", [3, 4, 12, 60])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_agrees_with_scipy(count: int, smoothing: float) -> None:
    points, values, at = random(count, 2), random(count, 2, seed=1), random(200, 2, seed=2) * 1.4 - 0.2
    reference = RBFInterpolator(points.numpy(), values.numpy(), kernel="thin_plate_spline", smoothing=smoothing, degree=1)
    torch.testing.assert_close(
        thin_plate(points, values, at, smoothing), torch.from_numpy(reference(at.numpy())), atol=1e-9, rtol=1e-7
    )


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_gradients_are_those_of_finite_differences(count: int) -> None:
    points, values, at = (t.requires_grad_() for t in (random(count, 2), random(count, 2, seed=1), random(7, 2, seed=2)))
    given = (values, at) if count < 3 else (points, values, at)

    def spline(*parts: Tensor) -> Tensor:
        return thin_plate(*((points, *parts) if count < 3 else parts))

    assert torch.autograd.gradcheck(spline, given)


@pytest.mark.parametrize(
    "points",
    [
        [[0.2, 0.3]],
        [[0.2, 0.3], [0.7, 0.6]],
        [[0.1, 0.1], [0.4, 0.4], [0.8, 0.8]],
        [[0.1, 0.1], [0.1, 0.1], [0.8, 0.2], [0.3, 0.9]],
        [[0.5, 0.5]] * 4,
    ],
    ids=["one", "two", "on a line", "two at one place", "all at one place"],
)
def test_goes_through_few_and_degenerate_points(points: list[list[float]]) -> None:
    at = torch.tensor(points, dtype=torch.float64)
    values = at.flip(1) * 0.1 + 0.02  # equal where places are equal
    found = thin_plate(at, values, at)
    torch.testing.assert_close(found, values)
    assert bool(thin_plate(at, values, random(50, 2)).isfinite().all())


def test_two_values_at_one_place_are_averaged() -> None:
    at = torch.tensor([[0.1, 0.1], [0.1, 0.1], [0.8, 0.2], [0.3, 0.9]], dtype=torch.float64)
    values = torch.tensor([[0.0], [1.0], [0.0], [0.0]], dtype=torch.float64)
    assert thin_plate(at, values, at[:1]).item() == pytest.approx(0.5)


def test_without_points_nothing_moves() -> None:
    assert thin_plate(torch.zeros(0, 2), torch.zeros(0, 2), torch.rand(5, 2)).abs().max() == 0


def test_a_linear_function_is_met_everywhere() -> None:
    points, at = random(9, 2), random(50, 2, seed=3) * 3 - 1
    torch.testing.assert_close(thin_plate(points, points @ torch.tensor([[1.0, 2.0], [0.5, -1.0]]).double() + 3, at),
                               at @ torch.tensor([[1.0, 2.0], [0.5, -1.0]]).double() + 3)  # fmt: skip
