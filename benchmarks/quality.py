"""What more steps buy: distances of the default result, by the real VGG-16, against seconds.

    python benchmarks/quality.py [--pairs 3] [--shares 0.25,0.5,1,2] [--method gatys] [--size 512] [--curve FILE.png]

Every pair of benchmarks/trust.py is made with shares of the default's steps. Style: mean over five layers of the squared difference of
Gram matrices, as a share of the style's own energy. Content: squared distance at relu4_2, as a share of the photo's variance.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import fields
from pathlib import Path

import torch

from agreement import content_distance, shares
from common import SHARED, figure, parser
from stylespace import encoders, transfer
from stylespace.methods.registry import METHODS
from stylespace.pictures import read
from trust import PAIRS


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--shares", default="0.25,0.5,1,2", help="of the default's steps")
    options.add_argument("--method", default="gatys")
    options.add_argument("--size", type=int, default=512)
    options.add_argument("--data", type=Path, default=SHARED / "data")
    options.add_argument("--weights", type=Path, default=SHARED / "weights" / "vgg16_conv.safetensors", help="VGG-16's")
    options.add_argument("--curve", type=Path, help="draw the curve here")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    vgg = encoders.load("vgg16", weights=chosen.weights, precision="fp32")
    steps = next(f.default for f in fields(METHODS[chosen.method].settings) if f.name == "steps")
    curve = []
    for share in map(float, chosen.shares.split(",")):
        seconds, style, content = [], [], []
        for photo, painting in PAIRS[: chosen.pairs]:
            of, by = chosen.data / "content" / f"{photo}.jpg", chosen.data / "paintings" / f"{painting}.jpg"
            start = time.perf_counter()
            result = transfer(of, by, method=chosen.method, size=chosen.size, steps=round(share * steps), threads=chosen.threads)
            seconds.append(time.perf_counter() - start)
            pixels = result.source.pixels
            style.append(statistics.mean(shares(vgg, pixels, {by: 1.0}).values()))
            content.append(content_distance(vgg, pixels, read(of).pixels))
        middle = statistics.median(seconds)
        curve.append((middle, statistics.mean(style)))
        figure(
            f"quality-{chosen.method}-style-at-{share:g}-of-the-steps", curve[-1][1], "", spread=(min(style), max(style)),
            seconds=round(middle, 2), steps=round(share * steps), content=round(statistics.mean(content), 4), pairs=chosen.pairs,
            size=chosen.size,
        )  # fmt: skip
    if chosen.curve:
        draw(curve, chosen.curve)


def draw(curve: list[tuple[float, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawing, axes = pyplot.subplots(figsize=(5, 3.2), layout="constrained")
    axes.plot(*zip(*curve, strict=True), marker="o")
    axes.set(xlabel="seconds", ylabel="style distance (VGG-16)", xscale="log")
    drawing.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
