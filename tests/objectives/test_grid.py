"""The grid term: it sees patterns of the network's strides, and hardly anything else."""

from __future__ import annotations

import pytest
import torch

from stylespace.objectives.grid import grid


@pytest.mark.parametrize("period", [2, 4, 8])
def test_it_sees_grids(period: int) -> None:
    torch.manual_seed(0)
    cell = torch.randn(1, 3, period, period) * 0.1
    pattern = cell.repeat(1, 1, 128 // period, 128 // period)
    noise = pattern.flatten(2)[..., torch.randperm(128 * 128)].reshape(pattern.shape)  # the same values without their order
    assert float(grid(0.5 + pattern)) > 20 * float(grid(0.5 + noise))


def test_other_periods_and_slopes_are_let_be() -> None:
    torch.manual_seed(0)
    eleven = (torch.randn(1, 3, 11, 11) * 0.1).repeat(1, 1, 12, 12)[..., :128, :128]
    four = (torch.randn(1, 3, 4, 4) * 0.1).repeat(1, 1, 32, 32)
    assert float(grid(eleven)) < 0.2 * float(grid(four))
    slope = torch.linspace(0, 1, 128).expand(1, 3, 128, 128)
    assert float(grid(slope)) < 1e-4


@pytest.mark.parametrize("size", [(3, 3), (5, 70), (64, 64), (100, 33)])
def test_any_size(size: tuple[int, int]) -> None:
    pictures = torch.rand(2, 3, *size, requires_grad=True)
    energy = grid(pictures)
    assert energy.shape == (2,)
    if min(size) > 3:
        energy.sum().backward()
        assert pictures.grad is not None
        assert torch.isfinite(pictures.grad).all()
