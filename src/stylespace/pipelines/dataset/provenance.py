"""Where each result came from, as one Parquet file beside the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from stylespace.errors import MissingExtraError
from stylespace.pipelines.dataset.joining import filled
from stylespace.pipelines.dataset.manifest import Manifest

NAME = "provenance.parquet"
STYLE = ("style", "sha256", "weight")


def write(out: Path, manifest: Manifest, settings: Mapping[str, Any]) -> Path:
    """All rows of ``manifest`` by name and version; what all have in common is in the file's metadata. Neither times nor machines: the same
    work gives the same file."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError(
            "Provenance is a Parquet file, which needs pyarrow: pip install 'stylespace[dataset]'."
        ) from error
    style = pa.struct([("style", pa.string()), ("sha256", pa.string()), ("weight", pa.float64())])
    texts = ("source", "source_sha256", "target", "target_sha256", "state", "error", "warp", "stylespace", "network")
    schema = pa.schema(
        [pa.field(name, pa.string()) for name in texts[:4]]
        + [pa.field("styles", pa.list_(style)), pa.field("seed", pa.int64()), pa.field("version", pa.int32())]
        + [pa.field(name, pa.string()) for name in texts[4:]],
        {"stylespace": json.dumps(settings, sort_keys=True)},
    )
    common = {"seed": settings["seed"], "stylespace": settings["stylespace"], "network": settings["work"]}

    def fill(part: Path) -> None:
        with pq.ParquetWriter(part, schema) as writer:
            every = manifest.rows()
            while some := list(islice(every, 10_000)):
                rows = [
                    {
                        "source": row.name, "source_sha256": row.source_sha256, "target": row.target,
                        "target_sha256": row.target_sha256, "version": row.version, "state": row.state, "error": row.error,
                        "warp": row.warp, "styles": [dict(zip(STYLE, each, strict=True)) for each in json.loads(row.styles)],
                        **common,
                    }
                    for row in some
                ]  # fmt: skip
                writer.write_table(pa.Table.from_pylist(rows, schema))

    return filled(out, NAME, fill)
