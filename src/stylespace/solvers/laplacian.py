"""Optimisation over the levels of a picture's Laplacian pyramid: one step moves large shapes as well as fine strokes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.errors import StylespaceError
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.solution import Objective, Solution, Step, Watch
from stylespace.solvers.stages import Stages


def split(picture: Tensor, levels: int) -> list[Tensor]:
    """``picture`` (1, C, H, W) as ``levels`` differences between sizes, finest first, and what remains; fewer where it is too small."""
    found = []
    for _ in range(levels):
        if min(picture.shape[-2:]) < 2:
            break
        small = _resized(picture, [max(1, side // 2) for side in picture.shape[-2:]])
        found.append(picture - _resized(small, picture.shape[-2:]))
        picture = small
    return [*found, picture]


def join(parts: Sequence[Tensor]) -> Tensor:
    """The inverse of :func:`split`."""
    picture = parts[-1]
    for part in reversed(parts[:-1]):
        picture = part + _resized(picture, part.shape[-2:])
    return picture


def minimise(
    objective: Objective,
    start: Tensor,
    *,
    steps: int,
    rate: float,
    levels: int,
    optimiser: str = "rmsprop",
    watch: Watch | None = None,
    keeper: Keeper | None = None,
    log: Stages | None = None,
    every: int = 1,
) -> Solution:
    """Minimise ``objective`` from ``start`` (1, 3, H, W; sRGB) over the levels of its pyramid, by RMSprop or Adam at a constant ``rate``.

    Keeps the last iterate, or the one ``keeper`` chooses. ``KeyboardInterrupt`` ends the run with the picture so far. Raises
    ``StylespaceError`` for a loss that is not a finite number. ``log``: where the state is written, after every ``every``-th step, and
    read to continue.
    """
    parts = [part.detach().clone().requires_grad_() for part in split(start, levels)]
    kinds = {"rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam}
    solver = kinds[optimiser](parts, lr=rate)
    last, done, interrupted = start.detach(), 0, False
    if log is not None and (held := log.state()) is not None:
        numbers, tensors = held
        done = numbers["index"]
        with torch.no_grad():
            for number, part in enumerate(parts):
                part.copy_(tensors[f"part {number}"])
                slots = {name.split(maxsplit=2)[2]: t for name, t in tensors.items() if name.startswith(f"slot {number} ")}
                solver.state[part] = {name: t.to(part.device) if t.ndim else t for name, t in slots.items()}
            last = join(parts).detach()
    try:
        for index in range(done + 1, steps + 1):
            solver.zero_grad(set_to_none=True)
            picture = join(parts)
            terms = objective(picture)
            loss = torch.stack(list(terms.values())).sum()
            total = float(loss.detach())
            if not bool(torch.isfinite(loss)):
                raise StylespaceError("The optimisation does not settle: its loss is not a finite number; lower --rate.")
            last = picture.detach()
            if keeper:
                keeper.offer(last, total)
            if watch:
                values = {name: float(term.detach()) for name, term in terms.items()}
                watch(Step(index, steps, max(start.shape[-2:]), total, values, last))
            loss.backward()  # type: ignore[no-untyped-call]
            solver.step()
            done += 1
            if log is not None and log.due and index % every == 0:
                log.write({"state": {"index": index}}, _packed(parts, solver))
        if steps:
            last = join(parts).detach()
    except KeyboardInterrupt:
        interrupted = True
    kept = keeper.picture() if keeper else None
    return Solution(last if kept is None else kept, None, done, interrupted)


def _resized(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


def _packed(parts: Sequence[Tensor], solver: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The levels and the solver's state of each."""
    slots = {
        f"slot {number} {name}": value
        for number, part in enumerate(parts)
        for name, value in solver.state[part].items()
        if isinstance(value, Tensor)
    }
    return {f"part {number}": part for number, part in enumerate(parts)} | slots
