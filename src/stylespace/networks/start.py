"""The start of an optimisation, drawn by a network that reads paintings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.networks.fast import Fast
from stylespace.networks.large import painted
from stylespace.networks.planes import Box
from stylespace.networks.style_network import StyleNetwork
from stylespace.styles.region import Region, Style, guides

WHOLE = 1 << 22  # pixels above which the picture is painted in tiles, on the processor


@torch.no_grad()
def drawn(photo: Tensor, regions: Sequence[Region], source: str | Path) -> Tensor:
    """``photo`` (1, 3, H, W; sRGB in [0, 1]) redrawn by the network ``source`` in the styles of ``regions``, each by its guide.

    Several styles of a region are mixed by their weights. Raises ``InputError`` for a network that reads no paintings, ``WeightsError``
    where there is none.
    """
    network = StyleNetwork.load(source).to(photo.device)
    reader = network.reader
    if reader is None:
        raise InputError(
            f"The network '{source}' reads no paintings and cannot draw the start: give one that does, or another start."
        )
    body = network.body
    network = replace(network, body=body.folded() if isinstance(body, Fast) else body)
    picture = photo
    for region, guide in zip(regions, guides(regions, photo), strict=True):
        if not region.styles:
            continue
        total = sum(style.share for style in region.styles) or 1.0
        row = torch.stack([style.share / total * reader.read(_taken(style)) for style in region.styles]).sum(0)
        picture = picture.lerp(_painted(network, photo, row), 1.0 if guide is None else guide)
    return picture


def _taken(style: Style) -> Tensor:
    """The part of a style's picture that its mask takes: the rectangle around it."""
    if style.mask is None:
        return style.picture
    there = torch.nonzero(style.mask[0, 0] > 0.5)
    if not len(there):
        return style.picture
    (top, left), (bottom, right) = there.min(0).values.tolist(), (there.max(0).values + 1).tolist()
    high, wide = style.picture.shape[-2:]
    down, across = high / style.mask.shape[-2], wide / style.mask.shape[-1]
    return style.picture[..., int(top * down) : max(1, round(bottom * down)), int(left * across) : max(1, round(right * across))]


def _painted(network: StyleNetwork, photo: Tensor, row: Tensor) -> Tensor:
    if photo.shape[-2] * photo.shape[-1] <= WHOLE:
        return network.body(photo.to(row.dtype), row[None]).to(photo)
    whole, made = photo.cpu(), torch.empty(photo.shape)

    def fetch(box: Box) -> Tensor:
        return whole[..., box[0] : box[1], box[2] : box[3]]

    def write(box: Box, part: Tensor) -> None:
        made[..., box[0] : box[1], box[2] : box[3]] = part

    painted(network.to("cpu").body, row.cpu(), (photo.shape[-2], photo.shape[-1]), fetch, write)
    return made.to(photo)
