"""Checkerboard: a grid of 2, 4 or 8 pixels that a network's upsampling leaves in its pictures (Odena et al. 2016,
doi:10.23915/distill.00003).

Range: 0 (none) upwards; a period-P grid and nothing else reaches about P. Lower is better. Clean photographs lie below 0.05,
strongly compressed JPEGs below 0.3 (their blocks are a grid of 8), pictures enlarged twice by interpolation at 0.2, a grid of
one hundredth of the range from black to white near 0.3.
Definition: unevenness of gradients over the phases (x mod P, y mod P) of the pixel grid. Luminance differences to the right and
downwards are divided by their mean absolute value within 8 x 8 pixels, so that flat and busy parts count alike, and averaged
for each phase, both with their sign (patterns laid over the picture) and without (grids that make strokes stronger at some
phases). The figure is the deviation of these averages, root mean square over phases, as a share of the mean absolute value.
Only what distant parts of the picture have in common counts: products between blocks of 8 x 8 in different rows and different
columns, whose expectation is 0 for content that is not tied to the pixel grid. So neither edges nor textures nor a small
picture's chance deceive it.
A grid of 4 is one of 8 too: the smallest period that reaches the worst figure is the grid's.
Measured on the result's own pixels, never resized. It does not see grids in colour alone, of other periods (a result resized
afterwards), or of a period longer than half a side.
"""

from __future__ import annotations

import torch
from torch import Tensor

PERIODS = (2, 4, 8)
_BLOCK = 8
_QUIET = 2 / 255  # gradients that nobody sees count little


def checkerboard(pixels: Tensor) -> dict[str, float | None]:
    """Unevenness for each period, ``"2"``, ``"4"``, ``"8"``, and ``"worst"``, of sRGB ``pixels`` (1, 3, H, W) in [0, 1].

    None for all where a side is below 16 pixels.
    """
    height, width = (side // _BLOCK for side in pixels.shape[-2:])
    if min(height, width) < 2:
        return dict.fromkeys(("worst", *map(str, PERIODS)))
    luminance = torch.einsum("c,chw->hw", pixels.new_tensor((0.299, 0.587, 0.114)).double(), pixels[0].double())
    folded = [_blocks(gradient, height, width) for gradient in _gradients(luminance)]
    mean = max(0.1, float(torch.stack([blocks.abs().mean() for blocks in folded]).mean()))
    figures = {str(period): _unevenness(folded, period) / mean for period in PERIODS}
    return {"worst": max(figures.values()), **figures}


def _gradients(luminance: Tensor) -> tuple[Tensor, Tensor]:
    """Differences to the right and downwards; the last column and row repeat the ones before."""
    right, down = luminance.diff(dim=1), luminance.diff(dim=0)
    return torch.cat([right, right[:, -1:]], 1), torch.cat([down, down[-1:]], 0)


def _blocks(gradient: Tensor, height: int, width: int) -> Tensor:
    """(rows of blocks, columns of blocks, 8, 8), each block over its mean absolute value."""
    cut = gradient[: height * _BLOCK, : width * _BLOCK].reshape(height, _BLOCK, width, _BLOCK).transpose(1, 2)
    return cut / (cut.abs().mean((2, 3), keepdim=True) + _QUIET)


def _unevenness(folded: list[Tensor], period: int) -> float:
    energy = 0.0
    for blocks in folded:
        for values in (blocks, blocks.abs()):
            energy += _common_energy(_phases(values, period))
    return max(0.0, energy / len(folded)) ** 0.5


def _phases(blocks: Tensor, period: int) -> Tensor:
    """Average a phase in each block, less the block's average: (rows, columns, phases)."""
    rows, columns = blocks.shape[:2]
    repeats = _BLOCK // period
    averages = blocks.reshape(rows, columns, repeats, period, repeats, period).mean((2, 4)).flatten(2)
    return averages - averages.mean(2, keepdim=True)


def _common_energy(phases: Tensor) -> float:
    """Mean product between two blocks of different rows and different columns, averaged over phases."""
    rows, columns, count = phases.shape

    def energy(sums: Tensor) -> Tensor:
        return sums.square().sum()

    # All pairs, less those in one row, less those in one column, plus each block with itself, which was taken away twice.
    pairs = energy(phases.sum((0, 1))) - energy(phases.sum(1)) - energy(phases.sum(0)) + energy(phases)
    return float(pairs) / (rows * (rows - 1) * columns * (columns - 1) * count)
