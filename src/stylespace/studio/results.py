"""Results by unguessable id, deleted above an age and above a total size."""

from __future__ import annotations

import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

ID = re.compile(r"[A-Za-z0-9_-]{22}")


class Results:
    """Files in ``folder``, called by their id. No part of a request becomes part of a path unless it has the form of an id."""

    def __init__(self, folder: Path, keep_seconds: float, keep_bytes: int) -> None:
        self.folder, self.keep_seconds, self.keep_bytes = folder, keep_seconds, keep_bytes
        folder.mkdir(parents=True, exist_ok=True)

    def place(self, suffix: str) -> tuple[str, Path]:
        """A new id, and the path of its file, to be written."""
        self.tidy()
        name = new_id()
        return name, self.folder / f"{name}{suffix}"

    def find(self, name: str) -> Path | None:
        """The file of an id, if it is still there."""
        if not ID.fullmatch(name):
            return None
        self.tidy()
        return next(iter(self.folder.glob(f"{name}.*")), None)

    def tidy(self, now: float | None = None) -> None:
        """Delete what is too old, then the oldest while all together are too large."""
        now = time.time() if now is None else now
        found = []
        for path in self.folder.iterdir():
            with suppress(OSError):  # it went meanwhile
                found.append((path.stat(), path))
        found.sort(key=lambda each: -each[0].st_mtime)
        total = 0
        for stat, path in found:
            total += stat.st_size
            if now - stat.st_mtime > self.keep_seconds or total > self.keep_bytes:
                path.unlink(missing_ok=True)


def new_id() -> str:
    """128 random bits, 22 characters."""
    return secrets.token_urlsafe(16)
