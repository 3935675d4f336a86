"""Noise: whether the result is grainier, pixel by pixel, than the pictures it was made from.

Range: 0 upwards; 1 is as grainy as the grainier of style and photo, above 1 is noise that neither had, below 1 is smoother.
Lower is better down to about 1; far below it is blurred or, as most published results, softer than paint.
Definition: mean absolute response to the 3 x 3 difference of two Laplacians, which answers to neither slopes nor straight edges
along the axes, scaled to the deviation of white noise (Immerkaer 1996, doi:10.1006/cviu.1996.0060), of the luminance, in 8-bit
steps; the result's over the larger of the photo's at the same size and the style's at the size that suits best.
It does not tell noise from fine texture that the style rightly has, and does not see blotches larger than three pixels.
"""

from __future__ import annotations

import math

import torch.nn.functional as F

from stylespace.metrics.seen import Seen
from stylespace.pictures.colour import to_yiq

_MASK = ((1.0, -2.0, 1.0), (-2.0, 4.0, -2.0), (1.0, -2.0, 1.0))


def noise_level(picture: Seen) -> float:
    """Deviation of the noise in luminance, in 8-bit steps (0 to 255)."""
    luminance = to_yiq(picture.pixels)[:, :1].cpu().double()
    if min(picture.size) < 3:
        return 0.0
    response = F.conv2d(luminance, luminance.new_tensor(_MASK)[None, None]).abs().mean()
    return 255 * math.sqrt(math.pi / 2) / 6 * float(response)


def noise_ratio(out: float, sources: list[float]) -> float:
    """``out`` over the largest of ``sources``, levels in 8-bit steps; half a step, the rounding of files, is added to both."""
    return (out + 0.5) / (max(sources) + 0.5)
