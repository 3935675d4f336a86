"""The solvers of one size: Adam over the pixels or, in tiles, over a scratch file; L-BFGS; a Laplacian pyramid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from stylespace.errors import StylespaceError
from stylespace.solvers import adam, laplacian, lbfgs, tiled
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.solution import Objective, Solution, Watch
from stylespace.solvers.stages import Stages
from stylespace.solvers.tiled import Tiled

Loss = Objective | Sequence[Tiled]


class Solver(Protocol):
    """Minimises a loss at one size. ``carries``: the next size continues its moments."""

    @property
    def carries(self) -> bool:
        """Whether the next size continues its moments."""

    def minimise(
        self, loss: Loss, start: Callable[[], Tensor], steps: int, previous: Solution, log: Stages, watch: Watch | None
    ) -> Solution:
        """Minimise from ``start()`` (1, 3, H, W); ``previous``: the solution of the size before; ``log``: keeps the state."""


@dataclass(frozen=True)
class Adam:
    """Adam over the pixels; for a loss in tiles, over a picture in a scratch file."""

    rate: float
    final_rate: float | None = None
    keep: str = "best"
    decay: float = 0.99
    clamped: bool = True
    carries: bool = False

    def minimise(
        self, loss: Loss, start: Callable[[], Tensor], steps: int, previous: Solution, log: Stages, watch: Watch | None
    ) -> Solution:
        """As :class:`Solver` says."""
        limits = (0.0, 1.0) if self.clamped else None
        taken = previous.steps if self.carries else 0
        if not callable(loss):
            return tiled.minimise(
                loss, start, steps=steps, rate=self.rate, final_rate=self.final_rate, watch=watch, limits=limits, keep=self.keep,
                decay=self.decay, moments=previous.moments if self.carries else None, taken=taken, journal=log.journal, record=log.record,
            )  # fmt: skip
        picture = start()
        moments = adam.carry(previous.moments, picture.shape[-2:]) if self.carries else None
        keeper = Keeper(self.keep, self.decay)
        state = None
        if (held := log.state()) is not None:
            numbers, tensors = held
            keeper.restore(log.record["keeper"], tensors)
            parts: dict[str, Any] = {name: tensors[name] for name in ("picture", "mean", "square", "best")}
            state = adam.State(**numbers, **parts)

        def kept(now: adam.State) -> None:
            (numbers, tensors), (own, more) = now.packed(), keeper.packed()
            log.hold({"state": numbers, "keeper": own}, tensors | more)

        solution = adam.minimise(
            loss, picture, steps=steps, rate=self.rate, final_rate=self.final_rate, moments=moments, taken=taken, keeper=keeper,
            watch=watch, limits=limits, state=state, kept=kept,
        )  # fmt: skip
        if solution.interrupted:
            log.stopped()
        return solution


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS over the pixels of a whole picture; resumed at the beginning of its size."""

    history: int = 100
    keep: str = "best"
    decay: float = 0.99
    clamped: bool = True
    carries: bool = False

    def minimise(
        self, loss: Loss, start: Callable[[], Tensor], steps: int, previous: Solution, log: Stages, watch: Watch | None
    ) -> Solution:
        """As :class:`Solver` says."""
        return lbfgs.minimise(
            _whole(loss), start(), steps=steps, history=self.history, keeper=Keeper(self.keep, self.decay), watch=watch,
            limits=(0.0, 1.0) if self.clamped else None,
        )  # fmt: skip


@dataclass(frozen=True)
class Pyramid:
    """RMSprop or Adam over the levels of a Laplacian pyramid; the last iterate is the result."""

    rate: float
    levels: int
    optimiser: str = "rmsprop"
    every: int = 1  # the state is written after every so many steps
    carries: bool = False

    def minimise(
        self, loss: Loss, start: Callable[[], Tensor], steps: int, previous: Solution, log: Stages, watch: Watch | None
    ) -> Solution:
        """As :class:`Solver` says."""
        return laplacian.minimise(
            _whole(loss), start(), steps=steps, rate=self.rate, levels=self.levels, optimiser=self.optimiser, watch=watch, log=log,
            every=self.every,
        )  # fmt: skip


def _whole(loss: Loss) -> Objective:
    if not callable(loss):
        raise StylespaceError("A loss over tiles can only be minimised by Adam.")
    return loss
