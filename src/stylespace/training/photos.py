"""Training photos: decoded once into a file of squares, cropped and flipped at random."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import InputError, PictureError
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import resize
from stylespace.storage.atomic import write_text

ROOM = 9 / 8  # side of the squares over the crops'


@dataclass(frozen=True)
class Photos:
    """``squares``: (N, S, S, 3) uint8, in a file that is mapped into memory.

    ``skipped``: photos that could not be read, with the reason. ``sha256``: of the squares.
    """

    squares: np.ndarray
    skipped: dict[str, str]
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.squares)

    def crops(self, numbers: Sequence[int], side: int, generator: torch.Generator) -> Tensor:
        """Random crops (n, 3, side, side; sRGB in [0, 1]) of these photos, half of them flipped."""
        room = self.squares.shape[1] - side
        found = []
        for number in numbers:
            top, left, flip = (int(torch.randint(n, (1,), generator=generator)) for n in (room + 1, room + 1, 2))
            part = self.squares[number, top : top + side, left : left + side]
            found.append(torch.from_numpy(np.ascontiguousarray(part[:, ::-1] if flip else part)))
        return torch.stack(found).permute(0, 3, 1, 2).float().div_(255)


def prepare(paths: Sequence[Path], side: int, folder: Path, *, progress: Callable[[int, int], None] | None = None) -> Photos:
    """Squares of ``paths`` for crops of ``side`` pixels, kept in ``folder`` and found again there while the files are as they were.

    A photo is shrunk (never enlarged beyond need) until its short side is nine eighths of a crop's and its middle square is taken. Bad
    photos are skipped. Raises ``InputError`` when none is left.
    """
    large = round(side * ROOM)
    key = hashlib.sha256(json.dumps([large, *map(_stamp, paths)]).encode()).hexdigest()[:16]
    place, about = folder / f"photos-{key}.npy", folder / f"photos-{key}.json"
    if place.exists() and about.exists():
        record = json.loads(about.read_text())
        return Photos(np.load(place, mmap_mode="r")[: record["count"]], record["skipped"], record["sha256"])
    if not paths:
        raise InputError("There are no photos to train on: give a folder of them.")
    folder.mkdir(parents=True, exist_ok=True)
    skipped: dict[str, str] = {}
    temporary = folder / f".photos-{key}.npy"
    count, found = 0, hashlib.sha256()
    try:
        squares = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=(len(paths), large, large, 3))
        for number, path in enumerate(paths, 1):
            try:
                squares[count] = square = _square(path, large)
                found.update(square.tobytes())
                count += 1
            except PictureError as error:
                skipped[str(path)] = str(error)
            if progress:
                progress(number, len(paths))
        squares.flush()
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            f"Training photos cannot be kept in {folder} ({error.strerror or error}): make room or give another folder."
        ) from error
    if not count:
        temporary.unlink(missing_ok=True)
        raise InputError(f"None of the {len(paths)} photos can be read; the first: {next(iter(skipped.values()))}")
    temporary.replace(place)
    write_text(about, json.dumps({"count": count, "skipped": skipped, "sha256": found.hexdigest()}))
    return Photos(np.load(place, mmap_mode="r")[:count], skipped, found.hexdigest())


def _stamp(path: Path) -> list[Any]:
    """What changes when the file does: its place, length and time."""
    try:
        about = path.stat()
    except OSError:
        return [str(path.resolve())]
    return [str(path.resolve()), about.st_size, about.st_mtime_ns]


def _square(path: Path, large: int) -> np.ndarray:
    pixels = read(path).pixels
    high, wide = pixels.shape[-2:]
    scale = large / min(high, wide)
    small = resize(pixels, (max(large, round(high * scale)), max(large, round(wide * scale))))
    top, left = (small.shape[-2] - large) // 2, (small.shape[-1] - large) // 2
    part = small[0, :, top : top + large, left : left + large].clamp(0, 1)
    return (part * 255).round().byte().permute(1, 2, 0).numpy()
