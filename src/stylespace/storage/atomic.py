"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from stylespace.errors import PictureError


def write_whole(path: str | Path, fill: Callable[[Path], object]) -> Path:
    """Let ``fill`` write a temporary file beside ``path``, then put it in place. Missing folders are made.

    Raises ``PictureError`` when it cannot be written; then nothing is left behind and an older file stays as it was.
    """
    target = Path(path)
    temporary = target.with_name(f".{secrets.token_hex(4)}-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fill(temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise PictureError(f"Cannot write {target}: {error.strerror or error}; choose another place or make room.") from error
    finally:
        with suppress(OSError):  # its folder may not be one
            temporary.unlink(missing_ok=True)
    return target


def write_text(path: str | Path, text: str) -> Path:
    """Write ``text`` as UTF-8, whole or not at all."""
    return write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
