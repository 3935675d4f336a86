"""The state of a training run in its folder: whole or not at all, the one before beside it, one run at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from stylespace.errors import InputError
from stylespace.storage.atomic import write_whole

CHECKPOINT = "checkpoint.safetensors"
BEFORE = f"before-{CHECKPOINT}"


def write(folder: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> Path:
    """Keep ``tensors`` and ``about`` (plain JSON); what was kept before stays as ``before-checkpoint.safetensors``.

    Raises ``PictureError`` when there is no room; then the old one is still there.
    """
    from safetensors.torch import save_file

    path = folder / CHECKPOINT
    # Plain (not channels-last) copies: the order in memory is chosen anew when they are read.
    held = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    fresh = write_whole(
        folder / f"next-{CHECKPOINT}", lambda temporary: save_file(held, temporary, {"stylespace": json.dumps(about)})
    )
    if path.exists():
        path.replace(folder / BEFORE)
    return fresh.replace(path)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """What :func:`write` kept in ``folder``; None where nothing is. Raises ``InputError`` for a file that is none."""
    from safetensors import SafetensorError, safe_open

    path = next((folder / name for name in (CHECKPOINT, BEFORE) if (folder / name).is_file()), None)
    if path is None:
        return None
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["stylespace"])
            return about, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise InputError(f"{path} is not a checkpoint of training ({error}): remove it, or use {BEFORE}.") from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While this lasts no other process trains in ``folder``. Raises ``InputError`` when one does."""
    import filelock

    lock = filelock.FileLock(folder / ".training.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise InputError(f"Another process trains in {folder}: wait for it, or give another --folder.") from error
    try:
        yield
    finally:
        lock.release()
