from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from stylespace.metrics.seen import Seen
from stylespace.metrics.structure import luminance_similarity, self_similarity
from stylespace.pictures import resize


def test_the_photo_itself(portrait: Tensor) -> None:
    assert luminance_similarity(Seen(portrait), Seen(portrait)) == pytest.approx(1)
    features = torch.randn(1, 16, 20, 30)
    assert self_similarity(features, features) == pytest.approx(1)


def test_tone_and_colour_cost_nothing(portrait: Tensor) -> None:
    """Darker, flatter and in other colours of the same luminance order."""
    dark = 0.1 + 0.4 * portrait.mean(1, keepdim=True).expand_as(portrait)
    assert luminance_similarity(Seen(dark), Seen(portrait)) > 0.95
    assert luminance_similarity(Seen(1 - portrait), Seen(portrait)) < 0


def test_against_scikit_image(portrait: Tensor) -> None:
    """Grey pictures of equal mean and deviation need no match: the plain index at a quarter of the size."""
    grey = portrait.mean(1, keepdim=True).expand_as(portrait).contiguous()
    one, other = (resize(x, (64, 64))[0, 0].double().numpy() for x in (grey, grey.flip(3)))
    expected = structural_similarity(one, other, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    assert luminance_similarity(Seen(grey), Seen(grey.flip(3))) == pytest.approx(expected, abs=0.02)


def test_less_is_read_under_more_noise(portrait: Tensor) -> None:
    noise = torch.rand(portrait.shape, generator=torch.Generator().manual_seed(0))
    figures = [luminance_similarity(Seen(portrait.lerp(noise, share)), Seen(portrait)) for share in (0.2, 0.6, 0.9, 1)]
    assert figures == sorted(figures, reverse=True)
    assert abs(figures[-1]) < 0.05


@pytest.mark.parametrize("size", [(2, 2), (16, 16), (17, 90), (40, 41)])
def test_small_pictures(portrait: Tensor, size: tuple[int, int]) -> None:
    small = Seen(resize(portrait, size))
    assert luminance_similarity(small, small) == pytest.approx(1)


def test_self_similarity_against_numpy() -> None:
    """Correlation of the two matrices' off-diagonal entries, by NumPy."""
    given, target = torch.rand(2, 1, 8, 2, 3)
    expected = []
    for features in (given, target):
        vectors = features[0].flatten(1).T.double().numpy()
        vectors = vectors - vectors.mean(0)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        expected.append((vectors @ vectors.T)[np.triu_indices(6, 1)])
    assert self_similarity(given, target) == pytest.approx(np.corrcoef(*expected)[0, 1], abs=1e-6)


def test_other_features_for_the_same_places() -> None:
    """What matters is which places are alike, not what they look like: channels may be turned and moved."""
    target = torch.randn(1, 16, 12, 9)
    turn, _ = torch.linalg.qr(torch.randn(16, 16))
    given = torch.einsum("dc,nchw->ndhw", turn, 3 * target) + 10
    assert self_similarity(given, target) == pytest.approx(1, abs=1e-5)
    assert abs(self_similarity(torch.randn(1, 16, 12, 9), target)) < 0.1


def test_transparent_positions_are_left_out() -> None:
    target = torch.randn(1, 16, 12, 12)
    given = target.clone()
    given[..., :6] = torch.randn(1, 16, 12, 6)
    guide = torch.ones(1, 1, 96, 96)
    guide[..., :48] = 0
    assert self_similarity(given, target, guide) == pytest.approx(1, abs=0.2)
    assert self_similarity(given, target) < self_similarity(given, target, guide)


def test_without_structure(grey: Seen) -> None:
    flat, rich = torch.full((1, 4, 5, 5), 3.0), torch.randn(1, 4, 5, 5)
    assert self_similarity(flat, flat) == 1
    assert self_similarity(flat, rich) == self_similarity(rich, flat) == 0
    assert self_similarity(torch.ones(1, 4, 1, 1), torch.ones(1, 4, 1, 1)) == 1
    assert luminance_similarity(grey, grey) == pytest.approx(1)
    blobs = resize(torch.rand(1, 3, 12, 10), (96, 80))
    assert luminance_similarity(grey, Seen(blobs)) < 0.3
