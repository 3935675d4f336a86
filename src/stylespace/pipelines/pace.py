"""An estimate of the time that a run still takes, from the steps so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median

LATEST = 15  # number of a size's last steps that its pace is measured by
SET_UP = 3  # a size's first step also computes targets: it counts as this many steps, until a second one is measured
FIXED = 160**2  # a step's fixed cost, in pixels, until two sizes are measured


class Pace:
    """``sizes``: long side and steps of each size, in order."""

    def __init__(self, sizes: Sequence[tuple[int, int]]) -> None:
        self.sizes = sizes
        self.first: tuple[int, float] | None = None  # the first step of all
        self.met: set[int] = set()
        self.taken: dict[int, deque[float]] = {}  # without each size's first step

    def step(self, size: int, seconds: float) -> None:
        """A step at a long side of ``size`` pixels took this many seconds."""
        if size in self.met:
            self.taken.setdefault(size, deque(maxlen=LATEST)).append(seconds)
        self.met.add(size)
        self.first = self.first or (size, seconds)

    def left(self, done: int) -> float:
        """Seconds left after ``done`` steps; 0 while nothing is known."""
        found = 0.0
        for size, steps in self.sizes:
            over = min(done, steps)
            done -= over
            found += (steps - over) * self._seconds(size)
        return found

    def _seconds(self, size: int) -> float:
        """A step at this size: as measured, else from the measured sizes, as a fixed cost and a cost per pixel."""
        if size in self.taken:
            return median(self.taken[size])
        known = [(at**2, median(taken)) for at, taken in self.taken.items()]
        if not known and self.first is not None:
            known = [(self.first[0] ** 2, self.first[1] / SET_UP)]
        if not known:
            return 0.0
        area, seconds = known[-1]
        if len(known) == 1:
            return seconds * (size**2 + FIXED) / (area + FIXED)
        before, sooner = known[-2]
        slope = (seconds - sooner) / (area - before)
        slope = min(max(slope, 0.0), seconds / area)  # neither slope nor offset is negative
        return seconds + slope * (size**2 - area)
