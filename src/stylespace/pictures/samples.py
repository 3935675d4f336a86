"""Samples (H, W, C), as decoders return them, to the planes of a picture and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import PictureError
from stylespace.pictures.profiles import MatrixProfile

FULL_SCALE = {"uint8": 255, "uint16": 65535, "uint32": 4294967295}
"""The value of white, by the samples' type; floating-point samples are in [0, 1]."""


def check_size(width: int, height: int, max_pixels: int, name: str) -> None:
    """Refuse pictures one pixel wide or high, and those of more than ``max_pixels`` pixels, with a ``PictureError``."""
    if min(width, height) < 2:
        raise PictureError(f"{name} is {width} x {height} pixels: at least 2 on each side are expected.")
    if width * height > max_pixels:
        raise PictureError(
            f"{name} has {width} x {height} = {width * height / 1e6:,.1f} million pixels, more than the limit of"
            f" {max_pixels / 1e6:,.1f} million: make it smaller, or raise the limit (--max-pixels, max_pixels=)."
        )


def planes(
    samples: np.ndarray, name: str, *, orientation: int = 1, full_scale: float | None = None, profile: MatrixProfile | None = None
) -> tuple[Tensor, Tensor | None]:
    """``samples`` (H, W, C), grey or RGB, perhaps with alpha, as pixels (1, 3, H, W) and alpha (1, 1, H, W) or None, in [0, 1].

    ``orientation``: EXIF's 1 to 8, applied. ``full_scale``: the value of white, by default that of the samples' type. ``profile``:
    the profile that colours are converted from. Floating-point samples are clipped to [0, 1]. Raises ``PictureError`` for values that are
    not numbers.
    """
    samples = _upright(samples, orientation)
    height, width, channels = samples.shape
    full_scale = full_scale or FULL_SCALE.get(samples.dtype.name, 1)
    colours = 1 if channels <= 2 else 3
    try:
        pixels = torch.empty((1, 3, height, width))
        alpha = torch.empty((1, 1, height, width)) if channels > colours else None
        rgb: np.ndarray = pixels.numpy()[0]
        for i in range(colours):
            _fill(rgb[i], samples[:, :, i], full_scale, name)
        if alpha is not None:
            _fill(alpha.numpy()[0, 0], samples[:, :, colours], full_scale, name)
        used = len(profile.curves) if profile is not None else colours
        if used > colours:
            rgb[1:] = rgb[0]
        if profile is not None:
            profile.to_srgb(rgb[:used])
        if used == 1:
            rgb[1:] = rgb[0]
    except (MemoryError, RuntimeError) as error:
        raise PictureError(f"{name}, {width} x {height} pixels, does not fit in memory: make it smaller.") from error
    return pixels, alpha


def quantise(pixels: Tensor, alpha: Tensor | None, bits: int, name: str, *, flatten: bool = False) -> np.ndarray:
    """``pixels`` (1, 3, H, W) and ``alpha`` as samples (H, W, 3 or 4), uint8 or uint16, clipped to [0, 1], rounded to nearest.

    ``flatten``: on white, without alpha. Raises ``PictureError`` for values that are not numbers.
    """
    full_scale = 255 if bits == 8 else 65535
    rgb = pixels.detach().to("cpu").float().numpy()[0]
    opacity = None if alpha is None else alpha.detach().to("cpu").float().numpy()[0, 0].clip(0, 1)
    if np.isnan(rgb.min()) or (opacity is not None and np.isnan(opacity.min())):
        raise PictureError(f"{name} holds values that are not numbers (NaN): it cannot be used.")
    kept = [*rgb] if opacity is None or flatten else [*rgb, opacity]
    samples = np.empty((*rgb.shape[1:], len(kept)), np.uint8 if bits == 8 else np.uint16)
    for i, plane in enumerate(kept):
        values = np.clip(plane, 0, 1)
        if flatten and opacity is not None:
            values = values * opacity + (1 - opacity)
        values *= full_scale
        samples[:, :, i] = np.rint(values, out=values)
    return samples


def _fill(plane: np.ndarray, samples: np.ndarray, full_scale: float, name: str) -> None:
    if samples.dtype.kind == "u":
        np.divide(samples, np.float32(full_scale), out=plane, dtype=np.float32)
        np.minimum(plane, 1, out=plane)
        return
    if np.isnan(samples.min()):
        raise PictureError(f"{name} holds values that are not numbers (NaN): replace them first.")
    np.clip(samples, 0, 1, out=plane, casting="same_kind")


def _upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """A view of ``samples`` turned as EXIF's ``orientation`` asks (Exif 2.32, 4.6.4); an unknown one changes nothing."""
    if 5 <= orientation <= 8:
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples
