"""One run: device, threads, clock, progress, records."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import stylespace
from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.pictures.picture import Picture
from stylespace.pipelines.pace import Pace
from stylespace.pipelines.result import Result
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Solution, Step
from stylespace.storage.atomic import write_text
from stylespace.storage.journal import Journal
from stylespace.storage.memory import keep_freed_memory


@dataclass(frozen=True)
class Progress:
    """Where a run is: steps done and in all, the latest step, seconds so far and left (see :mod:`stylespace.pipelines.pace`)."""

    done: int
    of: int
    step: Step
    seconds: float
    seconds_left: float


class Session:
    """One run: device, threads, clock, records. Use it in a ``with`` statement."""

    def __init__(
        self,
        settings: Any,
        content: Picture,
        device: str,
        threads: int | None,
        snapshots: Iterable[int],
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.settings, self.content, self.progress = settings, content, progress
        self.device = choose_device(device)
        self.threads, self._while = threads, ExitStack()
        self.pace, self.steps = Pace(()), 0
        self._stepped = 0.0
        self.wanted = set(snapshots)
        self.losses: list[dict[str, Any]] = []
        self.snapshots: dict[int, Picture] = {}
        self.solution = Solution(content.pixels)
        self.dtype = "float32"
        self.journal: Journal | None = None
        self._written = 0

    def keep(self, journal: Journal) -> None:
        """Keep the state in ``journal``; continue the run it holds, with its losses and its time."""
        self.journal = journal
        if not journal.record:
            return
        file = journal.file("losses")
        lines = file.read_text(encoding="utf-8").splitlines()[: journal.steps] if file.exists() else []
        self.losses = [json.loads(line) for line in lines]
        write_text(file, "".join(f"{line}\n" for line in lines))
        self._written = len(lines)
        self.started -= self.losses[-1]["seconds"] if self.losses else 0.0

    def network(self, encoder: Encoder | str | None, weights: str | Path | None) -> Encoder:
        """The encoder that the settings name, or the given one, on the run's device."""
        if isinstance(encoder, Encoder):
            self.dtype = str(next(encoder.parameters()).dtype).removeprefix("torch.")
            return encoder
        loaded = encoders.of(self.settings, weights=weights, device=self.device)
        self.dtype = str(next(loaded.parameters()).dtype).removeprefix("torch.")
        return loaded

    def run(self, note: Callable[[str], None] | None = None) -> Run:
        """The :class:`~stylespace.solvers.run.Run` for a method."""
        return Run(watch=self.watch, journal=self.journal, note=note or (lambda text: None), plan=self.plan)

    def plan(self, sizes: Sequence[tuple[int, int]]) -> None:
        """Long side and steps of each size to come."""
        self.pace, self.steps = Pace(sizes), sum(count for _, count in sizes)
        self._stepped = time.perf_counter()

    def __enter__(self) -> Session:
        keep_freed_memory()
        self._while.enter_context(threads_of(self.threads))
        self.started = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self.started
        self._while.close()
        if self.journal is not None:
            self._write_losses()
            self.journal.leave()

    def _write_losses(self) -> None:
        """Append the losses that the journal does not have yet."""
        if self.journal is not None and self.journal.record and self._written < len(self.losses):
            with self.journal.file("losses").open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(r) + "\n" for r in self.losses[self._written :])
            self._written = len(self.losses)

    def watch(self, step: Step) -> None:
        """Record a step, keep its picture if it is a snapshot, report progress."""
        now = time.perf_counter()
        self.pace.step(step.size, now - self._stepped)
        seconds = now - self.started
        record = {"size": step.size, "step": step.index, "total": step.total, **step.terms, "seconds": round(seconds, 3)}
        self.losses.append(record | ({"cut": True} if step.cut else {}))
        number = len(self.losses)
        if self.journal is not None:
            self.journal.steps = number
            self._write_losses()
        if number in self.wanted:
            self.snapshots[number] = self.content.with_pixels(step.picture.detach().cpu().clamp(0, 1).clone())
        if self.progress:
            self.progress(Progress(number, self.steps, step, seconds, self.pace.left(number)))
        self._stepped = time.perf_counter()

    def result(self, made_from: dict[str, Any]) -> Result:
        """The run's result; ``made_from``: the record of its inputs."""
        record = {
            "stylespace": stylespace.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "device": self.device.type,
            "dtype": self.dtype,
            "threads": self.threads or torch.get_num_threads(),
            "interrupted": self.solution.interrupted,
            **made_from,
            **self.solution.facts,
        }
        beside = {name: Picture(pixels.cpu().clamp(0, 1)) for name, pixels in self.solution.beside.items()}
        result = Result(
            self.content.with_pixels(self.solution.picture.cpu().clamp(0, 1)),
            self.losses,
            record,
            self.seconds,
            self.snapshots,
            self.solution.interrupted,
            extras=beside,
            warp=self.solution.warp,
            journal=self.journal,
        )
        if result.warp is not None and result.source.alpha is not None:
            result.source = replace(result.source, alpha=result.warp.apply(result.source.alpha).clamp(0, 1))
        return result


@contextmanager
def threads_of(count: int | None) -> Iterator[None]:
    """A context in which torch uses this many threads (None: as before)."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_device(device: str) -> torch.device:
    """``auto`` (the first available of CUDA, MPS and the CPU) or the device named. Raises ``InputError`` if it is not available."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        device = next(name for name, available in there.items() if available)
    if device.split(":")[0] not in there:
        raise InputError(f"The device '{device}' is unknown: choose among auto, cpu, cuda, mps.")
    if not there[device.split(":")[0]]:
        raise InputError(f"The device '{device}' is not available: use --device cpu or auto.")
    return torch.device(device)
