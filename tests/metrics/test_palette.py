from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import torch
from torch import Tensor

from stylespace.metrics.palette import Palette, lab, mixed, palette, palette_distance
from stylespace.metrics.seen import Seen


def of(colours: np.ndarray) -> Palette:
    return Palette(colours, np.full(len(colours), 1 / len(colours)))


def test_lab_reference_values() -> None:
    """sRGB primaries in CIELAB, D65: red 53.24, 80.09, 67.20; blue 32.30, 79.19, -107.86 (Lindbloom's colour calculator)."""
    pixels = torch.tensor([[1.0, 0, 0], [0, 0, 1], [1, 1, 1]]).T[None, :, :, None].contiguous()
    values = lab(Seen(pixels))[:, 0]
    np.testing.assert_allclose(values, [[53.24, 80.09, 67.20], [32.30, 79.19, -107.86], [100, 0, 0]], atol=0.05)


@pytest.mark.parametrize("shift", [(10.0, 0.0, 0.0), (0.0, -7.0, 0.0), (3.0, 4.0, 12.0)])
def test_a_shift_scores_its_length(shift: tuple[float, float, float]) -> None:
    colours = np.random.default_rng(0).normal(50, 20, (2000, 3))
    assert palette_distance(of(colours), of(colours + shift)) == pytest.approx(math.hypot(*shift), rel=0.02)


def test_at_most_optimal_transport() -> None:
    """Against the exact transport between as many points, by assignment (SciPy); not far below it where colours are clustered."""
    rng = np.random.default_rng(1)
    centres = rng.uniform(0, 100, (2, 3, 3))
    one, other = (c[rng.integers(0, 3, 400)] + rng.normal(0, 5, (400, 3)) for c in centres)
    costs = ((one[:, None] - other[None]) ** 2).sum(2)
    rows, columns = scipy.optimize.linear_sum_assignment(costs)
    exact = math.sqrt(costs[rows, columns].mean())
    assert 0.6 * exact < palette_distance(of(one), of(other)) <= 1.01 * exact


def test_amounts_count_and_places_do_not(portrait: Tensor) -> None:
    one = palette(Seen(portrait))
    assert palette_distance(one, palette(Seen(portrait.flip(2, 3)))) < 1e-9
    black, white = np.zeros((100, 3)), np.tile([100.0, 0, 0], (100, 1))
    mostly_black = of(np.concatenate([black, white[:50]]))
    assert palette_distance(mostly_black, of(black)) == pytest.approx(100 * math.sqrt(1 / 3), rel=0.03)


def test_black_and_white() -> None:
    black, white = (palette(Seen(torch.full((1, 3, 20, 20), value))) for value in (0.0, 1.0))
    assert palette_distance(black, white) == pytest.approx(100, rel=0.02)
    assert palette_distance(black, black) == 0


def test_mixtures() -> None:
    rng = np.random.default_rng(2)
    one, other = of(rng.normal(20, 5, (300, 3))), of(rng.normal(70, 5, (500, 3)))
    both = mixed([one, other], [0.25, 0.75])
    assert both.weights.sum() == pytest.approx(1)
    drawn = np.concatenate([np.repeat(one.colours, 5, 0), np.repeat(other.colours, 9, 0)])  # 1500 : 4500
    assert palette_distance(both, of(drawn)) < 0.5


def test_transparent_parts_do_not_count(portrait: Tensor, half_transparent: Tensor) -> None:
    right = palette(Seen(portrait[..., 128:].contiguous()))
    red = portrait.clone()
    red[:, 0, :, :128] = 1
    assert palette_distance(palette(Seen(red, half_transparent)), right) < 0.1
    assert palette_distance(palette(Seen(red)), right) > 5


def test_large_pictures_are_sampled(photo: Tensor) -> None:
    large = torch.cat([photo, photo, photo], 3)
    assert len(palette(Seen(large)).colours) <= 65_536
    assert palette_distance(palette(Seen(large)), palette(Seen(photo))) < 0.3
