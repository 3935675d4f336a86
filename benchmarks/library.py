"""The library at scale: open, search and blend with synthetic descriptors; adding real pictures.

    python benchmarks/library.py [--counts 10000,100000,500000]

Synthetic descriptors have the shape of real ones: a common part, 24 directions of variation, noise. Each count is measured in a process of
its own: seconds from opening the store to the blend over all that match (no picture decoded), and that process's peak memory.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from common import SHARED, child, figure, parser, peak_megabytes
from stylespace.library import Library
from stylespace.library.store import TABLE, Reference, _arrow
from stylespace.statistics import descriptor, frank_wolfe


def make(folder: Path, count: int) -> None:
    library = Library(folder)
    generator = np.random.default_rng(0)
    common = np.abs(generator.normal(size=descriptor.SIZE))
    directions = 0.3 * generator.normal(size=(24, descriptor.SIZE))
    for start in range(0, count, 20000):
        size = min(20000, count - start)
        mixed = common + generator.normal(size=(size, 24)) @ directions * generator.random((size, 1))
        numbers = (mixed + 0.05 * generator.normal(size=mixed.shape)).astype(np.float16)
        rows = [
            Reference(
                f"{start + i:064d}", f"/pictures/{start + i}.jpg", f"Title {start + i}", f"Artist {i % 977}", 1800 + i % 200,
                ("oil", "landscape") if i % 3 else ("ink",), 512, 512, numbers=numbers[i],
            ).row()
            for i in range(size)
        ]  # fmt: skip
        library.table.add(_arrow(rows))


def measure(folder: Path, count: int) -> None:
    generator = torch.Generator().manual_seed(1)
    to = torch.randn(descriptor.SIZE, generator=generator).abs()
    start = time.perf_counter()
    import lancedb  # noqa: F401 (what importing takes is told apart: it is the same for any library)
    import scipy.sparse  # noqa: F401

    imported = time.perf_counter() - start
    start = time.perf_counter()
    library = Library(folder)
    there = len(library)
    opened = time.perf_counter()
    found = library.search('tag=ink,artist="Artist 7",year=1850..1990').references
    searched = time.perf_counter()
    _, pieces = library.descriptors("")
    read = time.perf_counter()
    hull = frank_wolfe.nearest(pieces, to)
    blended = time.perf_counter()
    figure(
        f"library-open-search-blend-{count}", blended - start, "<= 1" if count == 500_000 else "", unit="s", references=there,
        open=opened - start, search=searched - opened, matches=len(found), read=read - searched, blend=blended - read,
        duality_gap=hull.gap, passes=hull.passes, active=len(hull.active), imports=imported,
    )  # fmt: skip
    figure(f"library-memory-{count}", peak_megabytes(), "<= 2000" if count == 500_000 else "", unit="MB")


def adding(folder: Path) -> None:
    from stylespace.library.adding import add

    pictures = sorted((SHARED / "data" / "photos" / "train").glob("*.*"))[:400]
    torch.set_num_threads(1)
    library = Library(folder)
    add(library, pictures[:160])  # until the largest of them has been seen
    first = peak_megabytes()
    start = time.perf_counter()
    done = add(library, pictures[160:])
    seconds = time.perf_counter() - start
    figure("library-adding", done.new / seconds, "", unit="pictures/s/core", pictures=done.new)
    figure("library-adding-memory-growth", peak_megabytes() - first, "", unit="MB", from_megabytes=first, over=done.new)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--counts", default="10000,100000,500000")
    options.add_argument("--measure", type=Path)
    options.add_argument("--adding", type=Path)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.measure:
        measure(chosen.measure, int(chosen.counts))
        return
    if chosen.adding:
        adding(chosen.adding)
        return
    with tempfile.TemporaryDirectory() as scratch:
        for count in map(int, chosen.counts.split(",")):
            folder = Path(scratch) / str(count)
            make(folder, count)
            assert (folder / f"{TABLE}.lance").is_dir()
            for line in child(
                "benchmarks/library.py", "--threads", str(chosen.threads), "--counts", str(count), "--measure", str(folder)
            ):
                print(json.dumps(line), flush=True)
        if (SHARED / "data").is_dir():
            for line in child("benchmarks/library.py", "--adding", str(Path(scratch) / "real")):
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
