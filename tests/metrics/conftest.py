"""Pictures that scikit-image ships or that code draws, and an encoder with random weights."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
from torch import Tensor, nn

from stylespace.demo.drawings import draw
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.trunk import Trunk
from stylespace.metrics.seen import Seen
from stylespace.pictures import resize


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array[..., :3].astype(np.float32) / 255).permute(2, 0, 1)[None].contiguous()


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """A narrow stack down to relu5_1 with random weights that keep the features' size (He et al. 2015)."""
    generator = torch.Generator().manual_seed(7)
    trunk = Trunk((2, 2, 4, 4, 1), (16, 8, 24, 16, *4 * [24], *4 * [32], 40))
    with torch.no_grad():
        for module in trunk.modules():
            if isinstance(module, nn.Conv2d):
                fan_in = module.weight[0].numel()
                module.weight.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
                module.bias.zero_()
        trunk.input.weight.copy_(4 * torch.eye(3)[:, :, None, None])
        trunk.input.bias.fill_(-2)
    return Encoder(trunk, "random")


@pytest.fixture(scope="session")
def photo() -> Tensor:
    """A photograph (coffee; CC0), 400 x 600, as it was stored: PNG, never a JPEG of this size."""
    return _tensor(skimage.data.coffee())


@pytest.fixture(scope="session")
def portrait() -> Tensor:
    """A photograph (astronaut; public domain), 256 x 256."""
    return resize(_tensor(skimage.data.astronaut()), (256, 256))


@pytest.fixture(scope="session")
def painting() -> Tensor:
    """A drawing of ours, 256 x 320."""
    return _tensor(draw("swirls", (256, 320), seed=1))


@pytest.fixture(scope="session")
def other_painting() -> Tensor:
    return _tensor(draw("stained_glass", (256, 256), seed=1))


@pytest.fixture
def half_transparent() -> Tensor:
    """Alpha (1, 1, 256, 256): the left half is transparent."""
    alpha = torch.ones(1, 1, 256, 256)
    alpha[..., :128] = 0
    return alpha


@pytest.fixture
def grey() -> Seen:
    return Seen(torch.full((1, 3, 96, 80), 0.4))
