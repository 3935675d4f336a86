"""Resizing against Pillow's, and where light would go."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace.errors import InputError
from stylespace.pictures import fit, resize


@pytest.mark.parametrize("size", [(20, 31), (9, 13), (37, 20), (80, 120), (74, 106), (20, 120), (1, 1), (1, 53), (37, 53)])
def test_as_pillow_resizes(size: tuple[int, int]) -> None:
    """Pillow 13's BICUBIC on mode F, which computes the same filter in float."""
    values = np.random.default_rng(0).random((2, 5, 37, 53), np.float32)
    ours = resize(torch.from_numpy(values), size, clamp=False)
    assert ours.shape == (2, 5, *size)
    assert ours.is_contiguous()
    for n in range(2):
        for c in range(5):
            theirs = Image.fromarray(values[n, c]).resize((size[1], size[0]), Image.Resampling.BICUBIC)
            assert np.abs(ours[n, c].numpy() - np.asarray(theirs)).max() < 6e-6


def test_fine_stripes_average_out() -> None:
    stripes = (torch.arange(256) % 2).float().expand(1, 3, 256, 256)
    small = resize(stripes, (50, 50))
    assert (small - 0.5).abs().max() < 0.04  # without antialiasing: 0.5


def test_clamp() -> None:
    edge = (torch.arange(16) >= 8).float().expand(1, 1, 16, 16)
    assert 0 <= resize(edge, (40, 40)).min() <= resize(edge, (40, 40)).max() <= 1
    assert resize(edge, (40, 40), clamp=False).max() > 1.01


def test_constants_and_same_size() -> None:
    flat = torch.full((1, 3, 17, 23), 0.3)
    assert (resize(flat, (40, 9)) - 0.3).abs().max() < 1e-6
    assert resize(flat, (17, 23)) is flat


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_types(dtype: torch.dtype) -> None:
    values = torch.rand(1, 2, 20, 20)
    resized = resize(values.to(dtype), (7, 9))
    assert resized.dtype == dtype
    assert (resized.float() - resize(values, (7, 9))).abs().max() < 1e-2


@pytest.mark.parametrize("size", [(5, 6), (13, 15)])
def test_gradient(size: tuple[int, int]) -> None:
    values = torch.rand(1, 2, 8, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: resize(x, size, clamp=False), values)


def test_impossible_sizes() -> None:
    with pytest.raises(InputError, match="0 x 5"):
        resize(torch.rand(1, 3, 4, 4), (0, 5))
    with pytest.raises(InputError, match="cannot be resized"):
        resize(torch.rand(3, 4, 4), (5, 5))


def test_fit() -> None:
    assert fit((300, 400), 200) == (150, 200)
    assert fit((400, 300), 800) == (800, 600)
    assert fit((3, 10_000), 100) == (1, 100)
    assert fit((1333, 2000), 512) == (341, 512)
    assert fit((7, 7), 1) == (1, 1)
    for size, long_side in (((0, 5), 9), ((5, 5), 0)):
        with pytest.raises(InputError, match="impossible"):
            fit(size, long_side)
