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
    """Differences of the pixels of a tile's core from those below and to the right; ``picture`` (1, C, h, w): the tile with its margin."""
    rows, columns = tile.inside(1, picture.shape[-2:])
    below = picture[..., rows.start : rows.stop + 1, columns]
    beside = picture[..., rows, columns.start : columns.stop + 1]
    return below[..., 1:, :] - below[..., :-1, :], beside[..., 1:] - beside[..., :-1]


SMOOTHNESS = {"squared": squared_variation, "absolute": total_variation, "neural-style": neural_style_variation}


def smoothness_of(kind: str, picture: Tensor, tile: Tile) -> Tensor:
    """What a tile, seen as ``picture`` (1, C, h, w), adds to one of :data:`SMOOTHNESS` of the whole picture."""
    if tile.whole:
        return SMOOTHNESS[kind](picture)
    size = (part.abs() if kind == "absolute" else part.square() for part in differences(picture, tile))
    factor = {"squared": 1 / (picture.shape[1] * tile.of[0] * tile.of[1]), "absolute": 1.0, "neural-style": 0.5 * 255.0**2}
    return factor[kind] * torch.stack([part.sum() for part in size]).sum()
