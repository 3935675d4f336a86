"""Files, folders and patterns to a list of pictures."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from stylespace.errors import PictureError
from stylespace.pictures.formats import PICTURE_SUFFIXES


def find_pictures(paths: Sequence[str | Path]) -> list[Path]:
    """The picture files that ``paths`` name, in the order given, each once.

    A file is accepted with any suffix (reading decides). A folder gives the pictures in it (by ``PICTURE_SUFFIXES``), without hidden
    ones and subfolders; a pattern such as ``photos/*.jpg`` gives the pictures that match, in subfolders too with
    ``**``. Both in natural order: ``2.png`` before ``10.png``. ``-``, standard input, passes through.

    Raises ``PictureError`` for a path that does not exist, and for a folder or pattern without pictures.
    """
    found: dict[str, Path] = {}
    for path in paths:
        for picture in _pictures(str(path)):
            found.setdefault(str(picture) if str(picture) == "-" else os.path.realpath(picture), picture)
    return list(found.values())


def _pictures(path: str) -> list[Path]:
    if path == "-":
        return [Path(path)]
    found = Path(path).expanduser()
    try:
        if found.is_dir():
            inside = _naturally(entry for entry in found.iterdir() if _is_picture(entry))
            if not inside:
                raise PictureError(f"The folder {path} has no pictures in it: {_suffixes()} are looked for.")
            return inside
        if found.exists():
            return [found]
        if not glob.has_magic(path):
            raise PictureError(f"{path} does not exist: check the path.")
        matching = _naturally(match for match in map(Path, glob.glob(str(found), recursive=True)) if _is_picture(match))
    except (OSError, ValueError) as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(f"{path} cannot be looked at ({_reason(error)}): check the path and its permissions.") from error
    if not matching:
        raise PictureError(f"Nothing matches {path}: check the pattern; {_suffixes()} are looked for.")
    return matching


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _naturally(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: ([_natural_key(part) for part in path.parts], str(path)))


def _natural_key(text: str) -> list[str | int]:
    return [int(piece) if i % 2 else piece for i, piece in enumerate(re.split(r"([0-9]+)", text.casefold()))]


def _suffixes() -> str:
    return ", ".join(PICTURE_SUFFIXES[:-1]) + f" and {PICTURE_SUFFIXES[-1]}"


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
