"""Does the blend of many references keep a more natural palette at equal style? The documents' claim, measured.

    python recipes/claims/measure.py --data DATA --weights WEIGHTS -o FOLDER [--size 256] [--photos 8] [--references 8]

For every set of references (three movements of ``paintings/index.csv``; pictures drawn by our own code in one manner with many palettes)
and every photo: a transfer from each single reference, from the plain mean of all, and from the blend. Of each result: palette distance to
the photo and to the references (mean over the set), and style distance to the set: relative Gram and moments distances on the real
VGG-19's relu1_1, relu2_1 and relu3_1 (the reference weights; transfers use the compact encoder, so that the judge is another network),
to the set's mean statistics. Writes ``claims.json``, ``claims.png`` (the figure) and a contact sheet a set. Goes on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

import stylespace
from stylespace.encoders.trunk import Trunk
from stylespace.metrics.palette import Palette, palette, palette_distance
from stylespace.metrics.seen import seen
from stylespace.pictures import fit, read, resize
from stylespace.pictures.pillow import to_pil
from stylespace.pictures.sheet import Cell, sheet
from stylespace.statistics.gram import gram
from stylespace.statistics.moments import mean_and_deviation

JUDGED = ("relu1_1", "relu2_1", "relu3_1")
MOVEMENTS = ("impressionism", "romanticism", "symbolism")


def judge(weights: Path) -> Trunk:
    """The real VGG-19 to relu3_1."""
    state = load_file(weights / "vgg19_normalised_to_conv3_1.safetensors")
    trunk = Trunk((2, 2, 1), (64, 64, 128, 128, 256))
    convolutions = {f"convolutions.{k}": v for k, v in state.items() if k.startswith("conv")}
    trunk.load_state_dict(convolutions | {k: state[k] for k in ("input.weight", "input.bias")})
    return trunk.requires_grad_(False)


def style_of(trunk: Trunk, pixels: Tensor, size: int) -> dict[str, tuple[Tensor, Tensor]]:
    small = resize(pixels, fit(pixels.shape[-2:], min(size, max(pixels.shape[-2:]))))
    with torch.no_grad():
        features = trunk(small, JUDGED)
    return {name: (gram(f), torch.cat(mean_and_deviation(f))) for name, f in features.items()}


def colours(pixels: Tensor) -> Palette:
    return palette(seen(pixels, "picture").within(256))


def mean_style(styles: Sequence[dict[str, tuple[Tensor, Tensor]]]) -> dict[str, tuple[Tensor, Tensor]]:
    return {
        name: (torch.stack([s[name][0] for s in styles]).mean(0), torch.stack([s[name][1] for s in styles]).mean(0))
        for name in JUDGED
    }


def apart(one: dict[str, tuple[Tensor, Tensor]], target: dict[str, tuple[Tensor, Tensor]]) -> tuple[float, float]:
    """Relative Gram and moments distance, mean over layers: norm of the difference over the target's norm."""
    grams = [float((one[n][0] - target[n][0]).norm() / target[n][0].norm()) for n in JUDGED]
    moments = [float((one[n][1] - target[n][1]).norm() / target[n][1].norm()) for n in JUDGED]
    return statistics.mean(grams), statistics.mean(moments)


def drawn(folder: Path, count: int) -> list[Path]:
    """One manner, many palettes: flow-field strokes of our own code with the hues turned."""
    from stylespace.demo.drawings import DRAWINGS, draw

    name = "swirls" if "swirls" in DRAWINGS else next(iter(DRAWINGS))
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i in range(count):
        path = folder / f"{name}-{i}.png"
        if not path.exists():
            hsv = Image.fromarray(draw(name, (384, 384), seed=i)).convert("HSV")
            hue, saturation, value = hsv.split()
            turned = hue.point(lambda h, i=i: (h + 256 * i // count) % 256)
            Image.merge("HSV", (turned, saturation, value)).convert("RGB").save(path)
        paths.append(path)
    return paths


def sets(data: Path, out: Path, count: int) -> dict[str, list[Path]]:
    rows = list(csv.DictReader((data / "paintings" / "index.csv").open()))
    found = {
        movement: [data / "paintings" / r["file"] for r in rows if r["tags"].split(";")[0] == movement][:count]
        for movement in MOVEMENTS
    }
    return found | {"drawn": drawn(out / "drawn", count)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--weights", type=Path, required=True)
    options.add_argument("-o", "--out", type=Path, default=Path("build/claims"))
    options.add_argument("--size", type=int, default=256)
    options.add_argument("--photos", type=int, default=8)
    options.add_argument("--references", type=int, default=8)
    options.add_argument("--steps", type=int, default=120)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument(
        "--sets", help="only these, separated by commas, without the report; several processes can share one folder"
    )
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    chosen.out.mkdir(parents=True, exist_ok=True)
    trunk = judge(chosen.weights)
    photos = sorted((chosen.data / "content").glob("*.jpg"))[: chosen.photos]
    store = chosen.out / "results.jsonl"
    records = [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []
    known = {(r["set"], r["photo"], r["way"]) for r in records}
    start = time.time()
    for name, references in sets(chosen.data, chosen.out, chosen.references).items():
        if chosen.sets and name not in chosen.sets.split(","):
            continue
        palettes = [colours(read(path).pixels) for path in references]
        target = mean_style([style_of(trunk, read(path).pixels, chosen.size) for path in references])
        for photo in photos:
            content = read(photo).pixels
            content = resize(content, fit(content.shape[-2:], chosen.size))
            ways: dict[str, Any] = {f"single {path.stem}": [path] for path in references}
            ways |= {"mean": dict.fromkeys(references, 1.0), "blend": references}
            for way, styles in ways.items():
                if (name, photo.stem, way) in known:
                    continue
                method = "blend" if way == "blend" else "gatys"
                result = stylespace.transfer(
                    photo, styles, method=method, size=chosen.size, steps=chosen.steps, threads=chosen.threads
                )
                pixels = result.source.pixels
                grams, moments = apart(style_of(trunk, pixels, chosen.size), target)
                record = {
                    "set": name, "photo": photo.stem, "way": way, "gram": grams, "moments": moments,
                    "palette_to_photo": palette_distance(colours(pixels), colours(content)),
                    "palette_to_references": statistics.mean(palette_distance(colours(pixels), p) for p in palettes),
                }  # fmt: skip
                records.append(record)
                with store.open("a") as file:
                    file.write(json.dumps(record) + "\n")
                if way in ("blend", "mean") or way == f"single {references[0].stem}":
                    result.save(chosen.out / "pictures" / f"{name}-{photo.stem}-{way.replace(' ', '-')}.png", force=True)
            print(f"{name} {photo.stem}: {time.time() - start:.0f} s", flush=True)
    if not chosen.sets:
        report(records, chosen.out, photos, chosen.size)


def report(records: list[dict[str, Any]], out: Path, photos: Sequence[Path], size: int) -> None:
    """Means over photos, paired differences of the blend with the others, the figure and the sheets."""
    measures = ("palette_to_photo", "palette_to_references", "gram", "moments")
    table: dict[str, Any] = {}
    for name in dict.fromkeys(r["set"] for r in records):
        rows = [r for r in records if r["set"] == name]
        by_photo: dict[str, dict[str, dict[str, float]]] = {}
        for photo in dict.fromkeys(r["photo"] for r in rows):
            singles = [r for r in rows if r["photo"] == photo and r["way"].startswith("single")]
            by_photo[photo] = {
                "single": {m: statistics.mean(r[m] for r in singles) for m in measures},
                "best single": min(singles, key=lambda r: r["palette_to_photo"]),
                **{way: next(r for r in rows if r["photo"] == photo and r["way"] == way) for way in ("mean", "blend")},
            }
        table[name] = {
            way: {m: statistics.mean(p[way][m] for p in by_photo.values()) for m in measures}
            for way in ("single", "best single", "mean", "blend")
        }
        table[name]["photos where the blend's palette is nearer than the mean single's"] = sum(
            p["blend"]["palette_to_photo"] < p["single"]["palette_to_photo"] for p in by_photo.values()
        ) / len(by_photo)
        for other in ("single", "mean"):
            for m in measures:
                ratios = [p["blend"][m] / p[other][m] for p in by_photo.values()]
                table[name][f"blend over {other}: {m}"] = {
                    "ratio": statistics.mean(ratios), "spread": statistics.stdev(ratios) if len(ratios) > 1 else 0.0
                }  # fmt: skip
    for name, rows in table.items():
        for other in ("single", "mean"):
            for m in measures:
                found = rows[f"blend over {other}: {m}"]
                claim = f"blend-over-{other}-{m.replace('_', '-')}-{name}"
                print(
                    json.dumps({"claim": claim, "target": "", "value": found["ratio"], "spread": [found["spread"]], "size": size})
                )
    (out / "claims.json").write_text(json.dumps({"size": size, "photos": len(photos), "sets": table}, indent=2) + "\n")
    figure(table, out / "claims.png")
    for name in table:
        cells = []
        for photo in photos:
            row = [Cell(to_pil(read(photo).pixels), photo.stem)]
            made = sorted((out / "pictures").glob(f"{name}-{photo.stem}-*.png"))
            row += [Cell(to_pil(read(path).pixels), path.stem.removeprefix(f"{name}-{photo.stem}-")) for path in made]
            cells.append(row)
        sheet(cells, title=name, side=192).save(out / f"sheet-{name}.png")


def figure(table: dict[str, Any], path: Path) -> None:
    """Palette distance to the photo over style distance to the set: down and left is better."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplots(1, len(table), figsize=(4 * len(table), 3.6), squeeze=False)
    for axis, (name, rows) in zip(axes[0], table.items(), strict=True):
        for way in ("single", "best single", "mean", "blend"):
            axis.scatter(rows[way]["gram"], rows[way]["palette_to_photo"], label=way, s=60)
        axis.set_title(name)
        axis.set_xlabel("style distance to the set (Gram, VGG-19)")
        axis.set_ylabel("palette distance to the photo")
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)
    axes[0][0].legend()
    drawing.tight_layout()
    drawing.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
