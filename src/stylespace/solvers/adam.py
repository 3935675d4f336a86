"""Adam over the pixels (Kingma & Ba 2015), with the step cut when it diverges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.errors import StylespaceError
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.solution import LinAlgError, Objective, Solution, Step, Watch

MAX_CUTS = 12
_UNSETTLED = (
    "The optimisation does not settle: its loss is not a finite number even with tiny steps; "
    "lower the weights or --rate, or use --precision fp32."
)


@dataclass(frozen=True)
class State:
    """The state of a run after a step, from which it can be resumed. ``keeper`` belongs to the caller.

    Tensors are the run's own, overwritten by the next step: copy or write them at once.
    """

    index: int
    picture: Tensor
    mean: Tensor
    square: Tensor
    best: Tensor
    best_loss: float
    scale: float
    cuts: int
    done: int

    def packed(self) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Its numbers and its tensors, by name."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        tensors = {name: value for name, value in values.items() if isinstance(value, Tensor)}
        return {name: value for name, value in values.items() if name not in tensors}, tensors


def carry(moments: tuple[Tensor, Tensor] | None, size: Sequence[int]) -> tuple[Tensor, Tensor] | None:
    """Adam's moments at another picture size (style-transfer-pytorch): means bicubic, squares bilinear and not negative."""
    if moments is None:
        return None
    mean, square = moments
    return (
        F.interpolate(mean, size=tuple(size), mode="bicubic"),
        F.interpolate(square, size=tuple(size), mode="bilinear").relu_(),
    )


def minimise(
    objective: Objective,
    start: Tensor,
    *,
    steps: int,
    rate: float,
    final_rate: float | None = None,
    betas: tuple[float, float] = (0.9, 0.99),
    moments: tuple[Tensor, Tensor] | None = None,
    taken: int = 0,
    keeper: Keeper,
    watch: Watch | None = None,
    state: State | None = None,
    kept: Callable[[State], None] | None = None,
    limits: tuple[float, float] | None = (0.0, 1.0),
) -> Solution:
    """Minimise ``objective`` from ``start`` (1, 3, H, W; sRGB) for ``steps`` evaluations.

    ``rate`` falls by a cosine to ``final_rate`` over the last two fifths of the steps, so that the last iterates are clean.
    ``moments`` and ``taken`` continue an earlier size. ``limits`` clamps the pixels after each step. A loss that is not
    finite, or a hundred times the best, resets the picture to the best iterate and halves the rate; ``StylespaceError`` after
    twelve such cuts. ``kept`` is called after each step with a :class:`State`; a run given it as ``state`` continues from there with
    the same numbers, if objective, steps and rates are the same. ``KeyboardInterrupt`` ends the run with the picture so far.
    """
    picture = start.detach().clone().requires_grad_()
    mean, square = (m.clone() for m in moments) if moments else (torch.zeros_like(start), torch.zeros_like(start))
    best, best_loss = start.detach().clone(), math.inf
    scale, cuts, done, first = 1.0, 0, 0, 1
    if state is not None:
        picture = state.picture.detach().clone().requires_grad_()
        mean, square, best = state.mean.clone(), state.square.clone(), state.best.clone()
        best_loss, scale, cuts, done, first = state.best_loss, state.scale, state.cuts, state.done, state.index + 1
    buffer = torch.empty_like(start)
    interrupted = False
    try:
        for index in range(first, steps + 1):
            picture.grad = None
            try:
                terms = objective(picture)
            except LinAlgError:  # no eigenvalues: the features are no longer finite
                terms = {"total": picture.new_tensor(math.nan)}
            loss: Tensor = torch.stack(list(terms.values())).sum()
            total = loss.item()
            values = {name: term.item() for name, term in terms.items()}
            diverged = not math.isfinite(total) or total - best_loss > 99 * abs(best_loss) + 1.0
            if not diverged:
                loss.backward()  # type: ignore[no-untyped-call]
                diverged = not bool(torch.isfinite(_gradient(picture)).all())
            if diverged:
                cuts += 1
                if cuts > MAX_CUTS:
                    raise StylespaceError(_UNSETTLED)
                if watch:
                    watch(Step(index, steps, max(start.shape[-2:]), total, values, best, cut=True))
                scale *= 0.5
                with torch.no_grad():
                    picture.copy_(best)
                mean.zero_()
                square.zero_()
                taken = done = 0
                continue
            with torch.no_grad():
                keeper.offer(picture, total)
                if total < best_loss:
                    best_loss = total
                    best.copy_(picture)
                if watch:
                    watch(Step(index, steps, max(start.shape[-2:]), total, values, picture.detach()))
                done += 1
                t = taken + done
                gradient = _gradient(picture)
                mean.lerp_(gradient, 1 - betas[0])
                square.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
                torch.sqrt(square, out=buffer).div_(math.sqrt(1 - betas[1] ** t)).add_(1e-8)
                step = scale * rate_at(index, steps, rate, final_rate) / (1 - betas[0] ** t)
                picture.addcdiv_(mean, buffer, value=-step)
                if limits:
                    picture.clamp_(*limits)
                if kept:
                    kept(State(index, picture.detach(), mean, square, best, best_loss, scale, cuts, done))
        if steps and best_loss == math.inf:
            raise StylespaceError(_UNSETTLED)
        if steps:
            with torch.no_grad():  # the last step's picture has not been evaluated yet
                try:
                    total = float(sum(term.item() for term in objective(picture).values()))
                except LinAlgError:
                    total = math.nan
                if math.isfinite(total):
                    keeper.offer(picture, total)
    except KeyboardInterrupt:
        interrupted = True
    chosen = keeper.picture()
    return Solution(best if chosen is None else chosen, (mean, square), taken + done, interrupted)


def _gradient(picture: Tensor) -> Tensor:
    gradient = picture.grad
    return torch.zeros_like(picture) if gradient is None else gradient


def rate_at(index: int, steps: int, rate: float, final_rate: float | None) -> float:
    """The learning rate of a step: it falls by a cosine over the last two fifths of the steps."""
    if final_rate is None:
        return rate
    x = max(0.0, (index / steps - 0.6) / 0.4)
    return final_rate + (rate - final_rate) * 0.5 * (1 + math.cos(math.pi * x))
