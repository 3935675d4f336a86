"""A picture as a Laplacian pyramid, whose levels are what is optimised: one step then moves large shapes and fine strokes alike."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.errors import StylespaceError
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.solution import Objective, Solution, Step, Watch


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
) -> Solution:
    """Minimise ``objective`` from ``start`` (1, 3, H, W; sRGB) over the levels of its pyramid, by RMSprop or Adam at a constant ``rate``.

    What is kept: the last iterate, or what ``keeper`` chooses. ``KeyboardInterrupt`` ends the run with what is there. Raises
    ``StylespaceError`` for a loss that is not a finite number.
    """
    parts = [part.detach().clone().requires_grad_() for part in split(start, levels)]
    kinds = {"rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam}
    solver = kinds[optimiser](parts, lr=rate)
    last, done, interrupted = start.detach(), 0, False
    try:
        for index in range(1, steps + 1):
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
        if steps:
            last = join(parts).detach()
    except KeyboardInterrupt:
        interrupted = True
    kept = keeper.picture() if keeper else None
    return Solution(last if kept is None else kept, None, done, interrupted)


def _resized(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
