"""Pictures for the eye only: small, fast, without settings inside."""

from __future__ import annotations

import io

from stylespace.pictures.picture import Picture
from stylespace.pictures.pillow import to_pil

QUALITY = 88


def jpeg(picture: Picture) -> bytes:
    """A JPEG; transparent places are as their colours say."""
    out = io.BytesIO()
    to_pil(picture.pixels).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
