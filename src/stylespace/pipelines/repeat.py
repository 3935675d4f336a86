"""The task that made a result, from the settings stored in it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

import stylespace
from stylespace import encoders
from stylespace.encoders.identity import found, identity, refuse
from stylespace.errors import InputError
from stylespace.methods.registry import METHODS
from stylespace.pictures.decoding import header
from stylespace.pictures.settings import read_settings
from stylespace.pipelines.record import described
from stylespace.pipelines.sources import Area, Classes, Guide, Source
from stylespace.pipelines.task import Task
from stylespace.pipelines.texture_settings import TextureSettings
from stylespace.pipelines.transfer import adjusted, start_network
from stylespace.storage.plain import reason

_PRECISIONS = {"float32": "fp32", "bfloat16": "bf16"}


@dataclass(frozen=True)
class Stored:
    """The task that made a result. ``photo``: its file, None if another one is used. ``bits``: 8 or 16, of the result's file.

    ``differences``: what differs from that run and may change the result.
    """

    task: Task
    photo: Path | None
    bits: int
    differences: tuple[str, ...]


def stored(
    path: str | Path,
    *,
    changes: Mapping[str, Any] | None = None,
    instead: Mapping[str, Any] | None = None,
    photo_given: bool = False,
) -> Stored:
    """Read the task from the result at ``path``; on the same machine and versions it gives the same pixels again.

    ``changes``: settings to take instead of the stored ones, as for :func:`stylespace.transfer`. ``instead``: other fields of the
    :class:`~stylespace.pipelines.task.Task`, such as ``styles``. ``photo_given``: another photo will be used, the stored one is not needed.

    Files are searched where they were and beside the result, and must not have changed. Raises ``PictureError`` when
    the file holds no settings, ``InputError`` when a picture has moved or changed or the settings are of another version.
    """
    path = Path(path)
    record = read_settings(path)
    method = record.get("method")
    if not isinstance(method, str) or method not in METHODS or not isinstance(record.get("settings"), dict):
        raise InputError(f"{path.name} was made with {method!r:.60}, which this version of Stylespace cannot repeat.")
    changes = dict(changes or {})
    settings = _settings(METHODS[method].settings, record["settings"], path.name)
    precision = _PRECISIONS.get(str(record.get("dtype")))
    if precision and not {"precision", "encoder"} & changes.keys():
        settings = replace(settings, precision=precision)  # the probe of 'auto' may decide differently now
    settings = adjusted(settings, changes)
    find = _Finder(path)
    options = dict(instead or {})
    if "encoder" in changes:
        options.setdefault("weights", None)  # the stored weights belong to another encoder
    kept: dict[str, Callable[[], Any]] = {
        "styles": lambda: find.references(record) if METHODS[method].blends else find.styles(record["styles"]),
        "areas": lambda: find.areas(record["areas"]),
        "style_regions": lambda: find.one(record.get("style_regions"), "regions file"),
        "strokes": lambda: find.one(record["strokes"], "strokes' picture"),
        "start_picture": lambda: find.one(record["start_picture"], "start picture"),
        "weights": lambda: find.one(record["weights"], "weights file"),
        "device": lambda: str(record["device"]),
        "threads": lambda: None if record["threads"] is None else max(1, int(record["threads"])),
        "guides": lambda: find.guides(record.get("guides", ())),
        "style_source": lambda: find.one(record.get("style_source"), "style's source"),
        "classes": lambda: find.classes(record.get("classes")),
        "points": lambda: tuple(((float(x), float(y)), (float(u), float(v))) for (x, y), (u, v) in record.get("points", ())),
    }
    try:
        options |= {name: read() for name, read in kept.items() if name not in options}
        task = Task(settings, **options)
        if not ("encoder" in changes or {"weights", "encoder"} & (instead or {}).keys()):
            _check_encoder(record, task, path.name)
        _check_start(record, task, changes, path.name)
        photo = None if photo_given else find.one(record["photo"], "photo")
    except InputError:
        raise
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError) as error:
        raise InputError(f"The settings in {path.name} are incomplete ({reason(error)}): it cannot be repeated.") from error
    deep = header(path, path.name).format == "ushort"
    return Stored(task, photo, 16 if deep else 8, _differences(record))


def stored_texture(path: str | Path) -> tuple[dict[str, Any], int, tuple[str, ...]]:
    """What :func:`stylespace.texture` was called with to make the texture at ``path``: its arguments by name; 8 or 16, the bits of its
    file; and what differs from that run and may change the result.

    Raises as :func:`stored` does.
    """
    path = Path(path)
    record = read_settings(path)
    if record.get("method") != "texture" or not isinstance(record.get("settings"), dict):
        raise InputError(f"{path.name} is no texture that 'stylespace texture' made: give one, or the sources.")
    find = _Finder(path)
    try:
        options = dict(record["settings"])
        (wide, high), tile, kept = options.pop("size"), bool(options.pop("tile")), record.get("kept", record["hole"] is not None)
        settings = _settings(TextureSettings, options, path.name)
        call = {
            "sources": [find.one(entry, "source") for entry in record["styles"]],
            "size": None if kept else (int(wide), int(high)),
            "tile": tile,
            "hole": find.one(record["hole"], "mask"),
            "masks": [find.one(entry, "mask") for entry in record["masks"]],
            "guides": find.guides(record["guides"]),
        } | {each.name: getattr(settings, each.name) for each in fields(settings)}
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise InputError(f"The settings in {path.name} are incomplete ({reason(error)}): it cannot be repeated.") from error
    return call, 16 if header(path, path.name).format == "ushort" else 8, _differences(record)


def _check_encoder(record: Mapping[str, Any], task: Task, name: str) -> None:
    """Raise ``InputError`` unless the encoder is the one that made the result."""
    here = found(task.settings.encoder, task.weights)
    if "sha256" not in here:  # not here yet: repeating downloads it
        here = encoders.load(here["name"], precision="fp32").identity
    wanted = identity(record.get("encoder") or record["settings"]["encoder"])
    if wanted != here:
        todo = f"add --encoder {here['name']} to repeat with that, or --weights FILE to give the other's"
        raise refuse(name, wanted, here, todo)


def _check_start(record: Mapping[str, Any], task: Task, changes: Mapping[str, Any], name: str) -> None:
    """Raise ``InputError`` unless the network that drew the start is here."""
    wanted, here = record.get("start_network"), start_network(task.settings)
    if wanted and here and wanted.get("sha256") != here.get("sha256") and not {"start", "start_network"} & changes.keys():
        raise InputError(
            f"The start of {name} was drawn by another network '{wanted.get('name')!s:.80}' than the one that is here: give its file with"
            " --start-network, or another --start."
        )


def _settings(kind: type, options: Mapping[str, Any], name: str) -> Any:
    known = {f.name for f in fields(kind)}
    if unknown := sorted(set(options) - known):
        raise InputError(f"{name} has settings that this version of Stylespace does not know ({', '.join(unknown)}).")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in options.items()})


@dataclass(frozen=True)
class _Finder:
    """Finds the files a result names, where they were or beside it."""

    result: Path

    def one(self, entry: Mapping[str, Any] | None, role: str) -> Path | None:
        if entry is None:
            return None
        if "path" not in entry:
            raise InputError(f"The {role} of {self.result.name} was not a file and cannot be found again: {self._instead(role)}.")
        places = [Path(entry["path"]), self.result.parent / Path(entry["path"]).name]
        there = [place for place in places if place.is_file()]
        for place in there:
            if described(place)["sha256"] == entry["sha256"]:
                return place
        if there:
            raise InputError(
                f"The {role} of {self.result.name}, {there[0]}, has changed since: put the original file back, or"
                f" {self._instead(role)}."
            )
        raise InputError(
            f"The {role} of {self.result.name}, {places[0]}, is missing: put it back, put it beside {self.result.name},"
            f" or {self._instead(role)}."
        )

    def styles(self, entries: Sequence[Mapping[str, Any]]) -> dict[Source, float]:
        found: dict[Source, float] = {}
        for entry in entries:
            place = self.one(entry, "style")
            found[place] = float(entry["weight"])
        return found

    def references(self, record: Mapping[str, Any]) -> list[Source]:
        """All references of a blend; for a library query those that had a weight."""
        entries = record["styles"]
        if any("query" in entry for entry in entries):
            entries = record["blend"]["references"]
        return [self.one(entry, "style") for entry in entries]

    def areas(self, entries: Sequence[Mapping[str, Any]]) -> tuple[Area, ...]:
        return tuple(
            Area(
                self.one(entry["mask"], "mask"),
                None if entry["styles"] is None else self.styles(entry["styles"]),
                self.one(entry["style_mask"], "style's mask"),
            )
            for entry in entries
        )

    def guides(self, entries: Sequence[Mapping[str, Any]]) -> tuple[Guide, ...]:
        return tuple(
            Guide(self.one(entry["photo"], "guide"), self.one(entry["style"], "guide"), float(entry["weight"]))
            for entry in entries
        )

    def classes(self, entry: Mapping[str, Any] | None) -> Classes | None:
        if entry is None:
            return None
        files = {name: self.one(entry[name], "classes' file") for name in ("photo", "style", "segmenter", "table")}
        return Classes(**files, found=entry["found"])

    @staticmethod
    def _instead(role: str) -> str:
        return {"photo": "name a photo", "style": "give --style"}.get(role, "make the picture again without --from")


def _differences(record: Mapping[str, Any]) -> tuple[str, ...]:
    now = {
        "stylespace": stylespace.__version__,
        "torch": torch.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }
    return tuple(f"{name} {record.get(name)}, now {value}" for name, value in now.items() if record.get(name) != value)
