"""Blocks of pictures laid side by side and cut along the paths where they agree (Efros & Freeman 2001, sec. 2).

Everything is copied, nothing is mixed: a quilt is the place in its sources that each pixel comes from. All sums are of whole numbers, and
chance is drawn before the work: threads and processors change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stylespace.errors import InputError
from stylespace.pictures.seams import boundary
from stylespace.solvers.copying import Layout
from stylespace.statistics.blocks import BlockDistances

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
MISMATCH = 0.1  # share of what unlike colours differ by: above it, a block that is new where it lies would be seen
NEAR = 3  # blocks away: whose neighbourhood in the source is not taken again
THOUSANDTHS = 1000


@dataclass(frozen=True)
class Terms:
    """What blocks are compared by. ``colours`` (C, h, w; uint8): of the atlas; ``agreement``: how much overlaps count, in thousandths.

    ``there`` (G, h, w) and ``here`` (G, H, W): guides of atlas and canvas, ``weights`` for each, in thousandths; they count over
    whole blocks.
    """

    colours: Bytes
    there: Bytes
    here: Bytes
    weights: tuple[int, ...] = ()
    agreement: int = THOUSANDTHS


class Quilt:
    """Quilting in rows of blocks of ``side`` pixels, on canvases of ``size`` (H, W).

    ``owner``: of the atlas, as :class:`~stylespace.statistics.blocks.BlockDistances` has it. ``overlap``: pixels that neighbours share, at
    least. ``wraps``: the right and lower edges go on at the left and upper ones. ``tolerance``: blocks whose distance is above the least
    one's by at most this share are drawn from. ``variety``: how far, in blocks, from what goes on with a neighbour and from what
    was taken nearby; 0: anything goes.
    Raises ``InputError`` where no block fits.
    """

    def __init__(
        self, size: tuple[int, int], owner: Integers, terms: Terms, *, side: int, overlap: int, wraps: bool = False, tolerance: float = 0.1,
        variety: float = 0.5, seed: int = 0, workers: int | None = None,
    ) -> None:  # fmt: skip
        self.terms, self.side, self.wraps = terms, side, wraps
        self.high, self.wide = size
        self.tops, self.lefts = (positions(extent, side, overlap, wraps) for extent in (self.high, self.wide))
        channels = np.concatenate([terms.colours, terms.there])
        weights = [terms.agreement] * len(terms.colours) + list(terms.weights)
        self.blocks = BlockDistances(channels, weights, side, owner, workers)
        if not self.blocks.valid.any():
            raise InputError(f"No block of {side} pixels fits into the source or its mask: give a smaller --block.")
        self.tolerance, self.reach = round(tolerance * THOUSANDTHS), round(variety * side)
        self.chance = np.random.default_rng(seed).random((len(self.tops), len(self.lefts)))
        # What unlike overlaps, and unlike guides, differ by at a pixel: twice the variance.
        spreads = [2 * weight * _variance(channel[owner >= 0]) for channel, weight in zip(channels, weights, strict=True)]
        self.spread = sum(spreads[: len(terms.colours)]), sum(spreads[len(terms.colours) :])

    @property
    def rows(self) -> int:
        """Of blocks."""
        return len(self.tops)

    def row(self, number: int, canvas: Layout, before: Layout | None = None) -> tuple[float, Integers]:
        """Lay one row of blocks; the mean squared difference, of values in [0, 1], where they overlap, and the rows of pixels.

        ``before``: an earlier canvas, with which blocks are to agree as a whole.
        """
        rows = (self.tops[number] + np.arange(self.side)) % self.high
        found = [self._block(number, column, rows, canvas, before) for column in range(len(self.lefts))]
        error, pixels = (sum(each[k] for each in found) for k in (0, 1))
        return error / max(pixels, 1) / 255**2, rows

    def _block(self, r: int, c: int, rows: Integers, canvas: Layout, before: Layout | None) -> tuple[int, int]:
        """Lay block (r, c); the squared difference where it overlaps, and of how many values."""
        side, colours = self.side, self.terms.colours
        columns = (self.lefts[c] + np.arange(side)) % self.wide
        widths = self._widths(r, c)
        overlap = _strips(side, widths)
        below = _taken(colours, canvas, rows, columns)
        earlier = None if before is None else _taken(colours, before, rows, columns)
        errors = self._errors(below, earlier, overlap, rows, columns)
        unlike = int(overlap.sum()) * self.spread[0] + side * side * self.spread[1]
        place = self._chosen(errors, canvas, r, c, int(unlike * MISMATCH))
        new = colours[:, place[0] : place[0] + side, place[1] : place[1] + side]
        difference = np.square(below.astype(np.int64) - new).sum(0)
        canvas.lay(rows, columns, boundary(difference, widths), place)
        return int((difference * overlap).sum()), int(overlap.sum()) * len(colours)

    def _errors(
        self, below: Bytes, earlier: Bytes | None, overlap: NDArray[np.bool_], rows: Integers, columns: Integers
    ) -> Integers:
        """How far each block of the atlas is from what is wanted at these rows and columns."""
        terms, side = self.terms, self.side
        whole = np.ones((side, side), np.int64)
        guide = terms.here[:, rows[:, None], columns]
        masks = np.stack([overlap.astype(np.int64)] * len(below) + [whole] * len(guide))
        parts = [(np.concatenate([below, guide]), masks)]
        if earlier is not None:  # sec. 3: in later passes, from what was there before, too
            parts.append((np.concatenate([earlier, guide]), np.stack([whole] * len(below) + [0 * whole] * len(guide))))
        return self.blocks.errors(*parts)

    def _chosen(self, errors: Integers, canvas: Layout, r: int, c: int, limit: int) -> tuple[int, int]:
        """One of the blocks whose error is within the tolerance of the least.

        First among those that are new here; where they would be seen, among those that may go on with a neighbour; else among all.
        """
        for allowed in self._allowed(canvas, r, c):
            if allowed.any() and int(errors[allowed].min()) <= limit:
                break
        else:
            allowed = self.blocks.valid
        return chosen(errors, allowed, self.tolerance, self.chance[r, c])

    def _allowed(self, canvas: Layout, r: int, c: int) -> Iterator[NDArray[np.bool_]]:
        """Blocks that neither repeat one nearby nor go on with it; those that do not repeat."""
        if not self.reach:
            return
        fresh, again = self.blocks.valid.copy(), self.blocks.valid.copy()
        for i in range(r - NEAR, r + NEAR + 1):
            for j in range(c - NEAR, c + NEAR + 1):
                at = (i % len(self.tops), j % len(self.lefts)) if self.wraps else (i, j)
                if at == (r, c) or not (0 <= at[0] < len(self.tops) and 0 <= at[1] < len(self.lefts)):
                    continue
                middle = tuple(
                    (edge + self.side // 2) % end for edge, end in ((self.tops[at[0]], self.high), (self.lefts[at[1]], self.wide))
                )
                if not canvas.known[middle]:
                    continue
                # The block that its middle pixel was copied from.
                place = (int(canvas.down[middle]) - self.side // 2, int(canvas.right[middle]) - self.side // 2)
                repeated = (_span(place[0], self.reach), _span(place[1], self.reach))
                fresh[repeated] = again[repeated] = False
                if max(abs(i - r), abs(j - c)) <= 1:
                    down, right = self.tops[r] - self.tops[at[0]], self.lefts[c] - self.lefts[at[1]]
                    fresh[_span(place[0] + down, self.reach), _span(place[1] + right, self.reach)] = False
        yield fresh
        yield again

    def _widths(self, r: int, c: int) -> tuple[int, int, int, int]:
        """How far what is laid reaches into block (r, c): from the left, the top, the right, the bottom."""
        side, tops, lefts = self.side, self.tops, self.lefts
        left = lefts[c - 1] + side - lefts[c] if c else 0
        top = tops[r - 1] + side - tops[r] if r else 0
        right = lefts[c] + side - self.wide - lefts[0] if self.wraps and c == len(lefts) - 1 and c else 0
        bottom = tops[r] + side - self.high - tops[0] if self.wraps and r == len(tops) - 1 and r else 0
        return left, top, right, bottom


def chosen(errors: Integers, allowed: NDArray[np.bool_], tolerance: int, chance: float) -> tuple[int, int]:
    """One of the ``allowed`` blocks whose error is at most ``tolerance`` thousandths above the least, by ``chance`` in [0, 1)."""
    least = int(errors[allowed].min())
    near = np.flatnonzero(allowed & (errors <= least + abs(least) * tolerance // THOUSANDTHS))
    row, column = divmod(int(near[int(chance * len(near))]), errors.shape[1])
    return row, column


def positions(extent: int, side: int, overlap: int, wraps: bool) -> list[int]:
    """Where blocks of ``side`` pixels begin so that they cover ``extent`` pixels evenly and share ``overlap`` at least."""
    if wraps:
        count = -(-extent // (side - overlap))
        return [i * extent // count for i in range(count)]
    count = 1 + max(0, -(-(extent - side) // (side - overlap)))
    return [i * (extent - side) // max(count - 1, 1) for i in range(count)]


def _variance(values: Bytes) -> int:
    count, total = values.size, int(values.sum(dtype=np.int64))
    return int(np.square(values.astype(np.int64)).sum()) // count - (total // count) ** 2


def _strips(side: int, widths: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    left, top, right, bottom = widths
    found = np.zeros((side, side), bool)
    found[:, :left] = found[:top] = found[:, side - right :] = found[side - bottom :] = True
    return found


def _taken(colours: Bytes, canvas: Layout, rows: Integers, columns: Integers) -> Bytes:
    window = rows[:, None], columns
    return colours[:, canvas.down[window], canvas.right[window]]


def _span(middle: int, reach: int) -> slice:
    return slice(max(0, middle - reach), max(0, middle + reach + 1))
