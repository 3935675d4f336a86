"""Tiles: a picture cut into cores that cover it once, each seen with a halo of pixels around it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from stylespace.errors import InputError

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@dataclass(frozen=True)
class Tile:
    """Rows and columns of a core and of the area seen for it, as (top, bottom, left, right); ``of``: the picture's (height, width)."""

    core: tuple[int, int, int, int]
    seen: tuple[int, int, int, int]
    of: tuple[int, int]

    @property
    def whole(self) -> bool:
        """Whether its core is all of the picture."""
        return self.core == (0, self.of[0], 0, self.of[1])

    @property
    def window(self) -> tuple[slice, slice]:
        """The area seen, as slices of the picture's last two axes."""
        return slice(self.seen[0], self.seen[1]), slice(self.seen[2], self.seen[3])

    def inside(self, scale: int, size: Sequence[int]) -> tuple[slice, slice]:
        """The core on a map of the area seen that is ``scale`` times smaller and has ``size`` (h, w)."""
        found = []
        for axis in range(2):
            first, last = (self.core[2 * axis + i] for i in range(2))
            start = (first - self.seen[2 * axis]) // scale
            # At the picture's end maps may be a little smaller than the picture: all that remains belongs to the last core.
            stop = size[axis] if last == self.of[axis] else (last - self.seen[2 * axis]) // scale
            found.append(slice(start, stop))
        return found[0], found[1]

    def outside(self, scale: int, size: Sequence[int]) -> tuple[slice, slice]:
        """The core on a map of the whole picture that is ``scale`` times smaller and has ``size`` (h, w)."""
        found = [
            slice(self.core[2 * i] // scale, size[i] if self.core[2 * i + 1] == self.of[i] else self.core[2 * i + 1] // scale)
            for i in range(2)
        ]
        return found[0], found[1]


def cut(size: Sequence[int], core: int | None, halo: int, align: int = 1) -> list[Tile]:
    """Tiles of a picture of ``size`` (h, w): cores of at most ``core`` pixels a side and ``halo`` pixels seen around each.

    Edges between cores and edges of the areas seen are multiples of ``align``. ``core`` None: one tile, all of the picture.
    """
    if core is None:
        every = (0, size[0], 0, size[1])
        return [Tile(every, every, (size[0], size[1]))]
    if core < align or core % align or halo % align:
        raise InputError(f"Tiles of {core} pixels with {halo} around them do not fit a grid of {align}.")
    high, wide = size
    spans = []
    for side in (high, wide):
        # A remainder smaller than the grid joins the core before it.
        edges = [*range(0, max(side - align, 1), core), side]
        spans.append([(a, b, max(0, a - halo), min(side, b + halo)) for a, b in pairwise(edges)])
    return [Tile((t, b, x, r), (ts, bs, ls, rs), (high, wide)) for t, b, ts, bs in spans[0] for x, r, ls, rs in spans[1]]


def parsed_memory(text: str) -> int:
    """Bytes that ``2GB``, ``800M`` or ``1.5 g`` mean. Raises ``InputError``."""
    plain = text.strip().lower().removesuffix("b").removesuffix("i").strip()
    unit = plain[-1:] if plain[-1:] in _UNITS and plain[-1:] else ""
    try:
        found = int(float(plain.removesuffix(unit)) * _UNITS[unit])
    except (ValueError, OverflowError):
        found = 0
    if found < 1 << 20:
        raise InputError(f"'{text}' is no memory budget: write 2GB or 800MB.")
    return found


def free_memory() -> int:
    """Bytes of memory that are free now; 4 GB if the system does not say."""
    try:
        with open("/proc/meminfo") as lines:
            for line in lines:
                if line.startswith("MemAvailable"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError, AttributeError):
        return 4 << 30
