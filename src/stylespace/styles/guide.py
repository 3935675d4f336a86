"""What on a picture corresponds to what on its styles: maps of both, of luminance, features or regions, or drawn by a user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.pictures.atlas import Atlas, stacked, to_bytes
from stylespace.pictures.colour import to_yiq
from stylespace.pictures.resizing import resize
from stylespace.styles.region import Region, guides

Bytes = NDArray[np.uint8]
UNIT = 50  # of 255: what a standard deviation becomes in maps that are compared
AXES = 6  # of features
APART = 16.0  # weight of being in the right region


@dataclass(frozen=True)
class Drawn:
    """A pair of maps that a user drew: ``here`` (1, 3, H, W), of the result, and ``there`` (1, 3, h, w), of the style; where their colours
    are alike, so are the places. ``weight``: how much a difference counts, relative to the same difference of colours."""

    here: Tensor
    there: Tensor
    weight: float = 1.0


@dataclass(frozen=True)
class Maps:
    """Guides at one size: ``here`` (G, H, W) of the result, ``there`` (G, h, w) of the atlas, uint8; ``weights``: of each channel."""

    here: Bytes
    there: Bytes
    weights: tuple[float, ...] = ()

    def __add__(self, other: Maps) -> Maps:
        """The channels of both."""
        return Maps(
            np.concatenate([self.here, other.here]), np.concatenate([self.there, other.there]), self.weights + other.weights
        )  # fmt: skip


def style_atlas(regions: Sequence[Region], size: float, share: float = 1.0) -> Atlas:
    """All regions' style pictures at a long side of ``size`` (never enlarged), all then at a ``share`` of it, where their masks allow.

    Raises ``InputError`` where there is none or nothing of it is left, and for styles of unlike weights, which cannot be copied in shares.
    """
    styles = [style for region in regions for style in region.styles]
    if not styles:
        raise InputError("No style was given: give at least one style picture.")
    if any(len({style.weight for style in region.styles if isinstance(style.weight, float)}) > 1 for region in regions):
        raise InputError("Pieces of styles are copied whole, so they have no weights: leave =WEIGHT out, or give another method.")
    seen = [style.seen(share * min(size, max(style.picture.shape[-2:]))) for style in styles]
    atlas = Atlas.of([picture.cpu() for picture, _ in seen], [None if mask is None else mask.cpu() for _, mask in seen])
    if not (atlas.owner >= 0).any():
        raise InputError("The style's mask leaves nothing of it: paint white what may be taken.")
    return atlas


def region_maps(regions: Sequence[Region], photo: Tensor, atlas: Atlas) -> Maps:
    """For each region a channel that says where it is and which pictures of the atlas are its own; none for a single one."""
    drawn = [(region, guide) for region, guide in zip(regions, guides(regions, photo), strict=True) if region.styles]
    maps = no_maps(photo.shape[-2:], atlas.owner.shape)
    first = 0
    for region, guide in drawn:
        own = (atlas.owner >= first) & (atlas.owner < first + len(region.styles))
        first += len(region.styles)
        if guide is not None and len(drawn) > 1:
            maps += Maps(to_bytes(guide[0]), (own[None] * np.uint8(255)).astype(np.uint8), (APART,))
    return maps


def drawn_maps(drawn: Sequence[Drawn], size: Sequence[int], atlas: Atlas) -> Maps:
    """A user's guides, one channel each where both maps are grey. Raises ``InputError`` where there are several style pictures."""
    maps = no_maps(size, atlas.owner.shape)
    if drawn and len(atlas.sizes) > 1:
        raise InputError("A guide belongs to one style picture: give one, or leave the guides out.")
    for guide in drawn:
        pair = [guide.here, guide.there]
        if all(float((m - m[:, :1]).abs().max()) < 1 / 512 for m in pair):
            pair = [m[:, :1] for m in pair]
        here, there = resize(pair[0].cpu(), size), resize(pair[1].cpu(), atlas.sizes[0])
        maps += Maps(to_bytes(here[0]), to_bytes(there[0]), (guide.weight / here.shape[1],) * here.shape[1])
    return maps


def luminance_maps(photo: Tensor, atlas: Atlas, weight: float, *, blur: float = 0.0, remap: bool = True) -> Maps:
    """Luminance of ``photo`` (1, 3, H, W) and of an atlas. ``remap``: the photo's gets the mean and deviation of the atlas's, so that
    they can be compared (Hertzmann et al. 2001, sec. 3.4, the other way round); ``blur``: of both, in pixels."""
    pair = [to_bytes(to_yiq(p)[0, 0]) for p in (photo.cpu(), atlas.pixels[None])]
    if not remap:
        return Maps(pair[0][None], pair[1][None], (weight,))
    values = [p.astype(np.float64) for p in pair]
    if blur:
        from scipy.ndimage import gaussian_filter

        values = [gaussian_filter(p, blur) for p in values]
    return Maps(_like(values[0], values[1][atlas.owner >= 0])[None], np.rint(values[1]).astype(np.uint8)[None], (weight,))


def colour_maps(photo: Tensor, atlas: Atlas, weight: float) -> Maps:
    """Their colours as they are."""
    return Maps(to_bytes(photo[0]), to_bytes(atlas.pixels), (weight,) * 3)


@torch.no_grad()
def feature_maps(photo: Tensor, atlas: Atlas, encoder: Encoder, layer: str, weight: float) -> Maps:
    """An encoder's features of both on the styles' principal axes; each set about its own mean."""
    device = next(encoder.parameters()).device
    with _one_thread():
        size = (photo.shape[-2], photo.shape[-1])
        own = _features(photo.to(device), encoder, layer, size)[0]
        pictures = [
            atlas.pixels[None, :, top : top + high, :wide] for top, (high, wide) in zip(atlas.tops, atlas.sizes, strict=True)
        ]
        theirs = stacked(
            [_features(p.to(device), encoder, layer, (p.shape[-2], p.shape[-1])) for p in pictures], atlas.owner.shape
        )
        taken = theirs[:, torch.from_numpy(atlas.owner >= 0)].double()  # (C, n)
        mean = taken.mean(1, keepdim=True)
        values, axes = torch.linalg.eigh((taken - mean) @ (taken - mean).T / taken.shape[1])
        axes = axes[:, -AXES:].T.to(torch.float64)
        length = float(values[-1].clamp_min(1e-12).sqrt())
        here, there = (
            torch.einsum("ac,chw->ahw", axes, maps.double() - middle.reshape(-1, 1, 1)) / length
            for maps, middle in ((own, own.double().mean((1, 2))), (theirs, mean))
        )
    found = [np.clip(np.rint(128 + UNIT * m.numpy()), 0, 255).astype(np.uint8) for m in (here, there)]
    return Maps(found[0], found[1], (weight,) * len(found[0]))


def no_maps(here: Sequence[int], there: Sequence[int]) -> Maps:
    """No channels, of these sizes."""
    return Maps(np.zeros((0, *here), np.uint8), np.zeros((0, *there), np.uint8))


def _features(picture: Tensor, encoder: Encoder, layer: str, size: tuple[int, int]) -> Tensor:
    return resize(encoder(picture, [layer])[layer].float().cpu(), size, clamp=False)


def _like(values: NDArray[np.float64], other: NDArray[np.float64]) -> Bytes:
    """``values`` with mean and deviation of ``other``; a map of one value: the mean."""
    deviation = float(values.std())
    ratio = float(other.std()) / deviation if deviation > 0.5 else 0.0
    return np.clip(np.rint(float(other.mean()) + ratio * (values - float(values.mean()))), 0, 255).astype(np.uint8)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums of floating-point numbers may depend on how many add them up; what is copied must not."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
