"""libvips, made quiet: its warnings go to the log, and its errors become one short reason."""

from __future__ import annotations

import logging
import re
from typing import Any

import numpy as np

logging.getLogger("pyvips").addHandler(logging.NullHandler())  # otherwise Python prints libvips' warnings on stderr

import pyvips  # noqa: E402


def _text(value: Any) -> str:
    """Replaces pyvips' own, which fails on messages that quote bytes of a damaged file."""
    text = "NULL" if value == pyvips.ffi.NULL else pyvips.ffi.string(value)
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


pyvips._to_string = pyvips.error._to_string = _text

Error = pyvips.Error
Image = pyvips.Image

_FORMATS = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
_INTERPRETATIONS = {("uint8", 1): "b-w", ("uint8", 3): "srgb", ("uint16", 1): "grey16", ("uint16", 3): "rgb16"}


def from_samples(samples: np.ndarray, *, cmyk: bool = False) -> Any:
    """A libvips image of ``samples`` (H, W, C), uint8 or uint16: grey, RGB or CMYK, perhaps with alpha. Memory is shared."""
    forget_errors()
    samples = np.ascontiguousarray(samples)
    height, width, channels = samples.shape
    kind = samples.dtype.name
    image = Image.new_from_memory(samples.data.cast("B"), width, height, channels, _FORMATS[kind])
    return image.copy(interpretation="cmyk" if cmyk else _INTERPRETATIONS[kind, 1 if channels <= 2 else 3])


def to_samples(image: Any) -> np.ndarray:
    """The samples of ``image`` (H, W, C), in its own number format. Raises ``Error`` when the file behind it is damaged."""
    return image.numpy().reshape(image.height, image.width, image.bands)


def field(image: Any, name: str) -> Any:
    """A metadata field of ``image``, or None."""
    return image.get(name) if image.get_typeof(name) else None


def with_block(image: Any, name: str, block: bytes) -> Any:
    """``image`` with the binary metadata ``name`` set."""
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, name, block)
    return image


def built_in_profile(name: str) -> bytes:
    """An ICC profile that comes with libvips: ``srgb``, ``p3`` or ``cmyk``."""
    return bytes(pyvips.Operation.call("profile_load", name))


def reason(error: Exception) -> str:
    """The first informative line of a libvips error, in parentheses after a space; empty if there is none."""
    lines = (re.sub(r"^[\w ]+: (?=\S)", "", line.strip()) for line in str(error).splitlines())
    telling = [line for line in lines if line and not line.startswith(("unable to call", "unable to write", "bad seek"))]
    return f" ({telling[0].rstrip('.')})" if telling else ""


def forget_errors() -> None:
    """Clear libvips' list of errors, where those of earlier pictures accumulate."""
    pyvips.vips_lib.vips_error_clear()
