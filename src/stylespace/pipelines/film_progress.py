"""How far the work on a film is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from stylespace.film.frame import Pixels

LATEST = 48  # frames that the pace is taken from


@dataclass(frozen=True)
class FilmProgress:
    """Frames ``done`` and in all (None where unknown) of a pass, ``looking`` or ``painting``; frames a second, seconds left; the frame
    that was painted, (H, W, 3 or 4)."""

    stage: str
    done: int
    of: int | None
    rate: float
    seconds_left: float | None
    picture: Pixels | None = None


class FilmPace:
    """Tells how far a pass is."""

    def __init__(self, stage: str, of: int | None, done: int, progress: Callable[[FilmProgress], None]) -> None:
        self.stage, self.of, self.done, self.progress = stage, of, done, progress
        self._times: deque[float] = deque([time.perf_counter()], maxlen=LATEST)

    def step(self, picture: Pixels | None = None) -> None:
        """Another frame is done."""
        self.done += 1
        self._times.append(time.perf_counter())
        passed = self._times[-1] - self._times[0]
        rate = (len(self._times) - 1) / passed if passed > 0 else 0.0
        left = (self.of - self.done) / rate if self.of and rate else None
        self.progress(FilmProgress(self.stage, self.done, self.of, rate, None if left is None else max(0.0, left), picture))
