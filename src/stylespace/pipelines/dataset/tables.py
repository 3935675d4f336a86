"""Parquet files with pictures' bytes in a column, as data sets on the Hugging Face Hub have them: a row a sample."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from stylespace.errors import MissingExtraError, PictureError
from stylespace.pictures.formats import HEAD, recognise
from stylespace.pipelines.dataset.part import Container, Part, Sample, Version, Writer, chunks, piece, put

COLUMNS = ("image", "img", "picture", "jpg", "png", "webp", "bytes", "image_bytes")
BOXES = ("bbox", "bboxes", "boxes", "objects")
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "TIFF": ".tif", "GIF": ".gif", "HEIF": ".avif"}


@dataclass(frozen=True)
class TablePart(Part):
    """Rows ``first`` to ``last`` of a row group, which begins at row ``start``. ``column``: of the pictures; ``masks``: of masks."""

    container: str
    number: int
    path: str
    group: int
    start: int
    first: int
    last: int
    column: str
    masks: tuple[str, ...]
    stamp: str

    @property
    def names(self) -> tuple[str, ...]:
        """See :class:`Part`."""
        return tuple(f"{self.container}/{self.start + row:09d}" for row in range(self.first, self.last))

    @property
    def stamps(self) -> tuple[str, ...]:
        """See :class:`Part`."""
        return (self.stamp,) * (self.last - self.first)

    def rows(self) -> Any:
        """The rows as a table."""
        return _group(self.path, self.group).slice(self.first, self.last - self.first)

    def samples(self) -> Iterator[Sample]:
        """See :meth:`Part.samples`."""
        for name, row in zip(self.names, self.rows().to_pylist(), strict=True):
            data = _bytes(row[self.column])
            beside = {column: found for column in self.masks if (found := _bytes(row[column])) is not None}
            boxes = {column: row[column] for column in BOXES if row.get(column) is not None}
            if boxes:
                beside["boxes.json"] = json.dumps(boxes, default=str).encode()
            kind = recognise((data or b"")[:HEAD])
            yield Sample(name, data, _SUFFIXES.get(kind or "", ".png"), beside)

    def targets(self, name: str, suffix: str, versions: int) -> list[str]:
        """See :meth:`Part.targets`."""
        return [name if versions == 1 else f"{name}-{number}" for number in range(1, versions + 1)]

    def writer(self, out: Path) -> Writer:
        """See :meth:`Part.writer`."""
        return TableWriter(out, self)


class TableWriter(Writer):
    """The part's rows with other bytes in the column of pictures; a row that could not be redrawn is left out."""

    def __init__(self, out: Path, part: TablePart) -> None:
        self.out, self.part = out, part
        self.place = {name: row for row, name in enumerate(part.names)}
        self.made: list[tuple[int, Mapping[str, bytes]]] = []
        self.boxes: list[Mapping[str, Any]] = []

    def take(self, sample: Sample, versions: Sequence[Version]) -> None:
        """See :meth:`Writer.take`."""
        row = self.place[sample.name]
        if sample.picture is None:
            self.made.append((row, {}))
            self.boxes.append({})
        for version in versions:
            changed = {name: data for name, data in version.beside.items() if data is not sample.beside.get(name)}
            boxes = changed.pop("boxes.json", None)
            self.made.append((row, {self.part.column: version.picture, **changed}))
            self.boxes.append({} if boxes is None else json.loads(boxes))

    def finish(self) -> int:
        """See :meth:`Writer.finish`."""
        import io

        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = self.part.rows()
        table = rows.take(pa.array([row for row, _ in self.made], pa.int64()))
        changed = {name for _, columns in self.made for name in columns} | {name for each in self.boxes for name in each}
        for name in sorted(changed):
            place = table.schema.get_field_index(name)
            field = table.schema.field(place)
            values = table.column(place).to_pylist()
            for i, (_, columns) in enumerate(self.made):
                if name in columns:
                    values[i] = {**values[i], "bytes": columns[name]} if isinstance(values[i], dict) else columns[name]
                elif name in self.boxes[i]:
                    values[i] = self.boxes[i][name]
            table = table.set_column(place, field, pa.array(values, field.type))
        held = io.BytesIO()
        pq.write_table(table, held)
        put(self.out, piece(Path(), self.part.container, self.part.number).as_posix(), held.getvalue())
        return held.tell()


@dataclass(frozen=True)
class Table(Container):
    """A ``.parquet`` file. ``column``: of the pictures (empty: found by name and kind); ``masks``: columns, with commas between."""

    column: str = ""
    masks: str = ""

    def parts(self) -> Iterator[Part]:
        """See :meth:`Container.parts`."""
        file = _opened(self.path)
        column = self._column(file.schema_arrow)
        masks = tuple(name for name in self.masks.split(",") if name in file.schema_arrow.names)
        number = start = 0
        for group in range(file.metadata.num_row_groups):
            about = file.metadata.row_group(group)
            each = about.total_byte_size // max(1, about.num_rows)
            first = 0
            for some in chunks((row, each) for row in range(about.num_rows)):
                yield TablePart(self.name, number, self.path, group, start, first, first + len(some), column, masks, self.stamp)
                number, first = number + 1, first + len(some)
            start += about.num_rows

    def _column(self, schema: Any) -> str:
        names = [field.name for field in schema if _holds_bytes(field.type)]
        if self.column:
            if self.column not in names:
                raise PictureError(
                    f"{self.path} has no column '{self.column}' of bytes: choose among {', '.join(names) or 'none'} (--column)."
                )
            return self.column
        known = [name for name in COLUMNS if name in names] or names
        if not known or (known == names and len(names) > 1):
            found = "several columns of bytes" if names else "no column of pictures' bytes"
            raise PictureError(f"{self.path} has {found}: say which it is with --column ({', '.join(schema.names)}).")
        return known[0]

    def join(self, out: Path, pieces: Sequence[Path]) -> Path:
        """See :meth:`Container.join`."""
        import pyarrow.parquet as pq

        from stylespace.pipelines.dataset.joining import filled

        schema = _opened(self.path).schema_arrow

        def fill(part: Path) -> None:
            with pq.ParquetWriter(part, schema) as writer:
                for each in pieces:
                    writer.write_table(pq.read_table(each, partitioning=None))

        return filled(out, self.name, fill)


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        return any(field.name == "bytes" and _holds_bytes(field.type) for field in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _bytes(value: Any) -> bytes | None:
    """Of a cell: bytes, or a mapping that holds them."""
    return value.get("bytes") if isinstance(value, dict) else value


def _opened(path: str) -> Any:
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Parquet files need pyarrow: pip install 'stylespace[dataset]'.") from error
    try:
        return pq.ParquetFile(path)
    except Exception as error:  # Arrow's have no type in common with the system's
        raise PictureError(f"{path} cannot be read as Parquet ({error}): get the file again.") from error


@lru_cache(maxsize=1)
def _group(path: str, group: int) -> Any:
    """A row group; a worker's parts follow one another in it."""
    return _opened(path).read_row_group(group)
