"""Which frames of a film are painted, and from which of them each of the others is carried."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from stylespace.errors import InputError


@dataclass(frozen=True)
class Stretch:
    """Frames from ``first`` to before ``end`` and the key frames that they are carried from, by number.

    ``left``: at ``first``, or, of a shot without a key frame, one of another shot. ``right``: at ``end``; it belongs to the next stretch.
    """

    first: int
    end: int
    left: int | None
    right: int | None

    @property
    def is_lost(self) -> bool:
        """Whether its shot has no key frame."""
        return self.left is not None and self.left != self.first


def stretches(shots: Sequence[int], count: int, keys: Sequence[int]) -> list[Stretch]:
    """All of a film of ``count`` frames whose shots begin at ``shots``. Carried frames stay within their shot."""
    made: list[Stretch] = []
    for first, end in zip(shots, [*shots[1:], count], strict=True):
        own = sorted(key for key in keys if first <= key < end)
        if not own:
            made.append(Stretch(first, end, min(keys, key=lambda key: (abs(key - first), key)), None))
            continue
        if own[0] > first:
            made.append(Stretch(first, own[0], None, own[0]))
        made += [Stretch(a, b, a, b) for a, b in pairwise(own)]
        made.append(Stretch(own[-1], end, own[-1], None))
    return made


def every(shots: Sequence[int], count: int, frames: int) -> list[int]:
    """Key frames at the beginning of each shot, and after each ``frames`` of it."""
    return [key for first, end in zip(shots, [*shots[1:], count], strict=True) for key in range(first, end, frames)]


def numbered(paths: Sequence[Path], frames: Sequence[Path] | None, count: int) -> dict[int, Path]:
    """Key frames by the numbers in their names, the last of each.

    ``frames``: files of the film's frames, where it is a folder: a key frame has the number of its frame's file. Else the first frame is 1,
    or 0 where a key frame has that number. Raises ``InputError`` for a name without a number, for two of one, for one beyond the film.
    """
    found: dict[int, Path] = {}
    for path in paths:
        number = _number(path)
        if number in found:
            raise InputError(f"{found[number].name} and {path.name} have one number: name each key frame after its frame.")
        found[number] = path
    if frames is None:
        places = {number: number for number in range(count)} if 0 in found else {number + 1: number for number in range(count)}
    else:
        places = {_number(path): index for index, path in enumerate(frames)}
    if beyond := [path.name for number, path in found.items() if number not in places]:
        numbers = f"{min(places)} to {max(places)}"
        raise InputError(
            f"{beyond[0]} belongs to no frame: the film's are numbered {numbers}. Name each key frame after its frame."
        )
    return {places[number]: path for number, path in found.items()}


def _number(path: Path) -> int:
    digits: list[str] = re.findall(r"\d+", path.stem)
    if not digits or len(digits[-1]) > 12:
        raise InputError(f"{path.name} has no number: name each key frame after its frame, such as 0024.png.")
    return int(digits[-1])
