"""Gram matrices of features: which channels respond together, wherever in the picture (Gatys, Ecker & Bethge 2016, eq. 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from stylespace.statistics.positions import mean_product, moments_of, positions


def gram(features: Tensor, guide: Tensor | None = None, shift: float = 0.0) -> Tensor:
    """Mean product of every two channels over positions, ``G = (F + shift)(F + shift)^T / M``; (C, C), float32.

    ``features``: (1, C, H, W). ``guide``: (1, 1, H, W) in [0, 1] weighs the positions; M is then the guide's sum, so that
    regions of any size compare. ``shift``: added to every activation; Novak & Nikulin 2016 use -1.
    """
    return moments_of(features, guide, shift)[1]


def neighbour_gram(shallow: Tensor, deep: Tensor, guide: Tensor | None = None, shift: float = 0.0) -> Tensor:
    """Mean product of a layer's channels with those of the next layer, (C_shallow, C_deep) (Novak & Nikulin 2016, sec. 3.4).

    Where a pooling lies between them, the deeper map is enlarged to the shallower one's positions. ``guide`` belongs to the
    shallow layer.
    """
    if deep.shape[-2:] != shallow.shape[-2:]:
        # Position i takes the value of i // 2 at any size, so that a tile is enlarged exactly as the whole picture is.
        rows, columns = (
            (torch.arange(a, device=deep.device) // max(1, round(a / b))).clamp_max(b - 1)
            for a, b in zip(shallow.shape[-2:], deep.shape[-2:], strict=True)
        )
        deep = deep[..., rows, :][..., columns]
    return mean_product(positions(shallow) + shift, positions(deep) + shift, guide)


def triangle(matrix: Tensor) -> Tensor:
    """The upper triangle of a symmetric matrix (C, C) as (C (C + 1) / 2,), with the same inner products as the whole."""
    rows, columns = torch.triu_indices(*matrix.shape, device=matrix.device)
    return matrix[rows, columns] * torch.where(rows == columns, 1.0, 2**0.5)
