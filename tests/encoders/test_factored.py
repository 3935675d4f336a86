"""The factored convolution and the projection against separate operations, value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stylespace.encoders.convolution import convolved
from stylespace.encoders.factored import FactoredConvolution, factored, projected

PADDINGS = ("reflect", "replicate", "zero")
NARROW, MIDDLE, C_OUT = 3, 4, 7


def made(size: tuple[int, int], kind: torch.dtype = torch.float64) -> tuple[Tensor, FactoredConvolution]:
    generator = torch.Generator().manual_seed(3)
    convolution = FactoredConvolution(5, NARROW, MIDDLE, C_OUT).to(kind).requires_grad_(False)
    for parameter in convolution.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=kind))
    return torch.randn(2, 5, *size, generator=generator, dtype=kind), convolution


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(8, 11), (2, 2), (2, 5), (3, 1), (1, 1)])
def test_value_and_gradient_are_those_of_separate_operations(
    size: tuple[int, int], padding: str, layout: torch.memory_format
) -> None:
    if padding == "reflect" and min(size) < 2:
        pytest.skip("One pixel cannot be reflected; the trunk replicates it.")
    x, convolution = made(size)
    one, other = (x.clone().contiguous(memory_format=layout).requires_grad_() for _ in range(2))
    frozen = factored(one, convolution, padding)
    plain = convolution.expand(convolved(convolution.reduce(other), convolution.middle.weight, None, padding))
    assert frozen.shape == (2, C_OUT, *size)
    assert torch.equal(frozen, plain)
    factor = torch.randn(plain.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    (frozen * factor).sum().backward()
    (plain * factor).sum().backward()
    assert one.grad is not None
    torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("padding", PADDINGS)
def test_gradient_is_that_of_finite_differences(padding: str) -> None:
    x, convolution = made((4, 3))
    assert torch.autograd.gradcheck(lambda t: factored(t, convolution, padding), x.requires_grad_())


@pytest.mark.parametrize("padding", PADDINGS)
def test_is_one_convolution_of_low_rank(padding: str) -> None:
    """The kernel that the three make together, composed by hand."""
    x, convolution = made((6, 5))
    kernel = torch.einsum(
        "om,mnij,nc->ocij",
        convolution.expand.weight[:, :, 0, 0],
        convolution.middle.weight,
        convolution.reduce.weight[:, :, 0, 0],
    )
    torch.testing.assert_close(factored(x, convolution, padding), convolved(x, kernel, convolution.expand.bias, padding))


def test_weights_that_are_trained_get_their_gradient() -> None:
    x, convolution = made((5, 6))
    convolution.requires_grad_(True)
    factored(x.requires_grad_(), convolution, "reflect").square().sum().backward()
    for parameter in (x, *convolution.parameters()):
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0


def test_only_weights_are_kept() -> None:
    x, convolution = made((16, 16), torch.float32)
    axes = torch.randn(3, C_OUT, 1, 1)
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(t), t)[1], lambda t: t):
        projected(factored(x.requires_grad_(), convolution, "reflect"), axes)
    assert sorted(tuple(t.shape) for t in kept) == sorted([
        (NARROW, 5, 1, 1), (MIDDLE, NARROW, 3, 3), (C_OUT, MIDDLE, 1, 1), (3, C_OUT, 1, 1),
    ])  # fmt: skip


@pytest.mark.parametrize("size", [(5, 6), (1, 1)])
def test_projection(size: tuple[int, int]) -> None:
    x, _ = made(size)
    axes = torch.randn(3, 5, 1, 1, dtype=torch.float64)
    found = projected(x.requires_grad_(), axes)
    torch.testing.assert_close(found, torch.einsum("dc,nchw->ndhw", axes[:, :, 0, 0], x))
    assert torch.autograd.gradcheck(lambda t: projected(t, axes), x)
    trained = axes.clone().requires_grad_()
    projected(x, trained).sum().backward()
    assert trained.grad is not None
