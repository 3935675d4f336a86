"""Keep freed memory instead of handing it back to the system between steps."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import torch

# Messages of errors without their own type: processors, Apple's graphics.
_NO_ROOM = ("can't allocate memory", "not enough memory", "out of memory")
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _ALL = -1, -4, 65536


def keep_freed_memory() -> bool:
    """Ask glibc to reuse freed blocks of any size; True where it can be asked (Linux with glibc).

    A step of an optimisation frees and allocates the same hundred megabytes each time. By default glibc maps and unmaps blocks
    of over 32 MB, and the kernel then zeroes every page again: up to two thirds of a step's time. Process-wide; peak memory is unchanged.
    """
    glibc = _glibc()
    return glibc is not None and bool(glibc.mallopt(_M_MMAP_MAX, 0)) and bool(glibc.mallopt(_M_TRIM_THRESHOLD, -1))


def return_freed_memory() -> bool:
    """Undo :func:`keep_freed_memory` and return free memory to the system: for work short of memory, with blocks of many sizes."""
    glibc = _glibc()
    if glibc is None:
        return False
    done = bool(glibc.mallopt(_M_MMAP_MAX, _ALL)) and bool(glibc.mallopt(_M_TRIM_THRESHOLD, 128 << 10))
    glibc.malloc_trim(0)
    return done


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of PyTorch says that memory ran out, on the device or the processor."""
    message = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(text in message for text in _NO_ROOM)


def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
        _ = library.mallopt, library.malloc_trim
        return library
    except (OSError, AttributeError):
        return None
