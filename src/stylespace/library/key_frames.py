"""Key frames of a film, one for every shot without near duplicates, so that a film can be a style."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from stylespace.film.reading import frames
from stylespace.library.describing import describe, relative, thumbnail
from stylespace.pictures.picture import Picture
from stylespace.pictures.pillow import to_pil

# Mean absolute difference of two frames at 32 x 18 pixels, 0..1: above it another shot, or much movement, has begun.
CHANGE = 0.03
# Squared distance of two descriptors, as a share of the newer one's energy at each layer: below it they are one texture.
ALIKE = 0.01
LOOKS = 4  # a second


@dataclass(frozen=True)
class KeyFrame:
    """``time`` in seconds, None for a picture of a folder, whose ``path`` it has then. ``png``: its file's bytes."""

    picture: Picture
    time: float | None
    path: Path | None
    png: bytes
    numbers: Tensor
    thumbnail: bytes


def key_frames(source: Path, *, change: float = CHANGE, alike: float = ALIKE) -> Iterator[KeyFrame]:
    """Frames of ``source``, a film or a folder of frames in order, that show something new, each unlike all before.

    Four frames a second of a film are examined. Raises ``PictureError`` for what is not a film, ``MissingExtraError`` without PyAV.
    """
    last: Tensor | None = None
    kept: list[Tensor] = []
    for picture, seconds, path in frames(source, LOOKS):
        small = F.interpolate(picture.pixels, size=(18, 32), mode="area")
        if last is not None and float((small - last).abs().mean()) < change:
            continue
        last = small
        numbers, energies = describe(picture.pixels)
        by = relative(energies)
        if any(float(((numbers - other) * by).square().sum()) < alike for other in kept):
            continue
        kept.append(numbers)
        data = path.read_bytes() if path else _png(picture)
        yield KeyFrame(picture, seconds, path, data, numbers, thumbnail(picture))


def _png(picture: Picture) -> bytes:
    out = io.BytesIO()
    to_pil(picture.pixels).save(out, "PNG", compress_level=3)
    return out.getvalue()
