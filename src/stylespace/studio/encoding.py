"""Pictures for the eye only: small, fast, without settings inside."""

from __future__ import annotations

import io

from stylespace.pictures.picture import Picture
from stylespace.pictures.pillow import to_pil
from stylespace.pictures.resizing import fit, resize

QUALITY = 88


def jpeg(picture: Picture) -> bytes:
    """A JPEG; transparent places are as their colours say."""
    out = io.BytesIO()
    to_pil(picture.pixels).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def smaller(picture: Picture, side: int) -> Picture:
    """The picture with a long side of ``side`` pixels at most."""
    size = fit(picture.size, min(side, max(picture.size)))
    return picture if size == picture.size else picture.with_pixels(resize(picture.pixels, size).clamp(0, 1))
