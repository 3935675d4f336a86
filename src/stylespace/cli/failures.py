"""Errors as sentences on standard error."""

from __future__ import annotations

import re
import sys

from stylespace.errors import StylespaceError

WORD = 200  # characters of a name or path that are shown


def tell(error: Exception | str, name: str = "") -> None:
    """Print ``stylespace: ...`` on standard error, the error's sentence after ``name``, the photo it concerns."""
    text = error if isinstance(error, str) else sentence(error)
    before = f"{name}: " if name and name not in text else ""
    print(f"stylespace: {before}{text}", file=sys.stderr, flush=True)  # noqa: T201


def sentence(error: Exception) -> str:
    """What went wrong and what to do, in a sentence or two, for any exception."""
    # Names and records in files may hold control characters, and words of any length.
    text = re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", " ".join(str(error).split()))
    text = re.sub(rf"\S{{{WORD + 1},}}", lambda word: f"{word[0][: WORD // 2]}…{word[0][-WORD // 2 :]}", text)
    if isinstance(error, StylespaceError):
        return text
    kind = type(error).__name__
    if kind == "OutOfMemoryError" or "CUDA out of memory" in text:
        return "The graphics card does not have enough memory: make the picture smaller with --size, or use --device cpu."
    if isinstance(error, MemoryError) or "not enough memory" in text or "can't allocate memory" in text:
        return "There is not enough memory for this: make the picture smaller with --size, or close other programs."
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror}{where}: check the path, its permissions and the space left."
    if isinstance(error, ModuleNotFoundError):
        return f"The package '{error.name}' is not installed: install it, or install Stylespace again."
    first = (text[:200] or kind).rstrip(".")
    return f"Something unexpected happened ({kind}: {first}): run with --traceback to see where."
