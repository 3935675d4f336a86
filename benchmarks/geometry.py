"""Geometry: STROTSS, NNST and deformable transfer with our defaults, seconds and memory; VGG-16 on the published schedule; the spline; best
buddies' seconds, and how many are right on known warps.

python benchmarks/geometry.py
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import torch
from PIL import Image
from skimage.data import astronaut, chelsea, coffee

from common import child, figure, parser, peak_megabytes, quartiles

WITHIN = 8  # pixels at 256
TURNS = ((4, 1.0), (-8, 1.1), (12, 0.9), (0, 1.25), (-3, 0.8))  # degrees, scale
BENDS = (0.03, 0.05)  # amplitude of a wave, share of the sides


PHOTO = np.stack([np.linspace(0.2, 0.8, 5).repeat(5), np.tile(np.linspace(0.2, 0.8, 5), 5)], 1)  # points of a known deformation
# Seconds of the authors' code on two cores of this kind with VGG-16 at 512 px.
AUTHORS = {"strotss": 1400, "nnst": 2000, "deformable": 2960}


def transfer(method: str, size: int, base: str) -> None:
    """One transfer with our defaults, in a process of its own."""
    import stylespace as ss
    from stylespace.demo.drawings import draw
    from stylespace.metrics.score import score

    style = draw("swirls", (512, 512))
    more = {"base": base, "points": [(tuple(p), tuple(bent(p))) for p in PHOTO.tolist()]} if method == "deformable" else {}
    start = time.perf_counter()
    result = ss.transfer(chelsea(), style, method=method, size=size, **more)
    seconds = time.perf_counter() - start
    told = {"megabytes": peak_megabytes(), **result.record.get("deformation", {})}
    if method == "deformable":
        told["style_distance"] = score(chelsea(), style, result.picture)["style"]["distance"]
        plain = ss.transfer(chelsea(), style, method=base, size=size)
        told["style_distance_of_the_base"] = score(chelsea(), style, plain.picture)["style"]["distance"]
    figure("seconds", seconds, "", **told)


def bent(point: list[float]) -> list[float]:
    """Where a point of the known deformation belongs."""
    x, y = point
    return [x + 0.06 * np.sin(2 * np.pi * y), y + 0.06 * np.sin(2 * np.pi * x)]


def published(method: str, share: float) -> None:
    """Seconds of the published schedule on VGG-16 with random weights, from a share of its steps at each size."""
    import stylespace as ss
    from stylespace.demo.drawings import draw
    from stylespace.encoders.encoder import Encoder
    from stylespace.encoders.precision import dtype
    from stylespace.encoders.vgg import vgg

    device = torch.device("cpu")
    encoder = Encoder(vgg("vgg16", random_seed=0, padding="zero"), "vgg16").prepare(device, dtype("auto", device))
    few = round(250 * share) if method == "strotss" else round(200 * share)
    changes = {"steps_each": (few,) * 4} | ({"last_steps": few, "renewed": 20} if method == "nnst" else {})
    preset = {"strotss": "strotss-2019", "nnst": "nnst-2022"}[method]
    marks: dict[tuple[int, bool], list[float]] = {}
    start = last = time.perf_counter()

    def told(progress: Any) -> None:
        nonlocal last
        now = time.perf_counter()
        marks.setdefault((progress.step.size, progress.step.index > 1), []).append(now - last)
        last = now

    ss.transfer(chelsea(), draw("swirls", (512, 512)), method=method, preset=preset, encoder=encoder, progress=told, **changes)
    whole = time.perf_counter() - start
    # What is done once a size (targets, matches) counts once, steps by their share.
    a_step = {size: np.mean(values) for (size, later), values in marks.items() if later}
    stages = sorted(a_step) + ([max(a_step)] if method == "nnst" else [])
    stepping = sum(a_step[size] * few for size in stages)
    figure("seconds", whole - stepping + stepping / share, "", megabytes=peak_megabytes(), share_of_steps=share)


def spline() -> None:
    """The spline against SciPy's, and a warp against its inverse."""
    from scipy.interpolate import RBFInterpolator

    from stylespace.pictures.spline import thin_plate
    from stylespace.pictures.warp import Warp, sample

    random = np.random.default_rng(0)
    points, values, at = random.random((80, 2)), random.random((80, 2)), random.random((4096, 2))
    theirs = RBFInterpolator(points, values, kernel="thin_plate_spline", degree=1)(at)
    ours = thin_plate(*(torch.from_numpy(x) for x in (points, values, at))).numpy()
    figure("spline-apart-from-scipy", float(np.abs(ours - theirs).max()), "<= 1e-5")
    warp = Warp(tuple(map(tuple, PHOTO.tolist())), tuple(tuple(bent(p)) for p in PHOTO.tolist()), (512, 512))
    forth, back = warp.flow((512, 512)), warp.forward((512, 512))
    apart = (forth + sample(back, forth)) * 512
    figure("warp-there-and-back-pixels-at-512", float(apart.abs().max()), "<= 0.5", moved=float((forth * 512).abs().max()))


def warped(picture: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The picture warped in several ways, each with the place in the original (256, 256, 2; down, right) of every pixel."""
    from scipy.ndimage import map_coordinates

    small = np.asarray(Image.fromarray(picture).resize((256, 256)))
    rows, columns = np.meshgrid(np.arange(256.0), np.arange(256.0), indexing="ij")
    maps = []
    for degrees, scale in TURNS:
        angle = np.deg2rad(degrees)
        y, x = rows - 127.5, columns - 127.5
        maps.append(np.stack([np.cos(angle) * y - np.sin(angle) * x, np.sin(angle) * y + np.cos(angle) * x], 2) / scale + 127.5)
    for bend in BENDS:
        y = rows + 256 * bend * np.sin(columns / 256 * 2 * np.pi)
        x = columns + 256 * bend * np.sin(rows / 256 * 2 * np.pi)
        maps.append(np.stack([y, x], 2))
    found = []
    for where in maps:
        channels = [map_coordinates(small[..., c], where.transpose(2, 0, 1), order=1, mode="reflect") for c in range(3)]
        found.append((np.stack(channels, 2), where))
    return found


def share_right(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> tuple[int, int]:
    """Pairs within eight pixels, and all whose place is inside; places in shares, down and right."""
    rows, columns = (np.clip((b[:, i] * 256 - 0.5).round().astype(int), 0, 255) for i in range(2))
    true = where[rows, columns]
    inside = ((true >= 0) & (true <= 255)).all(1)
    apart = np.linalg.norm(a * 256 - 0.5 - true, axis=1)[inside]
    return int((apart < WITHIN).sum()), len(apart)


def matching() -> None:
    from stylespace import encoders
    from stylespace.pictures import read, resize
    from stylespace.pipelines.match import match
    from stylespace.statistics.buddies import mutual_neighbours

    encoder = encoders.load("compact")
    counts = {"best buddies": [0, 0], "best buddies, fast": [0, 0], "mutual neighbours of relu4_1": [0, 0]}
    seconds = []
    for picture in (chelsea(), astronaut(), coffee()):
        for other, where in warped(picture):
            start = time.perf_counter()
            pairs = match(picture, other, encoder=encoder)
            seconds.append(time.perf_counter() - start)
            with torch.no_grad():
                maps = [encoder(resize(read(p).pixels, (256, 256)), ["relu4_1"])["relu4_1"] for p in (picture, other)]
            plain = mutual_neighbours(*maps)
            for name, (a, b) in {
                "best buddies": (pairs.a, pairs.b),
                "best buddies, fast": (lambda m: (m.a, m.b))(match(picture, other, encoder=encoder, fast=True)),
                "mutual neighbours of relu4_1": (plain.a.flip(1).tolist(), plain.b.flip(1).tolist()),
            }.items():
                right, of = share_right(np.array(a)[:, ::-1], np.array(b)[:, ::-1], where)
                counts[name][0] += right
                counts[name][1] += of
    figure("match-seconds", quartiles(seconds)[1], "<= 5", unit="s", spread=(min(seconds), max(seconds)))
    plain_share = counts["mutual neighbours of relu4_1"][0] / counts["mutual neighbours of relu4_1"][1]
    for name, (right, of) in counts.items():
        target = f"> {plain_share:.4f}" if "buddies" in name else ""
        figure(f"match-right-within-8-px {name}", right / of, target, pairs=of)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--one", default="", help="strotss, nnst, deformable: in this process")
    options.add_argument("--base", default="strotss")
    options.add_argument("--size", type=int, default=512)
    options.add_argument("--share", type=float, default=0.0, help="with --one: VGG-16 by this share of the published steps")
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.one:
        published(asked.one, asked.share) if asked.share else transfer(asked.one, asked.size, asked.base)
        return
    threads = ("--threads", str(asked.threads))
    spline()
    matching()
    limits = {"strotss": 60, "nnst": 90, "deformable": 120}
    for method, base in (("strotss", ""), ("nnst", ""), ("deformable", "strotss"), ("deformable", "gatys")):
        for size in (256, 512):
            extra = ("--base", base) if base else ()
            (row,) = child("benchmarks/geometry.py", "--one", method, "--size", str(size), *extra, *threads)
            name = f"{method}{' on ' + base if base else ''}"
            target = f"<= {limits[method]}" if size == 512 else ""
            details = {
                k: row[k] for k in ("style_distance", "style_distance_of_the_base", "points_before", "points_after") if k in row
            }
            figure(f"{name}-seconds-{size}", row["value"], target, unit="s", **details)
            figure(f"{name}-megabytes-{size}", row["megabytes"], "<= 2000", unit="MB")
            if base:
                figure(f"{name}-foldings-{size}", row["foldings"], "<= 0")
    for method in ("strotss", "nnst"):
        (row,) = child("benchmarks/geometry.py", "--one", method, "--share", "0.04", *threads)
        figure(
            f"{method}-vgg16-sooner-than-the-authors", AUTHORS[method] / row["value"], ">= 4", unit="times", seconds=row["value"],
            share_of_steps=row["share_of_steps"], megabytes=row["megabytes"],
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
