"""The state of long work in a folder: a record, tensors, and files mapped into memory. Killed work continues from it."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from torch import Tensor

from stylespace.errors import InputError
from stylespace.storage.plain import parse
from stylespace.storage.scratch import no_room

EVERY = 20.0  # seconds between records of work whose steps are short
RECORD, LOCK, MARK = "journal.json", "lock", "stylespace.txt"
OWN = re.compile(rf"{RECORD}(\.new)?|{LOCK}|{MARK}|.+-[0-9a-f]{{8}}\.safetensors|.+\.scratch")
TEXT = "The state of unfinished work of Stylespace. It is deleted when the work is done; without it the work starts again.\n"


class Journal:
    """The state of one piece of work, in ``folder``, which appears when something is written.

    ``about``: a description of the work, as JSON; the state of other work is deleted. ``record``: what was written last, empty for new
    work. What is written survives the end of the process, but perhaps not a crash of the machine. Only a journal's own files are ever
    deleted. ``exact``: on Ctrl-C the last step is written too, at the cost of a copy per step. ``strict``: the state of other work is
    refused, not deleted. ``facts`` are added to every record.

    Raises ``InputError`` where another process does the same work, and for a folder that holds anything else.
    """

    def __init__(self, folder: str | Path, about: Mapping[str, Any], *, exact: bool = False, strict: bool = False) -> None:
        self.folder = Path(folder)
        self.exact = exact
        self.facts: dict[str, Any] = {}
        self.about = json.loads(json.dumps(about))
        self.record: dict[str, Any] = {}
        self.steps = 0  # written with every record
        self.last = time.monotonic()
        self._lock: FileLock | None = None
        if self.folder.exists():
            self.open()
            self.record = self._read(strict)
            self.steps = self.record.get("steps", 0)
            if not self.record:
                self._empty()

    @staticmethod
    def kept(folder: Path, group: str) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """The record in ``folder`` and a group of its tensors, read only; None where there are none.

        Raises ``InputError`` for what cannot be read.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if not (folder / RECORD).exists():
            return None
        try:
            record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            return record, load_file(folder / record["files"][group])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise InputError(f"{folder} holds a state that cannot be read ({error}): delete it to start again.") from error

    @staticmethod
    def about_of(folder: Path) -> dict[str, Any]:
        """The ``about`` of the work in ``folder``; empty where there is none."""
        try:
            found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        about = found.get("about") if isinstance(found, dict) else None
        return about if isinstance(about, dict) else {}

    @property
    def due(self) -> bool:
        """Whether it is time to write a record, if a step took long or enough time has passed."""
        return self.waited(EVERY)

    def waited(self, seconds: float) -> bool:
        """Whether the last record is older than the interval."""
        return time.monotonic() - self.last > seconds

    def write(self, record: Mapping[str, Any], tensors: Mapping[str, Mapping[str, Tensor]] | None = None) -> None:
        """Put ``record`` (JSON) in place of the one before, together with groups of tensors; groups not given stay as they are."""
        from safetensors.torch import save_file

        self.open()
        files = dict(self.record.get("files", {}))
        for name, group in (tensors or {}).items():
            copies = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in group.items()}
            place = f"{name}-{secrets.token_hex(4)}.safetensors"
            try:
                save_file(copies, self.folder / place)
            except OSError as error:
                (self.folder / place).unlink(missing_ok=True)
                raise no_room(self.folder, error) from error
            files[name] = place
        old = set(self.record.get("files", {}).values()) - set(files.values())
        self.record = {**self.facts, **record, "about": self.about, "steps": self.steps, "files": files}
        new = self.folder / f"{RECORD}.new"
        new.write_text(json.dumps(self.record), encoding="utf-8")
        os.replace(new, self.folder / RECORD)
        for place in old:
            (self.folder / place).unlink(missing_ok=True)
        self.last = time.monotonic()

    def tensors(self, name: str) -> dict[str, Tensor]:
        """A group of tensors of the record."""
        from safetensors.torch import load_file

        return load_file(self.folder / self.record["files"][name])

    def file(self, name: str) -> Path:
        """A file in the folder that the work may map into memory."""
        self.open()
        return self.folder / f"{name}.scratch"

    def leave(self) -> None:
        """Release the folder, so that another process may continue; without a record it is deleted."""
        if self._unlock() and not self.record:
            self.remove()

    def remove(self) -> None:
        """The work is done: delete its files, and the folder if nothing else is in it."""
        self.leave()
        with suppress(OSError):  # it is gone already, or a system keeps it open; nobody is to fail by that
            for path in self._files():
                path.unlink(missing_ok=True)
            self.folder.rmdir()

    def open(self) -> None:
        """Lock the folder against other processes until :meth:`leave`."""
        if self._lock is not None:
            return
        if self.folder.exists() and (not self.folder.is_dir() or self._is_foreign()):
            kind = "holds other files" if self.folder.is_dir() else "is a file"
            raise InputError(f"{self.folder} {kind}: name a folder for unfinished work that is empty or does not exist yet.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / MARK).write_text(TEXT, encoding="utf-8")
            self._lock = FileLock(self.folder / LOCK)
            self._lock.acquire(timeout=0)
        except Timeout:
            self._lock = None
            raise InputError(f"Another process is at work in {self.folder}: wait for it, or name another result.") from None
        except OSError as error:
            self._lock = None
            raise no_room(self.folder, error) from error

    def _read(self, strict: bool) -> dict[str, Any]:
        try:
            found = parse((self.folder / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        whole = isinstance(found, dict) and found.get("about") == self.about
        if strict and not whole:
            self._unlock()
            raise InputError(
                f"{self.folder} belongs to other references or settings: use those to continue, or delete it to start again."
            )
        files = found.get("files") if whole else None
        return found if isinstance(files, dict) and all((self.folder / str(place)).is_file() for place in files.values()) else {}

    def _empty(self) -> None:
        for path in self._files():
            if path.name not in (LOCK, MARK):
                path.unlink()

    def _unlock(self) -> bool:
        """Whether it was locked until now."""
        if self._lock is None:
            return False
        self._lock.release()
        self._lock = None
        return True

    def _files(self) -> list[Path]:
        """The files that a journal wrote; others in the folder belong to someone else."""
        return [path for path in self.folder.iterdir() if OWN.fullmatch(path.name)]

    def _is_foreign(self) -> bool:
        return not (self.folder / MARK).exists() and any(self.folder.iterdir())
