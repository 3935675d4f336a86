"""A gain and an offset for each normalised channel: from one style, a mix, or a mix that varies over the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.networks.padding import pad


@dataclass(frozen=True)
class Conditioning:
    """Rows of styles, laid out as gamma then beta for each normalisation in turn.

    ``rows`` (N, P): one per picture; or, with ``maps`` (1, K, H, W) that sum to 1 at each position, the rows (K, P) of the styles that the
    maps weight. ``channels``: of each normalisation, in order; P is twice their sum.
    """

    rows: Tensor
    channels: tuple[int, ...]
    maps: Tensor | None = None

    @classmethod
    def of(cls, rows: Tensor, channels: Sequence[int], maps: Tensor | None = None) -> Conditioning:
        """Check the shapes. ``rows`` (P,) is one row."""
        rows = rows[None] if rows.ndim == 1 else rows
        if rows.shape[1] != 2 * sum(channels):
            raise ValueError(f"Rows of {2 * sum(channels)} numbers are expected, not of {rows.shape[1]}.")
        if maps is not None and maps.shape[:2] != (1, rows.shape[0]):
            raise ValueError(f"Maps (1, {rows.shape[0]}, H, W) are expected, not {tuple(maps.shape)}.")
        return cls(rows, tuple(channels), maps)

    def at(self, index: int, size: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Gamma and beta of the ``index``-th normalisation, whose map has ``size`` (h, w): (N, C, 1, 1), or (1, C, h, w) with maps."""
        start = ([0, *accumulate(self.channels)])[index] * 2
        count = self.channels[index]
        part = self.rows[:, start : start + 2 * count]
        if self.maps is None:
            part = part[:, :, None, None]
        else:
            weights = F.interpolate(self.maps, size=tuple(size), mode="area")
            part = torch.einsum("kp,nkhw->nphw", part, weights)
        return part[:, :count], part[:, count:]

    def padded(self, high: int, wide: int) -> Conditioning:
        """The same for a picture that has so many pixels more at its lower and right border."""
        if self.maps is None or not (high or wide):
            return self
        return Conditioning(self.rows, self.channels, pad(self.maps, 0, wide, 0, high, "replicate"))

    def framed(self, margin: int) -> Conditioning:
        """The same for a picture that has so many pixels more on each side."""
        if self.maps is None or not margin:
            return self
        return Conditioning(self.rows, self.channels, pad(self.maps, margin, margin, margin, margin, "replicate"))
