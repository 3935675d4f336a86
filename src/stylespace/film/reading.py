"""A film, an animation, a folder of frames in order or a pipe: opened by what it is."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from stylespace.film.animation import SUFFIXES as ANIMATIONS
from stylespace.film.animation import Animation, is_animated
from stylespace.film.container import Container
from stylespace.film.folder import Folder
from stylespace.film.frame import Film, Span
from stylespace.film.pipe import Piped, RawPipe
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import MAX_PIXELS, read


def open_film(
    source: str | Path,
    span: Span | None = None,
    *,
    raw: str | None = None,
    rate: Fraction | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Film:
    """The film that ``source`` is: a file, a folder of frames (``rate`` a second, by default 24), or ``-``, standard input.

    ``raw``: what raw frames on standard input are, ``WIDTHxHEIGHT@RATE``. ``max_pixels``: a larger film is refused. Raises
    ``PictureError``, and ``MissingExtraError`` where PyAV is wanted and not installed.
    """
    if str(source) == "-":
        return RawPipe(raw, span) if raw else Piped(span)
    path = Path(source)
    if path.is_dir():
        return Folder(path, span, rate or Fraction(24))
    if path.suffix.lower() in ANIMATIONS and is_animated(path):
        return Animation(path, span, max_pixels)
    return Container(path, span, max_pixels)


def frames(source: Path, rate: float) -> Iterator[tuple[Picture, float | None, Path | None]]:
    """``rate`` frames a second of a film with their times in seconds, or all pictures of a folder with their paths.

    Raises ``PictureError`` for what is not a film, ``MissingExtraError`` without PyAV.
    """
    return _pictures(source) if source.is_dir() else _some(open_film(source), rate)


def _some(film: Film, rate: float) -> Iterator[tuple[Picture, float, None]]:
    due = 0.0
    for frame in film.frames():
        seconds = float(frame.ticks * film.info.time_base)
        if seconds + 1e-6 < due:
            continue
        due = seconds + 1 / rate
        yield Picture(frame.tensor), seconds, None


def _pictures(folder: Path) -> Iterator[tuple[Picture, None, Path]]:
    for path in find_pictures([folder]):
        yield read(path), None, path
