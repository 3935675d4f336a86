"""Keep freed memory instead of handing it back to the system between steps."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


@cache
def keep_freed_memory() -> bool:
    """Ask glibc to reuse freed blocks of any size; True where it can be asked (Linux with glibc).

    A step of an optimisation frees and allocates the same hundred megabytes each time. By default glibc maps and unmaps blocks
    of over 32 MB, and the kernel then zeroes every page anew: up to two thirds of a step. Process-wide; peak memory is unchanged.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
