"""A short description of a picture's texture, for libraries: Gram matrices of every style layer under a fixed random projection.

A projection by random signs preserves distances up to a factor near one (Johnson & Lindenstrauss 1984; Achlioptas 2003), and being linear
it preserves blends: the descriptor of a blend of Gram matrices is the blend of descriptors.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import torch
from torch import Tensor

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
NUMBERS = 48  # per layer
SIZE = len(LAYERS) * NUMBERS
SIDE = 512  # long side in pixels at which pictures are described


def project(triangles: Iterable[Tensor]) -> Tensor:
    """Descriptor (240,), float32, of the triangles of a picture's Gram matrices at ``LAYERS`` of the compact encoder.

    In a triangle (C (C + 1) / 2,) off-diagonal entries are multiplied by sqrt 2. The descriptor has 48 numbers per layer.
    """
    return torch.cat([signs(index, len(row)) @ row.float().cpu() for index, row in enumerate(triangles)])


def blocks(factors: Iterable[float]) -> Tensor:
    """``factors``, one per layer, repeated for each number of a descriptor (240,)."""
    return torch.tensor(list(factors), dtype=torch.float32).repeat_interleave(NUMBERS)


@cache
def signs(index: int, size: int) -> Tensor:
    """The projection of the ``index``-th layer's triangle, (48, size): random signs, over the root of 48; equal on every machine."""
    generator = np.random.Generator(np.random.PCG64(1000 + index))
    packed = np.frombuffer(generator.bytes((NUMBERS * size + 7) // 8), dtype=np.uint8)
    bits = np.unpackbits(packed)[: NUMBERS * size].reshape(NUMBERS, size)
    return torch.from_numpy(bits.astype(np.float32) * 2 - 1) / NUMBERS**0.5
