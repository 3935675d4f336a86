"""Style distances against SciPy and closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.objectives.style import (
    STATISTICS,
    Measurement,
    Statistic,
    mmd_gaussian,
    mmd_poly,
    root,
    statistic_named,
    wasserstein_distance,
)
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


def by_eigenvalues(mean: Tensor, covariance: Tensor, target: Measurement) -> Tensor:
    """The distance with its cross term from eigenvalues alone, differentiated by PyTorch."""
    target_mean, target_covariance, target_root = target
    identity = torch.eye(len(mean), dtype=torch.float64)
    raised = (covariance + covariance.T) / 2 + EPSILON * identity
    inner = target_root @ raised @ target_root
    cross = torch.linalg.eigvalsh((inner + inner.T) / 2).sqrt().sum()
    trace = raised.trace() + (target_covariance + EPSILON * identity).trace()
    return (mean - target_mean).square().sum() + trace - 2 * cross


@pytest.mark.parametrize(("rank", "target_rank"), [(12, 12), (3, 12), (12, 3), (3, 4), (1, 1)])
def test_wasserstein_gradient(rank: int, target_rank: int) -> None:
    """With respect to mean and covariance: PyTorch's gradient of the eigenvalues, and finite differences."""
    mean, covariance, target_mean, target_covariance = map(torch.from_numpy, (*normal(6, rank, 0), *normal(6, target_rank, 1)))
    target = (target_mean, target_covariance, root(target_covariance, EPSILON))

    def ours(mean: Tensor, covariance: Tensor) -> Tensor:
        return wasserstein_distance((mean, covariance), target, EPSILON)

    found, expected = [], []
    for results, distance in ((found, ours), (expected, lambda m, c: by_eigenvalues(m, c, target))):
        given = mean.clone().requires_grad_(), covariance.clone().requires_grad_()
        value = distance(*given)
        results += [value.detach(), *torch.autograd.grad(value, given)]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)
    if rank + target_rank >= 6:  # else both are flat in some direction, where a step down leads to what is no covariance
        assert torch.autograd.gradcheck(ours, (mean.requires_grad_(), covariance.requires_grad_()))


def test_root() -> None:
    _, covariance = normal(7, 3, 0)
    found = root(torch.from_numpy(covariance), EPSILON).numpy()
    assert np.allclose(found, scipy.linalg.sqrtm(covariance + EPSILON * np.eye(7)), atol=1e-9)
    assert np.allclose(found, found.T)


def fitted(name: str, *styles: Tensor) -> Statistic:
    """For styles of equal weight."""
    return STATISTICS[name].fitted([(style, None) for style in styles], [1.0] * len(styles))


def target_of(statistic: Statistic, features: Tensor) -> Measurement:
    return statistic.blend([statistic.measure(features, None, 0.0)], [1.0])


@pytest.mark.parametrize("name", list(STATISTICS))
@pytest.mark.parametrize("positions", [3, 40])
def test_zero_for_equal_and_more_for_others(name: str, positions: int) -> None:
    features = torch.rand(1, 8, positions, 1, dtype=torch.float64)
    statistic = fitted(name, features)
    target = target_of(statistic, features)
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
    target, exact = target_of(statistic, features), target_of(statistic, features.double())
    energy = statistic.energy(exact).item()
    for given in (features, nearby):
        found = statistic.distance(statistic.measure(given, None, 0.0), target).item()
        expected = statistic.distance(statistic.measure(given.double(), None, 0.0), exact).item()
        assert found == pytest.approx(expected, abs=5e-4 * energy)


@pytest.mark.parametrize("name", list(STATISTICS))
def test_blend(name: str) -> None:
    """A weighted mean of measurements; weights only matter by their ratio; one style alone is itself."""
    styles = [torch.rand(1, 4, 5, 6, dtype=torch.float64) for _ in range(2)]
    statistic = fitted(name, *styles)
    first, second = (statistic.measure(style, None, 0.0) for style in styles)
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
    style = torch.randn(1, 6, target_positions, 1, dtype=torch.float64)
    statistic = fitted(name, style)
    target = target_of(statistic, style)
    features = torch.randn(1, 6, positions, 1, dtype=torch.float64, requires_grad=True)
    guide = torch.rand(1, 1, positions, 1, dtype=torch.float64) if guided else None
    assert torch.autograd.gradcheck(lambda f: statistic.distance(statistic.measure(f, guide, -1.0), target), features)


@pytest.mark.parametrize("distance", [1e-3, 1e-1])
@pytest.mark.parametrize("name", list(STATISTICS))
def test_gradients_near_the_target(name: str, distance: float) -> None:
    """Nearly equal covariances have nearly equal eigenvalues."""
    style = torch.randn(1, 4, 12, 1, dtype=torch.float64)
    statistic = fitted(name, style)
    target = target_of(statistic, style)
    features = (style + distance * torch.randn_like(style)).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: statistic.distance(statistic.measure(f, None, 0.0), target), features)


@pytest.mark.parametrize("positions", [2, 12])
@pytest.mark.parametrize("name", list(STATISTICS))
def test_no_pull_at_the_target(name: str, positions: int) -> None:
    features = torch.randn(1, 4, positions, 1, dtype=torch.float64, requires_grad=True)
    statistic = fitted(name, features.detach())
    target = target_of(statistic, features.detach())
    (pull,) = torch.autograd.grad(statistic.distance(statistic.measure(features, None, 0.0), target), features)
    assert pull.abs().max() < 1e-9


def test_constant_features_pull() -> None:
    """A flat picture's covariance is zero; its gradient must be finite in float32 too."""
    statistic = STATISTICS["wasserstein"]
    target = target_of(statistic, torch.rand(1, 16, 9, 9))
    features = torch.full((1, 16, 9, 9), 0.3, requires_grad=True)
    (pull,) = torch.autograd.grad(statistic.distance(mean_and_covariance(features), target), features)
    assert torch.isfinite(pull).all()
    assert pull.abs().max() > 0


# Maximum mean discrepancies, as sums over all pairs of positions


def mmd(x: Tensor, y: Tensor, kernel: Callable[[Tensor], Tensor]) -> float:
    """MMD^2 (Li et al. 2017, eq. 6) of features (1, C, H, W); ``kernel`` of inner products of every two positions."""
    a, b = x[0].flatten(1), y[0].flatten(1)
    return (kernel(a.T @ a).mean() + kernel(b.T @ b).mean() - 2 * kernel(a.T @ b).mean()).item()


def distance(statistic: Statistic, given: Tensor, style: Tensor) -> float:
    return statistic.distance(statistic.measure(given, None, 0.0), target_of(statistic, style)).item()


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    """Of different sizes."""
    return torch.rand(1, 6, 5, 7, dtype=torch.float64), torch.rand(1, 6, 4, 9, dtype=torch.float64) - 0.2


def test_gram_is_the_quadratic_kernel(pair: tuple[Tensor, Tensor]) -> None:
    """Li et al. 2017, eq. 8: to rounding."""
    expected = mmd(*pair, kernel=torch.square)
    assert distance(STATISTICS["gram"], *pair) == pytest.approx(expected, rel=1e-12)
    assert distance(STATISTICS["mmd-poly"], *pair) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 0.3, 5.0])
def test_polynomial_kernel(pair: tuple[Tensor, Tensor], offset: float) -> None:
    expected = mmd(*pair, kernel=lambda products: (products + offset).square())
    assert distance(mmd_poly(offset), *pair) == pytest.approx(expected, rel=1e-11)


def test_linear_kernel(pair: tuple[Tensor, Tensor]) -> None:
    assert distance(STATISTICS["mmd-linear"], *pair) == pytest.approx(mmd(*pair, kernel=lambda products: products), rel=1e-11)


def test_gaussian_kernel(pair: tuple[Tensor, Tensor]) -> None:
    """Estimated with many random features; the bandwidth is the style's mean squared distance of pairs."""
    x, y = (features[0].flatten(1).T for features in pair)
    variance = torch.cdist(y, y).square().mean()

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (-torch.cdist(a, b).square() / (2 * variance)).exp().mean()

    statistic = mmd_gaussian(10_000).fitted([(pair[1], None)], [1.0])
    expected = (kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)).item()
    assert distance(statistic, *pair) == pytest.approx(expected, rel=0.03)


def test_gaussian_kernel_of_several_styles(pair: tuple[Tensor, Tensor]) -> None:
    """Two halves of one picture are the picture: bandwidth, target and all. A style without weight is not there."""
    given, style = pair
    halves = style[..., :3], style[..., 3:]
    weights = [3.0, 6.0]
    whole = mmd_gaussian().fitted([(style, None)], [1.0])
    parts = mmd_gaussian().fitted([(half, None) for half in halves], weights)
    target = parts.blend([parts.measure(half, None, 0.0) for half in halves], weights)
    found = parts.distance(parts.measure(given, None, 0.0), target).item()
    assert found == pytest.approx(distance(whole, given, style), rel=1e-9)
    alone = mmd_gaussian().fitted([(style, None), (given, None)], [1.0, 0.0])
    assert distance(alone, given, style) == pytest.approx(distance(whole, given, style), rel=1e-12)
    guide = torch.zeros(1, 1, 4, 9, dtype=torch.float64)
    guide[..., 3:] = 0.5
    masked, cut = (mmd_gaussian().fitted([each], [1.0]) for each in ((style, guide), (halves[1], None)))
    assert torch.allclose(masked.measure(given, None, 0.0)[0], cut.measure(given, None, 0.0)[0], atol=1e-12)


def test_gaussian_kernel_wants_its_bandwidth() -> None:
    with pytest.raises(TypeError, match=r"fitted\(\)"):
        mmd_gaussian().measure(torch.rand(1, 3, 4, 4), None, 0.0)


@pytest.mark.parametrize("name", list(STATISTICS))
def test_energy_is_the_distance_from_nothing(name: str) -> None:
    """But for the small numbers that covariances and variances are raised by."""
    style = torch.rand(1, 4, 5, 6, dtype=torch.float64)
    statistic = fitted(name, style)
    assert statistic.energy(target_of(statistic, style)).item() == pytest.approx(
        distance(statistic, torch.zeros_like(style), style), rel=0.03
    )
    assert statistic.emphasis > 0


def test_statistics_by_name(pair: tuple[Tensor, Tensor]) -> None:
    assert statistic_named("gram", offset=1.0) is STATISTICS["gram"]
    assert distance(statistic_named("mmd-poly", offset=2.0), *pair) == distance(mmd_poly(2.0), *pair)
    ours, same, other = (
        distance(statistic_named("mmd-gaussian", count=3, seed=seed).fitted([(pair[1], None)], [1.0]), *pair)
        for seed in (0, 0, 1)
    )
    assert ours == same != other


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gramm", {}, "choose among gram, moments"),
        ("mmd-poly", {"offset": -1.0}, "0 or more"),
        ("mmd-gaussian", {"count": 1}, "2 or more"),
    ],
)
def test_mistakes(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        statistic_named(name, **options)
