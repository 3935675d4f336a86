"""Networks over pictures that do not fit into memory: exactly, layer by layer, or in one pass with the statistics of a sample."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from stylespace.errors import InputError
from stylespace.networks.body import Body
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.normalisation import ConditionalInstanceNorm
from stylespace.networks.planes import NOTED, Box, Fetch, Plane, Workspace, boxes
from stylespace.storage.journal import Journal

MODES = ("exact", "fast")
HALF_ABOVE = 64_000_000  # pixels above which scratch maps are kept in half precision
AROUND, CORE = 128, 768  # pixels seen around a tile, and its side, in one pass

Write = Callable[[Box, Tensor], None]


@torch.no_grad()
def painted(
    body: Body, row: Tensor, size: tuple[int, int], fetch: Fetch, write: Write, *, cells: int = 1 << 22, folder: Path | None = None,
    scratch: int | None = None, progress: Callable[[int, int], None] | None = None, journal: Journal | None = None,
) -> Workspace:  # fmt: skip
    """The network's picture of a picture of ``size`` that ``fetch`` gives by rectangles (1, 3, h, w), put into ``write``: exactly.

    Every normalised map is worked out over tiles into scratch while its mean and variance are added up, then the next. ``row`` (P,): the
    style. ``cells``: numbers of a tile. ``scratch``: bytes of scratch at most. ``progress``: maps done and in all. ``journal``: where the
    state is kept; what it says is done is not done again. Raises ``InputError`` where scratch does not do. Returns what was used.
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
    """What is left to be written; what has been is noted."""
    first = 0 if journal is None else journal.record.get("made", 0)
    for number in range(first, len(all_boxes)):
        yield all_boxes[number]
        if journal is not None and journal.waited(NOTED):
            journal.write({**journal.record, "made": number + 1})


@torch.no_grad()
def painted_fast(
    body: Body, row: Tensor, size: tuple[int, int], small: Tensor, fetch: Fetch, write: Write, *,
    progress: Callable[[int, int], None] | None = None, journal: Journal | None = None,
) -> None:  # fmt: skip
    """The same in one pass, about: normalisations take mean and variance from ``small`` (1, 3, h, w), which stands for the picture.

    Windows of the picture side by side are nearer to it than a small copy, whose subject is finer beside the strokes.
    """
    fixed = _fixed(body, row, small)
    tiles = boxes(size, CORE)
    for box in _left(tiles, journal):
        top, bottom, left, right = box
        seen = (max(0, top - AROUND), min(size[0], bottom + AROUND), max(0, left - AROUND), min(size[1], right + AROUND))
        made = fixed(fetch(seen), row)
        write((top, bottom, left, right), made[..., top - seen[0] : bottom - seen[0], left - seen[2] : right - seen[2]])
        if progress:
            progress(tiles.index(box) + 1, len(tiles))


class FixedNorm(nn.Module):
    """A normalisation with a mean and a variance that were measured before, (1, C, 1, 1) each."""

    def __init__(self, mean: Tensor, variance: Tensor, epsilon: float) -> None:
        super().__init__()
        self.mean, self.variance, self.epsilon = mean, variance, epsilon

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """As of the normalisation it stands for."""
        return (x - self.mean) * (gamma * torch.rsqrt(self.variance + self.epsilon)) + beta


def _fixed(body: Body, row: Tensor, small: Tensor) -> Body:
    """The body with the statistics that it has on ``small``."""
    made = copy.deepcopy(body)
    norms = getattr(made, "norms", None)
    if not isinstance(norms, nn.ModuleList) or not all(isinstance(norm, ConditionalInstanceNorm) for norm in norms):
        raise InputError("This network does not normalise picture by picture: leave --tiles fast out.")
    seen: dict[int, FixedNorm] = {}
    hooks = []
    for number, norm in enumerate(norms):
        assert isinstance(norm, ConditionalInstanceNorm)

        def measure(module: nn.Module, given: tuple[Tensor, ...], number: int = number) -> None:
            variance, mean = torch.var_mean(given[0].float(), (2, 3), correction=0, keepdim=True)
            seen[number] = FixedNorm(mean, variance, module.epsilon)  # type: ignore[arg-type]

        hooks.append(norm.register_forward_pre_hook(measure))
    made(small, row)
    for hook in hooks:
        hook.remove()
    made.norms = nn.ModuleList(seen[number] for number in range(len(norms)))
    return made
