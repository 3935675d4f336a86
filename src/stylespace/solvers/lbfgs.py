"""L-BFGS over the pixels (Liu & Nocedal 1989), as Gatys et al. 2016 and neural-style optimise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stylespace.errors import StylespaceError
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.solution import LinAlgError, Objective, Solution, Step, Watch


def minimise(
    objective: Objective,
    start: Tensor,
    *,
    steps: int,
    history: int = 100,
    keeper: Keeper,
    watch: Watch | None = None,
    limits: tuple[float, float] | None = (0.0, 1.0),
) -> Solution:
    """Minimise ``objective`` from ``start`` (1, 3, H, W; sRGB) for ``steps`` iterations, with a strong-Wolfe line search.

    One iteration is one new point; the line search may evaluate more. Where the loss is not finite, the search starts
    again from the best iterate without its history; ``StylespaceError`` when the start itself is not finite. Pixels are only clamped to
    ``limits`` in the result. ``KeyboardInterrupt`` ends the run with the picture so far.
    """
    picture = start.detach().clone().requires_grad_()
    best, best_loss = start.detach().clone(), math.inf
    latest: dict[str, float] = {}
    interrupted = False
    index = 0

    def search() -> torch.optim.LBFGS:
        return torch.optim.LBFGS(
            [picture],
            lr=1.0,
            max_iter=1,
            max_eval=25,
            history_size=history,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

    def closure() -> Tensor:
        optimiser.zero_grad()
        terms = objective(picture)
        loss = torch.stack(list(terms.values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        if not latest:  # the step's first evaluation is of the picture it starts from
            latest.update({name: term.item() for name, term in terms.items()}, total=loss.item())
        return loss

    optimiser = search()
    restarts = 0
    try:
        while index < steps:
            index += 1
            before = picture.detach().clone()
            failed = False
            latest.clear()
            try:
                total = float(optimiser.step(closure).detach())  # type: ignore[no-untyped-call]
            except LinAlgError:
                total, failed = math.nan, True
            failed = failed or not math.isfinite(total) or not bool(torch.isfinite(picture).all())
            with torch.no_grad():
                if failed:
                    if math.isfinite(latest.get("total", math.nan)) and latest["total"] < best_loss:
                        best_loss = latest["total"]
                        best.copy_(before)
                    restarts += 1
                    if restarts > 12 or best_loss == math.inf:
                        raise StylespaceError(
                            "The optimisation does not settle: its loss is not a finite number; use --solver adam or lower weights."
                        )
                    picture.copy_(best)
                    optimiser = search()
                    if watch:
                        watch(Step(index, steps, max(start.shape[-2:]), total, {}, best, cut=True))
                    continue
                shown = before.clamp(*limits) if limits else before
                keeper.offer(shown, total)
                if total < best_loss:
                    best_loss = total
                    best.copy_(before)
                if watch:
                    terms = {name: value for name, value in latest.items() if name != "total"}
                    watch(Step(index, steps, max(start.shape[-2:]), total, terms, shown))
                if torch.equal(before, picture):
                    break  # the line search found no lower point: a minimum within rounding
        final = picture.detach().clamp(*limits) if limits else picture.detach()
        with torch.no_grad():
            total = float(sum(term.item() for term in objective(final).values()))
        if math.isfinite(total):
            keeper.offer(final, total)
    except KeyboardInterrupt:
        interrupted = True
    kept = keeper.picture()
    return Solution(best if kept is None else kept, None, index, interrupted)
