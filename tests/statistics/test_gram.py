"""Gram matrices against einsum and plain loops."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.statistics.gram import gram, neighbour_gram


@pytest.fixture
def features() -> Tensor:
    return torch.rand(1, 5, 7, 9, dtype=torch.float64)


@pytest.fixture
def guide() -> Tensor:
    soft = torch.rand(1, 1, 7, 9, dtype=torch.float64)
    soft[..., :3] = 0
    return soft


@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_is_the_mean_of_products(features: Tensor, shift: float) -> None:
    f = features + shift
    assert torch.allclose(gram(features, shift=shift), torch.einsum("nchw,ndhw->cd", f, f) / 63, atol=1e-14)


@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_a_guide_weighs_positions(features: Tensor, guide: Tensor, shift: float) -> None:
    expected = torch.zeros(5, 5, dtype=torch.float64)
    for y in range(7):
        for x in range(9):
            at = features[0, :, y, x] + shift
            expected += guide[0, 0, y, x] * torch.outer(at, at)
    assert torch.allclose(gram(features, guide, shift), expected / guide.sum(), atol=1e-14)


def test_a_region_counts_by_its_content_not_its_size(features: Tensor) -> None:
    """A guide of ones and zeros gives the Gram matrix of the positions cut out; its scale does not matter."""
    guide = torch.zeros(1, 1, 7, 9, dtype=torch.float64)
    guide[..., 2:5, 3:8] = 1
    cut = gram(features[..., 2:5, 3:8])
    assert torch.allclose(gram(features, guide), cut, atol=1e-14)
    assert torch.allclose(gram(features, 0.01 * guide), cut, atol=1e-14)


def test_an_empty_guide_gives_zeros(features: Tensor) -> None:
    empty = torch.zeros(1, 1, 7, 9, dtype=torch.float64)
    features.requires_grad_()
    found = gram(features, empty)
    found.sum().backward()
    assert torch.equal(found, torch.zeros_like(found))
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_float32(dtype: torch.dtype) -> None:
    """65,536 ones: summed in bfloat16 they would stop at 256."""
    half = torch.ones(1, 2, 256, 256, dtype=dtype)
    found = gram(half)
    assert found.dtype == torch.float32
    assert torch.allclose(found, torch.ones(2, 2), rtol=1e-6)


@pytest.mark.parametrize(("deep_size", "factor"), [((8, 6), 1), ((4, 3), 2)])
def test_neighbours(deep_size: tuple[int, int], factor: int) -> None:
    shallow, deep = torch.rand(1, 3, 8, 6, dtype=torch.float64), torch.rand(1, 4, *deep_size, dtype=torch.float64)
    guide = torch.rand(1, 1, 8, 6, dtype=torch.float64)
    expected = torch.zeros(3, 4, dtype=torch.float64)
    for y in range(8):
        for x in range(6):
            expected += guide[0, 0, y, x] * torch.outer(shallow[0, :, y, x] - 1, deep[0, :, y // factor, x // factor] - 1)
    assert torch.allclose(neighbour_gram(shallow, deep, guide, -1.0), expected / guide.sum(), atol=1e-14)
    plain = sum(
        torch.outer(shallow[0, :, y, x], deep[0, :, y // factor, x // factor]) for y in range(8) for x in range(6)
    )  # fmt: skip
    assert torch.allclose(neighbour_gram(shallow, deep), plain / 48, atol=1e-14)


def test_a_layer_is_its_own_neighbour(features: Tensor, guide: Tensor) -> None:
    assert torch.allclose(neighbour_gram(features, features, guide, -1.0), gram(features, guide, -1.0), atol=1e-14)


def test_odd_sizes_over_a_pooling() -> None:
    found = neighbour_gram(torch.ones(1, 2, 7, 5), torch.ones(1, 3, 3, 2))
    assert torch.allclose(found, torch.ones(2, 3))


@pytest.mark.parametrize("shape", [(5, 7, 9), (2, 5, 7, 9), (5, 63)])
def test_only_one_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"\(1, C, H, W\)"):
        gram(torch.rand(shape))


@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_gradients(shift: float) -> None:
    features = torch.randn(1, 4, 3, 5, dtype=torch.float64, requires_grad=True)
    deep = torch.randn(1, 3, 1, 2, dtype=torch.float64, requires_grad=True)
    guide = torch.rand(1, 1, 3, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda f: gram(f, shift=shift), features)
    assert torch.autograd.gradcheck(lambda f: gram(f, guide, shift), features)
    assert torch.autograd.gradcheck(lambda f, d: neighbour_gram(f, d, shift=shift), (features, deep))
    assert torch.autograd.gradcheck(lambda f, d: neighbour_gram(f, d, guide, shift), (features, deep))
