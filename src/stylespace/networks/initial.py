"""Initial weights. On the meta device, where a network waits for those of its file, nothing is drawn: there PyTorch's random numbers want
its compiler, which takes a second to load."""

from __future__ import annotations

from torch import Tensor, nn


def kaiming_normal(weight: Tensor, *, slope: float = 0.0) -> None:
    """Fill ``weight`` in place for ReLU, or leaky ReLU of a ``slope`` (He et al. 2015, arXiv:1502.01852)."""
    if not weight.is_meta:
        nn.init.kaiming_normal_(weight, a=slope)


def normal(weight: Tensor, std: float) -> None:
    """Fill ``weight`` in place with normally distributed numbers."""
    if not weight.is_meta:
        nn.init.normal_(weight, std=std)
