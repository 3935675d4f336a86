"""What others wrote: JSON of files, and what libraries say of files."""

from __future__ import annotations

import json
from typing import Any


def parse(text: str | bytes) -> Any:
    """The value that ``text`` holds. Raises ``ValueError`` for whatever is not JSON, nested too deep included."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def reason(error: BaseException) -> str:
    """What a library says is wrong, on one line of at most 200 letters, without a full stop."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (" ".join(said.split())[:200] or type(error).__name__).rstrip(".")
