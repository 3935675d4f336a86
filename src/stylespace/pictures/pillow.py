"""Pillow's pictures to ours and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from stylespace.errors import PictureError
from stylespace.pictures import vips
from stylespace.pictures.decoding import from_image
from stylespace.pictures.exif import upright
from stylespace.pictures.picture import Picture
from stylespace.pictures.samples import check_size, planes, quantise

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112


def from_pil(image: Image.Image, max_pixels: int) -> Picture:
    """The Pillow ``image``, of any mode, colour-managed by the profile it carries and turned upright by its EXIF.

    Mode F is taken to be in [0, 1], or in Pillow's own [0, 255] when its largest value is above 1; mode I in [0, 65535].
    """
    name = getattr(image, "filename", "") or "The Pillow picture"
    check_size(*image.size, max_pixels, name)
    try:
        image.load()
        orientation = image.getexif().get(_ORIENTATION, 1)
        samples, cmyk = _samples(image, name)
    except PictureError:
        raise
    except Exception as error:  # its decoders' errors have no common type
        raise PictureError(f"{name} cannot be decoded by Pillow ({_one_line(error)}): save it again.") from error
    orientation = orientation if isinstance(orientation, int) else 1
    block = image.info.get("exif") or None
    if samples.dtype.kind == "f":
        pixels, alpha = planes(samples, name, orientation=orientation)
        return Picture(pixels, alpha, 16, upright(block), None, name)
    profile = image.info.get("icc_profile") or None
    try:
        return from_image(vips.from_samples(samples, cmyk=cmyk), name, orientation=orientation, block=block, profile=profile)
    except vips.Error as error:
        raise PictureError(f"{name} cannot be converted to sRGB{vips.reason(error)}: save it as sRGB.") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def to_pil(pixels: Tensor | Picture, alpha: Tensor | None = None) -> Image.Image:
    """A Pillow picture, RGB or RGBA, 8 bit, sRGB.

    ``pixels``: (1, 3, H, W) or (3, H, W), sRGB in [0, 1], rounded and clipped. ``alpha``: (1, 1, H, W), (1, H, W) or (H, W), in
    [0, 1]; a ``Picture`` brings its own. Raises ``PictureError`` for other shapes and for values that are not numbers.
    """
    from PIL import Image

    if isinstance(pixels, Picture):
        return to_pil(pixels.pixels, pixels.alpha if alpha is None else alpha)
    picture = Picture(
        pixels[None] if pixels.ndim == 3 else pixels, None if alpha is None else alpha.reshape(1, 1, *alpha.shape[-2:])
    )
    return Image.fromarray(quantise(picture.pixels, picture.alpha, 8, "The picture"))


def _samples(image: Image.Image, name: str) -> tuple[np.ndarray, bool]:
    """The samples of ``image`` (H, W, C), and whether they are CMYK."""
    mode = image.mode
    if mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[:, :, None], False
    if mode == "I":
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise PictureError(f"{name} (mode I) has values from {values.min()} to {values.max()}: 0 to 65535 is expected.")
        return values.astype(np.uint16)[:, :, None], False
    if mode == "F":
        values = np.asarray(image)[:, :, None]
        return (values / np.float32(255) if values.max() > 1 else values), False
    if mode == "CMYK":
        return np.asarray(image), True
    if mode == "LAB":
        from PIL import ImageCms

        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        return np.asarray(converted), False
    grey = mode in ("1", "L", "LA", "La")
    transparent = image.has_transparency_data or mode in ("La", "RGBa")
    if mode == "La":
        image = image.convert("LA")
    wanted = ("LA" if transparent else "L") if grey else ("RGBA" if transparent else "RGB")
    values = np.asarray(image if image.mode == wanted else image.convert(wanted))
    return (values[:, :, None] if values.ndim == 2 else values), False
