"""Photorealistic transfer on the six published pairs: how much of the photo's shape is kept, and how near the style comes.

    python benchmarks/photoreal.py [--pairs 3 7 16] [--size 512] [--routes gatys optimise fast global] [--quality draft] [-o FOLDER]

Per pair and route: structure similarity of edge maps, energy of the photo's matting Laplacian a pixel, how far straight lines leave
their place (in pixels), sharpness beside the photo's, style distance region by region (VGG-16 where its weights are in shared/weights,
else the compact encoder) beside that of the photo as it is, seconds. Then, per pair, the agreement of found regions with the given labels:
mean intersection over union after the best matching. With -o one contact sheet.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

import stylespace as ss
from common import SHARED, figure, parser
from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.metrics.lines import line_deviation
from stylespace.objectives.photorealism import matting_energy
from stylespace.objectives.style import STATISTICS
from stylespace.pictures import read
from stylespace.pictures.colour import to_yiq
from stylespace.pictures.pillow import to_pil
from stylespace.pictures.resizing import fit, resize
from stylespace.pictures.sheet import Cell, sheet
from stylespace.statistics.guides import follow
from stylespace.statistics.matting import matting_laplacian
from stylespace.styles import classes
from stylespace.styles.region import Region

PAIRS = ("3", "7", "16", "25", "39", "53")
ROUTES = ("gatys", "optimise", "fast", "global")
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def grey(picture: Tensor) -> np.ndarray:
    """Luminance (h, w)."""
    return to_yiq(picture)[0, 0].double().numpy()


def edges(picture: Tensor) -> np.ndarray:
    """Strength of edges, as a share of the picture's strongest hundredth: a change of contrast alone does not count."""
    from skimage.filters import sobel

    found = sobel(grey(picture))
    return np.clip(found / max(np.quantile(found, 0.99), 1e-6), 0, 1)


def edge_similarity(photo: Tensor, made: Tensor) -> float:
    """Structure similarity of both edge maps; 1: the same."""
    from skimage.metrics import structural_similarity

    return float(structural_similarity(edges(photo), edges(made), data_range=1.0))


def sharpness(picture: Tensor) -> float:
    """Deviation of luminance within 3 x 3 pixels as a share of that within 9 x 9."""
    from scipy.ndimage import uniform_filter

    y = grey(picture)
    fine, coarse = (float((y - uniform_filter(y, side)).std()) for side in (3, 9))
    return fine / max(coarse, 1e-9)


@torch.no_grad()
def style_distance(made: Tensor, regions: list[Region], encoder: Encoder, size: int) -> float:
    """Mean share of the style's own energy by which mean and covariance of features differ, over layers and regions by area."""
    statistic = STATISTICS["wasserstein"]
    own = encoder(made, list(LAYERS))
    total = area = 0.0
    for region in regions:
        if not region.styles or region.guide is None:
            continue
        guide = resize(region.guide, made.shape[-2:]).clamp(0, 1)
        picture, mask = region.styles[0].seen(size)
        there, share = encoder(picture, list(LAYERS)), float(guide.mean())
        for layer in LAYERS:
            measured = [
                statistic.measure(f[layer].float(), None if m is None else follow(m, f[layer].shape[-2:]), 0.0)
                for f, m in ((own, guide), (there, mask))
            ]
            target = statistic.prepare(measured[1])
            total += share * float(statistic.distance(measured[0], target) / statistic.energy(target)) / len(LAYERS)
        area += share
    return total / max(area, 1e-9)


def agreement(given: Tensor, found: Tensor) -> float:
    """Mean intersection over union of the given classes with the found ones (both (h, w)), matched as well as can be."""
    found = torch.nn.functional.interpolate(found[None, None].float(), size=given.shape, mode="nearest")[0, 0].long()
    a, b = (torch.nn.functional.one_hot(m.flatten()).float() for m in (given, found))
    a, b = a[:, a.sum(0) > 0], b[:, b.sum(0) > 0]
    both = a.T @ b
    union = a.sum(0)[:, None] + b.sum(0)[None] - both
    shares = (both / union.clamp_min(1)).numpy()
    rows, columns = linear_sum_assignment(-shares)
    return float(shares[rows, columns].sum() / len(shares))


def redrawn(route: str, files: Mapping[str, Path], size: int, quality: str, threads: int) -> Any:
    labels = ss.Classes(files["content_mask"], files["style_mask"])
    settings: dict[str, Any] = {"method": "gatys"} if route == "gatys" else {"method": "photoreal", "route": route}
    return ss.transfer(files["content"], files["style"], classes=labels, size=size, quality=quality, threads=threads, **settings)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--pairs", nargs="+", default=PAIRS)
    arguments.add_argument("--routes", nargs="+", default=ROUTES, choices=ROUTES)
    arguments.add_argument("--size", type=int, default=512)
    arguments.add_argument("--quality", default="good")
    arguments.add_argument("-o", "--out", type=Path)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    weights = SHARED / "weights/vgg16_conv.safetensors"
    judge = encoders.load("vgg16", weights=weights) if weights.is_file() else encoders.load("compact")
    finder = encoders.load("compact")
    rows = []
    for pair in options.pairs:
        folder = SHARED / "data/photoreal"
        files = {
            name: folder / f"{pair}_{name}.{'png' if 'mask' in name else 'jpg'}"
            for name in ("content", "style", "content_mask", "style_mask")
        }
        photo, style, here, there = (read(file).pixels for file in files.values())
        small = resize(photo, fit(photo.shape[-2:], options.size))
        given = classes.of_colours(here, there)
        table = classes.table(given, photo, style, finder)
        regions = classes.regions(given, table, photo, style)
        laplacian = matting_laplacian(small)
        start = style_distance(small, regions, judge, options.size)
        cells = [Cell(to_pil(small), f"{pair}: photo, {start:.3f}"), Cell(to_pil(style), "style")]
        for route in options.routes:
            begun = time.perf_counter()
            result = redrawn(route, files, options.size, options.quality, options.threads)
            seconds, made = time.perf_counter() - begun, result.source.pixels
            told = {"pair": pair, "route": route, "size": options.size, "quality": options.quality}
            similar, distance = edge_similarity(small, made), style_distance(made, regions, judge, options.size)
            figure("photoreal: structure similarity of edges", round(similar, 4), "", **told)
            figure("photoreal: matting energy a pixel", float(matting_energy(made, laplacian)) / small[0, 0].numel(), "", **told)
            moved = line_deviation(small, made)
            rounded = None if moved is None else round(moved, 2)
            figure("photoreal: deviation of straight lines", rounded, "", unit="pixels", **told)
            figure("photoreal: sharpness beside the photo's", round(sharpness(made) / sharpness(small), 4), ">= 1", **told)
            figure("photoreal: style distance", round(distance, 5), "", photo=round(start, 5), judge=judge.name, **told)
            figure("photoreal: seconds", round(seconds, 2), "<= 2" if route in ("fast", "global") else "", unit="s", **told)
            cells.append(Cell(to_pil(made), f"{route}: edges {similar:.2f}, style {distance:.3f}, {seconds:.0f} s"))
        rows.append(cells)
        count = sum(share >= classes.SMALL for share, _ in given.shares())
        for asked in sorted({count, 2, 4, 6}):
            found = classes.of_features(photo, style, finder, asked)
            figure(
                "photoreal: agreement of found regions",
                round(agreement(given.photo, found.photo), 4),
                "",
                pair=pair,
                classes=count,
                found=asked,
            )
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            sheet(rows, side=min(options.size, 320)).save(options.out / "photoreal.png")


if __name__ == "__main__":
    main()
