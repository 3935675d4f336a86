"""A hole of any shape filled with blocks of what is around it: quilting where the boundary is no strip (Kwatra et al. 2003, graph cuts)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stylespace.errors import InputError
from stylespace.pictures.seams import graph_cut
from stylespace.solvers.copying import Layout
from stylespace.solvers.quilt import THOUSANDTHS, Terms, chosen
from stylespace.statistics.blocks import BlockDistances


class Filling:
    """What is not known of a canvas is filled block by block, at the places first around which most is known.

    ``fixed`` (H, W): pixels that stay; others may be covered, so that seams can lie where they are seen least. ``owner`` and ``terms``
    as of :class:`~stylespace.solvers.quilt.Quilt`. Raises ``InputError`` where no block fits into the sources.
    """

    def __init__(
        self, owner: NDArray[np.int64], terms: Terms, fixed: NDArray[np.bool_], *, side: int, tolerance: float = 0.1,
        seed: int = 0, workers: int | None = None,
    ) -> None:  # fmt: skip
        self.terms, self.fixed, self.side, self.seed = terms, fixed, side, seed
        channels = np.concatenate([terms.colours, terms.there])
        self.blocks = BlockDistances(channels, [THOUSANDTHS] * len(terms.colours) + list(terms.weights), side, owner, workers)
        if not self.blocks.valid.any():
            raise InputError(
                f"No block of {side} pixels fits beside the hole: give a smaller --block, or another picture to fill from."
            )
        self.tolerance = round(tolerance * THOUSANDTHS)

    def step(self, number: int, canvas: Layout) -> tuple[float, NDArray[np.int64]]:
        """Lay one block, the ``number``-th; the mean squared difference, of values in [0, 1], to what was known there, and its rows."""
        side, colours = self.side, self.terms.colours
        top, left = self._next(canvas)
        window = (slice(top, top + side), slice(left, left + side))
        known, fixed = canvas.known[window], self.fixed[window]
        below = colours[:, canvas.down[window], canvas.right[window]]
        guide = self.terms.here[(slice(None), *window)]
        masks = np.concatenate([np.broadcast_to(known, below.shape), np.ones_like(guide)]).astype(np.int64)
        errors = self.blocks.errors((np.concatenate([below, guide]), masks), keep=False)
        chance = float(np.random.default_rng((self.seed, number)).random())
        place = chosen(errors, self.blocks.valid, self.tolerance, chance)
        new = colours[:, place[0] : place[0] + side, place[1] : place[1] + side]
        difference = np.square(below.astype(np.int64) - new).sum(0)
        # At the window's rim a neighbour outside that is known cannot be covered with it: the seam runs inside.
        bound = known & self._rim(canvas, top, left)
        shown = graph_cut(difference, fixed | bound, ~known)
        canvas.lay(np.arange(top, top + side), np.arange(left, left + side), shown, place)
        error = float((difference * known).sum()) / max(int(known.sum()) * len(colours), 1) / 255**2
        return error, np.arange(top, top + side)

    def _next(self, canvas: Layout) -> tuple[int, int]:
        """The upper left corner of the window around the unknown pixel beside known ones around which most is known."""
        high, wide = canvas.known.shape
        side, half = self.side, self.side // 2
        rows, columns = np.nonzero(~canvas.known)
        box = (max(0, rows.min() - side), max(0, columns.min() - side))
        known = canvas.known[box[0] : rows.max() + side + 1, box[1] : columns.max() + side + 1]
        sums = np.pad(known.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        tops = np.clip(rows - half, 0, high - side) - box[0]
        lefts = np.clip(columns - half, 0, wide - side) - box[1]
        ends = np.minimum(tops + side, known.shape[0]), np.minimum(lefts + side, known.shape[1])
        count = sums[ends[0], ends[1]] - sums[tops, ends[1]] - sums[ends[0], lefts] + sums[tops, lefts]
        best = int(count.argmax())
        return int(tops[best] + box[0]), int(lefts[best] + box[1])

    def _rim(self, canvas: Layout, top: int, left: int) -> NDArray[np.bool_]:
        """Pixels at the window's edges beside known ones outside."""
        side, known = self.side, np.pad(canvas.known, 1)
        rim = np.zeros((side, side), bool)
        rim[0] |= known[top, left + 1 : left + side + 1]
        rim[-1] |= known[top + side + 1, left + 1 : left + side + 1]
        rim[:, 0] |= known[top + 1 : top + side + 1, left]
        rim[:, -1] |= known[top + 1 : top + side + 1, left + side + 1]
        return rim
