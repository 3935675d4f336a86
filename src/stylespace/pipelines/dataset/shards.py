"""WebDataset shards: tar files in which a sample is the files that share a name up to the first dot."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stylespace.errors import PictureError
from stylespace.pictures.formats import PICTURE_SUFFIXES
from stylespace.pipelines.dataset.part import Container, Part, Sample, Version, Writer, chunks, piece, put, versioned

Member = tuple[str, int, int]  # name, place of its bytes, number of bytes
Group = tuple[str, tuple[Member, ...]]
_BLOCK = 512


@dataclass(frozen=True)
class ShardPart(Part):
    """Consecutive samples of a shard."""

    container: str
    number: int
    path: str
    groups: tuple[Group, ...]
    stamp: str

    @property
    def names(self) -> tuple[str, ...]:
        """See :class:`Part`."""
        return tuple(f"{self.container}/{key}" for key, _ in self.groups)

    @property
    def stamps(self) -> tuple[str, ...]:
        """See :class:`Part`."""
        return (self.stamp,) * len(self.groups)

    def samples(self) -> Iterator[Sample]:
        """See :meth:`Part.samples`."""
        with open(self.path, "rb") as file:
            for key, members in self.groups:
                data = {}
                for name, offset, size in members:
                    file.seek(offset)
                    data[name] = file.read(size)
                own = _picture(key, members)
                picture = None if own is None else data.pop(own)
                yield Sample(f"{self.container}/{key}", picture, PurePosixPath(own or "").suffix, data)

    def targets(self, name: str, suffix: str, versions: int) -> list[str]:
        """See :meth:`Part.targets`."""
        return [versioned(name, number, versions) + suffix for number in range(1, versions + 1)]

    def writer(self, out: Path) -> Writer:
        """See :meth:`Part.writer`."""
        return ShardWriter(out, self)


class ShardWriter(Writer):
    """A piece of a tar file, in the order of the samples; times and owners are left out, so that it depends on nothing else."""

    def __init__(self, out: Path, part: ShardPart) -> None:
        self.out, self.part = out, part
        self.made: list[bytes] = []

    def take(self, sample: Sample, versions: Sequence[Version]) -> None:
        """See :meth:`Writer.take`."""
        key = sample.name.removeprefix(f"{self.part.container}/")
        if sample.picture is None:
            for name, data in sample.beside.items():
                self._add(name, data)
        for version in versions:
            target = version.name.removeprefix(f"{self.part.container}/")
            own = target.removesuffix(PurePosixPath(target).suffix)
            for name, data in {**version.beside, "": version.picture}.items():
                self._add(own + name.removeprefix(key) if name else target, data)

    def finish(self) -> int:
        """See :meth:`Writer.finish`."""
        data = b"".join(self.made)
        put(self.out, piece(Path(), self.part.container, self.part.number).as_posix(), data)
        return len(data)

    def _add(self, name: str, data: bytes) -> None:
        about = tarfile.TarInfo(name)
        about.size = len(data)
        self.made += [about.tobuf(tarfile.PAX_FORMAT), data, bytes(-len(data) % _BLOCK)]


@dataclass(frozen=True)
class Shard(Container):
    """A ``.tar`` file."""

    def parts(self) -> Iterator[Part]:
        """See :meth:`Container.parts`."""
        sized = ((group, sum(size for _, _, size in group[1])) for group in self._groups())
        for number, some in enumerate(chunks(sized)):
            yield ShardPart(self.name, number, self.path, tuple(some), self.stamp)  # type: ignore[arg-type]

    def _groups(self) -> Iterator[Group]:
        try:
            with tarfile.open(self.path, "r:") as tar:
                held: list[Member] = []
                key = None
                seen: set[str] = set()
                while (member := tar.next()) is not None:
                    tar.members = []  # type: ignore[attr-defined]  # the list of all would stay in memory
                    if not member.isfile():
                        continue
                    place = PurePosixPath(member.name)
                    own = str(place.with_name(place.name.partition(".")[0] or place.name))
                    if key is not None and own != key:
                        yield key, tuple(held)
                        held = []
                    if own != key and own in seen:
                        raise PictureError(f"{self.path} holds the sample '{own}' in two places: sort its files by name.")
                    seen.add(own)
                    key = own
                    held.append((member.name, member.offset_data, member.size))
                if key is not None:
                    yield key, tuple(held)
        except (tarfile.TarError, OSError) as error:
            raise PictureError(
                f"{self.path} cannot be read as a shard ({error}): an uncompressed tar file that is whole is expected."
            ) from error

    def join(self, out: Path, pieces: Sequence[Path]) -> Path:
        """See :meth:`Container.join`."""
        from stylespace.pipelines.dataset.joining import joined

        return joined(out, self.name, pieces, end=bytes(2 * _BLOCK))


def _picture(key: str, members: Sequence[Member]) -> str | None:
    """The picture of a sample: the member with nothing but a picture's suffix after the key."""
    return next((name for name, _, _ in members if name[len(key) :].lower() in PICTURE_SUFFIXES), None)
