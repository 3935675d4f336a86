"""Guides at a layer's size: the share of each position's area, by another route."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from stylespace.statistics.guides import follow


def test_halves_by_averages() -> None:
    guide = torch.rand(1, 1, 24, 36)
    assert torch.allclose(follow(guide, (6, 9)), F.avg_pool2d(guide, 4))
    assert follow(guide, (24, 36)) is guide


@pytest.mark.parametrize("size", [(7, 5), (3, 11), (1, 1)])
def test_ones_stay_ones_and_parts_add_up(size: tuple[int, int]) -> None:
    guide = torch.rand(1, 1, 23, 31, dtype=torch.float64)
    assert torch.allclose(follow(torch.ones_like(guide), size), torch.ones(1, 1, *size, dtype=torch.float64))
    assert torch.allclose(follow(guide, size) + follow(1 - guide, size), torch.ones(1, 1, *size, dtype=torch.float64))


def test_gradient() -> None:
    guide = torch.rand(1, 1, 5, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda g: follow(g, (2, 3)), guide)
