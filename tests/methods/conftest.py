"""A VGG-19 of few random channels, and pictures made by code."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from functools import cache

import pytest
import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.encoders.trunk import Trunk

WIDTHS = (4, 6, 8, 10, 12)  # a block
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # what torchvision's weights were trained on


@cache
def narrow(pooling: str = "max", padding: str = "reflect", layers: int = 16, name: str = "vgg19") -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        depths = (2, 2, 4, 4, 4) if layers == 16 else (2, 2, 3, 3, 1)
        widths = [width for width, depth in zip(WIDTHS, depths, strict=True) for _ in range(depth)]
        trunk = Trunk(depths, widths, pooling=pooling, padding=padding)
        for convolution in trunk.convolutions.values():
            torch.nn.init.normal_(convolution.weight, 0, math.sqrt(2 / math.prod(convolution.weight.shape[1:])))
            torch.nn.init.uniform_(convolution.bias, -0.1, 0.3)
        with torch.no_grad():
            trunk.input.weight.copy_(torch.diag(1 / torch.tensor(DEVIATION))[:, :, None, None])
            trunk.input.bias.copy_(-torch.tensor(MEAN) / torch.tensor(DEVIATION))
    return Encoder(trunk, name)


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """All 16 layers of VGG-19, narrow."""
    return narrow()


@pytest.fixture(scope="session")
def exact() -> Encoder:
    """The compact encoder's layers with few channels, in float64: what tiles must agree with, in a hundredth of the time."""
    return deepcopy(narrow(layers=11, name="compact")).double()


@pytest.fixture(scope="session")
def encoder_with() -> Callable[..., Encoder]:
    """Others: ``encoder_with(pooling=..., padding=...)``; ``layers=11, name="compact"`` ends at relu5_1."""
    return narrow


def waves(seed: int, size: tuple[int, int], colour: tuple[float, float, float], pitch: float) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    pattern = 0.5 + 0.25 * torch.sin(x / pitch) + 0.15 * torch.cos(y / (1.7 * pitch) + x / 23)
    spots = 0.1 * torch.rand((1, 3, *size), generator=generator)
    tint = torch.tensor(colour)[None, :, None, None]
    return (pattern[None, None] * (0.3 + tint) + spots).clamp(0, 1)


@pytest.fixture(scope="session")
def photo() -> Tensor:
    """(1, 3, 48, 64): colours near the middle."""
    return 0.3 + 0.4 * waves(0, (48, 64), (0.5, 0.6, 0.7), 9.0)


@pytest.fixture(scope="session")
def red() -> Tensor:
    """(1, 3, 56, 72): reddish, fine."""
    return waves(1, (56, 72), (0.9, 0.2, 0.1), 1.3)


@pytest.fixture(scope="session")
def blue() -> Tensor:
    """(1, 3, 80, 60): bluish, coarse."""
    return waves(2, (80, 60), (0.1, 0.3, 0.9), 4.0)
