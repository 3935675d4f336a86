"""Where encoder weights live: shipped in the package, downloaded into a folder, or named by ``STYLESPACE_WEIGHTS``."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import stylespace
from stylespace.errors import WeightsError
from stylespace.storage.checksum import of_file

ENVIRONMENT = "STYLESPACE_WEIGHTS"
SUFFIXES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True)
class Published:
    """Weights as their publisher offers them.

    ``sha256`` is of the whole file, in full or its first digits; ``length`` is in bytes, None where it is not known.
    ``depths`` and ``widths``: the numbers of convolutions and channels of each block.
    """

    name: str
    title: str
    url: str
    sha256: str
    length: int | None
    depths: tuple[int, ...]
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)

    @property
    def file(self) -> str:
        """The publisher's file name."""
        return self.url.rsplit("/", 1)[-1]


# The first eight digits are in torchvision's addresses; lengths and full checksums agree in many public lists of these files.
PUBLISHED = {
    "vgg16": Published(
        "vgg16",
        "VGG-16",
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        553_433_881,
        (2, 2, 3, 3, 3),
    ),
    "vgg19": Published(
        "vgg19",
        "VGG-19",
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        574_673_361,
        (2, 2, 4, 4, 4),
    ),
}


@dataclass(frozen=True)
class Entry:
    """One line of ``stylespace models``.

    ``state``: ``shipped``, ``downloaded``, ``given`` (put there by the user), ``not downloaded``, or ``damaged`` (no longer what
    was downloaded). ``path``: where the file is, or would be. ``bytes`` and ``sha256`` are of that file, None without one, and
    ``sha256`` also where it was not asked for. ``note``: where it comes from and what was checked.
    """

    name: str
    state: str
    path: Path
    bytes: int | None
    sha256: str | None
    note: str


def folder() -> Path:
    """The folder that downloads go to: ``STYLESPACE_WEIGHTS`` if it is a folder (made when needed), else the user's cache."""
    named = _named()
    if named is not None and not named.is_file():
        return named
    import platformdirs

    return platformdirs.user_cache_path("stylespace", appauthor=False) / "weights"


def find(name: str) -> Path | None:
    """The weights file of encoder ``name`` (``vgg16``, ``vgg19``) on this machine, None if it has to be downloaded.

    A file named by ``STYLESPACE_WEIGHTS`` answers for every encoder. In a folder, ``NAME.safetensors`` (what a download leaves)
    comes before the publisher's file, for example ``vgg19-dcbb9e9d.pth``.

    Raises
    ------
    WeightsError
        ``STYLESPACE_WEIGHTS`` names a file that does not exist.
    """
    named = _named()
    if named is not None and named.is_file():
        return named
    candidates = (folder() / f"{name}.safetensors", folder() / PUBLISHED[name].file)
    return next((path for path in candidates if path.is_file()), None)


def entries(*, checksums: bool = True) -> list[Entry]:
    """Every weights file the encoders can use, shipped ones first. ``checksums=False`` does not read the files through."""
    shipped = sorted((Path(stylespace.__file__).parent / "models").glob("*.safetensors"))
    listing = [_entry(path.stem, "shipped", path, "inside the package", checksums) for path in shipped]
    named = _named()
    if named is not None and named.is_file():
        note = f"used for {' and '.join(PUBLISHED)} instead of those below"
        listing.append(_entry(ENVIRONMENT, "given", named, note, checksums))
    return listing + [_published_entry(source, checksums) for source in PUBLISHED.values()]


def keep(data: bytes, record: Mapping[str, object], path: Path) -> None:
    """Write downloaded weights and, beside them, the record of the download (``NAME.json``), each in one step.

    Raises
    ------
    WeightsError
        The disk is full or the folder cannot be written.
    """
    require_space(path.parent, len(data))
    _replace(path, data)
    full = dict(record) | {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    _replace(path.with_suffix(".json"), json.dumps(full, indent=2).encode())


def record(weights: Path) -> dict[str, str | int] | None:
    """The record of a download (``url``, ``route``, ``checked``, ``not_checked``, ``bytes``, ``sha256``), None without one."""
    try:
        found = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    wanted = {"url", "route", "checked", "not_checked", "bytes", "sha256"}
    return found if isinstance(found, dict) and wanted <= found.keys() else None


def require_space(folder: Path, needed: int) -> None:
    """Raise WeightsError if the disk of ``folder`` has less than ``needed`` bytes left."""
    if shutil.disk_usage(folder).free < needed:
        raise _disk_full(folder, f"{needed / 1e6:.0f} MB are needed")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a failed write into ``folder`` into a WeightsError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise _disk_full(folder, "what had arrived was deleted") from error
        raise WeightsError(
            f"The weights folder '{folder}' cannot be written ({error.strerror or error}): "
            f"set {ENVIRONMENT} to a folder that can, or use --encoder compact, which works without a download."
        ) from error


def _disk_full(folder: Path, detail: str) -> WeightsError:
    return WeightsError(
        f"The disk of '{folder}' is full ({detail}): free some space, set {ENVIRONMENT} to a folder on another disk, "
        "or use --encoder compact, which works without a download."
    )


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with writing(path.parent):
            temporary.write_bytes(data)
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _named() -> Path | None:
    value = os.environ.get(ENVIRONMENT)
    if not value:
        return None
    path = Path(value).expanduser()
    if path.suffix in SUFFIXES and not path.exists():
        raise WeightsError(f"{ENVIRONMENT} names '{path}', which does not exist: set it to a weights file or a folder.")
    return path


def _published_entry(source: Published, checksums: bool) -> Entry:
    path = folder() / f"{source.name}.safetensors"
    original = folder() / source.file
    if not path.is_file():
        if original.is_file():
            return _entry(source.name, "given", original, "the publisher's file", checksums)
        return Entry(source.name, "not downloaded", path, None, None, f"on first use from {source.url}")
    known = record(path)
    if known is None:
        return _entry(source.name, "given", path, "no record of a download beside it", checksums)
    note = f"{known['route']}, from {known['url']}; checked: {known['checked']}"
    entry = _entry(source.name, "downloaded", path, note, checksums)
    if entry.bytes == known["bytes"] and entry.sha256 in (None, known["sha256"]):
        return entry
    note = "not the file that was downloaded: delete it, and it is downloaded again when needed"
    return Entry(entry.name, "damaged", path, entry.bytes, entry.sha256, note)


def _entry(name: str, state: str, path: Path, note: str, checksums: bool) -> Entry:
    return Entry(name, state, path, path.stat().st_size, of_file(path) if checksums else None, note)
