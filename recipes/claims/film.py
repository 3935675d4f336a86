"""A film as a style, and a set collected by hand against one chosen by tag: pictures to look at, and the same measures as the claims.

    python recipes/claims/film.py --data DATA --weights WEIGHTS [-o build/film] [--size 256]

Columns: the photo; the film's first frame alone; its key frames blended; eight landscapes chosen by hand from the impressionists; all
that the library has with the tag ``impressionism``. Writes ``film.png`` and one JSON line a measure.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from measure import apart, colours, judge, mean_style, style_of

import stylespace
from stylespace.library import Library
from stylespace.library.adding import add
from stylespace.library.key_frames import key_frames
from stylespace.metrics.palette import palette_distance
from stylespace.pictures import fit, read, resize
from stylespace.pictures.pillow import to_pil
from stylespace.pictures.sheet import Cell, sheet

PHOTOS = ("golden_gate", "stata", "tubingen", "lion")
BY_HAND = (
    "white_fence", "isles_of_shoals", "houses_of_parliament", "water_lily_bridge", "willimantic_thread_factory", "white_veil", "notre_dame",
    "summer_evening_at_skagen",
)  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--weights", type=Path, required=True)
    options.add_argument("-o", "--out", type=Path, default=Path("build/film"))
    options.add_argument("--size", type=int, default=256)
    options.add_argument("--threads", type=int, default=2)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    film = chosen.data / "video" / "bunny.mp4"
    frames = [frame.picture for frame in key_frames(film)]
    hand = [chosen.data / "paintings" / f"{name}.jpg" for name in BY_HAND]
    with tempfile.TemporaryDirectory() as scratch:
        library = Library(scratch)
        add(library, [chosen.data / "paintings"])
        tagged = [Path(r.path) for r in library.search("tag=impressionism").references]
    ways: dict[str, list[Any]] = {"one frame": frames[:1], f"{len(frames)} key frames": frames, "by hand": hand, "by tag": tagged}
    trunk = judge(chosen.weights)
    found: dict[str, dict[str, list[float]]] = {way: {"palette_to_photo": [], "gram": [], "moments": []} for way in ways}
    rows = []
    for name in PHOTOS:
        content = read(chosen.data / "content" / f"{name}.jpg").pixels
        content = resize(content, fit(content.shape[-2:], chosen.size))
        row = [Cell(to_pil(content))]
        for way, references in ways.items():
            result = stylespace.transfer(content[0], references, method="blend", size=chosen.size, threads=chosen.threads)
            pixels = result.source.pixels
            target = mean_style(
                [style_of(trunk, r.pixels if hasattr(r, "pixels") else read(r).pixels, chosen.size) for r in references]
            )
            grams, moments = apart(style_of(trunk, pixels, chosen.size), target)
            for measure, value in (
                ("palette_to_photo", palette_distance(colours(pixels), colours(content))), ("gram", grams), ("moments", moments)
            ):  # fmt: skip
                found[way][measure].append(value)
            row.append(Cell(to_pil(pixels)))
        rows.append(row)
    chosen.out.mkdir(parents=True, exist_ok=True)
    sheet(rows, column_labels=["photo", *ways], side=chosen.size).save(chosen.out / "film.png")
    for way, measures in found.items():
        for measure, values in measures.items():
            claim = f"{way.replace(' ', '-')}-{measure.replace('_', '-')}"
            spread = [min(values), max(values)]
            print(
                json.dumps(
                    {"claim": claim, "target": "", "value": statistics.mean(values), "spread": spread, "size": chosen.size}
                )
            )


if __name__ == "__main__":
    main()
