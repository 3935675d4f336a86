"""Smoothness of a picture: total variation in the forms that published tools use."""

from __future__ import annotations

from torch import Tensor


def total_variation(picture: Tensor) -> Tensor:
    """Sum of absolute differences of neighbouring pixels, of ``picture`` (N, C, H, W) (neural-style's ``TVLoss``)."""
    return (picture[..., 1:, :] - picture[..., :-1, :]).abs().sum() + (picture[..., :, 1:] - picture[..., :, :-1]).abs().sum()


def squared_variation(picture: Tensor) -> Tensor:
    """Mean of squared differences of neighbouring pixels, both directions, of ``picture`` (N, C, H, W), edges replicated
    (style-transfer-pytorch's ``TVLoss``: L2 total variation, Mahendran & Vedaldi 2015 with exponent 2)."""
    down = (picture[..., 1:, :] - picture[..., :-1, :]).square().sum()
    right = (picture[..., :, 1:] - picture[..., :, :-1]).square().sum()
    return (down + right) / picture.numel()


def neural_style_variation(picture: Tensor) -> Tensor:
    """Half the sum of squared differences of neighbouring pixels in 0..255, whose gradient is neural-style's ``TVLoss``."""
    return 0.5 * 255.0**2 * squared_variation(picture) * picture.numel()


SMOOTHNESS = {"squared": squared_variation, "absolute": total_variation, "neural-style": neural_style_variation}
