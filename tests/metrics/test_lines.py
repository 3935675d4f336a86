"""Straight lines: known bends are told in pixels, changes of colour are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from stylespace.metrics.lines import line_deviation

SIDE = 128


def stripes(bend: float = 0.0, slope: float = 0.2, move: float = 0.0) -> Tensor:
    """Three slanted edges, soft over a pixel; bent into bows of so many pixels, or moved, across them."""
    down, right = np.mgrid[:SIDE, :SIDE].astype(float)
    length = np.hypot(1, slope)
    bow = bend * np.sin(np.pi * (down + slope * right) / length**2 / SIDE) + move
    across = (right - slope * down) / length - bow
    value = 0.2 + 0.2 * sum(1 / (1 + np.exp(-2 * (across - place))) for place in (24, 52, 86))
    return torch.from_numpy(np.stack([value, 0.9 * value, 0.1 + 0.7 * value]))[None].float()


@pytest.mark.parametrize("bend", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("slope", [0.0, 0.2, 0.5])
def test_bends_are_told_in_pixels(bend: float, slope: float) -> None:
    found = line_deviation(stripes(slope=slope), stripes(bend, slope))
    assert found == pytest.approx(bend, abs=max(0.35, 0.15 * bend))


@pytest.mark.parametrize("move", [-3.0, 1.5])
def test_shifts_are_told_too(move: float) -> None:
    assert line_deviation(stripes(), stripes(move=move)) == pytest.approx(abs(move), abs=0.3)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: x**2.2,
        lambda x: 1 - x,
        lambda x: 0.4 + 0.3 * x,
        lambda x: x.flip(1) * torch.tensor([0.4, 1.0, 0.7]).reshape(1, 3, 1, 1),
        lambda x: (x + 0.02 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1),
    ],
)
def test_changes_of_colour_are_none(change: Callable[[Tensor], Tensor]) -> None:
    found = line_deviation(stripes(), change(stripes()))
    assert found is not None
    assert found <= 0.3


def test_without_lines_there_is_no_figure() -> None:
    flat = torch.full((1, 3, 64, 64), 0.5)
    assert line_deviation(flat, flat) is None
    assert line_deviation(stripes(), torch.full_like(stripes(), 0.5)) is None
