"""Means of mapped features against kernels summed over all pairs of positions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stylespace.statistics import kernels
from stylespace.statistics.kernels import RandomFeatures, bandwidth, mean, mean_and_gram, mean_and_square

WEIGHTS = {"everywhere": None, "in a region": np.random.default_rng(1).integers(0, 4, (1, 1, 5, 6))}


def picture(seed: int = 0, scale: float = 1.0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0.5, scale, (1, 4, 5, 6)))


def flat(features: Tensor) -> np.ndarray:
    """Positions by channels."""
    return features[0].flatten(1).T.numpy()


def shares(guide: np.ndarray | None) -> np.ndarray:
    weights = np.ones(30) if guide is None else guide.ravel().astype(float)
    return weights / weights.sum()


def squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared distances of all pairs."""
    return ((x[:, None] - y[None]) ** 2).sum(2)


def exact(x: np.ndarray, y: np.ndarray, variance: float, p: np.ndarray | None = None) -> float:
    """MMD^2 with the Gaussian kernel, summed over all pairs; ``p``: weights of the positions of x."""
    p = np.full(len(x), 1 / len(x)) if p is None else p
    q = np.full(len(y), 1 / len(y))
    xx, yy, xy = (np.exp(-squares(a, b) / (2 * variance)) for a, b in ((x, x), (y, y), (x, y)))
    return float(p @ xx @ p + q @ yy @ q - 2 * p @ xy @ q)


@pytest.mark.parametrize("where", list(WEIGHTS))
def test_means_as_numpy(where: str) -> None:
    guide = None if WEIGHTS[where] is None else torch.from_numpy(WEIGHTS[where])
    x, p = flat(picture()), shares(WEIGHTS[where])
    assert np.allclose(mean(picture(), guide), p @ x, atol=1e-14)
    found, square = mean_and_square(picture(), guide)
    assert np.allclose(found, p @ x, atol=1e-14)
    assert square.item() == pytest.approx(p @ (x**2).sum(1), abs=1e-13)
    found, product = mean_and_gram(picture(), guide, -1.0)
    assert np.allclose(found, p @ (x - 1), atol=1e-14)
    assert np.allclose(product, (p[:, None] * (x - 1)).T @ (x - 1), atol=1e-14)


@pytest.mark.parametrize("where", list(WEIGHTS))
def test_bandwidth_is_the_mean_squared_distance_of_pairs(where: str) -> None:
    guide = None if WEIGHTS[where] is None else torch.from_numpy(WEIGHTS[where])
    x, p = flat(picture()), shares(WEIGHTS[where])
    assert bandwidth(*mean_and_square(picture(), guide)) == pytest.approx(p @ squares(x, x) @ p, rel=1e-12)


def test_random_disjoint_pairs_estimate_the_bandwidth() -> None:
    """What Li et al. do; with M positions the pairs are M / (M - 1) further apart on average, since no position meets itself."""
    features = picture()
    x, random = flat(features), np.random.default_rng(0)
    estimates = []
    for _ in range(2000):
        order = random.permutation(30)
        estimates.append(((x[order[:15]] - x[order[15:]]) ** 2).sum(1).mean())
    assert bandwidth(*mean_and_square(features)) * 30 / 29 == pytest.approx(np.mean(estimates), rel=0.01)


def test_bandwidth_of_several_styles() -> None:
    """Blended means give the mean over pairs of the mixture of all their positions."""
    first, second = picture(0), picture(1, 3.0)
    blended = [0.25 * a + 0.75 * b for a, b in zip(mean_and_square(first), mean_and_square(second), strict=True)]
    x = np.concatenate([flat(first), flat(second)])
    p = np.repeat([0.25 / 30, 0.75 / 30], 30)
    assert bandwidth(*blended) == pytest.approx(p @ squares(x, x) @ p, rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 3.0, 1e4])
def test_flat_pictures_have_a_bandwidth(value: float) -> None:
    features = torch.full((1, 4, 5, 6), value)
    found = bandwidth(*mean_and_square(features))
    assert found > 0
    mapped = RandomFeatures.drawn(4, found, 16, 0).to(features).mean_map(features)
    assert torch.isfinite(mapped).all()
    assert mapped.norm().item() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("where", list(WEIGHTS))
def test_mean_map(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The formula, whole and in pieces of seven positions."""
    guide = None if WEIGHTS[where] is None else torch.from_numpy(WEIGHTS[where])
    mapping = RandomFeatures.drawn(4, 2.0, 3, 0)
    angles = flat(picture()) @ mapping.frequencies.numpy()
    expected = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / 6**0.5
    assert mapping.frequencies.shape == (4, 6)
    assert np.allclose(mapping.mean_map(picture(), guide), shares(WEIGHTS[where]) @ expected, atol=1e-14)
    monkeypatch.setattr(kernels, "_CHUNK", 42)
    assert np.allclose(mapping.mean_map(picture(), guide), shares(WEIGHTS[where]) @ expected, atol=1e-14)
    assert np.allclose(mapping.of_zero(), mapping.mean_map(torch.zeros_like(picture())), atol=1e-14)


def test_tiles_sum_to_the_whole() -> None:
    mapping = RandomFeatures.drawn(4, 2.0, 4, 0)
    tiles = [mapping.mean_map(tile) * tile.shape[-1] / 6 for tile in (picture()[..., :2], picture()[..., 2:])]
    assert torch.allclose(tiles[0] + tiles[1], mapping.mean_map(picture()), atol=1e-14)


def test_seeds() -> None:
    one, same, other = (RandomFeatures.drawn(4, 2.0, 4, seed).frequencies for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other, atol=0.1)
    block = one[:, :4].T @ one[:, :4]
    assert torch.allclose(block, block.diag().diag(), atol=1e-14)  # orthogonal, four by four
    assert block.diag().unique().numel() == 4  # of lengths that differ
    wide = RandomFeatures.drawn(4, 8.0, 4, 0).frequencies
    assert torch.allclose(one, 2 * wide)  # the same directions, on another scale


@pytest.mark.parametrize("where", list(WEIGHTS))
def test_the_estimate_is_the_exact_sum(where: str) -> None:
    """With many random features, within three standard errors; without bias over seeds with few."""
    guide = None if WEIGHTS[where] is None else torch.from_numpy(WEIGHTS[where])
    x, y = picture(0), picture(1) + 0.4
    variance = bandwidth(*mean_and_square(y))
    expected = exact(flat(x), flat(y), variance, shares(WEIGHTS[where]))

    def estimate(count: int, seed: int) -> float:
        mapping = RandomFeatures.drawn(4, variance, count, seed)
        return (mapping.mean_map(x, guide) - mapping.mean_map(y)).square().sum().item()

    few = [estimate(4, seed) for seed in range(300)]
    error = float(np.std(few))
    assert np.mean(few) == pytest.approx(expected, abs=3 * error / 300**0.5)
    assert estimate(10_000, 0) == pytest.approx(expected, abs=3 * error * (4 / 10_000) ** 0.5)
    more = float(np.std([estimate(64, seed) for seed in range(300)]))
    assert more == pytest.approx(error / 4, rel=0.25)  # sixteen times the features, a quarter of the error


@pytest.mark.parametrize("channels_last", [False, True])
def test_gradients(channels_last: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    features = torch.randn(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    if channels_last:
        features = features.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    guide = torch.rand(1, 1, 4, 5, dtype=torch.float64)
    mapping = RandomFeatures.drawn(3, 1.5, 3, 0)
    for chunk in (1 << 20, 28):
        monkeypatch.setattr(kernels, "_CHUNK", chunk)
        for at in (None, guide, torch.zeros_like(guide)):
            assert torch.autograd.gradcheck(lambda f, at=at: mapping.mean_map(f, at), features)
    assert torch.autograd.gradcheck(lambda f: mean(f, guide), features)
    assert torch.autograd.gradcheck(lambda f: mean_and_gram(f, guide, -1.0), features)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_float32(dtype: torch.dtype) -> None:
    half = torch.ones(1, 2, 256, 256, dtype=dtype)
    mapping = RandomFeatures.drawn(2, 4.0, 4, 0).to(torch.zeros(1))
    assert mapping.mean_map(half).dtype == mean(half).dtype == torch.float32
    assert torch.allclose(mean(half), torch.ones(2), rtol=1e-6)
    assert torch.allclose(mapping.mean_map(half), mapping.mean_map(torch.ones(1, 2, 1, 1)), atol=1e-5)
