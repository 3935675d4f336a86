"""Smoothness of a picture: total variation in the forms that published tools use."""

from __future__ import annotations

import torch
from torch import Tensor

from stylespace.pictures.tiles import Tile


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


def differences(picture: Tensor, tile: Tile) -> tuple[Tensor, Tensor]:
    """Differences of a tile's own pixels to those below and to the right, of what is seen of it (1, C, h, w)."""
    rows, columns = tile.inside(1, picture.shape[-2:])
    below = picture[..., rows.start : rows.stop + 1, columns]
    beside = picture[..., rows, columns.start : columns.stop + 1]
    return below[..., 1:, :] - below[..., :-1, :], beside[..., 1:] - beside[..., :-1]


def squares(picture: Tensor, tile: Tile) -> Tensor:
    """A tile's share of the sum of squared differences."""
    return torch.stack([part.square().sum() for part in differences(picture, tile)]).sum()


def absolutes(picture: Tensor, tile: Tile) -> Tensor:
    """A tile's share of :func:`total_variation`."""
    return torch.stack([part.abs().sum() for part in differences(picture, tile)]).sum()


SMOOTHNESS = {"squared": squared_variation, "absolute": total_variation, "neural-style": neural_style_variation}

# What a tile adds to them; ``squared`` is to be divided by the picture's numbers.
PARTS = {
    "squared": squares,
    "absolute": absolutes,
    "neural-style": lambda picture, tile: 0.5 * 255.0**2 * squares(picture, tile),
}
