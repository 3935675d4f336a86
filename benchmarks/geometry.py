"""Geometry: seconds and memory of STROTSS at 512 px with our defaults; best buddies' seconds, and how many are right on known warps.

python benchmarks/geometry.py
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch
from PIL import Image
from skimage.data import astronaut, chelsea, coffee

from common import child, figure, parser, peak_megabytes, quartiles

WITHIN = 8  # pixels at 256
TURNS = ((4, 1.0), (-8, 1.1), (12, 0.9), (0, 1.25), (-3, 0.8))  # degrees, scale
BENDS = (0.03, 0.05)  # amplitude of a wave, share of the sides


def strotss() -> None:
    """One transfer with our defaults, in a process of its own."""
    import stylespace as ss
    from stylespace.pictures.drawings import draw

    start = time.perf_counter()
    ss.transfer(chelsea(), draw("swirls", (512, 512)), method="strotss")
    figure("seconds", time.perf_counter() - start, "", megabytes=peak_megabytes())


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
    from stylespace.matching import match
    from stylespace.pictures import read, resize
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
    options.add_argument("--strotss", action="store_true")
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.strotss:
        strotss()
        return
    matching()
    rows = child("benchmarks/geometry.py", "--strotss", "--threads", str(asked.threads))
    figure("strotss-seconds-512", rows[0]["value"], "<= 60", unit="s")
    figure("strotss-megabytes-512", rows[0]["megabytes"], "<= 2000", unit="MB")


if __name__ == "__main__":
    sys.exit(main())
