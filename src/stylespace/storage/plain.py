"""Text from outside: JSON in files, and messages of other libraries."""

from __future__ import annotations

import json
from typing import Any


def parse(text: str | bytes) -> Any:
    """The value of the JSON ``text``. Raises ``ValueError`` for anything else, and for JSON that is nested too deep."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def reason(error: BaseException) -> str:
    """A library's error message on one line of at most 200 characters, without a full stop."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (" ".join(said.split())[:200] or type(error).__name__).rstrip(".")
