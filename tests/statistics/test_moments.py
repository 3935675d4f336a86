"""Means, covariances and deviations against NumPy's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from stylespace.statistics.moments import mean_and_covariance, mean_and_deviation

WEIGHTS = {"everywhere": None, "in a region": np.random.default_rng(1).integers(0, 4, (1, 1, 6, 7))}


@pytest.mark.parametrize("where", list(WEIGHTS))
def test_as_numpy(where: str) -> None:
    features = np.random.default_rng(0).normal(3, 2, (1, 5, 6, 7))
    weights = WEIGHTS[where]
    guide = None if weights is None else torch.from_numpy(weights)
    flat = features.reshape(5, -1)
    aweights = None if weights is None else weights.ravel()
    covariance = np.cov(flat, ddof=0, aweights=aweights)

    mean, found = mean_and_covariance(torch.from_numpy(features), guide)
    assert np.allclose(mean, np.average(flat, axis=1, weights=aweights), atol=1e-13)
    assert np.allclose(found, covariance, atol=1e-13)

    mean, deviation = mean_and_deviation(torch.from_numpy(features), guide, epsilon=1e-3)
    assert np.allclose(mean, np.average(flat, axis=1, weights=aweights), atol=1e-13)
    assert np.allclose(deviation, np.sqrt(np.diag(covariance) + 1e-3), atol=1e-13)


def test_constant_features() -> None:
    flat = torch.full((1, 3, 4, 4), 7.0, requires_grad=True)
    mean, covariance = mean_and_covariance(flat)
    assert torch.allclose(mean, torch.full((3,), 7.0))
    assert covariance.abs().max() < 1e-4
    _, deviation = mean_and_deviation(flat)
    assert torch.allclose(deviation, torch.full((3,), 1e-5**0.5))
    deviation.sum().backward()
    assert flat.grad is not None
    assert torch.isfinite(flat.grad).all()  # without epsilon the root has none at zero


def test_one_position() -> None:
    one = torch.randn(1, 4, 1, 1, dtype=torch.float64)
    mean, covariance = mean_and_covariance(one)
    assert torch.equal(mean, one.flatten())
    assert covariance.abs().max() < 1e-15


def test_an_empty_guide() -> None:
    found = [*mean_and_covariance(torch.rand(1, 3, 4, 4), torch.zeros(1, 1, 4, 4))]
    found += mean_and_deviation(torch.rand(1, 3, 4, 4), torch.zeros(1, 1, 4, 4))
    assert all(torch.isfinite(part).all() for part in found)


@pytest.mark.parametrize("statistic", [mean_and_covariance, mean_and_deviation])
@pytest.mark.parametrize("channels_last", [False, True])
def test_gradients(statistic: Callable[..., tuple[Tensor, Tensor]], channels_last: bool) -> None:
    """Of each part and of both, which have one backward pass."""
    features = torch.randn(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    if channels_last:
        features = features.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    guide = torch.rand(1, 1, 4, 5, dtype=torch.float64)
    for at in (None, guide, torch.zeros_like(guide)):
        assert torch.autograd.gradcheck(lambda f, at=at: statistic(f, at), features)
        for part in (0, 1):
            assert torch.autograd.gradcheck(lambda f, at=at, part=part: statistic(f, at)[part], features)
