"""Pictures put together from copies: a solver whose steps paint on the picture, and what problems of that kind share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylespace.pictures.atlas import Atlas
from stylespace.solvers.coarse_to_fine import Problem, Scale
from stylespace.solvers.solution import Objective, Solution, Step, Watch
from stylespace.solvers.solver import Loss, Solver
from stylespace.solvers.stages import Stages


@dataclass
class Layout:
    """Where each pixel comes from, ``down`` and ``right`` in the atlas, (H, W) int32 each; ``known``: where that is settled."""

    down: NDArray[np.int32]
    right: NDArray[np.int32]
    known: NDArray[np.bool_]

    @classmethod
    def empty(cls, size: tuple[int, int]) -> Layout:
        """Nothing is known."""
        return cls(np.zeros(size, np.int32), np.zeros(size, np.int32), np.zeros(size, bool))

    def lay(self, rows: NDArray[np.int64], columns: NDArray[np.int64], shown: NDArray[np.bool_], place: tuple[int, int]) -> None:
        """Copy the block whose upper left pixel is at ``place`` of the atlas to these rows and columns, where it is ``shown``."""
        there, here = np.nonzero(shown)
        at = rows[there], columns[here]
        self.down[at] = place[0] + there
        self.right[at] = place[1] + here
        self.known[at] = True

    def tensors(self, name: str) -> dict[str, Tensor]:
        """For a journal."""
        return {f"{name} {part}": torch.from_numpy(getattr(self, part)) for part in ("down", "right", "known")}

    @classmethod
    def restored(cls, tensors: Mapping[str, Tensor], name: str) -> Layout | None:
        """What :meth:`tensors` gave; None where there was none."""
        if f"{name} down" not in tensors:
            return None
        return cls(*(tensors[f"{name} {part}"].numpy().copy() for part in ("down", "right", "known")))


@dataclass(frozen=True)
class InPlace:
    """Not a descent: each call of the loss paints on the picture, in place, and tells its terms. As many calls as steps."""

    carries: bool = False

    def minimise(
        self, loss: Loss, start: Callable[[], Tensor], steps: int, previous: Solution, log: Stages, watch: Watch | None
    ) -> Solution:
        """As :class:`~stylespace.solvers.solver.Solver` says."""
        assert callable(loss)
        picture, done, interrupted = start().detach().clone(), 0, False
        if (held := log.state()) is not None:
            done, picture = held[0]["index"], held[1]["picture"].to(picture)
        try:
            for index in range(done + 1, steps + 1):
                terms = {name: float(term) for name, term in loss(picture).items()}
                done = index
                if watch:
                    watch(Step(index, steps, max(picture.shape[-2:]), sum(terms.values()), terms, picture))
                log.hold({"state": {"index": index}}, {"picture": picture})
        except KeyboardInterrupt:
            interrupted = True
            log.stopped()
        return Solution(picture, None, done, interrupted)


class Copying(Problem):
    """A problem solved by copying from an ``atlas``. ``canvas``: what is made at this size; ``before``: what was at the one before;
    ``done``: steps of this size."""

    atlas: Atlas
    canvas: Layout | None = None
    before: Layout | None = None
    done: int = 0

    @abstractmethod
    def begun(self, scale: Scale) -> Layout:
        """The canvas that a size begins with; :attr:`before` is set."""

    @abstractmethod
    def lay(self, number: int) -> tuple[float, NDArray[np.int64]]:
        """One step, numbered from 0: how far what was laid is from what it covers, and the rows of the canvas that changed."""

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective:
        """Paints one step's rows."""
        self.before, self.done = self.canvas, 0
        self.canvas = self.begun(scale)

        def objective(picture: Tensor) -> dict[str, Tensor]:
            assert self.canvas is not None
            error, rows = self.lay(self.done)
            self.done += 1
            taken = self.atlas.taken(self.canvas.down[rows], self.canvas.right[rows])
            known = torch.from_numpy(self.canvas.known[rows])
            where = torch.from_numpy(rows)
            picture[0][:, where] = torch.where(known, taken.to(picture), picture[0][:, where])
            return {"overlap": torch.tensor(error)}

        return objective

    def solver(self, scale: Scale) -> Solver:
        """It paints."""
        return InPlace()

    def state(self) -> dict[str, Tensor]:
        """Both canvases and the step."""
        found = {} if self.canvas is None else self.canvas.tensors("canvas") | {"done": torch.tensor(self.done)}
        return found | ({} if self.before is None else self.before.tensors("before"))

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """As :meth:`state` had it."""
        self.canvas, self.before = Layout.restored(state, "canvas"), Layout.restored(state, "before")
        self.done = int(state["done"]) if "done" in state else 0
