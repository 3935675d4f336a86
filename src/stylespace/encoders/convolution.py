"""A frozen 3x3 convolution with its padding as one operation that keeps nothing for the backward pass.

With fixed weights the gradient of a convolution does not depend on its input, so neither input nor padded copy is kept: a third less memory
than with separate operations.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# For each padding: the distance from the padded map's edge of the pixel that the edge repeats.
_REPEATS = {"reflect": 2, "replicate": 1}


class PaddedConvolution(torch.autograd.Function):
    """``conv(pad(x))`` of ``x`` (N, C, H, W), weight (K, C, 3, 3), padding ``reflect``, ``replicate`` or ``zero``.

    Gradients reach ``x`` only, once (no second derivatives).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: str) -> Tensor:
        """Keep the weight."""
        ctx.save_for_backward(weight)
        ctx.padding = padding
        return convolved(x, weight, bias, padding)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """The transposed convolution; the gradient of the padding is added to the pixels that it repeats."""
        (weight,) = ctx.saved_tensors
        return input_gradient(gradient, weight, ctx.padding), None, None, None


def input_gradient(gradient: Tensor, weight: Tensor, padding: str = "zero") -> Tensor:
    """The gradient of the input (N, C, H, W) from that of the output of :func:`convolved`, 3x3, or of a 1x1 convolution."""
    gradient = gradient.contiguous(memory_format=torch.channels_last)  # as the features are: adding up two layouts takes long
    if weight.shape[-1] == 1:
        return F.conv2d(gradient, weight.transpose(0, 1))
    edge = padding != "zero"
    # PyTorch's own backward pass wants the input, whose values it does not need, and copies any stand-in for it.
    found = F.conv_transpose2d(gradient, weight, padding=0 if edge else 1)
    if edge:
        inside = _REPEATS[padding]
        for axis in (2, 3):
            found.select(axis, inside).add_(found.select(axis, 0))
            found.select(axis, -1 - inside).add_(found.select(axis, -1))
        found = found[..., 1:-1, 1:-1]
    return found


def convolved(x: Tensor, weight: Tensor, bias: Tensor | None, padding: str) -> Tensor:
    """The convolution by separate operations, for weights that are being trained."""
    if padding == "zero":
        return F.conv2d(x, weight, bias, padding=1)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode=padding), weight, bias)
