"""Features as a matrix of channels by positions, and means over positions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from stylespace.errors import InputError


def positions(features: Tensor) -> Tensor:
    """``features`` (1, C, H, W) as (C, M), in at least float32; a view where they are channels-last."""
    if features.ndim != 4 or features.shape[0] != 1:
        raise InputError(f"Features of one picture are expected, (1, C, H, W), not {tuple(features.shape)}.")
    # Views only: selecting the first picture would make autograd fill a map of zeros.
    f = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1]).T
    return widened(f)


def widened(f: Tensor) -> Tensor:
    """``f`` in float32 where it is in half precision: sums over positions need more digits."""
    return f.float() if f.dtype in (torch.bfloat16, torch.float16) else f


def weights(guide: Tensor | None, f: Tensor) -> Tensor:
    """Weights (1, M) or (1, 1) by which a sum over positions of ``f`` (C, M) becomes a mean, in proportion to ``guide`` (1, 1, H, W)."""
    if guide is None:
        return f.new_full((1, 1), 1.0 / f.shape[1])
    weight = guide.detach().reshape(1, -1).to(f)
    return weight / weight.sum().clamp_min(torch.finfo(f.dtype).tiny)


def mean_product(f: Tensor, g: Tensor, guide: Tensor | None) -> Tensor:
    """Mean over positions of the products of channels of ``f`` (C, M) and ``g`` (D, M), (C, D)."""
    weight = weights(guide, f)
    return (f @ g.T) * weight if guide is None else (f * weight) @ g.T


def first_and_second_moment(f: Tensor, guide: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean (C,) and mean product of every two channels (C, C) over positions of ``f`` (C, M). The guide gets no gradient."""
    mean, second = _Moments.apply(f, weights(guide, f))  # type: ignore[no-untyped-call]
    return mean, second


def moments_of(features: Tensor, guide: Tensor | None, shift: float = 0.0) -> tuple[Tensor, Tensor]:
    """:func:`first_and_second_moment` of ``features + shift`` (1, C, H, W)."""
    f = positions(features)
    return first_and_second_moment(f + shift if shift else f, guide)


class _Moments(torch.autograd.Function):
    """Both moments; their gradient is one matrix product, where automatic differentiation would pass over the features several times."""

    @staticmethod
    def forward(ctx: Any, f: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(f, weight)
        if weight.numel() == 1:
            return f.sum(1) * weight[0], (f @ f.T) * weight
        weighted = f * weight
        return weighted.sum(1), weighted @ f.T

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        f, weight = ctx.saved_tensors
        mean, second = gradients
        symmetric = second + second.T
        if weight.numel() == 1:
            # Transposed, so that the gradient has the features' own (channels-last) order.
            return torch.addmm(mean * weight[0], f.T, symmetric * weight).T, None
        return torch.addmm(mean, f.T, symmetric).mul_(weight.T).T, None
