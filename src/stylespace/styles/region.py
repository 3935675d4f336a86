"""Styles, and the regions of the photo they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.pictures.resizing import fit, resize


@dataclass(frozen=True)
class Style:
    """A style picture (1, 3, H, W; sRGB in [0, 1]), its weight among others, and where on it (1, 1, H, W) the style is taken.

    ``weight``: one number, or one for each style layer.
    """

    picture: Tensor
    weight: float | Mapping[str, float] = 1.0
    mask: Tensor | None = None

    @property
    def share(self) -> float:
        """Its weight over all layers."""
        return float(sum(self.weight.values()) if isinstance(self.weight, Mapping) else self.weight)

    def share_at(self, layer: str) -> float:
        """Its weight at one style layer."""
        return self.weight.get(layer, 0.0) if isinstance(self.weight, Mapping) else self.weight

    def seen(self, size: float) -> tuple[Tensor, Tensor | None]:
        """Picture and mask with a long side of ``size`` pixels; never enlarged, which would blur its strokes."""
        own = fit(self.picture.shape[-2:], min(max(self.picture.shape[-2:]), max(1, round(size))))
        return resize(self.picture, own), None if self.mask is None else resize(self.mask, own)


@dataclass(frozen=True)
class Region:
    """Where on the photo styles go: a soft map (1, 1, H, W) in [0, 1], or None for all of it.

    Without styles the photo is unchanged there.
    """

    styles: tuple[Style, ...]
    guide: Tensor | None = None


def first_style(regions: Sequence[Region]) -> Style:
    """The first style of all. Raises ``InputError`` where there is none."""
    found = next((style for region in regions for style in region.styles), None)
    if found is None:
        raise InputError("No style was given: give at least one style picture.")
    return found


def guides(regions: Sequence[Region], picture: Tensor) -> list[Tensor | None]:
    """Where each region is on ``picture`` (1, 3, H, W): (1, 1, H, W), or None where one region is everything.

    A region without a guide is what the others leave.
    """
    if all(region.guide is None for region in regions):
        return [None] * len(regions)
    size = (picture.shape[-2], picture.shape[-1])
    drawn = [None if region.guide is None else resize(region.guide.to(picture), size).clamp(0, 1) for region in regions]
    rest = (1 - torch.stack([guide for guide in drawn if guide is not None]).sum(0)).clamp(0, 1)
    return [rest if guide is None else guide for guide in drawn]


def left_alone(picture: Tensor, photo: Tensor, regions: Sequence[Region]) -> Tensor:
    """``picture`` with the ``photo`` (of the same size) put back in regions without styles."""
    if all(region.styles for region in regions):
        return picture
    for region, guide in zip(regions, guides(regions, picture), strict=True):
        if not region.styles:
            picture = photo if guide is None else picture.lerp(photo, guide)
    return picture
