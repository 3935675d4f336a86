"""Pictures to descriptors, by the compact encoder."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.pictures.picture import Picture
from stylespace.pictures.pillow import to_pil
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import fit, resize
from stylespace.statistics import descriptor
from stylespace.statistics.gram import gram, triangle

THUMBNAIL = 128


@cache
def network() -> Encoder:
    """The compact encoder, in float32: descriptors must not depend on the machine."""
    return encoders.load("compact", precision="fp32")


def describe(picture: Tensor) -> tuple[Tensor, list[float]]:
    """Descriptor (240,) of ``picture`` (1, 3, H, W; sRGB in [0, 1]), and the energy ||G||^2 of each layer, exact."""
    small = resize(picture, fit(picture.shape[-2:], min(max(picture.shape[-2:]), descriptor.SIDE)))
    with torch.no_grad():
        features = network()(small, descriptor.LAYERS)
        triangles = [triangle(gram(features[layer])) for layer in descriptor.LAYERS]
    return descriptor.project(triangles), [float(row.square().sum()) for row in triangles]


def described_file(path: Path) -> tuple[Tensor, list[float]]:
    """:func:`describe` of a picture's file."""
    return describe(read(path).pixels)


def relative(energies: list[float], weights: Mapping[str, float] | None = None) -> Tensor:
    """Factors (240,) for differences to a picture with these ``energies``, so that every layer counts equally or by ``weights``."""
    chosen = [weights.get(layer, 0.0) if weights else 1.0 for layer in descriptor.LAYERS]
    total = sum(chosen) or 1.0
    return descriptor.blocks((w / total / max(e, 1e-30)) ** 0.5 for w, e in zip(chosen, energies, strict=True))


def thumbnail(picture: Picture) -> bytes:
    """A JPEG with a long side of 128 pixels."""
    small = to_pil(picture.pixels)
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    out = io.BytesIO()
    small.convert("RGB").save(out, "JPEG", quality=80)
    return out.getvalue()
