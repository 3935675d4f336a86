"""A frame's problem with the frame before in it (Ruder, Dosovitskiy & Brox 2016, "Artistic Style Transfer for Videos", section 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from stylespace.errors import InputError
from stylespace.pictures.resizing import resize
from stylespace.solvers.coarse_to_fine import Problem, Scale
from stylespace.solvers.solution import Objective
from stylespace.solvers.solver import Solver
from stylespace.solvers.tiled import Tiled

WEIGHT = 50.0  # of the temporal term against losses that are shares (our choice)
BLEND = 0.5  # delta of equations 9 and 10
AGAIN = 4  # of the last size's steps a further pass takes one in so many (our choice)


class Temporal(Problem):
    """Any method's problem, around it: starts from the frame before where it holds, and stays near it there.

    ``before`` (1, 3, H, W): the frame before, warped; ``trust`` (1, 1, H, W) in [0, 1]. The term is the weighted mean square of the
    difference (equation 7 with occlusion weights).
    """

    def __init__(self, base: Problem, before: Tensor, trust: Tensor, weight: float = WEIGHT) -> None:
        self.base, self.weight = base, weight
        self.before, self.trust = before.to(base.content), trust.to(base.content)
        self.content, self.schedule, self.generator = base.content, base.schedule, base.generator

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """At the last size what was warped, where it holds: smaller sizes would lose its detail."""
        begun = self.base.start(scale, picture)
        if not scale.last:
            return begun
        size = (begun.shape[-2], begun.shape[-1])
        return begun.lerp(resize(self.before, size).to(begun), resize(self.trust, size).clamp(0, 1).to(begun))

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective | Sequence[Tiled]:
        """The method's own terms, and ``temporal``."""
        own = self.base.loss(scale, start, core, turn)
        if not callable(own):
            raise InputError("Frames that are held still cannot be optimised in tiles: give a smaller --size, or --steady off.")
        objective: Objective = own
        margin, size = self.margin(scale), self.shape(scale)
        before, trust = resize(self.before, size), resize(self.trust, size).clamp(0, 1)
        share = self.weight / trust.numel() / 3

        def joint(picture: Tensor) -> dict[str, Tensor]:
            inside = picture[..., margin : margin + size[0], margin : margin + size[1]]
            return {**objective(picture), "temporal": share * (trust * (inside - before).square()).sum()}

        return joint

    def begin(self, scale: Scale, picture: Tensor | None) -> None:
        """See :meth:`Problem.begin`."""
        self.base.begin(scale, picture)

    def solver(self, scale: Scale) -> Solver:
        """See :meth:`Problem.solver`."""
        return self.base.solver(scale)

    def margin(self, scale: Scale) -> int:
        """See :meth:`Problem.margin`."""
        return self.base.margin(scale)

    def shape(self, scale: Scale) -> tuple[int, int]:
        """See :meth:`Problem.shape`."""
        return self.base.shape(scale)

    def finish(self, picture: Tensor) -> Tensor:
        """See :meth:`Problem.finish`."""
        return self.base.finish(picture)

    def state(self) -> dict[str, Tensor]:
        """See :meth:`Problem.state`."""
        return self.base.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See :meth:`Problem.restore`."""
        self.base.restore(state)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.base, name)


class Again(Temporal):
    """A further pass over a frame (section 4.4): starts from ``own`` (1, 3, H, W), its result so far, blended with its neighbour's.

    Equations 9 and 10. Only the last size is worked at, in a quarter of its steps.
    """

    def __init__(self, base: Problem, own: Tensor, before: Tensor, trust: Tensor, weight: float = WEIGHT) -> None:
        super().__init__(base, before, trust, weight)
        self.own = own.to(base.content)
        size, steps = base.schedule[-1]
        self.schedule = [(size, max(1, steps // AGAIN))]

    def _of_base(self, scale: Scale) -> Scale:
        return Scale(len(self.base.schedule) - 1, scale.size, scale.steps, len(self.base.schedule))

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """x' = delta c w(x of the neighbour) + (1 - delta c) x of the pass before."""
        size = self.shape(scale)
        share = BLEND * resize(self.trust, size).clamp(0, 1)
        return resize(self.own, size).lerp(resize(self.before, size), share)

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective | Sequence[Tiled]:
        """See :meth:`Temporal.loss`."""
        return super().loss(self._of_base(scale), start, core, turn)

    def begin(self, scale: Scale, picture: Tensor | None) -> None:
        """See :meth:`Problem.begin`."""
        super().begin(self._of_base(scale), self.own)

    def solver(self, scale: Scale) -> Solver:
        """See :meth:`Problem.solver`."""
        return super().solver(self._of_base(scale))

    def margin(self, scale: Scale) -> int:
        """See :meth:`Problem.margin`."""
        return super().margin(self._of_base(scale))

    def shape(self, scale: Scale) -> tuple[int, int]:
        """See :meth:`Problem.shape`."""
        return super().shape(self._of_base(scale))
