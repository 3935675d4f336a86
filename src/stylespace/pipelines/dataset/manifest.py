"""What is done, in one SQLite file: a part's samples are noted together, after its files are in place, by the driver alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from stylespace.errors import StylespaceError

_TABLES = """
CREATE TABLE IF NOT EXISTS about (one INTEGER PRIMARY KEY CHECK (one = 1), settings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS versions (
  source_sha256 TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, container TEXT NOT NULL, part INTEGER NOT NULL,
  stamp TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL, styles TEXT NOT NULL, target TEXT NOT NULL,
  target_sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, warp TEXT NOT NULL,
  PRIMARY KEY (name, version)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_content ON versions (source_sha256);
CREATE TABLE IF NOT EXISTS pieces (
  container TEXT NOT NULL, part INTEGER NOT NULL, stamp TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (container, part));
CREATE TABLE IF NOT EXISTS joined (container TEXT PRIMARY KEY, stamp TEXT NOT NULL, bytes INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class Row:
    """One version of one sample.

    ``state``: ``done``, ``failed`` (with its ``error``) or ``copied``; ``styles``: JSON, of each its name or file, the file's checksum
    and its weight.
    """

    source_sha256: str
    name: str
    version: int
    container: str
    part: int
    stamp: str
    state: str
    error: str = ""
    styles: str = "[]"
    target: str = ""
    target_sha256: str = ""
    bytes: int = 0
    warp: str = ""


_COLUMNS = ", ".join(each.name for each in fields(Row))
_MARKS = ", ".join("?" * len(fields(Row)))


class Manifest:
    """The file at ``path``. ``settings``: what all results depend on. Raises ``StylespaceError`` where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._reworded():
            self._base = sqlite3.connect(path)
            self._base.executescript(_TABLES)

    def close(self) -> None:
        """Give the file back."""
        self._base.close()

    @property
    def settings(self) -> dict[str, Any] | None:
        """What the results in it depend on; None where nothing was begun."""
        with self._reworded():
            found = self._base.execute("SELECT settings FROM about").fetchone()
        return None if found is None else json.loads(found[0])

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Note what results depend on, and forget any others."""
        with self._reworded(), self._base:
            for table in ("about", "versions", "pieces", "joined"):
                self._base.execute(f"DELETE FROM {table}")
            self._base.execute("INSERT INTO about VALUES (1, ?)", (json.dumps(settings, sort_keys=True),))

    def note(self, rows: Iterable[Row], piece: tuple[str, int, str, int] | None = None) -> None:
        """The samples of a part, and (container, part, stamp, bytes) of its piece: all of it or nothing."""
        values = [astuple(row) for row in rows]
        with self._reworded(), self._base:
            self._base.executemany(f"INSERT OR REPLACE INTO versions ({_COLUMNS}) VALUES ({_MARKS})", values)
            if piece is not None:
                self._base.execute("INSERT OR REPLACE INTO pieces VALUES (?, ?, ?, ?)", piece)

    def of(self, name: str) -> list[Row]:
        """The versions of a sample."""
        with self._reworded():
            found = self._base.execute(f"SELECT {_COLUMNS} FROM versions WHERE name = ? ORDER BY version", (name,))
            return [Row(*values) for values in found]

    def piece(self, container: str, part: int) -> tuple[str, int] | None:
        """Stamp and size of a part's piece."""
        with self._reworded():
            return self._base.execute(
                "SELECT stamp, bytes FROM pieces WHERE container = ? AND part = ?", (container, part)
            ).fetchone()

    def joined(self, container: str) -> tuple[str, int] | None:
        """Stamp and size of a container that is finished."""
        with self._reworded():
            return self._base.execute("SELECT stamp, bytes FROM joined WHERE container = ?", (container,)).fetchone()

    def join(self, container: str, stamp: str, size: int) -> None:
        """Note that a container is finished."""
        with self._reworded(), self._base:
            self._base.execute("INSERT OR REPLACE INTO joined VALUES (?, ?, ?)", (container, stamp, size))

    def forget(self, container: str) -> None:
        """A container has changed: nothing of it is done."""
        with self._reworded(), self._base:
            for table in ("versions", "pieces", "joined"):
                self._base.execute(f"DELETE FROM {table} WHERE container = ?", (container,))

    def rows(self) -> Iterator[Row]:
        """Everything noted, by name and version."""
        with self._reworded():
            for values in self._base.execute(f"SELECT {_COLUMNS} FROM versions ORDER BY name, version"):
                yield Row(*values)

    def counts(self) -> dict[str, int]:
        """How many versions are in each state."""
        with self._reworded():
            return dict(self._base.execute("SELECT state, count(*) FROM versions GROUP BY state"))

    @contextmanager
    def _reworded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StylespaceError(
                f"{self.path} cannot be written or read ({error}): make room or check the folder, and run the same command again."
            ) from error
