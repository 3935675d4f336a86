"""Pictures and features at other sizes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.errors import InputError


def resize(pixels: Tensor, size: Sequence[int], *, clamp: bool = True) -> Tensor:
    """``pixels`` (N, C, H, W), any number of channels, at ``size`` (height, width); differentiable.

    Bicubic (Keys, a = -0.5) with a filter that widens when shrinking, so that fine patterns average out instead of aliasing.
    Works on sRGB values as they are, as Pillow does and as the encoders' training data was made: no gamma is undone, so a fine
    pattern of black and white becomes 0.5, where light itself would average to 0.74. ``clamp``: cut overshoots to [0, 1], for
    pictures; False for features. Computed in float32 at least, returned in the dtype given.

    Raises ``InputError`` for a size below 1 or a tensor without four dimensions.
    """
    if pixels.ndim != 4:
        raise InputError(f"A tensor of shape {tuple(pixels.shape)} cannot be resized: (N, C, height, width) is expected.")
    height, width = (int(side) for side in size)
    if height < 1 or width < 1:
        raise InputError(f"The size {height} x {width} is impossible: both sides must be at least 1.")
    if (height, width) == tuple(pixels.shape[2:]):
        return pixels
    if pixels.device.type == "mps":  # antialiased bicubic has no Metal kernel
        return resize(pixels.cpu(), (height, width), clamp=clamp).to(pixels.device)
    values = pixels if pixels.dtype in (torch.float32, torch.float64) else pixels.float()
    values = F.interpolate(values, size=(height, width), mode="bicubic", antialias=True, align_corners=False)
    return (values.clamp(0, 1) if clamp else values).to(pixels.dtype)


def fit(size: Sequence[int], long_side: int) -> tuple[int, int]:
    """``size`` (height, width) scaled up or down so that its longer side is ``long_side`` pixels; no side below 1.

    Raises ``InputError`` for sides below 1.
    """
    height, width = size
    if min(height, width, long_side) < 1:
        raise InputError(f"{height} x {width} at a long side of {long_side} is impossible: every side must be at least 1.")
    scale = long_side / max(height, width)
    return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))
