"""Features of a picture, or of one tile of it, and means over their positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from stylespace.encoders.layers import scale
from stylespace.pictures.float64 import float64
from stylespace.pictures.tiles import Tile
from stylespace.statistics.guides import follow

Means = tuple[Tensor, ...]


@dataclass(frozen=True)
class SeenTile:
    """One tile of a picture with its margin (1, 3, h, w), and its features, of which only the core's count; the tile may be the whole."""

    picture: Tensor
    features: dict[str, Tensor]
    tile: Tile

    def core(self, layer: str) -> Tensor:
        """Features at the core's positions, (1, C, h, w)."""
        features = self.features[layer]
        return features if self.tile.whole else features[(..., *self.tile.inside(scale(layer), features.shape[-2:]))]

    def mean(self, of: Measure, layer: str, guide: Tensor | None) -> Means:
        """Means over a layer's positions, weighed by ``guide`` (1, 1, H, W); for a tile, its core's contribution to them, in float64."""
        if self.tile.whole:
            return of(self, None if guide is None else follow(guide, self.features[layer].shape[-2:]))
        smaller = scale(layer)
        whole = (self.tile.of[0] // smaller, self.tile.of[1] // smaller)
        rows, columns = self.tile.inside(smaller, self.features[layer].shape[-2:])
        share, at = (rows.stop - rows.start) * (columns.stop - columns.start) / (whole[0] * whole[1]), None
        if guide is not None:
            drawn = follow(guide, whole)
            at = drawn[(..., *self.tile.outside(smaller, whole))]
            share = float(at.sum() / drawn.sum().clamp_min(1e-12))
        return tuple(share * float64(part) for part in of(self, at))


# Means over the core's positions, weighed by a guide there (1, 1, h, w).
Measure = Callable[[SeenTile, Tensor | None], Means]
