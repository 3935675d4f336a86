"""Luminance, chroma and affine colour matches, against NumPy, skimage and what each map must be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import rgb2yiq
from torch import Tensor

from stylespace.errors import InputError
from stylespace.pictures import colour


def coloured(seed: int, spread: float = 0.05, size: tuple[int, int] = (24, 31)) -> Tensor:
    """Correlated colours so close to the middle that no match of one to another leaves [0, 1]; float64."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    values = torch.rand(3, size[0] * size[1], generator=generator, dtype=torch.float64) - 0.5
    mean = 0.4 + 0.2 * torch.rand(3, 1, generator=generator, dtype=torch.float64)
    return (mean + spread * mix @ values).reshape(1, 3, *size)


def moments(pixels: Tensor) -> tuple[np.ndarray, np.ndarray]:
    flat = pixels[0].flatten(1).double().numpy()
    return flat.mean(1), np.cov(flat, ddof=0)


def matrix_of(before: Tensor, after: Tensor) -> np.ndarray:
    """The linear part of the affine map that took one picture to the other, fitted to them."""
    x = np.vstack([before[0].flatten(1).numpy(), np.ones(before[0, 0].numel())])
    solution, residual, _, _ = np.linalg.lstsq(x.T, after[0].flatten(1).numpy().T, rcond=None)
    assert residual.max() < 1e-20, "the map is not affine"
    return solution[:3].T


def test_yiq_as_skimage() -> None:
    pixels = coloured(0)
    expected = rgb2yiq(pixels[0].permute(1, 2, 0).numpy())
    assert np.allclose(colour.to_yiq(pixels)[0].permute(1, 2, 0).numpy(), expected, atol=2e-4)  # skimage gives four digits


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_yiq_round_trip(dtype: torch.dtype, tolerance: float) -> None:
    pixels = torch.rand(2, 3, 9, 7, dtype=dtype)
    back = colour.from_yiq(colour.to_yiq(pixels))
    assert back.dtype == dtype
    assert (back - pixels).abs().max() < tolerance


def test_grey_has_no_chroma() -> None:
    grey = colour.grey(torch.rand(1, 3, 5, 6))
    assert torch.equal(grey[:, 0], grey[:, 1])
    assert colour.to_yiq(grey)[:, 1:].abs().max() < 2e-6
    white = colour.grey(torch.ones(1, 3, 2, 2))
    assert torch.allclose(white, torch.ones_like(white))


def test_luminance_match() -> None:
    style, photo = coloured(0), coloured(1, 0.1)
    found = colour.match_luminance(style, photo)
    wanted = colour.to_yiq(photo)[:, 0]
    assert found[:, 0].mean().item() == pytest.approx(wanted.mean().item(), abs=1e-9)
    assert found[:, 0].std().item() == pytest.approx(wanted.std().item(), abs=1e-9)
    assert np.corrcoef(found[0, 0].flatten(), colour.to_yiq(style)[0, 0].flatten())[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("method", colour.MATCHES)
def test_moments_become_the_targets(method: str) -> None:
    pixels, like = coloured(0), coloured(1, size=(17, 40))
    mean, covariance = moments(like)
    found_mean, found_covariance = moments(colour.match_colours(pixels, like, method, epsilon=0.0))
    assert np.allclose(found_mean, mean, atol=1e-10)
    assert np.allclose(found_covariance, covariance, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("method", colour.MATCHES)
def test_epsilon_is_added_to_both_variances(method: str) -> None:
    pixels, like = coloured(0), coloured(1)
    matrix = matrix_of(pixels, colour.match_colours(pixels, like, method, epsilon=1e-3))
    own, wanted = (moments(picture)[1] + 1e-3 * np.eye(3) for picture in (pixels, like))
    assert np.allclose(matrix @ own @ matrix.T, wanted, atol=1e-12)


def test_cholesky_is_triangular() -> None:
    """M = L_like L_own^-1, both lower triangular with positive diagonals (Gatys et al. 2017, sec. 5.2)."""
    pixels = coloured(0)
    matrix = matrix_of(pixels, colour.match_colours(pixels, coloured(1), "cholesky"))
    assert np.allclose(matrix, np.tril(matrix), atol=1e-9)
    assert np.diag(matrix).min() > 0


def test_root_is_the_published_product() -> None:
    """M = S_like^(1/2) S_own^(-1/2), roots by NumPy."""
    pixels, like = coloured(0), coloured(1)

    def power(picture: Tensor, exponent: float) -> np.ndarray:
        values, vectors = np.linalg.eigh(moments(picture)[1] + 1e-5 * np.eye(3))
        return vectors @ np.diag(values**exponent) @ vectors.T

    matrix = matrix_of(pixels, colour.match_colours(pixels, like, "root"))
    assert np.allclose(matrix, power(like, 0.5) @ power(pixels, -0.5), atol=1e-9)


@pytest.mark.parametrize("seed", range(0, 12, 2))
def test_transport_is_positive_and_moves_least(seed: int) -> None:
    """The optimal map between normal distributions is the only one that is symmetric and positive definite (Brenier's theorem)."""
    pixels, like = coloured(seed), coloured(seed + 1)
    matched = {method: colour.match_colours(pixels, like, method, epsilon=1e-9) for method in colour.MATCHES}
    matrix = matrix_of(pixels, matched["transport"])
    assert np.allclose(matrix, matrix.T, atol=1e-6)
    assert np.linalg.eigvalsh((matrix + matrix.T) / 2).min() > 0
    moved = {method: (picture - pixels).square().mean().item() for method, picture in matched.items()}
    assert moved["transport"] <= min(moved.values()) * (1 + 1e-9)
    assert moved["transport"] < moved["cholesky"] * 0.999


@pytest.mark.parametrize("method", colour.MATCHES)
def test_own_colours_stay(method: str) -> None:
    pixels = torch.rand(1, 3, 20, 20)
    found = colour.match_colours(pixels, pixels, method)
    assert found.dtype == pixels.dtype
    assert torch.allclose(found, pixels, atol=1e-5)


@pytest.mark.parametrize("method", colour.MATCHES)
@pytest.mark.parametrize("flat", ["own", "like", "both", "grey"])
def test_without_any_spread(method: str, flat: str) -> None:
    one, other = torch.full((1, 3, 8, 8), 0.3), torch.full((1, 3, 6, 9), 0.6)
    pixels = one if flat in ("own", "both") else torch.rand(1, 3, 8, 8)
    like = other if flat in ("like", "both") else torch.rand(1, 3, 6, 9)
    if flat == "grey":
        pixels, like = colour.grey(pixels), colour.grey(like)
    found = colour.match_colours(pixels, like, method)
    assert torch.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1
    assert np.allclose(found[0].mean((1, 2)), like[0].mean((1, 2)), atol=0.03)
    if flat == "grey":
        assert (found - colour.grey(found)).abs().max() < 1e-3
    if flat == "like":
        assert found.std() < 0.05


def test_luminance_without_any_spread() -> None:
    found = colour.match_luminance(torch.full((1, 3, 8, 8), 0.3), torch.rand(1, 3, 8, 8))
    assert torch.isfinite(found).all()
    assert found.std() < 1e-4


def test_results_are_within_range() -> None:
    dark, bright = 0.1 * torch.rand(1, 3, 9, 9), (torch.rand(1, 3, 9, 9) > 0.5).float()
    for method in colour.MATCHES:
        found = colour.match_colours(dark, bright, method)
        assert 0 <= found.min() <= found.max() <= 1
    found = colour.match_luminance(dark, bright)
    assert 0 <= found.min() <= found.max() <= 1


def test_unknown_match() -> None:
    with pytest.raises(InputError, match="cholesky, root, transport"):
        colour.match_colours(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4), "histogram")


def test_gradients() -> None:
    pixels = coloured(0, size=(3, 4)).requires_grad_()
    like = coloured(1, size=(4, 3)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: colour.from_yiq(colour.to_yiq(x)), pixels)
    assert torch.autograd.gradcheck(colour.match_luminance, (pixels, like))
    for method in colour.MATCHES:
        assert torch.autograd.gradcheck(lambda x, y, method=method: colour.match_colours(x, y, method), (pixels, like))
