"""The one loop over sizes, which every optimisation method runs through: so each can be resumed and works in tiles.

for each size:   start from the result so far, resized;  state the loss there;  minimise it
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from stylespace.errors import StylespaceError
from stylespace.pictures.margin import framed, unframed
from stylespace.pictures.resizing import fit, resize
from stylespace.solvers.budget import Need
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution, Watch
from stylespace.solvers.solver import Solver
from stylespace.solvers.stages import Stages
from stylespace.solvers.tiled import Tiled
from stylespace.storage.memory import is_out_of_memory, return_freed_memory

OWN = "own "  # prefix of the names of a problem's own tensors, beside the solver's


@dataclass(frozen=True)
class Scale:
    """One size of a run: its number from 0, among ``of``; its long side in pixels and its steps."""

    number: int
    size: int
    steps: int
    of: int

    @property
    def last(self) -> bool:
        """Whether it is the last size."""
        return self.number == self.of - 1


class Problem(ABC):
    """What a method minimises over one photo, size by size.

    ``content`` (1, 3, H, W; sRGB in [0, 1]) is on the encoder's device. ``schedule``: long side and steps of each size.
    ``generator``: the source of the loss's random numbers, None where it has none.
    """

    content: Tensor
    schedule: Sequence[tuple[int, int]]
    generator: torch.Generator | None = None

    def shape(self, scale: Scale) -> tuple[int, int]:
        """Height and width at a size."""
        return fit(self.content.shape[-2:], scale.size)

    def photo(self, scale: Scale) -> Tensor:
        """The content at a size."""
        return resize(self.content, self.shape(scale))

    def begin(self, scale: Scale, picture: Tensor | None) -> None:
        """Called when a size begins, with the result so far."""
        return

    @abstractmethod
    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """The start of a size (1, 3, h, w): from ``picture``, the result so far, or at the first size (None) the initial picture."""

    @abstractmethod
    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective | Sequence[Tiled]:
        """The loss terms at a size, for pictures with the ``margin`` around them; targets are computed here, once.

        ``core``: side of the tiles to work in; None: as a whole. ``turn``: in a resumed run, the number of evaluations before.
        """

    @abstractmethod
    def solver(self, scale: Scale) -> Solver:
        """The solver of a size."""

    def margin(self, scale: Scale) -> int:
        """Pixels around the picture while it is optimised."""
        return 0

    def need(self, scale: Scale) -> Need | None:
        """The memory that a size needs; None where that is not known, and the picture is optimised as a whole."""
        return None

    def core(self, scale: Scale) -> int | None:
        """Side of the tiles with which a size fits the memory; None where it fits as a whole."""
        need = self.need(scale)
        return None if need is None else need.core(self.shape(scale))

    def smaller_core(self, scale: Scale, core: int | None) -> int:
        """Side of smaller tiles. Raises ``StylespaceError`` where there are none."""
        need = self.need(scale)
        if need is None:
            raise StylespaceError("Memory ran out: close other programs, or give a smaller --size.")
        return need.smaller(core)

    def finish(self, picture: Tensor) -> Tensor:
        """The result, from the last size's picture, clamped to [0, 1]."""
        return picture

    def state(self) -> dict[str, Tensor]:
        """The variables that change from step to step beside the picture."""
        return {} if self.generator is None else {"generator": self.generator.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore what :meth:`state` returned."""
        if self.generator is not None:
            self.generator.set_state(state["generator"])


class Base(Problem):
    """A problem that another method may build on: its style terms are available alone."""

    @abstractmethod
    def style_loss(self, scale: Scale, core: int | None, turn: int = 0) -> Objective | Sequence[Tiled]:
        """The style's terms of :meth:`loss`."""


def minimise(problem: Problem, run: Run | None = None) -> Solution:
    """Solve ``problem``, coarse to fine.

    Continues from the state in ``run.journal``, to the same picture. Where memory runs out a size is done again in smaller tiles, and
    ``run.note`` is called. A size without steps gives its start. On ``KeyboardInterrupt`` returns the picture so far, with
    ``interrupted`` set. ``steps``: total number of steps.
    """
    run = run or Run()
    if run.rehearse is not None:
        run.rehearse(problem)
        return Solution(problem.content)
    if run.around is not None:
        problem = run.around(problem)
    run.plan(problem.schedule)
    log = Stages(run.journal, lambda: _named(problem.state()))
    picture: Tensor | None = log.start["picture"].to(problem.content) if "picture" in log.start else None
    moments = (log.start["mean"], log.start["square"]) if "mean" in log.start else None
    done: int = log.record.get("earlier", 0)
    solution = Solution(problem.content if picture is None else picture, moments, log.record.get("carried", 0))
    try:
        for number, (size, steps) in enumerate(problem.schedule):
            if number < log.stage:
                continue
            scale = Scale(number, size, steps, len(problem.schedule))
            if log.goes_on:
                _restore(problem, log.start)
            problem.begin(scale, picture)
            if not steps:
                picture = solution.picture = problem.start(scale, picture)
                continue
            core = log.record.get("core") if log.goes_on else problem.core(scale)
            solver = problem.solver(scale)
            before = _named(problem.state()) | ({} if picture is None else {"picture": picture})
            if picture is not None and solver.carries and solution.moments is not None:
                before |= {"mean": solution.moments[0], "square": solution.moments[1]}
            facts = {"carried": solution.steps, "earlier": done}
            log.begin(number, before, at_once=core is not None, core=core, **facts)
            start, watch = partial(problem.start, scale, picture), _inside(run.watch, problem.margin(scale))
            while True:
                try:
                    if core is not None:
                        return_freed_memory()
                    turn = log.record.get("state", {}).get("index", 0)
                    found = solver.minimise(  # no variable holds the loss: it is freed before the next size's is computed
                        problem.loss(scale, start, core, turn), _first(problem, scale, start, log), steps, solution, log, watch
                    )
                    break
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                core = problem.smaller_core(scale, core)
                run.note(f"Memory ran out at {size} pixels: continuing in tiles of {core} pixels.")
                _restore(problem, before)
                log.begin(number, before, at_once=True, core=core, **facts)
            done += found.steps - (solution.steps if solver.carries else 0)
            solution = found
            picture = solution.picture = unframed(solution.picture, problem.margin(scale))
            if solution.interrupted:
                break
    except KeyboardInterrupt:  # between two sizes
        if not done:
            raise
        solution.interrupted = True
    return replace(solution, picture=problem.finish(solution.picture.clamp(0, 1)), steps=done)


def _first(problem: Problem, scale: Scale, start: Callable[[], Tensor], log: Stages) -> Callable[[], Tensor]:
    """The framed start of a size. A resumed run draws its random numbers again before its state is restored."""

    def begun() -> Tensor:
        return framed(start(), problem.margin(scale))

    if (held := log.state()) is None:
        return begun
    picture = begun()
    _restore(problem, held[1])
    return lambda: picture


def _inside(watch: Watch | None, margin: int) -> Watch | None:
    """``watch``, given pictures without their margin, at their real size."""
    if watch is None or not margin:
        return watch
    inside = (..., slice(margin, -margin), slice(margin, -margin))
    return lambda step: watch(replace(step, picture=step.picture[inside], size=step.size - 2 * margin))


def _named(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {OWN + name: tensor.clone() for name, tensor in state.items()}  # the next step writes over them


def _restore(problem: Problem, tensors: Mapping[str, Tensor]) -> None:
    own = {name.removeprefix(OWN): tensor for name, tensor in tensors.items() if name.startswith(OWN)}
    if own:
        problem.restore(own)
