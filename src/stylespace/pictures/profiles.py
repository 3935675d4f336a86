"""Colour profiles (ICC) to sRGB.

8-bit pictures go through littlecms. At 16 bits littlecms resamples a matrix profile to a coarse table, wrong by up to ten 8-bit
steps at the edge of the gamut, so matrix profiles (Adobe RGB, Display P3, ProPhoto, grey gammas) are computed here, in full
precision: ICC.1:2022, annex F.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from stylespace.pictures import vips

Curve = Callable[[np.ndarray], np.ndarray]

CHANNELS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
_BLOCK = 1 << 18  # samples converted at a time
_OPTIONS = {"intent": "relative", "black_point_compensation": True}


@lru_cache(maxsize=1)
def srgb() -> bytes:
    """The sRGB profile that pictures are written with."""
    return vips.built_in_profile("srgb")


def usable(profile: bytes | None, channels: int) -> bytes | None:
    """``profile`` if it suits pictures of ``channels`` colour channels (RGB profiles suit grey ones too), else None."""
    if profile is None or len(profile) < 132 or profile[36:40] != b"acsp":
        return None
    described = CHANNELS.get(profile[16:20])
    return profile if described == channels or (described, channels) == (3, 1) else None


def to_srgb(image: Any, profile: bytes | None, channels: int) -> Any:
    """The libvips ``image`` (``channels`` of colour, perhaps alpha; 8 or 16 bit) in sRGB or grey, by littlecms.

    Relative colorimetric with black point compensation. Without a usable profile CMYK is taken to be coated paper, grey and RGB
    to be sRGB.
    """
    profile = usable(profile, channels)
    if channels < 4 and (profile is None or is_srgb(profile)):
        return image
    alpha = image[channels:] if image.bands > channels else None
    colour = image[0:channels]
    if profile is not None and profile[16:20] == b"RGB " and channels == 1:
        colour = colour.bandjoin([colour, colour])
        colour = colour.copy(interpretation="srgb" if colour.format == "uchar" else "rgb16")
    try:
        colour = _transform(colour, profile or vips.built_in_profile("cmyk"))
    except vips.Error:  # a damaged profile counts as none
        return to_srgb(image, None, channels)
    return colour if alpha is None else colour.bandjoin(alpha)


def from_srgb(image: Any, profile: bytes, bits: int) -> Any:
    """The 16-bit sRGB libvips ``image`` (RGB, perhaps alpha) in the colours of the RGB ``profile``, 8 or 16 ``bits``."""
    alpha = image[3:] if image.bands > 3 else None
    colour = vips.with_block(image[0:3], "icc-profile-data", srgb()).icc_import(embedded=True, pcs="lab", **_OPTIONS)
    colour = vips.with_block(colour, "icc-profile-data", profile).icc_export(depth=bits, pcs="lab", **_OPTIONS)
    if alpha is None:
        return colour
    return colour.bandjoin(alpha if bits == 16 else (alpha >> 8).cast("uchar"))


def _transform(colour: Any, profile: bytes) -> Any:
    colour = vips.with_block(colour, "icc-profile-data", profile)
    if colour.format == "uchar":
        return colour.icc_transform("srgb", embedded=True, depth=8, **_OPTIONS)
    xyz = colour.icc_import(embedded=True, pcs="xyz", **_OPTIONS)  # closer than Lab for profiles of tables
    return xyz.icc_export(output_profile="srgb", depth=16, pcs="xyz", **_OPTIONS)


@lru_cache(maxsize=16)
def is_srgb(profile: bytes) -> bool:
    """Whether ``profile`` moves no colour by half an 8-bit step: one of the many sRGB profiles, or unusable."""
    if profile == srgb():
        return True
    levels = np.linspace(0, 65535, 9).astype(np.uint16)
    probe = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(27, 27, 3)
    if profile[16:20] != b"RGB ":
        return False
    exact = matrix_profile(profile)
    try:
        if exact is not None:
            planes = np.ascontiguousarray(probe.transpose(2, 0, 1), np.float32) / 65535
            exact.to_srgb(planes)
            moved = np.abs(planes * 65535 - probe.transpose(2, 0, 1))
        else:
            moved = np.abs(vips.to_samples(_transform(vips.from_samples(probe), profile)).astype(np.float32) - probe)
    except vips.Error:
        return True
    return bool(moved.max() < 128)


@dataclass(frozen=True)
class MatrixProfile:
    """An RGB profile of three curves and a matrix, or a grey one of one curve.

    ``curves``: encoded [0, 1] to linear. ``matrix``: linear RGB to linear sRGB, (3, 3); None for grey.
    """

    curves: tuple[Curve, ...]
    matrix: np.ndarray | None

    def to_srgb(self, planes: np.ndarray) -> None:
        """Convert ``planes`` (1 or 3, ...) float32 in [0, 1], contiguous, to sRGB in place; what lies outside sRGB is clipped."""
        flat = planes.reshape(len(planes), -1)
        for start in range(0, flat.shape[1], _BLOCK):
            block = flat[:, start : start + _BLOCK]
            linear = np.stack([curve(plane) for curve, plane in zip(self.curves, block, strict=True)])
            if self.matrix is not None:
                linear = self.matrix @ linear
            block[:] = encode(np.clip(linear, 0, 1))


def encode(linear: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1] to sRGB (IEC 61966-2-1)."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, 1 / 2.4) - 0.055)


@lru_cache(maxsize=16)
def matrix_profile(profile: bytes) -> MatrixProfile | None:
    """``profile`` as curves and a matrix; None when it is made of tables or damaged."""
    try:
        tags = _tags(profile)
        if any(tag in tags for tag in (b"A2B0", b"A2B1", b"D2B0", b"D2B1")) or profile[20:24] != b"XYZ ":
            return None
        if profile[16:20] == b"GRAY":
            return MatrixProfile((_curve(tags[b"kTRC"]),), None)
        if profile[16:20] != b"RGB ":
            return None
        curves = tuple(_curve(tags[colour + b"TRC"]) for colour in (b"r", b"g", b"b"))
        return MatrixProfile(curves, np.linalg.solve(_colorants(_tags(srgb())), _colorants(tags)).astype(np.float32))
    except (KeyError, ValueError, struct.error, np.linalg.LinAlgError):
        return None


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, 100))]
    return {name: profile[offset : offset + length] for name, offset, length in entries}


def _colorants(tags: dict[bytes, bytes]) -> np.ndarray:
    """Linear RGB to XYZ at D50, (3, 3)."""
    columns = [struct.unpack_from(">3i", tags[colour + b"XYZ"], 8) for colour in (b"r", b"g", b"b")]
    return np.array(columns, np.float64).T / 65536


def _curve(tag: bytes) -> Curve:
    if tag[:4] == b"para":
        return _parametric(tag)
    if tag[:4] != b"curv":
        raise ValueError("not a curve")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return lambda x: x
    if count == 1:
        gamma = struct.unpack_from(">H", tag, 12)[0] / 256
        return lambda x: np.power(x, gamma)
    table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64) / 65535
    grid = np.linspace(0, 1, count)
    return lambda x: np.interp(x, grid, table)


def _parametric(tag: bytes) -> Curve:
    """ICC.1:2022, table 68. All five kinds are (a x + b)^g + e from d on, c x + f below."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind > 4:
        raise ValueError("an unknown parametric curve")
    values = [v / 65536 for v in struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)]
    g, a, b, c, d, e, f = values + [0.0] * (7 - len(values))
    if kind == 0:
        a = 1.0
    if kind in (1, 2):
        c, d, e, f = 0.0, -b / a if a else 0.0, c, c
    return lambda x: np.where(x >= d, np.power(np.maximum(a * x + b, 0), g) + e, c * x + f)
