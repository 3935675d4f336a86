"""A sheet of the references that a blend chose, by weight."""

from __future__ import annotations

from pathlib import Path

from stylespace.pictures.pillow import to_pil
from stylespace.pictures.reading import read
from stylespace.pictures.sheet import Cell, grid, sheet
from stylespace.pictures.writing import write
from stylespace.pipelines.result import Result

MOST = 40


def explained(result: Result, path: Path, *, side: int = 192) -> Path:
    """Write a sheet of the references of ``result.blend``, heaviest first: weight, name, distance to the photo alone."""
    blend = result.blend
    assert blend is not None
    about = blend.explained()
    name, alone = blend.best_single
    cells = []
    for entry in about["references"][:MOST]:
        called = entry["reference"]
        stem = Path(called).stem if Path(called).is_file() else called
        label = f"{entry['weight']:.3f} {stem}, alone {entry['distance_alone']:.3f}"
        cells.append(Cell(to_pil(read(blend.sources[blend.names.index(called)]).pixels), label))
    title = f"Blend at {blend.distance:.4f} from the photo; the nearest single reference, {Path(name).stem}, at {alone:.4f}"
    return write(read(sheet(grid(cells, 6), title=title, side=side)), path, force=True, settings={"blend": about})
