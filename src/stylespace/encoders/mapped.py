"""Features that are an affine map of others, and are worked out only where somebody needs them."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Mapped:
    """Features ``matrix`` (D, C) times ``maps`` (N, C, H, W) plus ``offset`` (D,), not worked out: their moments follow from the maps'."""

    maps: Tensor
    matrix: Tensor
    offset: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the features: (N, D, H, W)."""
        return (self.maps.shape[0], len(self.matrix), *self.maps.shape[2:])


Features = Tensor | Mapped


def whole(features: Features) -> Tensor:
    """The features themselves, (N, D, H, W)."""
    if isinstance(features, Tensor):
        return features
    # A matrix product over positions: convolutions of odd channel numbers take a slow path.
    return F.linear(features.maps.permute(0, 2, 3, 1), features.matrix, features.offset).permute(0, 3, 1, 2)
