"""What a data set is made of: samples, in parts that one worker redraws at a time, in containers that are finished as a whole."""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from stylespace.errors import StylespaceError

MOST, BYTES = 64, 16 << 20  # samples and bytes of a part


@dataclass(frozen=True)
class Sample:
    """A picture's file, and what belongs to it: ``beside``, masks, boxes, labels by name. ``suffix``: of the picture (``.jpg``).

    ``picture`` None: nothing is to be redrawn, ``beside`` is copied. ``error``: why the picture could not be fetched.
    """

    name: str
    picture: bytes | None
    suffix: str = ""
    beside: Mapping[str, bytes] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Version:
    """One redrawn version of a sample. ``name``: of its picture in the result; ``beside`` as the sample's, perhaps moved along."""

    name: str
    picture: bytes
    beside: Mapping[str, bytes]


class Part(ABC):
    """Consecutive samples of one container. Small and picklable: it names places, it holds no pictures.

    ``container``: its name, unique in the set; ``number``: of the part in it.
    """

    container: str
    number: int

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the samples, unique in the set."""

    @property
    @abstractmethod
    def stamps(self) -> tuple[str, ...]:
        """What tells that a sample's file has changed."""

    @abstractmethod
    def samples(self) -> Iterator[Sample]:
        """The samples, fetched one after another."""

    @abstractmethod
    def targets(self, name: str, suffix: str, versions: int) -> list[str]:
        """Names, relative to the result's folder, of the versions of the picture ``name``."""

    @abstractmethod
    def writer(self, out: Path) -> Writer:
        """What takes the versions."""


class Writer(ABC):
    """Takes the samples of a part in order; nothing is in place before it is whole."""

    @abstractmethod
    def take(self, sample: Sample, versions: Sequence[Version]) -> None:
        """Versions of one sample."""

    @abstractmethod
    def finish(self) -> int:
        """The part is complete. Returns the size of the piece it is in; 0 where its files are in place already."""


@dataclass(frozen=True)
class Container(ABC):
    """``stamp``: what tells that it has changed; ``joined``: whether its parts are pieces that are put together at the end."""

    name: str
    path: str
    stamp: str = ""
    joined: bool = False

    @abstractmethod
    def parts(self) -> Iterator[Part]:
        """Its parts; those of a joined container are the same in every run."""

    def join(self, out: Path, pieces: Sequence[Path]) -> Path:
        """Put the pieces together; the file. Where a container is not joined its files are in place already."""
        return out / self.name


def piece(out: Path, container: str, number: int) -> Path:
    """Where a part of a joined container waits for the others."""
    return state_folder(out) / "pieces" / container / f"{number:06d}"


def state_folder(out: Path) -> Path:
    """The folder of what a run remembers."""
    return out / ".stylespace"


def put(out: Path, name: str | PurePosixPath, data: bytes) -> None:
    """Write ``data`` to ``name`` below ``out``, whole or not at all; when it is in place it is on the disk.

    Half-written files are in the state's folder, not among the results, when a process is killed. Raises ``StylespaceError``.
    """
    target, folder = out / name, state_folder(out) / "writing"
    part = folder / secrets.token_hex(12)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise unwritable(target, error) from error


def unwritable(target: Path, error: OSError) -> StylespaceError:
    """What to say when the disk is full, or may not be written."""
    return StylespaceError(
        f"{target} cannot be written ({error.strerror or error}): make room or check the folder, and run the same command again; what was"
        " finished is kept."
    )


def stamp(path: str | Path) -> str:
    """Size and time of change of a file."""
    found = Path(path).stat()
    return f"{found.st_size}-{found.st_mtime_ns}"


def chunks(sizes: Iterable[tuple[object, int]], most: int = MOST, limit: int = BYTES) -> Iterator[list[object]]:
    """Things with their bytes, in runs of at most ``most`` things and about ``limit`` bytes."""
    held: list[object] = []
    total = 0
    for thing, size in sizes:
        if held and (len(held) >= most or total + size > limit):
            yield held
            held, total = [], 0
        held.append(thing)
        total += size
    if held:
        yield held


def versioned(stem: str, number: int, versions: int) -> str:
    """The stem of one of ``versions``: ``cat``, or ``cat-1``, ``cat-2``."""
    return stem if versions == 1 else f"{stem}-{number}"
