"""Moments over positions of features that are not worked out."""

from __future__ import annotations

import pytest
import torch

from stylespace.encoders.mapped import Mapped, whole
from stylespace.statistics.positions import moments_of


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_moments_of_mapped_features_are_those_of_the_features(guided: bool, shift: float) -> None:
    generator = torch.Generator().manual_seed(5)
    maps = torch.randn(1, 4, 6, 5, generator=generator, dtype=torch.float64).requires_grad_()
    matrix, offset = (torch.randn(*size, generator=generator, dtype=torch.float64) for size in ((7, 4), (7,)))
    guide = torch.rand(1, 1, 6, 5, generator=generator, dtype=torch.float64) if guided else None
    mapped = Mapped(maps, matrix, offset)
    found, plain = moments_of(mapped, guide, shift), moments_of(whole(mapped), guide, shift)
    assert mapped.shape == tuple(whole(mapped).shape)
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other)
    factors = [torch.randn(m.shape, generator=generator, dtype=torch.float64) for m in found]
    gradients = [
        torch.autograd.grad(sum((f * m).sum() for f, m in zip(factors, made, strict=True)), maps, retain_graph=True)[0]
        for made in (found, plain)
    ]
    torch.testing.assert_close(*gradients)
