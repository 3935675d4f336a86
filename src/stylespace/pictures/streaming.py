"""Pictures too large for memory: decoded once into a scratch file, read and written in rectangles, encoded from there."""

from __future__ import annotations

import mmap
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import InputError, PictureError
from stylespace.pictures import profiles, vips
from stylespace.pictures.decoding import header
from stylespace.pictures.samples import check_size
from stylespace.pictures.settings import packet
from stylespace.pictures.writing import check_target
from stylespace.storage.atomic import write_whole

Box = tuple[int, int, int, int]  # top, bottom, left, right


class Raw:
    """Samples (H, W, bands) in a temporary scratch file, or in one at ``path`` that stays. ``bits``: 8 or 16."""

    def __init__(self, size: tuple[int, int], bands: int, bits: int, path: Path | None = None) -> None:
        self.size, self.bands, self.bits = size, bands, bits
        self._clean: Callable[[], object] = lambda: None
        if path is None:
            place = tempfile.mkdtemp(prefix="stylespace-")
            self._clean = weakref.finalize(self, shutil.rmtree, place, ignore_errors=True)
        self.path = path or Path(place) / "samples"
        self.kind = np.uint16 if bits == 16 else np.uint8
        self.map: mmap.mmap | None = None

    def open(self) -> np.ndarray[Any, Any]:
        """The samples as an array that is mapped into memory."""
        if self.map is None:
            count = self.size[0] * self.size[1] * self.bands * self.bits // 8
            with self.path.open("r+b" if self.path.exists() else "w+b") as file:
                file.truncate(count)
                self.map = mmap.mmap(file.fileno(), count)
        return np.frombuffer(self.map, self.kind).reshape(*self.size, self.bands)

    def read(self, box: Box) -> Tensor:
        """A rectangle (1, bands, h, w) in [0, 1]."""
        top, bottom, left, right = box
        part = self.open()[top:bottom, left:right].astype(np.float32) / (2**self.bits - 1)
        self._release()
        return torch.from_numpy(part).permute(2, 0, 1)[None]

    def write(self, box: Box, part: Tensor) -> None:
        """Write a rectangle (1, bands, h, w) in [0, 1]."""
        top, bottom, left, right = box
        values = (part[0].permute(1, 2, 0).clamp(0, 1) * (2**self.bits - 1) + 0.5).numpy()
        self.open()[top:bottom, left:right] = values.astype(self.kind)
        self._release()

    def _release(self) -> None:
        if self.map is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Delete the file, unless it stays."""
        self._clean()


def decoded(path: str | Path, *, max_pixels: int, size: int | None = None, keep: Path | None = None) -> Raw:
    """The picture at ``path`` as sRGB samples in scratch, upright, with its transparency as a fourth band; ``size``: a new long side.

    ``keep``: a file that the samples are written to, or read from if it is there already.

    Raises ``PictureError`` as ``read`` does, and for kinds of pictures that are not streamed (CMYK, floating point).
    """
    path = Path(path)
    image = header(path, path.name)
    check_size(image.width, image.height, max_pixels, path.name)
    if image.format not in ("uchar", "ushort") or image.interpretation == "cmyk":
        raise PictureError(
            f"{path.name} is too large for memory and of a kind that cannot be streamed: convert it to RGB of 8 or 16 bits."
        )
    bits = 8 if image.format == "uchar" else 16
    profile = profiles.usable(vips.field(image, "icc-profile-data"), 1 if image.bands <= 2 else 3)
    try:
        if vips.field(image, "orientation") not in (None, 1):
            image = image.copy_memory() if image.width * image.height < 1 << 22 else image
            image = image.autorot()
        if profile is not None and profile != profiles.srgb():
            image = profiles.to_srgb(image, profile, 1 if image.bands <= 2 else 3)
        if image.bands <= 2:
            grey = image.extract_band(0)
            image = grey.bandjoin([grey, grey, *([image.extract_band(1)] if image.bands == 2 else [])])
        if size and size != max(image.width, image.height):
            image = image.resize(size / max(image.width, image.height), kernel="cubic")
        raw = Raw((image.height, image.width), image.bands, bits, keep)
        if keep is None or not keep.exists():
            cast = image.cast("ushort" if bits == 16 else "uchar")
            write_whole(raw.path, lambda temporary: cast.rawsave(str(temporary)))
    except vips.Error as error:
        raise PictureError(f"{path.name} cannot be decoded{vips.reason(error)}: it may be damaged.") from error
    return raw


def encoded(raw: Raw, path: str | Path, *, bits: int = 8, force: bool = False, settings: dict[str, Any] | None = None) -> Path:
    """Write ``raw`` in ``bits`` a channel as TIFF (tiled, BigTIFF if large), PNG or JPEG by ``path``'s suffix; row by row, atomically."""
    target = Path(path)
    format_ = check_target(target, bits=bits, force=force)
    high, wide = raw.size
    kind = {8: "uchar", 16: "ushort"}[raw.bits]
    if format_ not in ("TIFF", "PNG", "JPEG") or (format_ == "JPEG" and max(raw.size) > 65500):
        raise InputError(f"{wide} x {high} pixels are streamed into TIFF or PNG: name {target.stem}.tif.")
    raw.open()  # the file exists and has its size
    image = vips.Image.rawload(str(raw.path), wide, high, raw.bands, format=kind)
    if bits != raw.bits:
        image = (image * 257).cast("ushort") if bits == 16 else (image / 257).rint().cast("uchar")
    image = image.copy(interpretation="srgb" if bits == 8 else "rgb16")
    image = vips.with_block(image, "icc-profile-data", profiles.srgb())
    if settings is not None:
        image = vips.with_block(image, "xmp-data", packet(settings))

    def save(temporary: Path) -> None:
        if format_ == "TIFF":
            image.tiffsave(str(temporary), tile=True, tile_width=256, tile_height=256, compression="deflate", predictor="horizontal",
                           bigtiff=high * wide * raw.bands * bits // 8 > 3 << 30)  # fmt: skip
        elif format_ == "PNG":
            image.pngsave(str(temporary))
        else:
            image.jpegsave(str(temporary), Q=92)

    try:
        return write_whole(target, save)
    except vips.Error as error:
        raise PictureError(f"{target} cannot be written{vips.reason(error)}: check the space left.") from error


def size_of(path: str | Path) -> tuple[int, int]:
    """Height and width of the upright picture at ``path``, from its header."""
    image = header(Path(path), Path(path).name)
    turned = (vips.field(image, "orientation") or 1) >= 5
    return (image.width, image.height) if turned else (image.height, image.width)


def shrunk(raw: Raw, long_side: int) -> Tensor:
    """A small copy (1, 3, h, w) of about ``long_side`` pixels, each the mean of a block."""
    step = max(1, max(raw.size) // long_side)
    rows = []
    for top in range(0, raw.size[0] // step * step, step):
        band = raw.read((top, top + step, 0, raw.size[1] // step * step))[:, :3]
        rows.append(torch.nn.functional.avg_pool2d(band, step))
    return torch.cat(rows, 2)
