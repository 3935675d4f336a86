"""Frames of FFmpeg to pixels and back, by the film's own matrix and range."""

from __future__ import annotations

from typing import Any

import numpy as np

from stylespace.film.extra import pyav
from stylespace.film.frame import Info, Pixels

BT709, BT601, BT2020 = 1, 5, 9
UNSAID = 2
# What swscale knows by these numbers; 6 (SMPTE 170M) has the numbers of 5 (BT.601), 10 those of 9.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}


def matrix_of(stated: int, size: tuple[int, int]) -> int:
    """The matrix that a film of ``size`` (h, w) has: what it says, else BT.709 in HD and BT.601 below, as players take it."""
    if stated in _MATRICES:
        return stated
    return BT709 if size[0] > 576 or size[1] > 1024 else BT601


def is_full(frame: Any) -> bool:
    """Whether black is 0: what the frame says, else what its format does."""
    return int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")


def has_alpha(pixel_format: Any) -> bool:
    """Whether a format of FFmpeg has transparency."""
    return pixel_format.has_palette or any(component.is_alpha for component in pixel_format.components)


def depth(pixel_format: Any) -> int:
    """Bits a channel."""
    return 8 if pixel_format.has_palette else max(component.bits for component in pixel_format.components)


def pixels_of(frame: Any, info: Info) -> Pixels:
    """A decoded frame as RGB or RGBA; 16 bits where the film has more than 8."""
    name = {(False, False): "rgb24", (False, True): "rgba", (True, False): "rgb48le", (True, True): "rgba64le"}[
        info.bits > 8, info.alpha
    ]
    if frame.format.name == name:
        return np.ascontiguousarray(frame.to_ndarray())
    options = {"format": name, "interpolation": _exact()}
    if not frame.format.is_rgb and not frame.format.has_palette:
        options |= {"src_colorspace": _MATRICES[matrix_of(int(frame.colorspace), (frame.height, frame.width))]}
        options |= {"src_color_range": 2 if is_full(frame) else 1, "dst_color_range": 2}
    made: Pixels = frame.reformat(**options).to_ndarray()
    return made


def frame_of(pixels: Pixels, pixel_format: str, info: Info) -> Any:
    """Pixels as a frame in ``pixel_format``, by ``info``'s matrix and range."""
    av = pyav("Films need PyAV")
    deep, alpha = pixels.dtype == np.uint16, pixels.shape[2] == 4
    name = {(False, False): "rgb24", (False, True): "rgba", (True, False): "rgb48le", (True, True): "rgba64le"}[deep, alpha]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), name)
    target = av.VideoFormat(pixel_format)
    if target.is_rgb:
        return frame if pixel_format == name else frame.reformat(format=pixel_format, interpolation=_exact())
    made = frame.reformat(
        format=pixel_format, dst_colorspace=_MATRICES[info.matrix], dst_color_range=2 if info.full else 1, interpolation=_exact()
    )
    made.colorspace, made.color_range = info.matrix, 2 if info.full else 1
    return made


def _exact() -> Any:
    from av.video.reformatter import Interpolation

    return Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
