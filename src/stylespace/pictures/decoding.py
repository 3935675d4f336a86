"""Picture files to pictures, by libvips (and pillow-heif for HEVC)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from stylespace.errors import MissingExtraError, PictureError
from stylespace.pictures import exif, profiles, vips
from stylespace.pictures.formats import HEAD, READABLE, recognise
from stylespace.pictures.picture import Picture
from stylespace.pictures.samples import FULL_SCALE, check_size, planes
from stylespace.storage.witness import WITNESS

_LOADERS = {"JPEG": "jpegload", "PNG": "pngload", "TIFF": "tiffload", "WebP": "webpload", "HEIF": "heifload", "GIF": "gifload"}
_OTHERS = ((b"%PDF", "a PDF document"), (b"<svg", "an SVG drawing"), (b"BM", "a BMP picture"), (b"8BPS", "a Photoshop document"))


def decode(source: Path | bytes, name: str, max_pixels: int) -> Picture:
    """The picture in ``source``, a regular file or its bytes. Raises ``PictureError``; the size is checked before decoding."""
    with WITNESS.reading(name):
        return _decoded(source, name, max_pixels)


def _decoded(source: Path | bytes, name: str, max_pixels: int) -> Picture:
    format_ = _recognised(source, name)
    try:
        image = open_image(source, format_)
        check_size(image.width, image.height, max_pixels, name)
        if format_ == "HEIF" and vips.field(image, "heif-compression") not in (None, "av1"):
            return _decode_hevc(source, name, max_pixels)
        return from_image(
            image,
            name,
            orientation=1 if format_ == "HEIF" else vips.field(image, "orientation") or 1,  # libheif has turned it already
            block=_tiff_exif(source) if format_ == "TIFF" else vips.field(image, "exif-data"),
            profile=vips.field(image, "icc-profile-data"),
        )
    except vips.Error as error:
        raise PictureError(_damaged(name, format_, error)) from error


def open_image(source: Path | bytes, format_: str) -> Any:
    """A libvips image of ``source``, with its header read and its pixels not yet."""
    vips.forget_errors()
    loader = _LOADERS[format_]
    options = {"access": "sequential", "fail_on": "error"}
    if isinstance(source, Path):
        try:
            str(source).encode()
        except UnicodeEncodeError:  # a name that is not text, which libvips cannot be given
            source = source.read_bytes()
        else:
            return getattr(vips.Image, loader)(str(source), revalidate=True, **options)
    return getattr(vips.Image, f"{loader}_buffer")(source, **options)


def header(source: Path | bytes, name: str) -> Any:
    """A libvips image of ``source`` for its metadata. Raises ``PictureError`` when it is not a picture."""
    format_ = _recognised(source, name)
    try:
        return open_image(source, format_)
    except vips.Error as error:
        raise PictureError(_damaged(name, format_, error)) from error


def from_image(
    image: Any, name: str, *, orientation: int = 1, block: bytes | None = None, profile: bytes | None = None
) -> Picture:
    """The libvips ``image`` decoded, colour-managed and turned upright; ``block``: its EXIF.

    Raises ``vips.Error`` for damaged files, ``PictureError`` for samples of a kind that pictures do not have.
    """
    bits = 8 if image.format == "uchar" else 16
    managed = profile
    if image.interpretation in ("lab", "labs", "xyz", "yxy", "lch"):
        image, managed = image.colourspace("rgb16"), None
    channels = 4 if image.interpretation == "cmyk" else 1 if image.bands <= 2 else 3
    if image.bands > channels + 1 or image.bands < channels:
        raise PictureError(f"{name} has {image.bands} channels: grey, RGB or CMYK is expected, with or without alpha.")
    if image.format not in ("uchar", "ushort", "uint", "float", "double"):
        raise PictureError(f"{name} holds samples of type {image.format}: unsigned or floating-point numbers are expected.")
    managed = profiles.usable(managed, channels)
    if managed == profiles.srgb():
        managed = None
    exact = profiles.matrix_profile(managed) if managed is not None and bits == 16 else None
    if exact is None and (channels == 4 or managed is not None):
        if image.format not in ("uchar", "ushort"):
            image = _sixteen_bit(image, name)
        image = profiles.to_srgb(image, managed, channels)
    pixels, alpha = planes(vips.to_samples(image), name, orientation=orientation, full_scale=_full_scale(image), profile=exact)
    return Picture(pixels, alpha, bits, exif.upright(block), profile, name)


def _sixteen_bit(image: Any, name: str) -> Any:
    samples = vips.to_samples(image)
    scaled = samples / np.float32(FULL_SCALE.get(samples.dtype.name, 1))
    if np.isnan(scaled.min()):
        raise PictureError(f"{name} holds values that are not numbers (NaN): replace them first.")
    return vips.from_samples(np.rint(np.clip(scaled, 0, 1) * 65535).astype(np.uint16), cmyk=image.interpretation == "cmyk")


def _full_scale(image: Any) -> float | None:
    """AVIF's 10 and 12 bits come shifted to the top of 16, so that white falls short of 65535."""
    bits = vips.field(image, "bits-per-sample")
    if image.format == "ushort" and vips.field(image, "heif-compression") is not None and bits in (10, 12):
        return float(65536 - (1 << (16 - bits)))
    return None


def _decode_hevc(source: Path | bytes, name: str, max_pixels: int) -> Picture:
    """By pillow-heif: libvips' wheel has no HEVC decoder."""
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtraError(
            f"{name} is a HEIF picture, which needs the plug-in pillow-heif: pip install 'stylespace[heif]', or save it as JPEG."
        ) from error
    try:
        heif = pillow_heif.open_heif(io.BytesIO(source) if isinstance(source, bytes) else source, convert_hdr_to_8bit=False)
        width, height = heif.size
        check_size(width, height, max_pixels, name)
        samples = np.asarray(heif)
    except PictureError:
        raise
    except Exception as error:  # the plug-in's errors have no common type
        raise PictureError(_damaged(name, "HEIF", error)) from error
    if samples.ndim == 2:
        samples = samples[:, :, None]
    if samples.dtype == np.uint16 and heif.info.get("bit_depth") in (10, 12):
        samples = samples | (samples >> heif.info["bit_depth"])
    return from_image(
        vips.from_samples(samples), name, block=heif.info.get("exif") or None, profile=heif.info.get("icc_profile") or None
    )


def _recognised(source: Path | bytes, name: str) -> str:
    if isinstance(source, Path):
        with source.open("rb") as file:
            head = file.read(HEAD)
    else:
        head = source[:HEAD]
    if not head:
        raise PictureError(f"{name} is empty: give a picture ({READABLE}).")
    format_ = recognise(head)
    if format_ is None:
        what = next((what for start, what in _OTHERS if head.startswith(start)), "not a picture that can be read")
        raise PictureError(f"{name} is {what}: {READABLE} is expected.")
    return format_


def _tiff_exif(source: Path | bytes) -> bytes | None:
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        return exif.from_tiff(file)


def _damaged(name: str, format_: str, error: Exception) -> str:
    reason = vips.reason(error)
    if "samples out of range" in reason:
        return f"{name} is a TIFF with samples of a kind that cannot be read: 8, 16 or 32 bits a channel are expected."
    return f"{name} is damaged or incomplete as a {format_} file{reason}: copy, save or download it again."
