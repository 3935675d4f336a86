"""The content term."""

from __future__ import annotations

import pytest
import torch

from stylespace.objectives.content import feature_distance, own_energy


def test_sum_of_squares() -> None:
    given, target = torch.rand(1, 3, 4, 5), torch.rand(1, 3, 4, 5)
    guide = torch.rand(1, 1, 4, 5)
    expected = guided = 0.0
    for c in range(3):
        for y in range(4):
            for x in range(5):
                square = (given[0, c, y, x].item() - target[0, c, y, x].item()) ** 2
                expected += square
                guided += guide[0, 0, y, x].item() * square
    assert abs(feature_distance(given, target).item() - expected) < 1e-5
    assert abs(feature_distance(given, target, guide).item() - guided) < 1e-5
    assert feature_distance(given, given) == 0


def test_half_precision_is_summed_in_float32() -> None:
    """65,536 ones: summed in bfloat16 they would stop at 256."""
    ones = torch.ones(1, 1, 256, 256, dtype=torch.bfloat16)
    assert feature_distance(ones, torch.zeros_like(ones)) == 65536


def test_gradients() -> None:
    given, target = (torch.randn(1, 3, 4, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    guide = torch.rand(1, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(feature_distance, (given, target))
    assert torch.autograd.gradcheck(feature_distance, (given, target, guide))


def test_a_share_of_its_own_variance() -> None:
    target = torch.randn(1, 3, 4, 5)
    flat = target.mean((2, 3), keepdim=True).expand_as(target)
    assert float(feature_distance(flat, target) / own_energy(target)) == pytest.approx(1)
    assert float(own_energy(torch.full((1, 2, 3, 3), 2.0))) == pytest.approx(1e-3 * 2 * 9 * 4)  # flat: a share of its squares
    assert torch.isfinite(feature_distance(target, torch.zeros_like(target)) / own_energy(torch.zeros_like(target)))
    assert float(own_energy(torch.ones(1, 1, 256, 256, dtype=torch.bfloat16))) == pytest.approx(65.536)
