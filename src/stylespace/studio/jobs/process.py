"""The process of one job: reads ``request.json`` in its folder, tells its progress as lines of JSON, ends with ``result.png`` there."""

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

RESULT, PREVIEW, UNFINISHED, REQUEST = "result.png", "preview.jpg", "unfinished", "request.json"
EVERY = 1.0  # seconds between previews
Tell = Callable[[dict[str, Any]], None]


class Teller:
    """Passes a pipeline's progress on."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self.folder, self.tell = folder, tell
        self._last, self._previews = 0.0, 0

    def step(self, progress: Any) -> None:
        """One step: its loss, and now and then its picture."""
        told = {
            "step": progress.done,
            "of": progress.of,
            "left": _finite(progress.seconds_left),
            "loss": _finite(progress.step.total),
        }
        now = time.monotonic()
        if now - self._last > EVERY:
            self._show(progress.step.picture)
            self._last = now
            told["preview"] = self._previews
        self.tell(told)

    def note(self, text: str) -> None:
        """A sentence for the visitor."""
        self.tell({"note": text})

    def _show(self, pixels: Any) -> None:
        from stylespace.pictures.picture import Picture
        from stylespace.storage.atomic import write_whole
        from stylespace.studio.encoding import jpeg

        shown = jpeg(Picture(pixels.detach().float().cpu().clamp(0, 1)))
        write_whole(self.folder / PREVIEW, lambda path: path.write_bytes(shown))
        self._previews += 1


def transfer(folder: Path, request: Request, teller: Teller) -> bool:
    """``stylespace.transfer``; whether it is finished."""
    from stylespace.pipelines.transfer import transfer as run

    result = run(
        str(folder / str(request.photo)), {str(folder / name): weight for name, weight in request.styles.items()}, device=request.device,
        threads=request.threads, progress=teller.step, note=teller.note, unfinished=folder / UNFINISHED, **request.options,
    )  # fmt: skip
    if not result.interrupted:
        result.save(folder / RESULT, force=True)
    return not result.interrupted


def learn_style(folder: Path, request: Request, teller: Teller) -> bool:
    """``stylespace.learn_style``; whether it is finished."""
    from stylespace.pipelines.learn_style import learn_style as run

    learned = run(
        {str(folder / name): weight for name, weight in request.styles.items()}, device=request.device, threads=request.threads,
        progress=teller.step, note=teller.note, checkpoint=folder / UNFINISHED, snapshots=(), **request.options,
    )  # fmt: skip
    if not learned.interrupted:
        learned.save(folder / RESULT, force=True)
    return not learned.interrupted


KINDS: dict[str, Callable[[Path, Request, Teller], bool]] = {"transfer": transfer, "learn-style": learn_style}


def main(folder: Path) -> None:
    """Do the job in ``folder``."""
    end = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes to the log

    def tell(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=end, flush=True)

    try:
        request = Request.model_validate_json((folder / REQUEST).read_text(encoding="utf-8"))
        if KINDS[request.kind](folder, request, Teller(folder, tell)):
            tell({"done": True})
    except Exception as error:
        from stylespace.errors import StylespaceError

        tell(
            {
                "error": str(error)
                if isinstance(error, StylespaceError)
                else f"Something unexpected happened ({type(error).__name__})."
            }
        )
        raise


def end_with_parent() -> None:
    """Where the system can (Linux), end when the server does, even if suspended."""
    with suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


if __name__ == "__main__":
    end_with_parent()
    with suppress(OSError, AttributeError):
        os.nice(10)
    main(Path(sys.argv[1]))
