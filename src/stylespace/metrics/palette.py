"""Palette distance: how far two pictures' colours are apart, wherever the colours lie.

Range: 0 (the same colours in the same amounts) upwards, in CIELAB units (Delta E 1976; 2.3 is just noticeable, black to white
is 100). Lower is closer; which of the two pictures a result should be close to is the user's choice.
Definition: sliced 2-Wasserstein distance (Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3) of the pixels in CIELAB (D65)
along 64 evenly spread directions, times sqrt 3: a palette shifted by d scores d, and no pair scores more than its optimal
transport.
It does not measure harmony, which colour goes to which thing, or the mixing of colours by eye: a fine pattern of blue and
yellow is far from green.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stylespace.metrics.seen import Seen

_DIRECTIONS = 64
_LEVELS = 256
_MOST = 65_536


@dataclass(frozen=True)
class Palette:
    """``colours``: (N, 3) CIELAB. ``weights``: (N,), not negative, summing to one."""

    colours: np.ndarray
    weights: np.ndarray

    @cached_property
    def quantiles(self) -> np.ndarray:
        """256 quantiles along each of the 64 directions: (64, 256)."""
        levels = (np.arange(_LEVELS) + 0.5) / _LEVELS
        found = []
        for values in _directions(_DIRECTIONS) @ self.colours.T:
            order = np.argsort(values)
            weights = self.weights[order]
            found.append(np.interp(levels, np.cumsum(weights) - weights / 2, values[order]))
        return np.stack(found)


def lab(picture: Seen) -> np.ndarray:
    """The pixels in CIELAB (D65), (H, W, 3) float32; L in [0, 100]."""
    from skimage.color import rgb2lab

    converted: np.ndarray = rgb2lab(picture.pixels[0].permute(1, 2, 0).cpu().numpy())
    return converted


def palette(picture: Seen) -> Palette:
    """The colours of ``picture``, of a large one those of every n-th row and column; what is transparent does not count."""
    step = math.ceil(math.sqrt(picture.size[0] * picture.size[1] / _MOST))
    colours = lab(picture)[::step, ::step].reshape(-1, 3).astype(np.float64)
    if picture.guide is None:
        return Palette(colours, np.full(len(colours), 1 / len(colours)))
    weights = picture.guide[0, 0, ::step, ::step].cpu().numpy().reshape(-1).astype(np.float64)
    if weights.sum() <= 0:  # what little is opaque lies between the samples
        weights = np.ones(len(colours))
    return Palette(colours, weights / weights.sum())


def mixed(palettes: Sequence[Palette], shares: Sequence[float]) -> Palette:
    """Several palettes as one; ``shares`` sum to one."""
    weights = [share * each.weights for each, share in zip(palettes, shares, strict=True)]
    return Palette(np.concatenate([each.colours for each in palettes]), np.concatenate(weights))


def palette_distance(one: Palette, other: Palette) -> float:
    """Sliced 2-Wasserstein distance, times sqrt 3, in Delta E."""
    return float(math.sqrt(3 * np.mean((one.quantiles - other.quantiles) ** 2)))


def _directions(count: int) -> np.ndarray:
    """``count`` unit vectors (count, 3) spread over a half sphere along a Fibonacci spiral."""
    number = np.arange(count)
    height = 1 - (number + 0.5) / count
    angle = number * math.pi * (3 - math.sqrt(5))
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], 1)
