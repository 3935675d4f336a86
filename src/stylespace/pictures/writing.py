"""Pictures to files."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from stylespace.errors import InputError, PictureError
from stylespace.pictures import exif, profiles, vips
from stylespace.pictures.formats import SIXTEEN_BIT, WRITABLE
from stylespace.pictures.picture import Picture
from stylespace.pictures.samples import quantise
from stylespace.pictures.settings import packet

_LONGEST_SIDE = {"JPEG": 65500, "WebP": 16383, "AVIF": 16384}
_JPEG_SEGMENT = 65000  # bytes of metadata that one JPEG segment holds


def write(
    picture: Picture,
    path: str | os.PathLike[str],
    *,
    bits: int = 8,
    force: bool = False,
    quality: int = 92,
    settings: dict[str, Any] | None = None,
    profile: bytes | None = None,
) -> Path:
    """Write ``picture`` to ``path`` in the format of its suffix: PNG, JPEG, WebP, TIFF or AVIF. Returns the path.

    ``bits``: 8, or 16 for PNG and TIFF. ``force``: replace an existing file. ``quality``: 1 to 100 for JPEG, WebP and AVIF.
    ``settings``: kept in the file, for ``read_settings``. ``profile``: an RGB ICC profile to convert to, such as
    ``picture.profile``; sRGB by default. EXIF is kept, missing folders are created, and JPEG, which has no transparency, shows white
    where alpha is 0. The file appears when it is complete, or not at all.

    Raises ``PictureError`` when the file exists or cannot be written, ``InputError`` for options that do not fit.
    """
    target = Path(path)
    format_ = check_target(target, bits=bits, force=force)
    if not 1 <= quality <= 100:
        raise InputError(f"A quality of {quality} is impossible: 1 to 100 is expected.")
    if max(picture.size) > _LONGEST_SIDE.get(format_, max(picture.size)):
        raise PictureError(
            f"{target.name} cannot hold {picture.size[1]} x {picture.size[0]} pixels: {format_} ends at {_LONGEST_SIDE[format_]}"
            " a side, so write PNG or TIFF."
        )
    metadata = packet(settings) if settings is not None else None
    if format_ == "JPEG" and metadata is not None and len(metadata) > _JPEG_SEGMENT:
        raise InputError(f"The settings take {len(metadata)} bytes, more than a JPEG holds: write {target.stem}.png instead.")
    _write_whole(target, _encode(picture, format_, bits, quality, metadata, profile), force)
    return target


def encoded(picture: Picture, suffix: str, *, quality: int = 92) -> bytes:
    """The file that :func:`write` would write, of 8 bits and under a name that ends in ``suffix``. Raises ``PictureError``."""
    format_ = WRITABLE[suffix.lower()]
    if max(picture.size) > _LONGEST_SIDE.get(format_, max(picture.size)):
        raise PictureError(f"{picture.name} cannot be written as {format_}: it ends at {_LONGEST_SIDE[format_]} pixels a side.")
    return _encode(picture, format_, 8, quality, None, None)


def check_target(path: str | os.PathLike[str], *, bits: int = 8, force: bool = False) -> str:
    """The format in which ``write`` would write ``path``; raises the errors ``write`` would. Call it before long work."""
    target = Path(path)
    format_ = WRITABLE.get(target.suffix.lower())
    if format_ is None:
        suffix = f"ends in '{target.suffix}'" if target.suffix else "has no suffix"
        raise PictureError(f"{target.name or target} {suffix}: .png, .jpg, .webp, .tif or .avif is expected.")
    if bits not in (8, 16):
        raise InputError(f"{bits} bits a channel cannot be written: choose 8 or 16.")
    if bits == 16 and format_ not in SIXTEEN_BIT:
        raise InputError(f"{target.name} cannot hold 16 bits a channel, as {format_} does not: write PNG or TIFF, or 8 bits.")
    try:
        if target.is_dir():
            raise PictureError(f"{target} is a folder: name a file.")
        if target.exists() and not force:
            raise PictureError(f"{target} exists already: choose another name, or replace it with --force (force=True).")
    except (OSError, ValueError) as error:
        if isinstance(error, PictureError):
            raise
        raise _unwritable(target, error) from error
    return format_


def _encode(picture: Picture, format_: str, bits: int, quality: int, metadata: bytes | None, profile: bytes | None) -> bytes:
    samples = quantise(picture.pixels, picture.alpha, 16 if profile else bits, picture.name, flatten=format_ == "JPEG")
    try:
        image = vips.from_samples(samples)
        if profile:
            if profiles.usable(profile, 3) is None:
                raise InputError("The profile to write with is not an RGB profile: leave it out to write sRGB.")
            image = profiles.from_srgb(image, profile, bits)
        image = vips.with_block(image, "icc-profile-data", profile or profiles.srgb())
        if picture.exif and format_ != "TIFF" and not (format_ == "JPEG" and len(picture.exif) > _JPEG_SEGMENT):
            image = vips.with_block(image, "exif-data", picture.exif)
        if metadata:
            image = vips.with_block(image, "xmp-data", metadata)
        if format_ == "PNG":
            return image.pngsave_buffer()
        if format_ == "JPEG":
            return image.jpegsave_buffer(Q=quality, optimize_coding=True)
        if format_ == "WebP":
            return image.webpsave_buffer(Q=quality, smart_subsample=True)
        if format_ == "AVIF":
            return image.heifsave_buffer(Q=quality, compression="av1", bitdepth=8, effort=3)
        data = image.tiffsave_buffer(compression="deflate", predictor="horizontal")
    except vips.Error as error:
        raise PictureError(f"{picture.name} cannot be written as {format_}{vips.reason(error)}: try PNG.") from error
    return exif.into_tiff(data, picture.exif) if picture.exif else data


def _write_whole(target: Path, data: bytes, force: bool) -> None:
    """``data`` to a new file beside ``target``, which then replaces it; after an error nothing is left behind, not even a new folder."""
    try:
        final = Path(os.path.realpath(target))  # a link is kept and its target replaced
        made = [folder for folder in final.parents if not folder.exists()]
    except (OSError, ValueError) as error:
        raise _unwritable(target, error) from error
    part = final.parent / f".stylespace-{secrets.token_hex(8)}.part"
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if final.exists() and not force:
            raise PictureError(f"{target} exists already: choose another name, or replace it with --force (force=True).")
        part.replace(final)
    except BaseException as error:
        _remove(part, made)
        if isinstance(error, OSError):
            raise _unwritable(target, error) from error
        raise


def _remove(part: Path, folders: list[Path]) -> None:
    try:
        part.unlink(missing_ok=True)
        for folder in folders:
            folder.rmdir()
    except OSError:
        return


def _unwritable(target: Path, error: Exception) -> PictureError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return PictureError(f"{target} cannot be written ({reason}): check the folder, its permissions and the space left.")
