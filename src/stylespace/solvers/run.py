"""What a method gets for one run, beside pictures and settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from stylespace.solvers.solution import Watch
from stylespace.storage.journal import Journal

Point = tuple[float, float]  # right, down; each from 0 to 1 of width and height


def _nothing(_: Any) -> None:
    pass


@dataclass
class Run:
    """``watch`` is called after each step, ``note`` with a sentence, ``plan`` with long side and steps of each size before the first.

    ``journal``: where the state is kept, and found when a run is resumed. ``start``: a picture (1, 3, H, W) to start from. ``strokes``: one
    with whose fine strokes the style is redrawn. ``points``: pairs of a place in the photo and a place in the style. ``guides``: maps of
    the photo and of the style (:class:`~stylespace.styles.guide.Drawn`). ``source``: the style picture (1, 3, H, W) before it was
    painted. ``restyle``: called at every size after the first, returns the regions for the picture so far. ``base``: the problem of
    the base method. ``rehearse``: called with the problem, which is then not solved. ``around``: called with the problem,
    returns the one that is solved.
    """

    watch: Watch | None = None
    journal: Journal | None = None
    note: Callable[[str], None] = _nothing
    plan: Callable[[Sequence[tuple[int, int]]], None] = _nothing
    start: Tensor | None = None
    strokes: Tensor | None = None
    points: Sequence[tuple[Point, Point]] = ()
    guides: Sequence[Any] = ()  # stylespace.styles.guide.Drawn
    source: Tensor | None = None
    restyle: Callable[[Tensor], Sequence[Any]] | None = None
    base: Any = None  # stylespace.solvers.coarse_to_fine.Base
    rehearse: Callable[[Any], None] | None = None
    around: Callable[[Any], Any] | None = None
