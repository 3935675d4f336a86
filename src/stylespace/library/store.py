"""The store: one LanceDB table in a folder.

LanceDB, not DuckDB: a commit is one new manifest, written atomically, so a kill or a full disk leaves the version before; readers never
wait for a writer, where DuckDB lets one process at a time open its file; and half-precision vectors come back without being copied.
Writers take turns by a file lock, so that nothing is added twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylespace.errors import InputError, MissingExtraError, StylespaceError
from stylespace.library.query import Query, parse, quoted
from stylespace.statistics import descriptor
from stylespace.storage.plain import parse as parse_json
from stylespace.storage.plain import reason

if TYPE_CHECKING:
    from torch import Tensor

TABLE, ABOUT = "references", "library.json"
VERSION = "1"
SHOWN = ("key", "path", "title", "artist", "year", "tags", "width", "height", "source", "time")


@dataclass(frozen=True)
class Reference:
    """A picture of the library.

    ``key``: SHA-256 of its file. ``time``: of a film's frame, in seconds; ``source`` is then the film. ``numbers``: its
    descriptor, (240,) float16.
    """

    key: str
    path: str
    title: str = ""
    artist: str = ""
    year: int | None = None
    tags: tuple[str, ...] = ()
    width: int = 0
    height: int = 0
    source: str = ""
    time: float | None = None
    thumbnail: bytes = b""
    numbers: Any = None

    def row(self) -> dict[str, Any]:
        """As a row of the table."""
        text = " ".join([self.title, self.artist, str(self.year or ""), *self.tags, self.path])
        return {
            "key": self.key, "path": self.path, "title": self.title, "artist": self.artist, "year": self.year, "tags": _tags(self.tags),
            "width": self.width, "height": self.height, "source": self.source, "time": self.time, "thumbnail": self.thumbnail,
            "words": text.lower(), "descriptor": self.numbers,
        }  # fmt: skip


@dataclass
class Found:
    """References that match a query: ``references`` without descriptors; ``numbers``: theirs, in pieces (n, 240) float16."""

    references: list[Reference]
    numbers: list[Tensor] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)


class Library:
    """A library in ``folder`` (by default ``STYLESPACE_LIBRARY`` or a folder of the user's data)."""

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()
        self._table: Any = None

    @property
    def table(self) -> Any:
        """The LanceDB table at its newest version; created if necessary."""
        if self._table is None:
            self._table = self._open()
        else:
            self._table.checkout_latest()
        return self._table

    def __len__(self) -> int:
        if not self.exists():
            return 0
        with self.reading() as table:
            return int(table.count_rows())

    def exists(self) -> bool:
        """Whether anything was ever added."""
        return (self.folder / f"{TABLE}.lance").is_dir()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Any]:
        """The table, for one change at a time among all processes. A full disk or a folder that cannot be written becomes one sentence."""
        from filelock import FileLock

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / "writing.lock"):
                yield self.table
        except StylespaceError:
            raise
        except Exception as error:  # as below
            full = "no space" in str(error).lower() or "space left" in reason(error).lower()
            todo = "make room and run the same command again" if full else "check the folder and run the same command again"
            raise StylespaceError(
                f"The library {self.folder} could not be changed ({reason(error)}): it is unchanged; {todo}."
            ) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[Any]:
        """The table, for reading. Damage becomes one sentence."""
        try:
            yield self.table
        except StylespaceError:
            raise
        except Exception as error:  # Arrow's and Lance's have no type in common
            raise StylespaceError(
                f"The library {self.folder} cannot be read ({reason(error)}): put back a copy of the folder, or make a new one."
            ) from error

    @property
    def encoder(self) -> Mapping[str, str]:
        """The identity of the encoder that described the pictures; for an earlier version only its name."""
        from stylespace.encoders.identity import identity

        return identity(self._about().get("encoder", "compact"))

    def encoder_here(self) -> Mapping[str, str]:
        """The identity of the encoder that describes pictures now."""
        from stylespace.library.describing import network

        return network().identity

    def check_encoder(self) -> None:
        """Raise ``InputError`` where the pictures were described by another encoder: descriptors of two encoders do not compare."""
        if not self.exists() or self.encoder == (here := self.encoder_here()):
            return
        from stylespace.encoders.identity import refuse

        where = "" if self.folder == default_folder() else f" --library {self.folder}"
        todo = f"run 'stylespace library describe{where}' to describe its pictures again"
        raise refuse(f"The library {self.folder}", self.encoder, here, todo)

    def redescribe(self, numbers: Mapping[str, Any]) -> None:
        """Replace the descriptors (240,) of these keys."""
        if not numbers:
            return
        import numpy as np
        import pyarrow as pa

        with self.writing() as table:
            rows = table.search().where(_is("key", numbers)).limit(None).to_arrow()
            flat = np.concatenate([np.asarray(numbers[key], dtype=np.float16) for key in rows["key"].to_pylist()])
            column = pa.FixedSizeListArray.from_arrays(pa.array(flat), descriptor.SIZE)
            rows = rows.set_column(rows.schema.get_field_index("descriptor"), rows.schema.field("descriptor"), column)
            table.merge_insert("key").when_matched_update_all().execute(rows)

    def described_by(self, encoder: Mapping[str, str]) -> None:
        """Record that this encoder described all pictures."""
        from stylespace.storage.atomic import write_text

        write_text(self.folder / ABOUT, json.dumps({"version": VERSION, "descriptor": descriptor.SIZE, "encoder": dict(encoder)}))

    def put(self, references: Sequence[Reference]) -> int:
        """Add those whose keys are not there yet; returns how many. A known picture that has moved gets its new path.

        Raises ``InputError`` where what is there was described by another encoder.
        """
        if not references:
            return 0
        self.check_encoder()
        once = {reference.key: reference for reference in references}
        with self.writing() as table:
            known = self._known(table, list(once))
            moved = {key: once[key].path for key, path in known.items() if path != once[key].path and not is_there(path)}
            for key, path in moved.items():
                table.update(where=_is("key", [key]), values={"path": path})
            new = [reference.row() for key, reference in once.items() if key not in known]
            if new:
                table.add(_arrow(new))
            return len(new)

    def keys(self) -> dict[str, str]:
        """Key to path of all pictures."""
        if not self.exists():
            return {}
        with self.reading() as table:
            found = table.search().select(["key", "path"]).limit(None).to_arrow()
            return dict(zip(found["key"].to_pylist(), found["path"].to_pylist(), strict=True))

    def search(
        self, query: str | Query, *, like: Tensor | None = None, scale: Tensor | None = None, numbers: bool = False
    ) -> Found:
        """What matches ``query``, nearest to the descriptor ``like`` (240,) first where one is given, else in the order added.

        ``scale`` (240,): factors for differences of descriptors. ``numbers``: also return the descriptors.
        """
        import torch

        wanted = parse(query) if isinstance(query, str) else query
        if not self.exists():
            return Found([])
        columns = [*SHOWN, "descriptor"] if numbers or like is not None else list(SHOWN)
        with self.reading() as table:
            request = table.search().select(columns)
            if wanted.condition:
                request = request.where(wanted.condition)
            limit = wanted.limit if wanted.limit and like is None else None
            batches = [batch for batch in request.limit(limit).to_batches() if batch.num_rows]
            if like is None:
                return Found(_references(batches), _pieces(batches) if numbers else [])
            self.check_encoder()
            pieces = _pieces(batches)
            by = torch.ones(descriptor.SIZE) if scale is None else scale
            far = torch.cat([((piece.float() - like) * by).square().sum(1) for piece in pieces]) if pieces else torch.zeros(0)
            order = torch.argsort(far, stable=True)[: wanted.limit]
            rows = _references(batches, order.tolist())
        return Found(rows, [torch.cat(pieces)[order]] if numbers and pieces else [], far[order].tolist())

    def descriptors(self, condition: str = "") -> tuple[list[int], list[Tensor]]:
        """Row numbers and descriptors, in pieces (n, 240) float16, of everything that meets an SQL ``condition``.

        No other column is read. Row numbers are valid until the next change. Raises ``InputError`` where another encoder described them.
        """
        self.check_encoder()
        with self.reading() as table:
            request = table.search().select(["descriptor"]).with_row_id(True)
            if condition:
                request = request.where(condition)
            batches = [batch for batch in request.limit(None).to_batches() if batch.num_rows]
            rows: list[int] = []
            for batch in batches:
                rows.extend(batch.column("_rowid").to_numpy())
            return rows, _pieces(batches)

    def at(self, rows: Sequence[int]) -> list[Reference]:
        """The references with these row numbers, in this order."""
        with self.reading() as table:
            request = table.search().select(list(SHOWN)).with_row_id(True)
            batches = list(request.where(f"_rowid IN ({', '.join(map(str, rows))})").limit(None).to_batches())
            numbers = [int(n) for batch in batches for n in batch.column("_rowid").to_numpy()]
            found = dict(zip(numbers, _references(batches), strict=True))
            return [found[int(row)] for row in rows]

    def thumbnail(self, key: str) -> bytes:
        """The JPEG of a reference."""
        with self.reading() as table:
            rows = table.search().select(["thumbnail"]).where(_is("key", [key])).limit(1).to_arrow()
            return bytes(rows["thumbnail"][0].as_py())

    def tag(self, query: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> int:
        """Add tags to, and remove tags from, what matches; returns how many references changed."""
        added, removed = [_tag(t) for t in add], {_tag(t) for t in remove}
        if not added and not removed:
            raise InputError("No tags were given: give --add TAG or --remove TAG.")
        changed = 0
        with self.writing() as table:
            for reference in self.search(query).references:
                tags = tuple(dict.fromkeys(t for t in (*reference.tags, *added) if t not in removed))
                if tags == reference.tags:
                    continue
                row = Reference(**{**vars(reference), "tags": tags}).row()
                table.update(where=_is("key", [reference.key]), values={"tags": row["tags"], "words": row["words"]})
                changed += 1
        return changed

    def remove(self, query: str) -> int:
        """Remove what matches (picture files stay, but stored frames of films are deleted); returns how many."""
        with self.writing() as table:
            found = self.search(query).references
            for start in range(0, len(found), 500):
                table.delete(_is("key", [r.key for r in found[start : start + 500]]))
            for reference in found:
                if reference.source and Path(reference.path).parent == self.frames:
                    Path(reference.path).unlink(missing_ok=True)
        return len(found)

    @property
    def frames(self) -> Path:
        """The folder where frames of films are stored."""
        return self.folder / "frames"

    def info(self) -> dict[str, Any]:
        """Numbers: references, tags, artists, size on disk, missing pictures."""
        found = self.search("").references if self.exists() else []
        tags: dict[str, int] = {}
        artists: dict[str, int] = {}
        for reference in found:
            for tag in reference.tags:
                tags[tag] = tags.get(tag, 0) + 1
            if reference.artist:
                artists[reference.artist] = artists.get(reference.artist, 0) + 1
        size = sum(f.stat().st_size for f in self.folder.rglob("*") if f.is_file()) if self.folder.is_dir() else 0
        return {
            "folder": str(self.folder), "references": len(found), "bytes": size, "tags": _often(tags), "artists": _often(artists),
            "moved": [r.path for r in found if not is_there(r.path)],
        }  # fmt: skip

    def export(self, query: str) -> list[dict[str, Any]]:
        """Metadata of what matches, as plain JSON."""
        return [
            {name: list(v) if isinstance(v := getattr(r, name), tuple) else v for name in SHOWN}
            for r in self.search(query).references
        ]

    def tidy(self) -> None:
        """Merge the small pieces that adding leaves and delete old versions."""
        with self.writing() as table:
            table.optimize()

    def _open(self) -> Any:
        try:
            import lancedb
        except ImportError as error:
            raise MissingExtraError("A library needs LanceDB: pip install 'stylespace[library]'.") from error
        import pyarrow as pa

        self.folder.mkdir(parents=True, exist_ok=True)
        base = lancedb.connect(str(self.folder))
        if self.exists():
            if self._about().get("version", VERSION) != VERSION:
                raise StylespaceError(
                    f"The library {self.folder} belongs to another version of Stylespace: use that version, or a new folder."
                )
            return base.open_table(TABLE)
        table = base.create_table(TABLE, schema=_schema(pa), exist_ok=True)
        self.described_by(self.encoder_here())
        return table

    def _about(self) -> Mapping[str, Any]:
        """Facts about the library as a whole; empty where that file is damaged."""
        try:
            found = parse_json((self.folder / ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @staticmethod
    def _known(table: Any, keys: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(keys), 500):
            wanted = _is("key", keys[start : start + 500])
            rows = table.search().select(["key", "path"]).where(wanted).limit(None).to_arrow()
            found |= dict(zip(rows["key"].to_pylist(), rows["path"].to_pylist(), strict=True))
        return found


def is_there(path: str) -> bool:
    """Whether a picture is where a row says (a damaged row may say anything)."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def default_folder() -> Path:
    """``STYLESPACE_LIBRARY``, or ``library`` in the user's data folder."""
    if named := os.environ.get("STYLESPACE_LIBRARY"):
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("stylespace") / "library"


def checksum(data: bytes) -> str:
    """The key of a picture's file."""
    return hashlib.sha256(data).hexdigest()


def reference(key: str, path: Path, metadata: Mapping[str, Any], **more: Any) -> Reference:
    """A reference from loose metadata: ``title``, ``artist``, ``year``, ``tags`` (a list, or text separated by semicolons or commas)."""
    tags = metadata.get("tags") or ()
    listed = tags.replace(",", ";").split(";") if isinstance(tags, str) else list(tags)
    year = str(metadata.get("year") or "").strip()
    return Reference(
        key, str(path), str(metadata.get("title") or path.stem).strip(), str(metadata.get("artist") or "").strip(),
        int(year) if year.lstrip("-").isdigit() else None, tuple(_tag(t) for t in listed if str(t).strip()), **more,
    )  # fmt: skip


def _is(column: str, values: Iterable[str]) -> str:
    """The SQL condition that ``column`` is one of ``values``."""
    return f"{column} IN ({', '.join(map(quoted, values))})"


def _tag(text: str) -> str:
    cleaned = str(text).strip().lower()
    if not cleaned or ";" in cleaned or "," in cleaned:
        raise InputError(f"'{text}' is not a tag: give words without commas and semicolons.")
    return cleaned


def _tags(tags: Iterable[str]) -> str:
    listed = ";".join(tags)
    return f";{listed};" if listed else ""


def _often(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _schema(pa: Any) -> Any:
    text = {name: pa.string() for name in ("key", "path", "title", "artist", "tags", "source", "words")}
    kinds = text | {"year": pa.int32(), "width": pa.int32(), "height": pa.int32(), "time": pa.float64(), "thumbnail": pa.binary()}
    names = [*SHOWN, "thumbnail", "words"]
    return pa.schema(
        [*(pa.field(name, kinds[name]) for name in names), pa.field("descriptor", pa.list_(pa.float16(), descriptor.SIZE))]
    )


def _arrow(rows: Sequence[Mapping[str, Any]]) -> Any:
    import numpy as np
    import pyarrow as pa

    schema = _schema(pa)
    columns = []
    for entry in schema:
        values = [row[entry.name] for row in rows]
        if entry.name == "descriptor":
            flat = np.concatenate([np.asarray(v, dtype=np.float16) for v in values])
            columns.append(pa.FixedSizeListArray.from_arrays(pa.array(flat), descriptor.SIZE))
        else:
            columns.append(pa.array(values, entry.type))
    return pa.table(columns, schema=schema)


def _pieces(batches: Iterable[Any]) -> list[Tensor]:
    """Descriptors of Arrow batches as tensors that share their memory."""
    import warnings

    import torch

    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the memory is Arrow's, read only; nobody writes to it
        for batch in batches:
            flat = batch.column("descriptor").flatten().to_numpy(zero_copy_only=False)
            if len(flat) != batch.num_rows * descriptor.SIZE:
                raise ValueError("it has a row without a descriptor")
            found.append(torch.from_numpy(flat).view(-1, descriptor.SIZE))
    return found


def _references(batches: Iterable[Any], order: Sequence[int] | None = None) -> list[Reference]:
    import pyarrow as pa

    kept = list(batches)
    if not kept:
        return []
    table = pa.Table.from_batches(kept).select(list(SHOWN))
    if order is not None:
        table = table.take(order)
    return [_reference(row) for row in table.to_pylist()]


def _reference(row: Mapping[str, Any]) -> Reference:
    """A row as a reference. Raises ``ValueError`` for one that was not written by :meth:`Reference.row`."""
    if not isinstance(row["key"], str) or not isinstance(row["path"], str):
        raise ValueError("it has a row without a picture")
    text = {name: row[name] or "" for name in ("title", "artist", "tags", "source")}
    return Reference(**{**row, **text, "tags": tuple(t for t in text["tags"].split(";") if t)})
