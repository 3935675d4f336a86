"""Pictures too large for one pass: sums over positions are gathered tile by tile, and their exact gradient tile by tile again.

Style statistics are sums over positions. So a loss of such sums needs two passes: one adds up the sums of all tiles without a gradient;
the loss then tells how it changes with each sum, and the second pass takes every tile's share of the picture's gradient from that.
Nothing is approximated (a tile sees as much around it as any of its features does).
"""

from __future__ import annotations

import math
import mmap
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import StylespaceError
from stylespace.pictures.tiles import Tile
from stylespace.solvers.solution import Solution, Step, Watch

Sums = list[Tensor]
# What a tile, seen as (1, 3, h, w), adds to the sums.
Part = Callable[[Tensor, Tile], Sums]
# Loss terms of all sums.
Total = Callable[[Sums], dict[str, Tensor]]
BAND = 1 << 20  # numbers of the picture that are updated at a time
MAX_CUTS = 12


class Tiled:
    """A loss of sums over tiles, and its gradient.

    ``part``: what a tile adds to the sums; ``total``: the loss terms of the sums. ``picture`` (1, 3, H, W) is never worked on as a whole.
    """

    def __init__(self, tiles: Sequence[Tile], part: Part, total: Total) -> None:
        self.tiles, self.part, self.total = tiles, part, total

    def terms(self, picture: Tensor) -> dict[str, float]:
        """The loss terms."""
        with torch.no_grad():
            return {name: term.item() for name, term in self.total(self._sums(picture)).items()}

    def gradient(self, picture: Tensor, into: Tensor) -> dict[str, float]:
        """The loss terms; their sum's gradient is written ``into`` a tensor like ``picture``."""
        sums = [s.detach().requires_grad_() for s in self._sums(picture)]
        terms = self.total(sums)
        loss = torch.stack(list(terms.values())).sum()
        found: tuple[Tensor | None, ...] = torch.autograd.grad(loss, sums, allow_unused=True)
        shares = [torch.zeros_like(s) if g is None else g for s, g in zip(sums, found, strict=True)]
        into.zero_()
        for tile in self.tiles:
            seen = picture[(..., *tile.window)].detach().clone().requires_grad_()
            parts = self.part(seen, tile)
            kept = [(p, s) for p, s in zip(parts, shares, strict=True) if p.requires_grad]
            torch.autograd.backward([p for p, _ in kept], [s for _, s in kept])
            assert seen.grad is not None
            into[(..., *tile.window)] += seen.grad
        return {name: term.item() for name, term in terms.items()}

    @torch.no_grad()
    def _sums(self, picture: Tensor) -> Sums:
        total: Sums | None = None
        for tile in self.tiles:
            parts = self.part(picture[(..., *tile.window)], tile)
            total = parts if total is None else [a + b for a, b in zip(total, parts, strict=True)]
        return total or []


class Scratch:
    """Tensors in a file that goes with it: what is large and looked at once a step, outside the memory that programs share."""

    def __init__(self, count: int, size: int, folder: Path | None = None) -> None:
        with tempfile.TemporaryFile(dir=folder, prefix="stylespace-") as file:
            file.truncate(max(1, count * size * 4))
            self.map = mmap.mmap(file.fileno(), max(1, count * size * 4))  # keeps the file until it goes itself
        whole = torch.from_numpy(np.frombuffer(self.map, np.float32, count * size))
        self.tensors = [whole[i * size : (i + 1) * size] for i in range(count)]

    def release(self) -> None:
        """Let go of the pages that were touched; what they hold stays in the file."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.map.madvise(mmap.MADV_DONTNEED)


def minimise(
    objective: Tiled,
    start: Tensor,
    *,
    steps: int,
    rate: float,
    final_rate: float | None = None,
    betas: tuple[float, float] = (0.9, 0.99),
    watch: Watch | None = None,
    limits: tuple[float, float] | None = (0.0, 1.0),
    folder: Path | None = None,
) -> Solution:
    """Adam over the pixels of ``start`` (1, 3, H, W), which it overwrites, in the memory of picture, gradient and one tile.

    Moments lie in a scratch file in ``folder``. ``rate`` falls by a cosine to ``final_rate``. A loss that is not finite skips the step and
    halves the rate; ``StylespaceError`` after twelve times. The last iterate is the result. ``KeyboardInterrupt`` ends the run with what
    is there.
    """
    picture = start.detach()
    gradient = torch.zeros_like(picture)
    flat, slope = picture.view(-1), gradient.view(-1)
    scratch = Scratch(2, flat.numel(), folder)
    mean, square = scratch.tensors
    scale, cuts, done, interrupted = 1.0, 0, 0, False
    try:
        for index in range(1, steps + 1):
            terms = objective.gradient(picture, gradient)
            total = sum(terms.values())
            # Infinity and NaN survive a sum, without a picture of truth values.
            cut = not math.isfinite(total) or not math.isfinite(float(slope.sum()))
            if watch:
                watch(Step(index, steps, max(picture.shape[-2:]), total, terms, picture, cut=cut))
            if cut:
                cuts, scale = cuts + 1, scale / 2
                if cuts > MAX_CUTS:
                    raise StylespaceError(
                        "The optimisation does not settle: its loss is not a finite number; lower the weights or --rate."
                    )
                continue
            done += 1
            share = (index - 1) / max(steps - 1, 1)
            now = rate if final_rate is None else final_rate + (rate - final_rate) * 0.5 * (1 + math.cos(math.pi * share))
            step = scale * now / (1 - betas[0] ** done)
            root = math.sqrt(1 - betas[1] ** done)
            for first in range(0, len(flat), BAND):
                band = slice(first, first + BAND)
                g = slope[band]
                mean[band].lerp_(g, 1 - betas[0])
                square[band].mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
                flat[band].addcdiv_(mean[band], square[band].sqrt().div_(root).add_(1e-8), value=-step)
                if limits:
                    flat[band].clamp_(*limits)
                if first // BAND % 16 == 15:
                    scratch.release()
            scratch.release()
    except KeyboardInterrupt:
        interrupted = True
    return Solution(picture, None, done, interrupted)
