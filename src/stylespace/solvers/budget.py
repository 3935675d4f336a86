"""The memory that optimisation needs, and the largest tiles that fit into it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError, StylespaceError
from stylespace.pictures.tiles import free_memory, parsed_memory

STANDING = 400 << 20  # bytes of a process that has loaded PyTorch and an encoder
SMALLEST_CORE, LARGEST_CORE = 128, 1024  # pixels a side of tiles


@dataclass(frozen=True)
class Need:
    """Memory that the optimisation of a picture needs.

    ``whole`` and ``kept``: bytes per pixel beside the encoder's, as a whole and in tiles; ``ends``: before and after the work on
    tiles. ``memory``: the limit, such as 2GB; None: what is free. ``uncut``: why it cannot be done in tiles, and what to do; empty
    where it can.
    """

    encoder: Encoder
    layers: Collection[str]
    memory: str | None
    whole: float
    kept: float
    ends: float = 0.0
    uncut: str = ""

    def core(self, size: Sequence[int]) -> int | None:
        """Side of the tiles' cores with which a picture of ``size`` (h, w) fits; None where it fits as a whole.

        Raises ``InputError`` where it does not fit at all.
        """
        budget = available(self.memory, next(self.encoder.parameters()).device)
        if self.bytes(size, None) - STANDING <= budget:
            return None
        align, halo = self.encoder.reach(self.layers)
        smallest = _smallest(align)
        least = self.bytes(size, None if self.uncut else smallest)
        if self.uncut or least - STANDING > budget:
            how = "" if self.uncut else ", even tile by tile"
            todo = self.uncut or "give --memory more, or a smaller --size"
            raise InputError(
                f"{size[1]} x {size[0]} pixels do not fit into memory{how}: {least / 2**30:.1f} GB are needed; {todo}."
            )
        pixels = size[0] * size[1]
        side = int(((budget - pixels * self.kept) / self.encoder.bytes_a_pixel(self.layers)) ** 0.5) - 2 * halo
        return min(max(smallest, side // align * align), LARGEST_CORE)

    def smaller(self, core: int | None) -> int:
        """Side of tiles that need less memory than those of ``core``, or than the whole. Raises ``StylespaceError`` at the smallest."""
        if self.uncut:
            raise StylespaceError(f"Memory ran out: {self.uncut}.")
        align, _ = self.encoder.reach(self.layers)
        smallest = _smallest(align)
        if core is not None and core <= smallest:
            raise StylespaceError("Memory ran out even with the smallest tiles: close other programs, or give a smaller --size.")
        return max(smallest, (LARGEST_CORE if core is None else core // 2) // align * align)

    def bytes(self, size: Sequence[int], core: int | None) -> float:
        """Memory for a picture of ``size`` (h, w) as a whole, or in tiles of ``core``, including that of the process itself."""
        pixels = size[0] * size[1]
        a_pixel = self.encoder.bytes_a_pixel(self.layers)
        if core is None:
            return STANDING + pixels * (a_pixel + self.whole)
        _, halo = self.encoder.reach(self.layers)
        return STANDING + max(pixels * self.kept + a_pixel * (core + 2 * halo) ** 2, pixels * self.ends)


def available(memory: str | None, device: torch.device) -> float:
    """Bytes available for pictures and features."""
    if memory is not None:
        return max(parsed_memory(memory) - STANDING, 0)
    if device.type == "cuda":
        return 0.8 * torch.cuda.mem_get_info(device)[0]
    return 0.8 * free_memory()


def _smallest(align: int) -> int:
    return -(-SMALLEST_CORE // align) * align
