"""What a transfer would do: sizes, steps, whole or in tiles, memory, and the time, estimated from a few trial steps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from stylespace.encoders.identity import shown
from stylespace.pictures.tiles import cut
from stylespace.pipelines.sources import Source
from stylespace.pipelines.task import Task
from stylespace.solvers.coarse_to_fine import Problem, Scale, minimise
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Step

PROBED, TAKEN = 512, 3  # long side of the largest picture on which steps are measured, and how many at a size
AGAIN = 4 / 3  # of the time: tiles are encoded once more for the statistics, without a gradient


@dataclass(frozen=True)
class PlannedSize:
    """A size of a run: pixels, steps, how many tiles (1: as a whole), and bytes of memory, None where they are not known."""

    width: int
    height: int
    steps: int
    tiles: int
    memory: float | None
    seen: float  # pixels that a step looks at


@dataclass(frozen=True)
class Plan:
    """What a task would do with one photo. ``seconds``: an estimate; ``measured``: its basis; ``left_out``: what is not in it."""

    method: str
    encoder: Mapping[str, str]
    device: str
    precision: str
    threads: int
    sizes: tuple[PlannedSize, ...]
    seconds: float
    measured: str
    left_out: str = ""

    @property
    def steps(self) -> int:
        """Steps of all sizes."""
        return sum(size.steps for size in self.sizes)

    @property
    def memory(self) -> float | None:
        """Bytes of the size that needs most."""
        known = [size.memory for size in self.sizes if size.memory is not None]
        return max(known) if known else None

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        sizes = [{k: v for k, v in asdict(size).items() if k != "seen"} for size in self.sizes]
        stated = {name: getattr(self, name) for name in ("method", "device", "precision", "threads", "steps", "memory")}
        return stated | {
            "encoder": dict(self.encoder), "sizes": sizes, "seconds": round(self.seconds, 1), "measured": self.measured,
            "left_out": self.left_out,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """As lines of text."""
        found = [
            f"method {self.method}, encoder {shown(self.encoder)}, {self.device}, {self.precision}, {self.threads} threads",
            *(
                f"{size.width} x {size.height} pixels, {size.steps} steps, {'whole' if size.tiles == 1 else f'{size.tiles} tiles'}"
                + ("" if size.memory is None else f", {size.memory / 2**30:.1f} GB")
                for size in self.sizes
            ),
            f"{self.steps} steps, about {duration(self.seconds)} (from {self.measured})",
        ]
        return [*found, self.left_out] if self.left_out else found


def plan(task: Task, photo: Source) -> Plan:
    """What ``task`` would do with ``photo``. Pictures are read and a few steps taken at small sizes; nothing is written.

    Raises what the task itself would raise.
    """
    made: list[tuple[tuple[PlannedSize, ...], float, str]] = []
    asked = replace(task, strokes=None)  # the style is redrawn with them in a separate optimisation
    result = asked.run(photo, rehearse=lambda problem: made.append(_rehearsed(problem)))
    sizes, seconds, measured = made[0]
    record = result.record
    return Plan(
        task.method, record["encoder"], record["device"], record["dtype"], record["threads"], sizes, seconds, measured,
        "The time to redraw the style with the strokes is not included." if task.strokes is not None else "",
    )  # fmt: skip


def duration(seconds: float) -> str:
    """In suitable units: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _rehearsed(problem: Problem) -> tuple[tuple[PlannedSize, ...], float, str]:
    """Sizes, seconds of all steps, and what was measured."""
    schedule = list(problem.schedule)
    sizes = tuple(_planned(problem, Scale(n, size, steps, len(schedule))) for n, (size, steps) in enumerate(schedule))
    small = [size for size, _ in schedule if size <= PROBED]
    probed = sorted({small[0], small[-1]}) if small else [PROBED // 2, PROBED]
    measured = _measured(problem, probed)
    slope, offset = _line([(pixels, seconds) for pixels, seconds, _ in measured])
    before = max(ahead / pixels for pixels, _, ahead in measured)  # what is worked out once a size
    seconds = sum(size.steps * (offset + slope * size.seen) + before * size.width * size.height for size in sizes)
    return sizes, seconds, f"{TAKEN} steps each at {' and '.join(map(str, probed))} pixels"


def _planned(problem: Problem, scale: Scale) -> PlannedSize:
    high, wide = problem.shape(scale)
    margin, need, core = problem.margin(scale), problem.need(scale), problem.core(scale)
    seen, tiles = float((high + 2 * margin) * (wide + 2 * margin)), 1
    if need is not None and core is not None:
        align, halo = need.encoder.reach(need.layers)
        cores = cut((high, wide), core, -(-halo // align) * align, align)
        tiles = len(cores)
        seen = AGAIN * sum((bottom - top) * (right - left) for top, bottom, left, right in (tile.seen for tile in cores))
    return PlannedSize(wide, high, scale.steps, tiles, None if need is None else need.bytes((high, wide), core), seen)


def _measured(problem: Problem, sizes: Sequence[int]) -> list[tuple[float, float, float]]:
    """At each size: pixels that a step looks at, seconds of a step, and seconds before the first."""
    stamps: dict[int, list[float]] = {size: [] for size in sizes}
    pixels: dict[int, float] = {}
    began = last = time.perf_counter()
    begun: dict[int, float] = {}

    def watch(step: Step) -> None:
        nonlocal last
        size = next(size for size in sizes if len(stamps[size]) < TAKEN)
        begun.setdefault(size, last if any(stamps.values()) else began)
        margin = problem.margin(Scale(0, size, TAKEN, len(sizes)))
        pixels[size] = float((step.picture.shape[-2] + 2 * margin) * (step.picture.shape[-1] + 2 * margin))
        last = time.perf_counter()
        stamps[size].append(last)

    schedule, problem.schedule = problem.schedule, [(size, TAKEN) for size in sizes]
    try:
        if minimise(problem, Run(watch=watch)).interrupted:
            raise KeyboardInterrupt
    finally:
        problem.schedule = schedule
    found = []
    for size in sizes:
        first, *others = stamps[size]
        step = min(b - a for a, b in zip([first, *others], others, strict=False))
        found.append((pixels[size], step, max(0.0, first - begun[size] - step)))
    return found


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and offset, neither below 0, of the line through one or two points."""
    (x, y), (u, v) = points[0], points[-1]
    slope = (v - y) / (u - x) if u != x else v / u
    offset = v - slope * u
    return (slope, offset) if slope > 0 and offset >= 0 else (v / u, 0.0)
