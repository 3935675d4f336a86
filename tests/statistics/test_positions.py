"""Moments over positions against their definition, and their gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stylespace.statistics.positions import moments_of


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_moments_are_weighted_means_of_products(guided: bool, shift: float) -> None:
    generator = torch.Generator().manual_seed(5)
    maps = torch.randn(1, 3, 4, 5, generator=generator, dtype=torch.float64).requires_grad_()
    guide = torch.rand(1, 1, 4, 5, generator=generator, dtype=torch.float64) if guided else None
    weight = torch.full((20,), 1 / 20, dtype=torch.float64) if guide is None else guide.flatten() / guide.sum()
    f = maps.detach()[0].flatten(1) + shift
    mean, second = moments_of(maps, guide, shift)
    torch.testing.assert_close(mean.detach(), sum(w * f[:, i] for i, w in enumerate(weight)))
    torch.testing.assert_close(second.detach(), sum(w * torch.outer(f[:, i], f[:, i]) for i, w in enumerate(weight)))

    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        return moments_of(x, guide, shift)

    assert torch.autograd.gradcheck(both, (maps,))
