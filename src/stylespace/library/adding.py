"""Pictures into a library: folders, tables of metadata, sidecar files, films."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stylespace.errors import InputError, PictureError
from stylespace.library.store import Library, Reference, checksum, is_there, reference
from stylespace.pictures.formats import FILM_SUFFIXES, PICTURE_SUFFIXES

BATCH, SECONDS = 64, 15.0  # what is written at once, at most so many pictures and so long after the last time
INDEX = "index.csv"


@dataclass
class Added:
    """The outcome of adding: how many are new, how many were already there, and what could not be read (path to reason)."""

    new: int = 0
    known: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False


@dataclass(frozen=True)
class Item:
    """A picture's file and what is known of it."""

    path: Path
    metadata: Mapping[str, Any]


def add(
    library: Library,
    sources: Sequence[str | Path],
    *,
    tags: Iterable[str] = (),
    artist: str = "",
    frames: bool = False,
    workers: str | None = None,
    progress: Callable[[Added, int], None] | None = None,
) -> Added:
    """Add what ``sources`` name: pictures, folders (with their subfolders), CSV tables with a column ``file`` or ``path``, films.

    Metadata: the table's columns ``title``, ``artist``, ``year``, ``tags``; an ``index.csv`` in a folder; a sidecar ``painting.json``
    or ``painting.jpg.json``. ``tags`` and ``artist`` are for all of them. Films, and with ``frames`` folders, give their key frames without
    near duplicates. ``workers="ray"`` describes pictures on a Ray cluster. ``progress(done, of)`` is called meanwhile; ``of`` is 0 for
    films.

    Pictures already there are skipped, so running it again continues where it stopped; unreadable ones are in ``failures``. Ctrl-C
    keeps what was written. Raises ``PictureError`` when a source does not exist or holds nothing, ``InputError`` when another encoder
    described the library.
    """
    library.check_encoder()
    done = Added()
    films, items = _listed(sources, frames)
    extra = {"tags": list(tags), "artist": artist}
    known = library.keys()
    made = _ray(items, known, done) if workers == "ray" else _described(items, known, done)
    if workers not in (None, "ray"):
        raise InputError(f"Workers '{workers}' are unknown: leave it out, or give ray.")
    waiting: list[Reference] = []
    last = time.monotonic()

    def write(force: bool = False) -> None:
        nonlocal last
        if waiting and (force or len(waiting) >= BATCH or time.monotonic() - last > SECONDS):
            new = library.put(waiting)
            done.new += new
            done.known += len(waiting) - new
            waiting.clear()
            last = time.monotonic()

    try:
        for found in made:
            if found is not None:
                waiting.append(_with(found, extra))
                write()
            if progress:
                progress(replace(done, new=done.new + len(waiting)), len(items))
        for film in films:
            for found in _film(library, film, known, done):
                waiting.append(_with(found, extra))
                write()
                if progress:
                    progress(replace(done, new=done.new + len(waiting)), 0)
    except KeyboardInterrupt:
        done.interrupted = True
    write(force=True)
    if done.new:
        library.tidy()
    return done


def describe_file(path: str) -> dict[str, Any]:
    """The store's entries for one picture's file: key, size, descriptor, thumbnail; or ``error``. Runs in workers as well."""
    from stylespace.library.describing import describe, thumbnail
    from stylespace.pictures.reading import read

    try:
        data = Path(path).read_bytes()
        picture = read(data)
    except (PictureError, OSError) as error:
        return {"path": path, "error": str(error).replace("The data given", path)}
    numbers, _ = describe(picture.pixels)
    height, width = picture.size
    return {
        "path": path, "error": "", "key": checksum(data), "width": width, "height": height, "thumbnail": thumbnail(picture),
        "numbers": numbers.half().numpy(),
    }  # fmt: skip


def _described(items: Sequence[Item], known: Mapping[str, str], done: Added) -> Iterator[Reference | None]:
    for item in items:
        if _is_known(item, known, done):
            yield None
            continue
        yield _referred(item, describe_file(str(item.path)), done)


def _ray(items: Sequence[Item], known: Mapping[str, str], done: Added) -> Iterator[Reference | None]:
    """The same over a Ray cluster: tasks of dead workers run again; only this process writes."""
    from stylespace.library.cluster import over

    left = {str(item.path): item for item in items if not _is_known(item, known, done)}
    for row in over(list(left)):
        yield _referred(left[row["path"]], row, done)


def _is_known(item: Item, known: Mapping[str, str], done: Added) -> bool:
    try:
        key = checksum(item.path.read_bytes())
    except OSError as error:
        done.failures[str(item.path)] = error.strerror or str(error)
        return True
    if known.get(key) is None or not is_there(known[key]):
        return False  # new, or moved here
    done.known += 1
    return True


def _referred(item: Item, row: Mapping[str, Any], done: Added) -> Reference | None:
    if row["error"]:
        done.failures[str(item.path)] = row["error"]
        return None
    more = {name: row[name] for name in ("width", "height", "thumbnail", "numbers")}
    return reference(row["key"], item.path.resolve(), item.metadata, **more)


def _film(library: Library, film: Path, known: Mapping[str, str], done: Added) -> Iterator[Reference]:
    from stylespace.library.key_frames import key_frames
    from stylespace.storage.atomic import write_whole

    try:
        for frame in key_frames(film):
            data, key = frame.png, checksum(frame.png)
            if key in known:
                done.known += 1
                continue
            path = frame.path
            if path is None:
                path = library.frames / f"{key[:16]}.png"
                write_whole(path, lambda temporary, data=data: temporary.write_bytes(data))  # type: ignore[misc]
            height, width = frame.picture.size
            title = f"{film.stem} at {frame.time:.1f} s" if frame.time is not None else path.stem
            yield reference(
                key, path.resolve(), {"title": title, "tags": [_word(film.stem)]}, width=width, height=height,
                source=str(film.resolve()), time=frame.time, thumbnail=frame.thumbnail, numbers=frame.numbers.half().numpy(),
            )  # fmt: skip
    except PictureError as error:
        done.failures[str(film)] = str(error)


def _word(stem: str) -> str:
    return stem.replace(",", " ").replace(";", " ").strip() or "film"


def _with(found: Reference, extra: Mapping[str, Any]) -> Reference:
    tags = tuple(dict.fromkeys((*found.tags, *(str(t).strip().lower() for t in extra["tags"]))))
    return replace(found, tags=tags, artist=found.artist or extra["artist"])


def _listed(sources: Sequence[str | Path], frames: bool) -> tuple[list[Path], list[Item]]:
    """Films (and folders of frames), and pictures each once with their metadata."""
    films: list[Path] = []
    items: dict[str, Item] = {}
    for source in map(Path, sources):
        if not source.exists():
            raise PictureError(f"{source} does not exist: check the path.")
        if source.is_dir() and frames:
            films.append(source)
            continue
        found: Iterable[Item]
        if source.is_dir():
            films += sorted(p for p in source.rglob("*") if p.suffix.lower() in FILM_SUFFIXES)
            found = _folder(source)
        elif source.suffix.lower() == ".csv":
            found = _table(source)
        elif source.suffix.lower() in FILM_SUFFIXES:
            films.append(source)
            continue
        else:
            found = [Item(source, _sidecar(source))]
        before = len(items)
        for item in found:
            items.setdefault(str(item.path.absolute()), item)
        if len(items) == before and not films:
            raise PictureError(f"There are no pictures in {source}: {', '.join(PICTURE_SUFFIXES)} are searched for.")
    return films, list(items.values())


def _folder(folder: Path) -> Iterator[Item]:
    tables: dict[Path, dict[str, Mapping[str, Any]]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in PICTURE_SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        if path.parent not in tables:
            index = path.parent / INDEX
            tables[path.parent] = {item.path.name: item.metadata for item in _table(index)} if index.is_file() else {}
        yield Item(path, {**tables[path.parent].get(path.name, {}), **_sidecar(path)})


def _table(path: Path) -> Iterator[Item]:
    """Rows of a CSV whose column ``file`` or ``path`` is relative to its folder."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            column = next((name for name in ("file", "path") if name in (rows.fieldnames or ())), None)
            if column is None:
                raise PictureError(
                    f"{path} has no column 'file' or 'path' that names pictures: its first line must name its columns."
                )
            for row in rows:
                place = path.parent / row[column]
                yield Item(place, {**{k.lower(): v for k, v in row.items() if k and v}, **_sidecar(place)})
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PictureError(f"{path} cannot be read as a table ({error}): give a CSV in UTF-8.") from error


def _sidecar(path: Path) -> dict[str, Any]:
    for beside in (path.with_name(f"{path.name}.json"), path.with_suffix(".json")):
        if beside.is_file():
            try:
                found = json.loads(beside.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                return {}
            return found if isinstance(found, dict) else {}
    return {}
