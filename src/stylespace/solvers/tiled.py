"""Pictures too large for one pass: sums over positions are added up tile by tile, and so is their exact gradient.

Style statistics are sums over positions. So a loss of such sums needs two passes: one adds up the sums of all tiles without a gradient;
the derivative of the loss by each sum is then known, and the second pass computes every tile's share of the gradient from it.
Nothing is approximated (a tile sees as far around itself as its features do).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylespace.errors import StylespaceError
from stylespace.pictures.float64 import home
from stylespace.pictures.tiles import Tile
from stylespace.solvers.adam import carry, rate_at
from stylespace.solvers.solution import Objective, Solution, Step, Watch
from stylespace.storage.journal import Journal
from stylespace.storage.scratch import Scratch

Sums = list[Tensor]
# What a tile, seen as (1, 3, h, w), adds to the sums.
Part = Callable[[Tensor, Tile], Sums]
# Loss terms of all sums.
Total = Callable[[Sums], dict[str, Tensor]]
BAND = 1 << 20  # numbers of the picture that are updated at a time
MAX_CUTS = 12
# What the record of a run says at its first step.
_BEGINNING = {"done": 0, "cuts": 0, "scale": 1.0, "best_loss": math.inf, "weight": 0.0, "better": False}
PHASES = ("sums", "slopes", "pixels")  # of a step, in units of tiles, tiles, bands


class Place:
    """How far a run is: step, phase, unit. With a journal it is written after every unit, so that a killed run continues with the next one.

    ``record``: further entries for the journal, or those it had. ``held``: the most numbers that a unit changes.
    """

    def __init__(self, journal: Journal | None = None, record: Mapping[str, Any] | None = None, held: int = 0) -> None:
        self.journal = journal
        self.record: dict[str, Any] = {"index": 1, "phase": "sums", "at": 0, "held": None, **(record or {})}
        self.buffer = None if journal is None else Scratch(1, (held,), path=journal.file("held")).tensors[0]

    def first(self, phase: str, units: int) -> int:
        """The number of the phase's units that are done."""
        was, now = PHASES.index(self.record["phase"]), PHASES.index(phase)
        return units if was > now else self.record["at"] if was == now else 0

    def tell(self, phase: str, at: int, sums: Sums | None = None, **more: Any) -> None:
        """Write that this many units of the phase are done."""
        self.record |= {"phase": phase, "at": at, "held": None, **more}
        if self.journal is not None:
            named = None if sums is None else {"sums": {str(i): s for i, s in enumerate(sums)}}
            self.journal.write(self.record, named)

    def sums(self) -> Sums:
        """The sums so far."""
        found = self.journal.tensors("sums") if self.journal is not None else {}
        return [found[str(i)] for i in range(len(found))]

    def hold(self, phase: str, at: int, parts: Sequence[Tensor]) -> None:
        """Save what a unit is about to change; where the run was killed in the middle of the unit, restore it."""
        if self.journal is None or self.buffer is None:
            return
        ends = [0]
        for part in parts:
            ends.append(ends[-1] + part.numel())
        kept = [self.buffer[start:end].view(part.shape) for part, start, end in zip(parts, ends, ends[1:], strict=False)]
        if self.record["held"] == [phase, at]:
            for part, before in zip(parts, kept, strict=True):
                part.copy_(before)
            return
        for part, before in zip(parts, kept, strict=True):
            before.copy_(part)
        self.record |= {"phase": phase, "at": at, "held": [phase, at]}
        self.journal.write(self.record)


class Tiled:
    """A loss of sums over tiles, and its gradient.

    ``part``: what a tile adds to the sums; ``total``: the loss terms of the sums. ``picture`` (1, 3, H, W) is never processed as a whole;
    its tiles are processed on ``device``. ``offset`` (down, right): where in the picture the first tile begins.
    """

    def __init__(
        self,
        tiles: Sequence[Tile],
        part: Part,
        total: Total,
        device: torch.device | None = None,
        offset: tuple[int, int] = (0, 0),
    ) -> None:
        self.tiles, self.part, self.total, self.device, self.offset = tiles, part, total, device, offset

    def window(self, tile: Tile) -> tuple[Any, ...]:
        """The part of the picture that is seen for a tile, as an index."""
        rows, columns = (slice(s.start + by, s.stop + by) for s, by in zip(tile.window, self.offset, strict=True))
        return (..., rows, columns)

    def loss(self, picture: Tensor) -> dict[str, Tensor]:
        """The loss terms, with a gradient."""
        top, left = self.offset
        high, wide = self.tiles[0].of
        return self.total(summed(picture[..., top : top + high, left : left + wide], self.tiles, self.part))

    def terms(self, picture: Tensor, release: Callable[[], None] = lambda: None) -> dict[str, float]:
        """The loss terms; ``release`` is called after each tile."""
        with torch.no_grad():
            return {name: term.item() for name, term in self.total(self._sums(picture, Place(), release)).items()}

    def gradient(
        self, picture: Tensor, into: Tensor, place: Place | None = None, release: Callable[[], None] = lambda: None
    ) -> dict[str, float]:
        """The loss terms; their sum's gradient is written ``into`` a tensor like ``picture``.

        ``place``: where the step stands; ``release`` is called after each tile.
        """
        place = place or Place()
        sums = [s.detach().requires_grad_() for s in self._sums(picture, place, release)]
        terms = self.total(sums)
        loss = torch.stack(list(terms.values())).sum()
        found: tuple[Tensor | None, ...] = torch.autograd.grad(loss, sums, allow_unused=True)
        shares = [torch.zeros_like(s) if g is None else g for s, g in zip(sums, found, strict=True)]
        first = place.first("slopes", len(self.tiles))
        if not first and place.record["held"] is None:
            into.zero_()
        for number in range(first, len(self.tiles)):
            tile = self.tiles[number]
            seen = picture[self.window(tile)].detach().to(self.device, copy=True).requires_grad_()
            parts = self.part(seen, tile)
            kept = [(p, s) for p, s in zip(parts, shares, strict=True) if p.requires_grad]
            torch.autograd.backward([p for p, _ in kept], [s for _, s in kept])
            assert seen.grad is not None
            there = into[self.window(tile)]
            place.hold("slopes", number, [there])
            there += seen.grad.to(into.device)
            place.tell("slopes", number + 1)
            release()
        return {name: term.item() for name, term in terms.items()}

    @torch.no_grad()
    def _sums(self, picture: Tensor, place: Place, release: Callable[[], None] = lambda: None) -> Sums:
        first = place.first("sums", len(self.tiles))
        device = self.device or picture.device
        total: Sums | None = [s.to(home(device) if s.dtype == torch.float64 else device) for s in place.sums()] if first else None
        for number in range(first, len(self.tiles)):
            tile = self.tiles[number]
            parts = self.part(picture[self.window(tile)].to(self.device), tile)
            total = parts if total is None else [a + b for a, b in zip(total, parts, strict=True)]
            place.tell("sums", number + 1, total)
            release()
        return total or []


def in_turn(turns: Sequence[Tiled], after: int = 0) -> Objective:
    """The losses ``turns``, one after the other, of a picture in memory; ``after``: the number of evaluations before."""
    left = islice(cycle(turns), after, None)
    return lambda picture: next(left).loss(picture)


def summed(picture: Tensor, tiles: Sequence[Tile], part: Part) -> Sums:
    """The sums of ``part`` over ``tiles`` of ``picture`` (1, 3, H, W), with a gradient, in the memory of one tile.

    Every tile is computed again for the gradient, except a single one.
    """
    if len(tiles) == 1:
        return part(picture, tiles[0])
    return list(_Summed.apply(picture, tiles, part))  # type: ignore[no-untyped-call]


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, picture: Tensor, tiles: Sequence[Tile], part: Part) -> tuple[Tensor, ...]:
        context.save_for_backward(picture)
        context.tiles, context.part = tiles, part
        sums: Sums | None = None
        for tile in tiles:
            parts = part(picture[(..., *tile.window)], tile)
            sums = parts if sums is None else [a + b for a, b in zip(sums, parts, strict=True)]
        return tuple(sums or [])

    @staticmethod
    def backward(context: Any, *shares: Tensor) -> tuple[Tensor, None, None]:
        (picture,) = context.saved_tensors
        into = torch.zeros_like(picture)
        for tile in context.tiles:
            seen = picture[(..., *tile.window)].detach().clone().requires_grad_()
            with torch.enable_grad():
                parts = context.part(seen, tile)
            kept = [(p, s) for p, s in zip(parts, shares, strict=True) if p.requires_grad]
            if kept:
                torch.autograd.backward([p for p, _ in kept], [s for _, s in kept])
                into[(..., *tile.window)] += seen.grad
        return into, None, None


def minimise(
    objectives: Sequence[Tiled],
    start: Callable[[], Tensor],
    *,
    steps: int,
    rate: float,
    final_rate: float | None = None,
    betas: tuple[float, float] = (0.9, 0.99),
    watch: Watch | None = None,
    limits: tuple[float, float] | None = (0.0, 1.0),
    keep: str = "last",
    decay: float = 0.99,
    moments: tuple[Tensor, Tensor] | None = None,
    taken: int = 0,
    folder: Path | None = None,
    journal: Journal | None = None,
    record: Mapping[str, Any] | None = None,
) -> Solution:
    """Adam over the pixels of what ``start`` gives (1, 3, H, W), in the memory of one tile; steps take the ``objectives`` in turn.

    Picture, gradient, moments and result are in a scratch file in ``folder``, or in the ``journal``'s folder. ``rate`` falls to
    ``final_rate`` as :func:`stylespace.solvers.adam.minimise` has it. A loss that is not finite skips the step and halves the rate;
    ``StylespaceError`` after twelve times. ``keep`` and ``decay``: which iterate is the result, as
    :class:`~stylespace.solvers.keeping.Keeper` has it; ``moments`` and ``taken`` continue an earlier size.
    ``KeyboardInterrupt`` ends the run with the picture so far.
    ``record``: further entries for the journal; where it has an ``index`` the run continues from there, with the same numbers.
    """
    begun = bool(record and "index" in record)
    initial = start()
    judged = keep != "last"
    scratch = Scratch(5 if judged else 4, initial.shape, folder, journal.file("pixels") if journal else None)
    picture, gradient, mean, square = scratch.tensors[:4]
    kept = scratch.tensors[4] if judged else None
    if not begun:
        picture.copy_(initial.detach())
        carried = carry(moments, initial.shape[-2:])
        for into, before in zip((mean, square), carried or (None, None), strict=True):
            into.zero_() if before is None else into.copy_(before)
        del carried
    del initial, moments
    scratch.release()
    largest = max(3 * (t.seen[1] - t.seen[0]) * (t.seen[3] - t.seen[2]) for o in objectives for t in o.tiles)
    place = Place(journal, {**_BEGINNING, "taken": taken, **(record or {})}, max(largest, 4 * BAND))
    if not begun:
        place.tell("sums", 0)
    flat, slope, means, squares = (t.view(-1) for t in (picture, gradient, mean, square))
    interrupted = False
    try:
        for index in range(place.record["index"], steps + (2 if judged and steps else 1)):
            after = index > steps  # the last step's picture has not been evaluated yet
            if place.record["phase"] != "pixels":
                objective = objectives[(index - 1) % len(objectives)]
                if after:
                    total = sum(objective.terms(picture, scratch.release).values())
                    if not math.isfinite(total):
                        break
                    _judge(place, decay, total)
            if after:
                for number, band in enumerate(_bands(len(flat), scratch)):
                    if kept is not None and number >= place.first("pixels", len(flat)):
                        k = kept.view(-1)[band]
                        place.hold("pixels", number, [k])
                        _offer(place, keep, decay, k, flat[band])
                        place.tell("pixels", number + 1)
                place.tell("sums", 0, index=index + 1)
                break
            if place.record["phase"] != "pixels":
                terms = objective.gradient(picture, gradient, place, scratch.release)
                total = sum(terms.values())
                # Infinity and NaN survive a sum, without a picture of truth values.
                cut = not math.isfinite(total + sum(float(slope[band].sum()) for band in _bands(len(slope), scratch)))
                if watch:
                    watch(Step(index, steps, max(picture.shape[-2:]), total, terms, picture, cut=cut))
                if cut:
                    cuts = place.record["cuts"] + 1
                    if cuts > MAX_CUTS:
                        raise StylespaceError(
                            "The optimisation does not settle: its loss is not a finite number; lower the weights or --rate."
                        )
                    place.tell("sums", 0, index=index + 1, cuts=cuts, scale=place.record["scale"] / 2)
                    continue
                if judged:
                    _judge(place, decay, total)
            done = place.record["taken"] + place.record["done"] + 1
            step = place.record["scale"] * rate_at(index, steps, rate, final_rate) / (1 - betas[0] ** done)
            root = math.sqrt(1 - betas[1] ** done)
            first = place.first("pixels", len(flat))
            for number, band in enumerate(_bands(len(flat), scratch)):
                if number < first:
                    continue
                g, m, s, x = slope[band], means[band], squares[band], flat[band]
                iterate = None if kept is None else kept.view(-1)[band]
                place.hold("pixels", number, [m, s, x] if iterate is None else [m, s, x, iterate])
                if iterate is not None:
                    _offer(place, keep, decay, iterate, x)
                m.lerp_(g, 1 - betas[0])
                s.mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
                x.addcdiv_(m, s.sqrt().div_(root).add_(1e-8), value=-step)
                if limits:
                    x.clamp_(*limits)
                place.tell("pixels", number + 1)
            place.tell("sums", 0, index=index + 1, done=place.record["done"] + 1)
    except KeyboardInterrupt:
        interrupted = True
    result = picture if kept is None or not place.record["done"] else kept
    return Solution(result, (mean, square), place.record["taken"] + place.record["done"], interrupted)


def _judge(place: Place, decay: float, total: float) -> None:
    """Decide whether the iterate with this loss is kept, before any band of it is changed."""
    best, weight = place.record["best_loss"], decay * place.record["weight"] + (1 - decay)
    place.tell("pixels", 0, better=total < best, best_loss=min(best, total), weight=weight)


def _offer(place: Place, keep: str, decay: float, kept: Tensor, now: Tensor) -> None:
    """Copy or average a band of the iterate into what is kept."""
    if keep == "average":
        kept.lerp_(now, (1 - decay) / place.record["weight"])
    elif place.record["better"]:
        kept.copy_(now)


def _bands(count: int, scratch: Scratch) -> Iterator[slice]:
    """Slices of this many numbers; pages that were read are released now and then."""
    for number, first in enumerate(range(0, count, BAND)):
        yield slice(first, first + BAND)
        if number % 16 == 15:
            scratch.release()
    scratch.release()
