"""Reads names on the command line: photos and where their results go, weighted styles, regions."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

from stylespace.errors import PictureError
from stylespace.pictures.decoding import decode
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.reading import contents
from stylespace.pipelines.batch import Job
from stylespace.pipelines.sources import MAX_PIXELS, Area, Classes, Guide, is_film, is_query


def find_photos(names: Sequence[str]) -> tuple[list[Path], list[PictureError]]:
    """The photos that ``names`` (files, folders, patterns, ``-``) give, and what is wrong with the others."""
    good: list[str] = []
    errors: list[PictureError] = []
    for name in names:
        try:
            find_pictures([name])
            good.append(name)
        except PictureError as error:
            errors.append(error)
    return find_pictures(good), errors


def many(names: Sequence[str]) -> bool:
    """Whether ``names`` ask for a folder of results: more than one, a folder or a pattern."""
    return len(names) > 1 or any(Path(name).is_dir() or (glob.has_magic(name) and not Path(name).exists()) for name in names)


def jobs(photos: Sequence[Path], out: str | None, ending: str, *, several: bool, max_pixels: int | None) -> list[Job]:
    """A job for each photo.

    ``out``: the result's file; a folder when it ends in a slash, when it is one, or with ``several`` photos; None: files named
    after photo and ``ending`` in the current folder. Results of photos with the same name are told apart by suffix or folder.
    """
    folder = Path() if out is None else Path(out)
    if several and out is not None and folder.suffix and not folder.is_dir() and not _slashed(out):
        raise typer.BadParameter(f"'{out}' is one file, but there may be several photos: give a folder, such as {folder.stem}/.")
    if not several and out is not None and not folder.is_dir() and not _slashed(out):
        return [_job(photos[0], folder, max_pixels)]
    after = ending if out is None else ""
    stems = _unique([Path("picture") if str(photo) == "-" else photo for photo in photos])
    return [_job(photo, folder / f"{stem}{after}.png", max_pixels) for photo, stem in zip(photos, stems, strict=True)]


def held(name: str | Path, max_pixels: int | None) -> Any:
    """The source called ``name``. Standard input is read and checked now and kept as bytes, so that it can be read again."""
    if str(name) != "-":
        return Path(name)
    data, called = contents("-")
    decode(data, called, max_pixels or MAX_PIXELS)
    return data


def given_styles(texts: Sequence[str], max_pixels: int | None) -> Any:
    """What ``--style`` options mean together: a library query (its text), pictures to be blended (a list), or weighted ones."""
    if (asked := query(texts)) is not None:
        return asked
    if any(is_film(text) for text in texts):
        if weighed := [text for text in texts if _weighed(text)[0] != text]:
            raise typer.BadParameter(
                f"a film's key frames are blended, and a blend finds its own weights: leave the weight of '{weighed[0]}' out."
            )
        return [Path(text) for text in texts if is_film(text)] + list(
            weighted_styles([text for text in texts if not is_film(text)], max_pixels)
        )
    styles = weighted_styles(texts, max_pixels)
    plain = all(_weighed(text)[0] == text for text in texts)
    return list(styles) if plain and len(styles) > 1 else styles


def query(texts: Sequence[str]) -> str | None:
    """The library query that ``texts`` are, or None where they are pictures; a query stands alone."""
    if not any(map(is_query, texts)):
        return None
    if len(texts) > 1:
        raise typer.BadParameter("a library query stands alone: put all terms into one, as in 'library:tag=oil|ink'.")
    return texts[0]


def weighted_styles(texts: Iterable[str], max_pixels: int | None) -> dict[Any, float]:
    """``painting.jpg``, ``painting.jpg=0.7``, ``folder=2``: pictures and their weights; a folder's weight is shared among its pictures."""
    found: dict[Any, float] = {}
    for text in texts:
        name, weight = _weighed(text)
        places = find_pictures([name])
        for place in places:
            source = held(place, max_pixels)
            found[source] = found.get(source, 0.0) + weight / len(places)
    return found


def areas(regions: Iterable[str], kept: Iterable[str]) -> tuple[Area, ...]:
    """``mask.png=painting.jpg`` or ``mask.png=painting.jpg:where.png`` as areas; ``kept``: masks of what stays as it is."""
    found = []
    for text in regions:
        mask, separator, rest = text.partition("=")
        if not (mask and separator and rest):
            raise typer.BadParameter(f"'{text}' is not a region: write MASK=STYLE or MASK=STYLE:STYLEMASK.")
        style, where = rest, ""
        if ":" in rest and not Path(rest).exists():
            style, _, where = rest.rpartition(":")
            if len(style) == 1:  # a drive's letter
                style, where = rest, ""
        found.append(Area(_file(mask), {_file(style): 1.0}, _file(where) if where else None))
    return (*found, *(Area(_file(mask)) for mask in kept))


def guides(texts: Iterable[str]) -> tuple[Guide, ...]:
    """``map.png=stylemap.png`` or ``map.png=stylemap.png:2.5`` as guides."""
    found = []
    for text in texts:
        here, separator, there = text.partition("=")
        name, colon, weight = there.rpartition(":")
        if not colon or Path(there).exists():
            name, weight = there, "1"
        try:
            found.append(Guide(_file(here), _file(name), float(weight)))
        except ValueError as error:
            if isinstance(error, PictureError):
                raise
            separator = ""
        if not (here and separator and name):
            raise typer.BadParameter(f"'{text}' is not a guide: write MAP=STYLEMAP or MAP=STYLEMAP:WEIGHT.", param_hint="--guide")
    return tuple(found)


def classes(labels: str | None, segmenter: Path | None, found: int | None, table: Path | None) -> Classes | None:
    """``labels.png=stylelabels.png``, or where else classes come from; None where nothing of it is given."""
    if not (labels or segmenter or found or table):
        return None
    here, separator, there = (labels or "").partition("=")
    if labels and not (here and separator and there):
        raise typer.BadParameter(f"'{labels}' are not labels: write LABELS=STYLELABELS.", param_hint="--labels")
    photo, style = (_file(here), _file(there)) if labels else (None, None)
    return Classes(photo, style, segmenter, found, table)


def _file(name: str) -> Path:
    if name == "-":
        raise typer.BadParameter("Only the photo or a style can come from standard input: give a file.")
    return find_pictures([name])[0]


def _weighed(text: str) -> tuple[str, float]:
    name, separator, weight = text.rpartition("=")
    if not separator or Path(text).exists():
        return text, 1.0
    try:
        return name, float(weight)
    except ValueError:
        return text, 1.0


def _job(photo: Path, target: Path, max_pixels: int | None) -> Job:
    return Job(held(photo, max_pixels), target, "standard input" if str(photo) == "-" else str(photo))


def _slashed(out: str) -> bool:
    return out.endswith(("/", "\\") if sys.platform == "win32" else "/")


def _unique(photos: Sequence[Path]) -> list[str]:
    """A unique stem for each photo: its own; with its suffix where others share it; with its folder where that is not enough."""
    forms = (
        lambda photo: photo.stem,
        lambda photo: f"{photo.stem}-{photo.suffix[1:].lower()}",
        lambda photo: f"{photo.absolute().parent.name}-{photo.stem}-{photo.suffix[1:].lower()}",
        lambda photo: "-".join([*photo.absolute().parent.parts[1:], photo.stem, photo.suffix[1:].lower()]),
    )
    names: dict[int, str] = {}
    for form in forms:
        left = [i for i in range(len(photos)) if i not in names]
        made = {i: form(photos[i]) for i in left}
        taken = [name.casefold() for name in (*names.values(), *made.values())]
        names |= {i: name for i, name in made.items() if taken.count(name.casefold()) == 1}
    return [names.get(i, f"{photo.stem}-{i + 1}") for i, photo in enumerate(photos)]
