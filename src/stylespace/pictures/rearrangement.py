"""Which pixel of which source each pixel of a picture was copied from, so that maps of the same sources can be rearranged alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.storage.tensors import read_tensors, write_tensors

FORMAT = "stylespace rearrangement 1"


@dataclass(frozen=True, eq=False)
class Rearrangement:
    """``coordinates``: (3, H, W) int32: for each pixel the index of its source, from 0, and the place in it, down and right.

    ``sizes``: height and width of each source.
    """

    coordinates: Tensor
    sizes: tuple[tuple[int, int], ...]

    def apply(self, maps: Sequence[Tensor]) -> Tensor:
        """``maps``, one (1, C, h, w) per source, of the sources' sizes or an integer multiple, rearranged alike: (1, C, H, W) times
        that multiple. Values are copied, never mixed.

        Raises ``InputError`` for other sizes or another number of maps.
        """
        if len(maps) != len(self.sizes):
            raise InputError(
                f"{len(maps)} maps were given for {len(self.sizes)} sources: give one for each source, in their order."
            )
        factors = set()
        for each, (high, wide) in zip(maps, self.sizes, strict=True):
            own = (each.shape[-2], each.shape[-1])
            factors.add(own[0] // high if own == (own[0] // high * high, own[0] // high * wide) else 0)
        if factors - {0} != factors or len(factors) != 1:
            wanted = ", ".join(f"{wide} x {high}" for high, wide in self.sizes)
            raise InputError(f"The maps do not fit the sources: {wanted} pixels are wanted, or all of them so many times larger.")
        factor = factors.pop()
        number, down, right = (_enlarged(c, factor) for c in self.coordinates.long())
        inside = torch.arange(factor)
        down = down * factor + inside.repeat(self.coordinates.shape[1])[:, None]
        right = right * factor + inside.repeat(self.coordinates.shape[2])[None]
        made = maps[0].new_zeros((1, maps[0].shape[1], *number.shape))
        for index, each in enumerate(maps):
            here = number == index
            made[0][:, here] = each[0][:, down[here], right[here]].to(made)
        return made

    def save(self, path: str | Path) -> Path:
        """Write safetensors, atomically."""
        return write_tensors(
            path, {"coordinates": self.coordinates}, {"format": FORMAT, "sizes": [list(size) for size in self.sizes]}
        )

    @classmethod
    def load(cls, path: str | Path) -> Rearrangement:
        """Read what :meth:`save` wrote. Raises ``InputError``."""
        todo = "give a file that 'stylespace texture --coordinates' wrote"
        try:
            record, tensors = read_tensors(path)
            sizes = tuple((int(high), int(wide)) for high, wide in record["sizes"])
            coordinates = tensors["coordinates"]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{path} holds no coordinates ({error}): {todo}.") from error
        if record.get("format") != FORMAT or not _is_whole(coordinates, sizes):
            raise InputError(f"{path} does not hold the coordinates it says it holds: {todo}.")
        return cls(coordinates, sizes)


def _enlarged(coordinates: Tensor, factor: int) -> Tensor:
    return coordinates.repeat_interleave(factor, 0).repeat_interleave(factor, 1)


def _is_whole(coordinates: Tensor, sizes: Sequence[tuple[int, int]]) -> bool:
    """Whether every coordinate is inside its source."""
    shaped = coordinates.dtype == torch.int32 and coordinates.ndim == 3 and coordinates.shape[0] == 3 and coordinates.numel() > 0
    if not shaped or not sizes or not all(0 < side < 2**31 for size in sizes for side in size):
        return False
    number, down, right = coordinates.long()
    if int(number.min()) < 0 or int(number.max()) >= len(sizes):
        return False
    high, wide = torch.tensor(sizes).T
    return bool(((down >= 0) & (down < high[number]) & (right >= 0) & (right < wide[number])).all())
