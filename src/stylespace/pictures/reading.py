"""Reads a picture from a path, bytes or an object."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import PictureError
from stylespace.pictures.decoding import decode
from stylespace.pictures.picture import Picture
from stylespace.pictures.samples import check_size, planes

if TYPE_CHECKING:
    from PIL import Image

Source = Union[str, "os.PathLike[str]", bytes, "Image.Image", np.ndarray, Tensor, Picture]

MAX_PIXELS = 200_000_000


def read(source: Source, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """The picture in ``source``: sRGB, upright, with its transparency separate.

    ``source``: a file's path; ``-``, standard input; a file's bytes; a Pillow picture of any mode; an array (H, W), (H, W, 1..4)
    of uint8, uint16 or floats in [0, 1]; a tensor (3, H, W) or (1, 3, H, W) of floats in [0, 1] (1 or 4 channels too), sRGB; a
    ``Picture``, which comes back as it is. Two and four channels mean that the last is alpha. Files: JPEG, PNG, TIFF, WebP, AVIF,
    HEIF (with pillow-heif) and GIF, the first picture of several. Colours are converted from the embedded ICC profile; CMYK
    without one is taken to be coated paper. Floating-point TIFF: in [0, 1], clipped beyond, encoded as sRGB unless a profile says
    otherwise.

    Raises ``PictureError``, one sentence, when there is no picture, when it is damaged, one pixel wide or high, or has more than
    ``max_pixels`` pixels (judged from the file's header); ``MissingExtraError`` for HEIF without the plug-in.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source, "The array", max_pixels)
    if isinstance(source, Tensor):
        return _from_tensor(source, max_pixels)
    if isinstance(source, bytes | bytearray | memoryview):
        return decode(bytes(source), "The data given", max_pixels)
    if isinstance(source, str | os.PathLike):
        data, name = contents(source)
        return decode(data, name, max_pixels)
    if _is_pil(source):
        from stylespace.pictures.pillow import from_pil

        return from_pil(source, max_pixels)
    raise PictureError(
        f"A picture cannot be read from {type(source).__name__}: a path, bytes, a Pillow picture, an array or a tensor is expected."
    )


def contents(path: str | os.PathLike[str]) -> tuple[Path | bytes, str]:
    """The content at ``path`` (the path itself for a regular file, the bytes of a pipe or of standard input, ``-``), and its name.

    Raises ``PictureError`` when it does not exist, is a folder or cannot be opened.
    """
    if str(path) == "-":
        return _standard_input(), "Standard input"
    file = Path(path)
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise PictureError(f"{file} is a folder, not a picture: name the pictures in it.")
        if stat.S_ISFIFO(mode):
            return file.read_bytes(), file.name
        if not stat.S_ISREG(mode):
            raise PictureError(f"{file} is a device, not a picture: give a picture file.")
        with file.open("rb"):
            return file, file.name
    except FileNotFoundError as error:
        raise PictureError(f"{file} does not exist: check the path.") from error
    except PermissionError as error:
        raise PictureError(f"{file} may not be read: check its permissions.") from error
    except OSError as error:
        raise PictureError(f"{file} cannot be opened ({error.strerror or error}): check the path.") from error
    except ValueError as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(f"{str(file)!r} is not a path ({error}): check it.") from error


def _standard_input() -> bytes:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise PictureError("Standard input is closed: send a picture into it, or give a path.")
    if sys.stdin.isatty():
        raise PictureError("Standard input is a terminal, not a picture: send a picture into it, or give a path.")
    return bytes(stream.read())


def _is_pil(source: object) -> bool:
    if "PIL.Image" not in sys.modules:
        return False
    from PIL import Image

    return isinstance(source, Image.Image)


def _from_array(array: np.ndarray, name: str, max_pixels: int) -> Picture:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4:
        raise PictureError(f"{name} has shape {array.shape}: (height, width) or (height, width, 1 to 4) is expected.")
    check_size(array.shape[1], array.shape[0], max_pixels, name)
    kind = array.dtype
    if kind not in (np.uint8, np.uint16) and kind.kind != "f":
        raise PictureError(f"{name} holds {kind}: uint8, uint16 or floating-point numbers in [0, 1] are expected.")
    if kind.kind == "f":
        low, high = float(array.min()), float(array.max())
        if low < -0.5 or high > 1.5:
            raise PictureError(f"{name} has values from {low:g} to {high:g}: floating-point numbers in [0, 1] are expected.")
    pixels, alpha = planes(array, name)
    return Picture(pixels, alpha, 8 if kind == np.uint8 else 16, name="array")


def _from_tensor(tensor: Tensor, max_pixels: int) -> Picture:
    name = "The tensor"
    shape = tuple(tensor.shape)
    if tensor.ndim == 4 and shape[0] == 1:
        tensor = tensor[0]
    if tensor.ndim != 3 or tensor.shape[0] not in (1, 3, 4):
        raise PictureError(f"{name} has shape {shape}: (3, height, width) or (1, 3, height, width) is expected.")
    if not tensor.is_floating_point() and tensor.dtype != torch.uint8:
        raise PictureError(f"{name} holds {tensor.dtype}: floating-point numbers in [0, 1] are expected.")
    values = tensor.detach().to("cpu")
    values = values.float() if values.is_floating_point() else values
    picture = _from_array(values.permute(1, 2, 0).numpy(), name, max_pixels)
    return Picture(picture.pixels, picture.alpha, picture.bits, name="tensor")
