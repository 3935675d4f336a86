"""Reads pictures from a film or a folder of frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from stylespace.errors import PictureError
from stylespace.film.extra import pyav
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import read


def frames(source: Path, rate: float) -> Iterator[tuple[Picture, float | None, Path | None]]:
    """``rate`` frames a second of a film with their times in seconds, or all pictures of a folder with their paths.

    Raises ``PictureError`` for what is not a film, ``MissingExtraError`` without PyAV.
    """
    return _folder(source) if source.is_dir() else _film(source, rate)


def _film(path: Path, rate: float) -> Iterator[tuple[Picture, float, None]]:
    av = pyav("Films need PyAV")
    try:
        with av.open(str(path)) as film:
            if not film.streams.video:
                raise PictureError(f"{path} has no pictures in it: give a film.")
            stream: Any = film.streams.video[0]
            stream.thread_type = "AUTO"
            due = 0.0
            for frame in film.decode(stream):
                seconds = float(frame.time or 0.0)
                if seconds + 1e-6 < due:
                    continue
                due = seconds + 1 / rate
                pixels = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)[None].float() / 255
                yield Picture(pixels), seconds, None
    except av.FFmpegError as error:
        raise PictureError(f"{path} cannot be read as a film ({error.strerror or error}): give another file.") from error


def _folder(folder: Path) -> Iterator[tuple[Picture, None, Path]]:
    for path in find_pictures([folder]):
        yield read(path), None, path
