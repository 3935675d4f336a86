"""Several pictures stacked into one, so that a search in one picture searches them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylespace.pictures.rearrangement import Rearrangement

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Atlas:
    """``pixels``: (C, H, W) float32, the pictures one below the other, 0 beside narrow ones. ``owner``: (H, W), whose a pixel is,
    -1 for none or where its mask is dark. ``tops``: the first row of each; ``sizes``: height and width of each."""

    pixels: Tensor
    owner: NDArray[np.int64]
    tops: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, pictures: Sequence[Tensor], masks: Sequence[Tensor | None] | None = None) -> Atlas:
        """The atlas of ``pictures`` (1, C, h, w); pixels may be taken where their ``masks`` (1, 1, h, w) are above a half."""
        sizes = tuple((picture.shape[-2], picture.shape[-1]) for picture in pictures)
        tops = tuple(int(top) for top in np.cumsum([0, *(high for high, _ in sizes[:-1])]))
        owner = np.full((sum(high for high, _ in sizes), max(wide for _, wide in sizes)), -1, np.int64)
        for number, (top, (high, wide)) in enumerate(zip(tops, sizes, strict=True)):
            mask = None if masks is None else masks[number]
            taken = np.ones((high, wide), bool) if mask is None else (mask[0, 0] > 0.5).cpu().numpy()
            owner[top : top + high, :wide][taken] = number
        return cls(stacked(pictures, owner.shape), owner, tops, sizes)

    def taken(self, down: NDArray[np.int32], right: NDArray[np.int32]) -> Tensor:
        """The pixels (C, ...) at places of the atlas."""
        return self.pixels[:, torch.from_numpy(down).long(), torch.from_numpy(right).long()]

    def rearrangement(self, down: NDArray[np.int32], right: NDArray[np.int32]) -> Rearrangement:
        """Places (H, W) of the atlas as indices of sources and places in these."""
        number = np.searchsorted(np.array(self.tops), down, side="right") - 1
        there = np.stack([number, down - np.array(self.tops)[number], right]).astype(np.int32)
        return Rearrangement(torch.from_numpy(there), self.sizes)


def stacked(pictures: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """``pictures`` (1, C, h, w) one below the other in (C, H, W) of ``size``, 0 elsewhere."""
    made = torch.zeros((pictures[0].shape[1], *size))
    top = 0
    for picture in pictures:
        high, wide = picture.shape[-2:]
        made[:, top : top + high, :wide] = picture[0].cpu()
        top += high
    return made


def to_bytes(pixels: Tensor) -> Bytes:
    """Values in [0, 1] as integers from 0 to 255, whose sums are exact in any order."""
    return (pixels.detach().cpu().clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()
