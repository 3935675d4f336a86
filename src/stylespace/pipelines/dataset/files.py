"""Folders with subfolders for classes, and lists of paths: one file a picture, in and out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from stylespace.errors import PictureError
from stylespace.pictures.formats import PICTURE_SUFFIXES
from stylespace.pipelines.dataset.part import Container, Part, Sample, Version, Writer, chunks, put, stamp, versioned


@dataclass(frozen=True)
class Found:
    """A picture (``path`` None: there is none) under its ``name``, relative to the set, and the files that belong to it, by theirs."""

    name: str
    path: str | None
    beside: tuple[tuple[str, str], ...] = ()
    size: int = 0
    stamp: str = ""
    stem: str = ""  # of its results; its own where no other picture in the folder shares it


@dataclass(frozen=True)
class FilePart(Part):
    """Some pictures of a folder."""

    container: str
    number: int
    found: tuple[Found, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """See :class:`Part`."""
        return tuple(each.name for each in self.found)

    @property
    def stamps(self) -> tuple[str, ...]:
        """See :class:`Part`."""
        return tuple(each.stamp for each in self.found)

    def samples(self) -> Iterator[Sample]:
        """See :meth:`Part.samples`."""
        for each in self.found:
            try:
                beside = {name: Path(path).read_bytes() for name, path in each.beside}
                picture = None if each.path is None else Path(each.path).read_bytes()
            except OSError as error:
                yield Sample(each.name, b"", error=f"{error.filename} cannot be read: {error.strerror or error}.")
                continue
            yield Sample(each.name, picture, PurePosixPath(each.name).suffix, beside)

    def targets(self, name: str, suffix: str, versions: int) -> list[str]:
        """See :meth:`Part.targets`."""
        place = PurePosixPath(name)
        stem = next(each.stem for each in self.found if each.name == name) or place.stem
        return [str(place.with_name(versioned(stem, number, versions) + suffix)) for number in range(1, versions + 1)]

    def writer(self, out: Path) -> Writer:
        """See :meth:`Part.writer`."""
        return FileWriter(out)


class FileWriter(Writer):
    """Writes each picture as it comes."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def take(self, sample: Sample, versions: Sequence[Version]) -> None:
        """See :meth:`Writer.take`."""
        if sample.picture is None:
            for name, data in sample.beside.items():
                put(self.out, name, data)
        own = PurePosixPath(sample.name).stem
        for version in versions:
            target = PurePosixPath(version.name)
            for name, data in version.beside.items():  # a mask of cat.jpg goes with cat-2.jpg
                place = PurePosixPath(name)
                put(self.out, place.with_name(target.stem + place.name.removeprefix(own)), data)
            put(self.out, version.name, version.picture)

    def finish(self) -> int:
        """See :meth:`Writer.finish`."""
        return 0


@dataclass(frozen=True)
class Folder(Container):
    """A folder and all below it. ``masks``: a subfolder of masks, or a pattern such as ``*_mask.png`` of masks beside their pictures;
    ``without``: files that other containers hold, and the result's own folder."""

    masks: str = ""
    without: tuple[str, ...] = ()

    def parts(self) -> Iterator[Part]:
        """See :meth:`Container.parts`."""
        root = Path(self.path)
        found = ((each, each.size) for folder in _folders(root, self.without) for each in self._in(root, folder))
        for number, some in enumerate(chunks(found)):
            yield FilePart(self.name, number, tuple(some))  # type: ignore[arg-type]

    def _in(self, root: Path, folder: Path) -> Iterator[Found]:
        at = folder.relative_to(root)
        if self._in_masks(at):
            return  # they go with their pictures
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file() and not entry.name.startswith("."))
        names = [name for name in names if str(folder / name) not in self.without]
        pictures = [name for name in names if Path(name).suffix.lower() in PICTURE_SUFFIXES and not self._is_mask(name)]
        stems: dict[str, list[str]] = {}
        for name in pictures:
            stems.setdefault(Path(name).stem, []).append(name)
        beside: dict[str, list[str]] = {}
        for name in set(names) - set(pictures):
            for owner in self._owners(name, stems):
                beside.setdefault(owner, []).append(name)
        kept = {name for some in beside.values() for name in some}
        for name in (name for name in names if name not in kept):
            path, place, picture = (
                folder / name,
                PurePosixPath(at, name).as_posix(),
                Path(name).stem in stems and name in stems[Path(name).stem],
            )
            size, changed = path.stat().st_size, stamp(path)
            if not picture:
                yield Found(place, None, ((place, str(path)),), size, changed)
                continue
            own = [(PurePosixPath(at, other).as_posix(), str(folder / other)) for other in sorted(beside.get(name, ()))]
            own += self._elsewhere(root, at, Path(name).stem)
            alone = len(stems[Path(name).stem]) == 1
            yield Found(place, str(path), tuple(own), size, changed, "" if alone else name.replace(".", "-"))

    def _owners(self, name: str, stems: dict[str, list[str]]) -> list[str]:
        """The pictures that a file belongs to: ``cat.txt``, ``cat.jpg.json`` and a mask by the pattern to ``cat.jpg``."""
        if self._is_mask(name):
            before, _, after = self.masks.partition("*")
            return stems.get(name[len(before) : len(name) - len(after)], [])
        stem = name
        while "." in stem[1:]:
            stem = stem.rpartition(".")[0]
            owner = stems.get(Path(stem).stem, []) if Path(stem).suffix.lower() in PICTURE_SUFFIXES else []
            if stem in owner:
                return [stem]
            if stem in stems:
                return stems[stem]
        return []

    def _is_mask(self, name: str) -> bool:
        return "*" in self.masks and fnmatch(name, self.masks)

    def _in_masks(self, at: Path) -> bool:
        folder = Path(self.masks).parts
        return bool(folder) and "*" not in self.masks and at.parts[: len(folder)] == folder

    def _elsewhere(self, root: Path, at: Path, stem: str) -> list[tuple[str, str]]:
        """The mask in the folder of masks: under the picture's own place, or under that without its first folder."""
        if not self.masks or "*" in self.masks:
            return []
        for under in (at, Path(*at.parts[1:])):
            for end in PICTURE_SUFFIXES:
                place = Path(self.masks, under, stem + end)
                if (root / place).is_file():
                    return [(place.as_posix(), str(root / place))]
        return []


@dataclass(frozen=True)
class Listed(Container):
    """A text file that names a picture a line, and after a tab what belongs to it (a class, any text); its places are kept below the
    folder that all have in common, and the list is written anew with the results' places."""

    def parts(self) -> Iterator[Part]:
        """See :meth:`Container.parts`."""
        for number, some in enumerate(chunks((each, each.size) for each in self._found())):
            yield FilePart(self.name, number, tuple(some))  # type: ignore[arg-type]

    def _found(self) -> Iterator[Found]:
        paths = [path for path, _ in self.lines()]
        root = Path(os.path.commonpath([path.parent for path in paths]))
        for path in dict.fromkeys(paths):
            size, found = (path.stat().st_size, stamp(path)) if path.is_file() else (0, "")
            yield Found(path.relative_to(root).as_posix(), str(path), (), size, found, "")

    def lines(self) -> list[tuple[Path, str]]:
        """Each line's path, and the rest of it."""
        base = Path(self.path).absolute().parent
        try:
            text = Path(self.path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise PictureError(f"{self.path} is not a list of paths in UTF-8: give one path a line.") from error
        found = [line.partition("\t") for line in text.splitlines() if line.strip()]
        if not found:
            raise PictureError(f"{self.path} names no pictures: give one path a line.")
        return [(Path(os.path.normpath(base / name.strip())), separator + rest) for name, separator, rest in found]


def _folders(root: Path, without: Sequence[str]) -> Iterator[Path]:
    for place, below, _ in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and str(Path(place, name)) not in without)
        yield Path(place)
