"""Progress on standard error: a bar on a terminal, else a line for each size and each minute."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from stylespace.pipelines.dataset import Totals
    from stylespace.pipelines.run import Progress
    from stylespace.pipelines.video import FilmProgress

A_MINUTE = 60.0


class Reporter:
    """Shows how far a run is; use it in a ``with`` statement. ``quiet``: shows nothing."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.name = ""
        self._size, self._said = 0, 0.0
        self._task: TaskID | None = None
        self._bar = None if quiet or not sys.stderr.isatty() else _bar()

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.settle()

    def begin(self, name: str) -> None:
        """A photo begins."""
        self.settle()
        self.name, self._size = name, 0

    def step(self, progress: Progress) -> None:
        """A step is done."""
        step = progress.step
        seen = f"loss {step.total:.4g}" if step.terms else "layer by layer"  # optimised, or painted by a network
        if self._bar:
            if self._task is None:
                self._task = self._bar.add_task(self.name, detail="", left="")
                self._bar.start()
            self._bar.update(
                self._task,
                completed=progress.done,
                total=progress.of,
                detail=f"{step.size} px  step {progress.done}/{progress.of}  {seen}",
                left=_duration(progress.seconds_left),
            )
        elif step.size != self._size or time.monotonic() - self._said > A_MINUTE:
            at = f"{step.of} steps" if step.size != self._size else f"step {step.index} of {step.of}"
            self._size, self._said = step.size, time.monotonic()
            self.say(f"{self.name}: {step.size} px, {at}, {seen}, {_duration(progress.seconds_left)}")

    def frame(self, progress: FilmProgress) -> None:
        """A frame of a film is done."""
        of = "" if progress.of is None else f"/{max(progress.of, progress.done)}"
        detail = f"{progress.stage}  frame {progress.done}{of}  {progress.rate:.1f} frames/s"
        left = "" if progress.seconds_left is None else _duration(progress.seconds_left)
        if self._bar:
            if self._task is None:
                self._task = self._bar.add_task(self.name, detail="", left="")
                self._bar.start()
            self._bar.update(self._task, completed=progress.done, total=progress.of, detail=detail, left=left)
        elif time.monotonic() - self._said > A_MINUTE:
            self._said = time.monotonic()
            self.say(", ".join(filter(None, (f"{self.name}: {detail.replace('  ', ', ')}", left))))

    def pictures(self, totals: Totals) -> None:
        """Some pictures of a data set are done."""
        failed = f"  {totals.failed} failed" if totals.failed else ""
        detail = f"{totals.done + totals.before} pictures{failed}  {totals.rate:.1f} a second"
        if self._bar:
            if self._task is None:
                self._task = self._bar.add_task("redrawing", detail="", left="", total=None)
                self._bar.start()
            self._bar.update(self._task, detail=detail)
        elif time.monotonic() - self._said > A_MINUTE:
            self._said = time.monotonic()
            self.say(detail.replace("  ", ", "))

    def settle(self) -> None:
        """Remove the bar, so that something can be printed."""
        if self._bar and self._task is not None:
            self._bar.stop()
            self._bar.remove_task(self._task)
            self._task = None

    def say(self, text: str) -> None:
        """A line on standard error."""
        self.settle()
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)  # noqa: T201


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[detail]}", markup=False),
        TextColumn("{task.fields[left]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"
