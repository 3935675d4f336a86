"""Tensors in files, mapped into memory or read back one at a time, so that they do not take the process's own memory."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import StylespaceError


class Scratch:
    """Large tensors of one size in a file that is mapped into memory.

    ``path``: a file that stays; None: a temporary one in ``folder``. Disk space is reserved at once. Raises ``StylespaceError`` where there
    is none.
    """

    def __init__(self, count: int, size: Sequence[int], folder: Path | None = None, path: Path | None = None) -> None:
        numbers = int(np.prod(size))
        wanted = max(1, count * numbers * 4)
        try:
            with tempfile.TemporaryFile(dir=folder, prefix="stylespace-") if path is None else opened(path) as file:
                reserve(file.fileno(), wanted)
                self.map = mmap.mmap(file.fileno(), wanted)  # keeps the unnamed file alive as long as itself
        except OSError as error:
            raise no_room(path or folder or Path(tempfile.gettempdir()), error) from error
        whole = torch.from_numpy(np.frombuffer(self.map, np.float32, count * numbers))
        self.tensors = [whole[i * numbers : (i + 1) * numbers].view(*size) for i in range(count)]

    def release(self) -> None:
        """Release the pages from memory; their contents stay in the file."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.map.madvise(mmap.MADV_DONTNEED)


class Shelf:
    """Tensors in a temporary file, read back one at a time."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, prefix="stylespace-")  # noqa: SIM115 (as long as the shelf)
        weakref.finalize(self, self._file.close)

    def put(self, tensor: Tensor) -> Callable[[], Tensor]:
        """Store a tensor; returns a function that reads it back."""
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
    """A file for reading and writing, created if necessary."""
    return path.open("r+b" if path.exists() else "w+b")


def reserve(file: int, size: int) -> None:
    """Set an open file's size and, where the system can, reserve the disk space. Raises ``OSError`` where there is none."""
    os.ftruncate(file, size)
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)


def no_room(place: Path, error: OSError) -> StylespaceError:
    """The error for a working file that does not fit on the disk."""
    return StylespaceError(
        f"There is no disk space for working files at {place} ({error.strerror or error}): free some, or choose another place."
    )
