"""The process of one job: reads ``request.json`` in its folder, tells its progress as lines of JSON, leaves its result there."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from stylespace.studio.jobs.job import Request
from stylespace.studio.jobs.kinds import KINDS

PREVIEW, REQUEST = "preview.jpg", "request.json"
EVERY = 1.0  # seconds between previews that cost nothing
SELDOM = 15.0  # between those that are painted for it
SHOWN = 768  # long side of a preview
Tell = Callable[[dict[str, Any]], None]


class Teller:
    """Passes a pipeline's progress on."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self.folder, self.tell = folder, tell
        self._last, self._previews = 0.0, 0

    def step(self, progress: Any) -> None:
        """One step of an optimisation."""
        self._report(progress.done, progress.of, progress.seconds_left, progress.step.total, lambda: progress.step.picture)

    def frame(self, progress: Any) -> None:
        """One frame of a film; while it is only looked through, nothing is done yet."""
        if progress.stage == "painting":
            if progress.done == 1:
                self.note("")
            self._report(progress.done, progress.of or 0, progress.seconds_left, None, lambda: progress.picture)
        elif time.monotonic() - self._last > EVERY:
            self._last = time.monotonic()
            self.note(f"Looking for cuts: {progress.done} frames seen.")

    def trained(self, step: Any, trainer: Any) -> None:
        """One step of training, with a photo that it redraws."""
        left = (step.of - step.step) * step.seconds / max(step.step, 1)
        total = sum(step.losses.values())
        self._report(step.step, step.of, left, total, trainer.preview, SELDOM)

    def note(self, text: str) -> None:
        """A sentence for the visitor."""
        self.tell({"note": text})

    def _report(
        self, done: int, of: int, left: float | None, loss: float | None, picture: Callable[[], Any], every: float = EVERY
    ) -> None:
        status = {"step": done, "of": of, "left": _finite(left), "loss": _finite(loss)}
        now = time.monotonic()
        if now - self._last > every and (shown := picture()) is not None:
            self._show(shown)
            self._last = time.monotonic()
            status["preview"] = self._previews
        self.tell(status)

    def _show(self, pixels: Any) -> None:
        from stylespace.pictures.reading import read
        from stylespace.storage.atomic import write_whole
        from stylespace.studio.encoding import jpeg, smaller

        whole = read(pixels.detach().float().cpu().clamp(0, 1)[0] if hasattr(pixels, "detach") else pixels)
        shown = jpeg(smaller(whole, SHOWN))
        write_whole(self.folder / PREVIEW, lambda path: path.write_bytes(shown))
        self._previews += 1


def main(folder: Path, device: str) -> None:
    """Do the job in ``folder``, and there, on ``device``: what it writes down about its inputs names no other place of this machine."""
    end = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes to the log
    folder = folder.absolute()
    os.chdir(folder)

    def tell(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=end, flush=True)

    try:
        request = Request.model_validate_json(Path(REQUEST).read_text(encoding="utf-8"))
        options = {name: tuple(value) if isinstance(value, list) else value for name, value in request.options.items()}
        request = request.model_copy(update={"options": options})  # JSON has no tuples
        if (made := KINDS[request.kind](request, device, Teller(folder, tell))) is not None:
            tell({"done": made})
    except Exception as error:
        from stylespace.errors import StylespaceError

        known = str(error) if isinstance(error, StylespaceError) else f"Something unexpected happened ({type(error).__name__})."
        tell({"error": known})
        raise


def end_with_parent() -> None:
    """Where the system can (Linux), end when the server does, even if suspended."""
    with suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def stand_back() -> None:
    """Let the server have the processor first, and where memory runs out, be what ends."""
    with suppress(OSError, AttributeError):
        os.nice(10)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


if __name__ == "__main__":
    end_with_parent()
    stand_back()
    main(Path(sys.argv[1]), sys.argv[2])
