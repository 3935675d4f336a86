"""All jobs and their curves in one SQLite file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stylespace.studio.jobs.job import JobState, StudioJob

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL,
  ended REAL, step INTEGER NOT NULL DEFAULT 0, steps INTEGER NOT NULL DEFAULT 0, seconds_left REAL, preview INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '', result TEXT, title TEXT NOT NULL DEFAULT '', style TEXT, device TEXT);
CREATE TABLE IF NOT EXISTS curve (id TEXT NOT NULL, step INTEGER NOT NULL, loss REAL, PRIMARY KEY (id, step)) WITHOUT ROWID;
"""
_CHANGEABLE = frozenset({"state", "ended", "step", "steps", "seconds_left", "preview", "message", "result", "style", "device"})


class Store:
    """The file at ``path``, made if necessary; used from one thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._base.row_factory = sqlite3.Row
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = NORMAL")
        self._base.executescript(_TABLES)
        if "device" not in {row["name"] for row in self._base.execute("PRAGMA table_info(jobs)")}:  # of an earlier version
            self._base.execute("ALTER TABLE jobs ADD COLUMN device TEXT")

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def add(self, name: str, kind: str, title: str = "") -> None:
        """A new job at the end of the queue."""
        self._base.execute(
            "INSERT INTO jobs (id, kind, title, state, created) VALUES (?, ?, ?, ?, ?)",
            (name, kind, title, JobState.QUEUED, time.time()),
        )

    def change(self, name: str, **values: Any) -> None:
        """Set some of a job's columns."""
        assert set(values) <= _CHANGEABLE
        columns = ", ".join(f"{column} = ?" for column in values)
        self._base.execute(f"UPDATE jobs SET {columns} WHERE id = ?", (*values.values(), name))

    def find(self, name: str) -> StudioJob | None:
        """A job with its place in the queue."""
        row = self._base.execute("SELECT * FROM jobs WHERE id = ?", (name,)).fetchone()
        if row is None:
            return None
        before = "SELECT count(*) FROM jobs WHERE number < ? AND state IN ('queued', 'running')"
        place = self._base.execute(before, (row["number"],)).fetchone()[0] if row["state"] == JobState.QUEUED else 0
        known = {key: row[key] for key in row.keys() if key not in ("number", "steps")}  # noqa: SIM118 (a row is no mapping)
        return StudioJob(**known, of=row["steps"], place=place)

    def next(self, device: str = "cpu") -> str | None:
        """The job whose turn it is on a device: one that was begun there, or nowhere yet."""
        waiting = "SELECT id FROM jobs WHERE state = 'queued' AND (device IS NULL OR device = ?) ORDER BY number LIMIT 1"
        row = self._base.execute(waiting, (device,)).fetchone()
        return None if row is None else str(row["id"])

    def count(self) -> dict[JobState, int]:
        """Number of jobs by state."""
        found = dict(self._base.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in JobState}

    def requeue(self, devices: Sequence[str] = ("cpu",)) -> None:
        """What ran when the server stopped waits again, at its old place and for its device, if that is still among ``devices``."""
        self._base.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")
        there = ", ".join("?" for _ in devices)
        self._base.execute(f"UPDATE jobs SET device = NULL WHERE state = 'queued' AND device NOT IN ({there})", tuple(devices))

    def add_losses(self, name: str, losses: Sequence[tuple[int, float]]) -> None:
        """Points of a job's curve; a step that is repeated after a restart replaces the old one."""
        self._base.executemany("INSERT OR REPLACE INTO curve VALUES (?, ?, ?)", [(name, *each) for each in losses])

    def losses(self, name: str, after: int = 0) -> list[tuple[int, float]]:
        """The points of a curve after a step."""
        rows = self._base.execute("SELECT step, loss FROM curve WHERE id = ? AND step > ? ORDER BY step", (name, after))
        return [(int(step), float(loss)) for step, loss in rows]

    def forget(self, before: float) -> list[str]:
        """Delete jobs that ended before a time; their ids."""
        rows = self._base.execute("SELECT id FROM jobs WHERE ended < ?", (before,)).fetchall()
        names = [str(row["id"]) for row in rows]
        self._base.executemany("DELETE FROM curve WHERE id = ?", [(name,) for name in names])
        self._base.executemany("DELETE FROM jobs WHERE id = ?", [(name,) for name in names])
        return names
