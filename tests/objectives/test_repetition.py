"""Repetition: a motif in rows is charged for, strokes of one kind anywhere are not, and what the style repeats may be repeated."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.objectives.repetition import FAR, autocorrelation, repetition


def scattered(generator: torch.Generator) -> Tensor:
    """Blobs of one size anywhere, (1, 3, 64, 64)."""
    return F.avg_pool2d(torch.randn(1, 3, 68, 68, generator=generator), 5, 1)


def in_rows(period: int, generator: torch.Generator) -> Tensor:
    """One of them again and again."""
    return scattered(generator)[..., :period, :period].repeat(1, 1, 64 // period + 1, 64 // period + 1)[..., :64, :64]


def test_autocorrelation_is_that_of_the_definition() -> None:
    features = torch.randn(1, 2, 40, 30, generator=torch.Generator().manual_seed(0))
    found = autocorrelation(features)[0]
    x = features - F.avg_pool2d(F.pad(features, [4] * 4, mode="replicate"), 9, 1)
    for down, right in ((0, 0), (3, 5), (7, -4), (-6, 2)):
        one = x[..., max(0, -down) : 40 - max(0, down), max(0, -right) : 30 - max(0, right)]
        other = x[..., max(0, down) : 40 - max(0, -down), max(0, right) : 30 - max(0, -right)]
        expected = (one * other).mean((2, 3)).sum() / x.square().mean((2, 3)).sum()
        assert float(found[FAR + down, FAR + right]) == pytest.approx(float(expected), abs=1e-5)


def test_rows_are_charged_for() -> None:
    generator = torch.Generator().manual_seed(1)
    style, same = (autocorrelation(scattered(generator)) for _ in range(2))
    rows = autocorrelation(in_rows(12, generator))
    assert float(rows[0, FAR, FAR + 12]) > 0.9
    assert float(repetition(same, style)) < 1e-4
    assert float(repetition(rows, style)) > 0.003
    assert float(repetition(rows, autocorrelation(in_rows(12, generator)))) < 0.3 * float(repetition(rows, style))


@pytest.mark.parametrize("size", [(64, 64), (9, 30), (5, 5)])
def test_it_has_a_gradient_at_any_size(size: tuple[int, int]) -> None:
    features = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(2)).requires_grad_()
    value = repetition(autocorrelation(features), torch.zeros(1, 2 * FAR + 1, 2 * FAR + 1)).sum()
    value.backward()
    assert features.grad is not None
    assert bool(torch.isfinite(features.grad).all())
    assert bool(torch.isfinite(value))
