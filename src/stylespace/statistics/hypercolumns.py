"""Hypercolumns: the features of all layers at one place of a picture, concatenated (Hariharan et al. 2015)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.pictures.tiles import Tile


def hypercolumns(features: Mapping[str, Tensor] | Sequence[Tensor], places: Tensor) -> Tensor:
    """Features (1, C_l, h_l, w_l) of several layers at ``places``: (n, sum of C_l), float32, bilinear between positions.

    ``places`` (n, 2): down and right, from 0 to 1 of the picture's sides. A layer's positions are the centres of equal cells.
    """
    grid = (2 * places.flip(1) - 1)[None, None]
    maps = features.values() if isinstance(features, Mapping) else features
    found = [
        F.grid_sample(f.float(), grid.to(f.device, torch.float32), padding_mode="border", align_corners=False)[0, :, 0].T
        for f in maps
    ]
    return torch.cat(found, 1)


def inside(places: Tensor, tile: Tile) -> Tensor:
    """Indices (m,) of the ``places`` (n, 2) that lie in a tile's core."""
    at = places * torch.tensor(tile.of)
    top, bottom, left, right = tile.core
    rows = (at[:, 0] >= top) & ((at[:, 0] < bottom) | (bottom == tile.of[0]))
    columns = (at[:, 1] >= left) & ((at[:, 1] < right) | (right == tile.of[1]))
    return (rows & columns).nonzero()[:, 0]


def hypercolumns_of(features: Sequence[Tensor], scales: Sequence[int], places: Tensor, tile: Tile) -> Tensor:
    """Equal to :func:`hypercolumns` of the whole picture, from the features of one tile with its margin, at places in its core.

    ``scales``: how many times smaller than the picture each layer's maps are.
    """
    found = []
    for maps, scale in zip(features, scales, strict=True):
        whole = torch.tensor([side // scale for side in tile.of])
        first = torch.tensor([tile.seen[0] // scale, tile.seen[2] // scale])
        found.append(hypercolumns([maps], (places * whole - first) / torch.tensor(maps.shape[-2:])))
    return torch.cat(found, 1)


def spread_out(count: int, size: Sequence[int], generator: torch.Generator, guide: Tensor | None = None) -> Tensor:
    """About ``count`` random places (n, 2), evenly spread over a picture of ``size`` (h, w): one anywhere in each of as many equal cells.

    ``guide`` (1, 1, H, W): ``count`` places are drawn in proportion to it instead, so that small regions get their share. Never more
    than the picture has pixels.
    """
    high, wide = size
    count = max(1, min(count, high * wide))
    if guide is not None:
        weight = guide.detach().cpu().reshape(-1).clamp_min(0).double()
        drawn = torch.multinomial(weight, count, replacement=True, generator=generator)
        rows, columns = drawn // guide.shape[-1], drawn % guide.shape[-1]
        jitter = torch.rand(count, 2, generator=generator)
        return (torch.stack([rows, columns], 1) + jitter) / torch.tensor(guide.shape[-2:])
    down = max(1, min(count, round((count * high / wide) ** 0.5)))
    right = max(1, round(count / down))
    cells = torch.cartesian_prod(torch.arange(down), torch.arange(right)).float().reshape(-1, 2)
    return (cells + torch.rand(cells.shape, generator=generator)) / torch.tensor([down, right])
