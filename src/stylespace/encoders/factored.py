"""A 3x3 convolution in three: 1x1 to fewer channels, 3x3 among those, 1x1 to the output channels ("Tucker-2", Kim et al. 2016,
arXiv:1511.06530).

With frozen weights it is one operation that stores only these for its gradient.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylespace.encoders.convolution import convolved, input_gradient


class FactoredConvolution(nn.Module):
    """``expand(middle(pad(reduce(x))))``: ``c_in`` to ``narrow`` to ``middle`` to ``c_out`` channels, no ReLU between. Weights only; see
    :func:`factored`."""

    def __init__(self, c_in: int, narrow: int, middle: int, c_out: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(c_in, narrow, 1, bias=False)
        self.middle = nn.Conv2d(narrow, middle, 3, bias=False)
        self.expand = nn.Conv2d(middle, c_out, 1)
        self.out_channels = c_out


def factored(x: Tensor, convolution: FactoredConvolution, padding: str) -> Tensor:
    """The convolution of ``x`` (N, C_in, H, W): (N, C_out, H, W). ``padding`` as for :func:`~stylespace.encoders.convolution.convolved`."""
    c = convolution
    weights = (c.reduce.weight, c.middle.weight, c.expand.weight, c.expand.bias)
    if c.middle.weight.requires_grad or not x.requires_grad:
        return _forward(x, *weights, padding)
    return _Frozen.apply(x, *weights, padding)  # type: ignore[no-untyped-call]


def _forward(x: Tensor, reduce: Tensor, middle: Tensor, expand: Tensor, bias: Tensor | None, padding: str) -> Tensor:
    return F.conv2d(convolved(F.conv2d(x, reduce), middle, None, padding), expand, bias)


class _Frozen(torch.autograd.Function):
    """Gradients reach ``x`` only, once (no second derivatives)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, reduce: Tensor, middle: Tensor, expand: Tensor, bias: Tensor, padding: str) -> Tensor:
        """Keep the weights."""
        ctx.save_for_backward(reduce, middle, expand)
        ctx.padding = padding
        return _forward(x, reduce, middle, expand, bias, padding)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The three transposed convolutions, last to first."""
        reduce, middle, expand = ctx.saved_tensors
        gradient = input_gradient(input_gradient(gradient, expand), middle, ctx.padding)
        return input_gradient(gradient, reduce), None, None, None, None, None


def projected(x: Tensor, axes: Tensor) -> Tensor:
    """``x`` (N, C, H, W) on ``axes`` (D, C, 1, 1): (N, D, H, W); with frozen axes nothing else is stored for the gradient."""
    return F.conv2d(x, axes) if axes.requires_grad or not x.requires_grad else _Projection.apply(x, axes)  # type: ignore[no-untyped-call]


class _Projection(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: Tensor) -> Tensor:
        ctx.save_for_backward(axes)
        return F.conv2d(x, axes)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return input_gradient(gradient, *ctx.saved_tensors), None
