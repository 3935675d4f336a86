"""The fused frozen convolution against separate operations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stylespace.encoders.convolution import PaddedConvolution, convolved


def made(size: tuple[int, int], kind: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 5, *size, generator=generator, dtype=kind)
    weight = torch.randn(7, 5, 3, 3, generator=generator, dtype=kind)
    return x, weight, torch.randn(7, generator=generator, dtype=kind)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("padding", ["reflect", "replicate", "zero"])
@pytest.mark.parametrize("size", [(8, 11), (2, 2), (2, 5), (3, 1), (1, 1)])
def test_value_and_gradient_are_those_of_separate_operations(
    size: tuple[int, int], padding: str, layout: torch.memory_format
) -> None:
    if padding == "reflect" and min(size) < 2:
        pytest.skip("One pixel cannot be reflected; the trunk replicates it.")
    x, weight, bias = (t.contiguous(memory_format=layout) if t.dim() == 4 else t for t in made(size))
    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    fused = PaddedConvolution.apply(one, weight, bias, padding)
    plain = convolved(other, weight, bias, padding)
    assert torch.equal(fused, plain)
    factor = torch.randn(plain.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    (fused * factor).sum().backward()
    (plain * factor).sum().backward()
    assert one.grad is not None
    assert other.grad is not None
    torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("padding", ["reflect", "replicate", "zero"])
def test_gradient_is_that_of_finite_differences(padding: str) -> None:
    x, weight, bias = made((4, 3))
    assert torch.autograd.gradcheck(lambda t: PaddedConvolution.apply(t, weight, bias, padding), x.requires_grad_())


def test_only_the_weight_is_kept() -> None:
    x, weight, bias = made((16, 16), torch.float32)
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(t), t)[1], lambda t: t):
        PaddedConvolution.apply(x.requires_grad_(), weight, bias, "reflect")
    assert [tuple(t.shape) for t in kept] == [tuple(weight.shape)]
