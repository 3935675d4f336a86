"""Pieces put together: one file, whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from stylespace.pipelines.dataset.part import state_folder, unwritable


def joined(out: Path, name: str, pieces: Sequence[Path], *, end: bytes = b"") -> Path:
    """The bytes of ``pieces`` one after another, then ``end``, as ``name`` below ``out``."""

    def fill(part: Path) -> None:
        with part.open("xb") as file:
            for each in pieces:
                with each.open("rb") as source:
                    shutil.copyfileobj(source, file, 1 << 20)
            file.write(end)

    return filled(out, name, fill)


def filled(out: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """What ``fill`` writes as ``name`` below ``out``, when it is whole. Raises ``StylespaceError``."""
    target = out / name
    part = state_folder(out) / "writing" / secrets.token_hex(12)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        fill(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return target
