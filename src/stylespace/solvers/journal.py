"""Where long work stands, in a folder: a record, tensors, and files mapped into memory. A process that is killed goes on from there."""

from __future__ import annotations

import json
import mmap
import os
import secrets
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from stylespace.errors import InputError, StylespaceError

EVERY = 20.0  # seconds between records of work whose steps are short
RECORD, LOCK = "journal.json", "lock"


class Journal:
    """The state of one piece of work, in ``folder``, which appears when something is written.

    ``about``: what the work is, as JSON: a folder of other work is emptied. ``record`` is what was written last, empty for work that
    begins. What is written survives the end of the process, not that of the machine. Raises ``InputError`` where another process is at
    the same work.
    """

    def __init__(self, folder: str | Path, about: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self.about = json.loads(json.dumps(about))
        self.record: dict[str, Any] = {}
        self.steps = 0  # that were told to somebody, written with every record
        self.last = time.monotonic()
        self._lock: FileLock | None = None
        if self.folder.is_dir():
            self._open()
            self.record = self._read()
            self.steps = self.record.get("steps", 0)
            if not self.record:
                self._empty()

    @property
    def due(self) -> bool:
        """Whether it is time for a record again, of work that is long done over."""
        return self.waited(EVERY)

    def waited(self, seconds: float) -> bool:
        """Whether the last record is older than that."""
        return time.monotonic() - self.last > seconds

    def write(self, record: Mapping[str, Any], tensors: Mapping[str, Mapping[str, Tensor]] | None = None) -> None:
        """Put ``record`` (JSON) in place of the one before, together with groups of tensors; groups not given stay as they are."""
        from safetensors.torch import save_file

        self._open()
        files = dict(self.record.get("files", {}))
        for name, group in (tensors or {}).items():
            copies = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in group.items()}
            place = f"{name}-{secrets.token_hex(4)}.safetensors"
            try:
                save_file(copies, self.folder / place)
            except OSError as error:
                raise no_room(self.folder, error) from error
            files[name] = place
        old = set(self.record.get("files", {}).values()) - set(files.values())
        self.record = {**record, "about": self.about, "steps": self.steps, "files": files}
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
        """A file of the work's own in the folder, which it may map into memory."""
        self._open()
        return self.folder / name

    def leave(self) -> None:
        """Let other processes go on with it; a folder without a record is of no use to them and goes."""
        if self._lock is None:
            return
        self._lock.release()
        self._lock = None
        if not self.record:
            self.remove()

    def remove(self) -> None:
        """The work is done: delete the folder."""
        self.leave()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _open(self) -> None:
        if self._lock is not None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.folder / LOCK)
            self._lock.acquire(timeout=0)
        except Timeout:
            self._lock = None
            raise InputError(f"Another process is at work in {self.folder}: wait for it, or name another result.") from None
        except OSError as error:
            self._lock = None
            raise no_room(self.folder, error) from error

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads((self.folder / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        whole = isinstance(found, dict) and found.get("about") == self.about
        return found if whole and all((self.folder / place).exists() for place in found["files"].values()) else {}

    def _empty(self) -> None:
        for path in self.folder.iterdir():
            if path.name != LOCK:
                path.unlink()


class Scratch:
    """Tensors of one size in a file mapped into memory: what is large, outside the memory that is the process's own.

    ``path``: a file that stays; None: one in ``folder`` that goes with it. Room is taken at once. Raises ``StylespaceError`` where there
    is none.
    """

    def __init__(self, count: int, size: Sequence[int], folder: Path | None = None, path: Path | None = None) -> None:
        numbers = int(np.prod(size))
        wanted = max(1, count * numbers * 4)
        try:
            with tempfile.TemporaryFile(dir=folder, prefix="stylespace-") if path is None else opened(path) as file:
                reserve(file.fileno(), wanted)
                self.map = mmap.mmap(file.fileno(), wanted)  # keeps a file without a name until it goes itself
        except OSError as error:
            raise no_room(path or folder or Path(tempfile.gettempdir()), error) from error
        whole = torch.from_numpy(np.frombuffer(self.map, np.float32, count * numbers))
        self.tensors = [whole[i * numbers : (i + 1) * numbers].view(*size) for i in range(count)]

    def release(self) -> None:
        """Let go of the pages that were touched; what they hold stays in the file."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.map.madvise(mmap.MADV_DONTNEED)


class Shelf:
    """Tensors that are read again one at a time, in a file that goes with it."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, prefix="stylespace-")  # noqa: SIM115 (as long as the shelf)
        weakref.finalize(self, self._file.close)

    def put(self, tensor: Tensor) -> Callable[[], Tensor]:
        """Lay a tensor down; what it returns gets it again, as it was."""
        channels_last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
        rows = tensor.detach().cpu().permute(0, 2, 3, 1) if channels_last else tensor.detach().cpu()
        shape, device, kind = rows.shape, tensor.device, tensor.dtype
        data = rows.contiguous().reshape(-1).view(torch.uint8).numpy()
        at = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(data.data)
            self._file.flush()
        except OSError as error:
            raise no_room(Path(tempfile.gettempdir()), error) from error

        def get() -> Tensor:
            self._file.seek(at)
            found = torch.empty(shape, dtype=kind)
            self._file.readinto(found.reshape(-1).view(torch.uint8).numpy().data)
            return (found.permute(0, 3, 1, 2) if channels_last else found).to(device)

        return get


def opened(path: Path) -> IO[bytes]:
    """A file to read and write, which may be there already."""
    return path.open("r+b" if path.exists() else "w+b")


def reserve(file: int, size: int) -> None:
    """Give an open file its size, and the disk's room for it where the system can. Raises ``OSError`` where there is none."""
    os.ftruncate(file, size)
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)


def no_room(place: Path, error: OSError) -> StylespaceError:
    """What to say where a file could not be given its room."""
    return StylespaceError(
        f"There is no room for working files at {place} ({error.strerror or error}): free some, or choose another place."
    )
