"""Networks over pictures that do not fit into memory, layer by layer over tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from stylespace.networks.body import Body
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.planes import NOTED, Box, Fetch, Plane, Workspace, boxes
from stylespace.storage.journal import Journal

HALF_ABOVE = 64_000_000  # pixels above which scratch maps are kept in half precision

Write = Callable[[Box, Tensor], None]


@torch.no_grad()
def painted(
    body: Body, row: Tensor, size: tuple[int, int], fetch: Fetch, write: Write, *, cells: int = 1 << 22, folder: Path | None = None,
    scratch: int | None = None, progress: Callable[[int, int], None] | None = None, journal: Journal | None = None,
) -> Workspace:  # fmt: skip
    """Paint a picture of ``size``, read by ``fetch`` in rectangles (1, 3, h, w) and written by ``write``, exactly as if it were whole.

    Every normalised map is computed tile by tile into a scratch file, together with its mean and variance, then the next. ``row`` (P,): the
    style. ``cells``: numbers of a tile. ``scratch``: the most bytes of scratch. ``progress``: maps done and in all. ``journal``: where the
    state is kept; finished parts are not computed again. Raises ``InputError`` where scratch is too small. Returns the workspace.
    """
    steps = len(body.channels) + 1
    half = size[0] * size[1] > HALF_ABOVE
    work = Workspace(cells, folder, scratch, half, lambda done: progress(done, steps) if progress else None, journal)
    made = body(Plane(work, 3, size, fetch), Conditioning.of(row, body.channels))
    for box in _left(boxes(size, work.side(16)), journal):
        write(box, made.part(box))
        if progress:
            progress(steps - 1, steps)
    del made
    work.tidy()
    return work


def _left(all_boxes: Sequence[Box], journal: Journal | None) -> Iterator[Box]:
    """The rectangles that are still to be written; each is noted when it is."""
    first = 0 if journal is None else journal.record.get("made", 0)
    for number in range(first, len(all_boxes)):
        yield all_boxes[number]
        if journal is not None and journal.waited(NOTED):
            journal.write({**journal.record, "made": number + 1})
