"""Stability: what moves with its photo costs nothing, what stays on the screen does, and contrast cannot hide it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from stylespace.objectives.stability import inside, instability, smooth_flow
from stylespace.pictures.warp import sample


@pytest.fixture
def flow() -> torch.Tensor:
    return smooth_flow(2, (96, 80), torch.Generator().manual_seed(3))


def photos() -> torch.Tensor:
    small = torch.rand(2, 3, 12, 10, generator=torch.Generator().manual_seed(1))
    return F.interpolate(small, size=(96, 80), mode="bicubic").clamp(0, 1)


def test_flow_moves_by_pixels_and_bends(flow: torch.Tensor) -> None:
    pixels = flow * torch.tensor([96.0, 80.0])[:, None, None]
    assert pixels.abs().max() < 60
    assert pixels.std((2, 3)).max() > 0.5
    assert (pixels[..., 1:, :] - pixels[..., :-1, :]).abs().max() < 2  # smooth


def test_what_moves_along_is_stable(flow: torch.Tensor) -> None:
    pixels = photos()
    assert instability(1 - pixels, 1 - sample(pixels, flow, "bicubic"), flow).max() < 1e-10


def test_what_stays_on_the_screen_is_not_whatever_its_contrast(flow: torch.Tensor) -> None:
    painted = torch.rand(2, 3, 96, 80, generator=torch.Generator().manual_seed(2))
    found = instability(painted, painted, flow)
    assert (found > 0.5).all()
    torch.testing.assert_close(instability(0.1 * painted, 0.1 * painted, flow), found, rtol=1e-4, atol=1e-6)


def test_only_what_is_within_both_pictures_counts() -> None:
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 1] = 0.5  # half of the places lie beyond the right side
    assert inside(flow)[0, 0].sum(1).tolist() == [4.0] * 8
    painted = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    again = sample(painted, flow, "bicubic")
    again[..., 4:] = 0.5
    assert instability(painted, again, flow).item() < 1e-10
