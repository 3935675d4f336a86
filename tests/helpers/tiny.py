"""A style network so small that it paints at once, in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from stylespace.networks.arbitrary import Reader
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork


def tiny_network(path: Path, names: Sequence[str], *, reads: bool = False) -> Path:
    """Three styles called ``names``, with random weights from a seed, saved as ``path``; ``reads``: paintings, too."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        body = BUILDS["tiny"]().eval().requires_grad_(False)
        rows = body.initial_row() + 0.3 * torch.randn(3, body.row_size)
        reader = Reader(body.row_size).eval().requires_grad_(False) if reads else None
    StyleNetwork(body, "tiny", rows, list(names), reader=reader).save(path)
    return path
