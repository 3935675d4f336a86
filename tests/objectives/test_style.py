"""Style distances against SciPy and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from stylespace.objectives.style import STATISTICS, Measurement, root, wasserstein_distance
from stylespace.statistics.moments import mean_and_covariance

EPSILON = 1e-4


def normal(dimensions: int, rank: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    factor = generator.normal(size=(dimensions, rank))
    return generator.normal(size=dimensions), factor @ factor.T / rank


def published_w2(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> float:
    """Dowson & Landau 1982, eq. 4, with SciPy's root of the plain product."""
    identity = EPSILON * np.eye(len(first[0]))
    a, b = first[1] + identity, second[1] + identity
    cross = scipy.linalg.sqrtm(a @ b)
    return float(((first[0] - second[0]) ** 2).sum() + np.trace(a + b - 2 * np.real(cross)))


def w2(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> float:
    mean, covariance = map(torch.from_numpy, first)
    target_mean, target_covariance = map(torch.from_numpy, second)
    target = (target_mean, target_covariance, root(target_covariance, EPSILON))
    return wasserstein_distance((mean, covariance), target, EPSILON).item()


@pytest.mark.parametrize(("rank", "target_rank"), [(12, 12), (3, 12), (12, 3), (3, 4), (1, 1)])
def test_wasserstein_as_scipy(rank: int, target_rank: int) -> None:
    first, second = normal(6, rank, 0), normal(6, target_rank, 1)
    assert w2(first, second) == pytest.approx(published_w2(first, second), abs=1e-6)
    assert w2(second, first) == pytest.approx(w2(first, second), abs=1e-9)  # a distance is symmetric


def test_wasserstein_where_it_is_known() -> None:
    """One dimension: (m1 - m2)^2 + (s1 - s2)^2. A shift: the shift's square. Diagonals: the deviations' distance."""
    one = w2((np.array([2.0]), np.array([[9.0]])), (np.array([5.0]), np.array([[4.0]])))
    assert one == pytest.approx(9 + (math.sqrt(9 + EPSILON) - math.sqrt(4 + EPSILON)) ** 2, abs=1e-9)
    mean, covariance = normal(5, 9, 0)
    assert w2((mean + 2, covariance), (mean, covariance)) == pytest.approx(5 * 4, abs=1e-9)
    a, b = np.array([1.0, 4.0, 0.25]), np.array([9.0, 1.0, 0.25])
    found = w2((np.zeros(3), np.diag(a)), (np.zeros(3), np.diag(b)))
    assert found == pytest.approx(((np.sqrt(a + EPSILON) - np.sqrt(b + EPSILON)) ** 2).sum(), abs=1e-9)


def test_wasserstein_as_style_transfer_pytorch_averages_it() -> None:
    """The mean over channels of both parts, with epsilon in both covariances (``StyleLossW2``): the sum over channels here."""
    first, second = normal(6, 4, 0), normal(6, 9, 1)
    a, b = (c + EPSILON * np.eye(6) for c in (first[1], second[1]))
    b_root = scipy.linalg.sqrtm(b)
    mean_difference = np.mean((first[0] - second[0]) ** 2)
    covariance_difference = np.diag(a + b - 2 * np.real(scipy.linalg.sqrtm(b_root @ a @ b_root))).mean()
    assert w2(first, second) / STATISTICS["wasserstein"].size(6) == pytest.approx(
        mean_difference + covariance_difference, abs=1e-6
    )


def test_root() -> None:
    _, covariance = normal(7, 3, 0)
    found = root(torch.from_numpy(covariance), EPSILON).numpy()
    assert np.allclose(found, scipy.linalg.sqrtm(covariance + EPSILON * np.eye(7)), atol=1e-9)
    assert np.allclose(found, found.T)


def target_of(name: str, features: Tensor) -> Measurement:
    return STATISTICS[name].blend([STATISTICS[name].measure(features, None, 0.0)], [1.0])


@pytest.mark.parametrize("name", list(STATISTICS))
@pytest.mark.parametrize("positions", [3, 40])
def test_zero_for_equal_and_more_for_others(name: str, positions: int) -> None:
    statistic = STATISTICS[name]
    features = torch.rand(1, 8, positions, 1, dtype=torch.float64)
    target = target_of(name, features)
    energy = statistic.energy(target).item()
    assert energy > 0
    assert abs(statistic.distance(statistic.measure(features, None, 0.0), target).item()) < 1e-8 * energy
    near, far = (statistic.distance(statistic.measure(features + d, None, 0.0), target).item() for d in (0.1, 0.5))
    assert 0 < near < far


@pytest.mark.parametrize(("channels", "positions"), [(64, 4096), (193, 64), (512, 64)])
def test_wasserstein_in_float32(channels: int, positions: int) -> None:
    """Deep layers of small pictures have more channels than positions; (512, 64) is relu5_1 of VGG-19 at 128 px."""
    statistic = STATISTICS["wasserstein"]
    features = (torch.randn(channels, 8) @ torch.randn(8, positions) + 0.3 * torch.randn(channels, positions)).relu()[
        None, ..., None
    ]
    nearby = (features + 0.3 * torch.randn_like(features)).relu()
    target, exact = target_of("wasserstein", features), target_of("wasserstein", features.double())
    energy = statistic.energy(exact).item()
    for given in (features, nearby):
        found = statistic.distance(statistic.measure(given, None, 0.0), target).item()
        expected = statistic.distance(statistic.measure(given.double(), None, 0.0), exact).item()
        assert found == pytest.approx(expected, abs=5e-4 * energy)


@pytest.mark.parametrize("name", list(STATISTICS))
def test_blend(name: str) -> None:
    """A weighted mean of measurements; weights only matter by their ratio; one style alone is itself."""
    statistic = STATISTICS[name]
    first, second = (statistic.measure(torch.rand(1, 4, 5, 6, dtype=torch.float64), None, 0.0) for _ in range(2))
    blended = statistic.blend([first, second], [3.0, 1.0])
    for part, a, b in zip(blended, first, second, strict=False):
        assert torch.allclose(part, 0.75 * a + 0.25 * b, atol=1e-14)
    for part, again in zip(blended, statistic.blend([first, second], [0.3, 0.1]), strict=True):
        assert torch.allclose(part, again, atol=1e-14)
    for part, alone in zip(first, statistic.blend([first, second], [1.0, 0.0]), strict=False):
        assert torch.equal(part, alone)


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("name", list(STATISTICS))
@pytest.mark.parametrize(("positions", "target_positions"), [(20, 20), (20, 3), (3, 20), (3, 3)])
def test_gradients(name: str, positions: int, target_positions: int, guided: bool) -> None:
    """Through features of six channels, some at fewer positions than channels: covariances that have no inverse."""
    statistic = STATISTICS[name]
    target = target_of(name, torch.randn(1, 6, target_positions, 1, dtype=torch.float64))
    features = torch.randn(1, 6, positions, 1, dtype=torch.float64, requires_grad=True)
    guide = torch.rand(1, 1, positions, 1, dtype=torch.float64) if guided else None
    assert torch.autograd.gradcheck(lambda f: statistic.distance(statistic.measure(f, guide, -1.0), target), features)


@pytest.mark.parametrize("distance", [1e-3, 1e-1])
@pytest.mark.parametrize("name", list(STATISTICS))
def test_gradients_near_the_target(name: str, distance: float) -> None:
    """Nearly equal covariances have nearly equal eigenvalues."""
    statistic = STATISTICS[name]
    style = torch.randn(1, 4, 12, 1, dtype=torch.float64)
    target = target_of(name, style)
    features = (style + distance * torch.randn_like(style)).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: statistic.distance(statistic.measure(f, None, 0.0), target), features)


@pytest.mark.parametrize("positions", [2, 12])
@pytest.mark.parametrize("name", list(STATISTICS))
def test_no_pull_at_the_target(name: str, positions: int) -> None:
    statistic = STATISTICS[name]
    features = torch.randn(1, 4, positions, 1, dtype=torch.float64, requires_grad=True)
    target = target_of(name, features.detach())
    (pull,) = torch.autograd.grad(statistic.distance(statistic.measure(features, None, 0.0), target), features)
    assert pull.abs().max() < 1e-9


def test_constant_features_pull() -> None:
    """A flat picture's covariance is zero; its gradient must be finite in float32 too."""
    statistic = STATISTICS["wasserstein"]
    target = target_of("wasserstein", torch.rand(1, 16, 9, 9))
    features = torch.full((1, 16, 9, 9), 0.3, requires_grad=True)
    (pull,) = torch.autograd.grad(statistic.distance(mean_and_covariance(features), target), features)
    assert torch.isfinite(pull).all()
    assert pull.abs().max() > 0
