"""Where redrawn frames go: a file made of segments, a folder, or standard output."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from stylespace.film.encoding import Form, Segment
from stylespace.film.folder import write_frame
from stylespace.film.frame import Film, Pixels
from stylespace.film.joining import join
from stylespace.film.pipe import write_raw
from stylespace.storage.journal import Journal

FRAMES, SECONDS, FEW = 120, 30.0, 8  # of a segment: at most; after so long it may end, with so many at least
Note = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """A redrawn frame. ``before``: what it depended on of the frames before it."""

    pixels: Pixels
    ticks: int
    duration: int
    before: Mapping[str, Tensor]


class Output(ABC):
    """Takes frames in order. ``done``: how many an earlier run has left finished; ``state``: what the next one depends on."""

    bits = 8
    done = 0

    @property
    def written(self) -> int:
        """Frames so far, those of the earlier run among them."""
        return self.done

    def state(self) -> dict[str, Tensor]:
        """Of the run before."""
        return {}

    @abstractmethod
    def write(self, made: Made) -> None:
        """Take the next frame."""

    def pause(self, after: Mapping[str, Tensor]) -> None:
        """Keep what is there, for another run to go on."""
        return

    def drop(self) -> None:
        """Let go of what is not whole yet."""
        return

    def finish(self) -> None:
        """All frames are there: make the result whole."""
        return


class Segments(Output):
    """A file, made of segments that lie in ``journal`` until all are there."""

    def __init__(
        self, target: Path, form: Form, journal: Journal, film: Film, metadata: Mapping[str, str], note: Note, repeats: bool
    ) -> None:  # fmt: skip
        self.target, self.form, self.journal, self.film, self.metadata, self.note = target, form, journal, film, metadata, note
        self.bits = 16 if form.bits > 8 else 8
        self.repeats = repeats
        record = journal.record
        self.counts: list[int] = list(record.get("counts", []))
        self.ticks: list[int] = list(record.get("ticks", []))
        self.last: int = record.get("last", 0)
        self.done = len(self.ticks)
        self._segment: Segment | None = None
        self._begun = 0.0

    @property
    def written(self) -> int:
        """See :attr:`Output.written`."""
        return len(self.ticks)

    def state(self) -> dict[str, Tensor]:
        """See :meth:`Output.state`."""
        return self.journal.tensors("state") if self.done and "state" in self.journal.record.get("files", {}) else {}

    def write(self, made: Made) -> None:
        """See :meth:`Output.write`."""
        if self._segment is not None:
            count = self._segment.count
            if count >= FRAMES or (count >= FEW and time.monotonic() - self._begun > SECONDS):
                self.pause(made.before)
        if self._segment is None:
            self._segment = Segment(self._path(len(self.counts)), self.form)
            self._begun = time.monotonic()
        self._segment.write(made.pixels)
        self.ticks.append(made.ticks)
        self.last = made.duration

    def pause(self, after: Mapping[str, Tensor]) -> None:
        """See :meth:`Output.pause`."""
        if self._segment is None:
            return
        self._segment.close()
        self.counts.append(self._segment.count)
        self._segment = None
        kept = {k: v for k, v in self.journal.record.items() if k not in ("about", "files", "steps")}
        record = {**kept, "counts": self.counts, "ticks": self.ticks, "last": self.last}
        self.journal.write(record, {"state": after} if after else None)

    def drop(self) -> None:
        """See :meth:`Output.drop`."""
        if self._segment is not None:
            with suppress(Exception):  # an error is on its way already
                self._segment.close()
            self._segment = None

    def finish(self) -> None:
        """See :meth:`Output.finish`."""
        self.pause({})
        steps = [b - a for a, b in zip(self.ticks, self.ticks[1:], strict=False)]
        usual = sorted(steps)[len(steps) // 2] if steps else round(1 / (self.form.info.rate * self.form.info.time_base))
        segments = [self._path(number) for number in range(len(self.counts))]
        join(
            segments, self.ticks, self.last or max(1, usual), self.form, self.target, self.film, metadata=self.metadata, note=self.note,
            repeats=self.repeats,
        )  # fmt: skip
        self.journal.remove()

    def _path(self, number: int) -> Path:
        return self.journal.file(f"segment-{number:05d}")


class Frames(Output):
    """A folder of numbered pictures; what is there already is kept."""

    def __init__(self, folder: Path, kind: str, bits: int, journal: Journal) -> None:
        self.folder, self.kind, self.bits, self.journal = folder, kind, bits, journal
        self.done: int = journal.record.get("done", 0)

    def state(self) -> dict[str, Tensor]:
        """See :meth:`Output.state`."""
        return self.journal.tensors("state") if self.done and "state" in self.journal.record.get("files", {}) else {}

    def write(self, made: Made) -> None:
        """See :meth:`Output.write`."""
        if self.done and self.journal.waited(SECONDS / 2):
            self.pause(made.before)
        write_frame(made.pixels, self.folder, self.done + 1, self.kind)
        self.done += 1

    def pause(self, after: Mapping[str, Tensor]) -> None:
        """See :meth:`Output.pause`."""
        kept = {k: v for k, v in self.journal.record.items() if k not in ("about", "files", "steps")}
        self.journal.write({**kept, "done": self.done}, {"state": after} if after else None)

    def finish(self) -> None:
        """See :meth:`Output.finish`."""
        self.journal.remove()


class Pipe(Output):
    """Raw frames on standard output."""

    def __init__(self, bits: int, stream: Any = None) -> None:
        self.bits, self.stream = bits, stream

    def write(self, made: Made) -> None:
        """See :meth:`Output.write`."""
        write_raw(made.pixels, self.stream)
        self.done += 1
