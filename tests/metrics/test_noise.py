from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stylespace.metrics.noise import noise_level, noise_ratio
from stylespace.metrics.seen import Seen
from stylespace.pictures import resize


@pytest.mark.parametrize("deviation", [2.0, 5.0, 20.0])
def test_white_noise_on_a_slope(deviation: float) -> None:
    """The level is the deviation that was added (in 8-bit steps), whatever the slope under it."""
    slope = torch.linspace(0.3, 0.7, 200).expand(1, 3, 200, 200)
    noise = torch.randn(1, 1, 200, 200, generator=torch.Generator().manual_seed(0)) * deviation / 255
    assert noise_level(Seen(slope + noise)) == pytest.approx(deviation, rel=0.03)


def test_edges_along_the_axes_are_not_noise() -> None:
    picture = torch.zeros(1, 3, 64, 64)
    picture[..., 30:] = 1
    assert noise_level(Seen(picture)) == 0


def test_blur_lowers_and_noise_raises(portrait: Tensor) -> None:
    blurred = resize(resize(portrait, (90, 90)), (256, 256))
    noisy = (portrait + 0.05 * torch.randn(1, 3, 256, 256)).clamp(0, 1)
    levels = [noise_level(Seen(x)) for x in (blurred, portrait, noisy)]
    assert levels == sorted(levels)
    assert noise_ratio(levels[2], levels[:2]) > 1.5
    assert noise_ratio(levels[0], levels[:2]) < 0.5
    assert noise_ratio(levels[1], levels[:2]) == 1


def test_without_any(grey: Seen) -> None:
    assert noise_level(grey) == 0
    assert noise_ratio(0, [0, 0]) == 1
    assert noise_level(Seen(torch.rand(1, 3, 2, 50))) == 0
