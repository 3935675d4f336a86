"""How large tiles may be that fit into memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError, StylespaceError
from stylespace.pictures.tiles import free_memory, parsed_memory

STANDING = 400 << 20  # bytes of a process that has loaded PyTorch and an encoder
SMALLEST_CORE, LARGEST_CORE = 128, 1024  # pixels a side of tiles


def core_side(
    size: Sequence[int],
    encoder: Encoder,
    layers: Collection[str],
    memory: str | None,
    *,
    whole: float,
    kept: float,
    ends: float = 0.0,
) -> int | None:
    """Side of the tiles' cores with which features of a picture of ``size`` (h, w) fit; None where it fits as a whole.

    ``memory``: such as 2GB; None: what is free. ``whole`` and ``kept``: bytes a pixel beside the encoder's, as a whole and in tiles;
    ``ends``: before and after, when no tile is worked on.
    Raises ``InputError`` where it does not fit at all.
    """
    budget = available(memory, next(encoder.parameters()).device)
    pixels = size[0] * size[1]
    a_pixel = encoder.bytes_a_pixel(layers)
    if pixels * (a_pixel + whole) <= budget:
        return None
    align, halo = encoder.reach(layers)
    smallest = _smallest(align)
    wanted = max(pixels * kept + a_pixel * (smallest + 2 * halo) ** 2, pixels * ends)
    if wanted > budget:
        raise InputError(
            f"{size[1]} x {size[0]} pixels do not fit into the memory given, even tile by tile: at least"
            f" {(wanted + STANDING) / 2**30:.1f} GB are wanted. Give --memory more, or a smaller --size."
        )
    side = int(((budget - pixels * kept) / a_pixel) ** 0.5) - 2 * halo
    return min(max(smallest, side // align * align), LARGEST_CORE)


def smaller_core(core: int | None, encoder: Encoder, layers: Collection[str]) -> int:
    """Side of tiles that take less memory than those of ``core``, or than the whole picture. Raises ``StylespaceError`` at the smallest."""
    align, _ = encoder.reach(layers)
    smallest = _smallest(align)
    if core is not None and core <= smallest:
        raise StylespaceError("Memory ran out even with the smallest tiles: close other programs, or give a smaller --size.")
    return max(smallest, (LARGEST_CORE if core is None else core // 2) // align * align)


def available(memory: str | None, device: torch.device) -> float:
    """Bytes for pictures and features."""
    if memory is not None:
        return max(parsed_memory(memory) - STANDING, 0)
    if device.type == "cuda":
        return 0.8 * torch.cuda.mem_get_info(device)[0]
    return 0.8 * free_memory()


def _smallest(align: int) -> int:
    return -(-SMALLEST_CORE // align) * align
