"""Measure an encoder against its teachers; one JSON line a figure.

    python recipes/compact-encoder/measure.py --data DATA --weights WEIGHTS [--encoder compact.safetensors] [--pictures N]

Pictures: photos/val and the ten held-out paintings, long side 512, reflect padding, after ReLU. Correlation: Pearson, over all
positions, channels and pictures pooled, of a read-out clamped at zero with the teacher. Teacher at relu1_1, 2_1, 3_1: the
real VGG-19; at relu4_1, 5_1: the compressed network's own read-outs. The compressed network is measured beside it, through its own
read-outs and through read-outs fitted by least squares on training pictures (the larger of the two counts).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from teachers import Compressed, real_vgg19, test_pictures, training_pictures
from torch import Tensor

from stylespace.encoders.compact import READOUTS, compact
from stylespace.pictures import fit, read, resize

REAL = ("relu1_1", "relu2_1", "relu3_1")
SIZE = 512


class Correlation:
    """Pearson's correlation over everything it is shown, in float64."""

    def __init__(self) -> None:
        self.sums = torch.zeros(6, dtype=torch.float64)

    def add(self, a: Tensor, b: Tensor) -> None:
        a, b = a.flatten().double(), b.flatten().double()
        ones = torch.tensor(float(a.numel()), dtype=torch.float64)
        self.sums += torch.stack([ones, a.sum(), b.sum(), a @ a, b @ b, a @ b])

    def value(self) -> float:
        n, a, b, aa, bb, ab = self.sums.tolist()
        return (n * ab - a * b) / ((n * aa - a * a) * (n * bb - b * b)) ** 0.5


def picture(path: Path) -> Tensor:
    pixels = read(path).pixels
    return resize(pixels, fit(pixels.shape[-2:], SIZE)).contiguous(memory_format=torch.channels_last)


def fitted_readouts(trunk: torch.nn.Module, real: torch.nn.Module, paths: list[Path]) -> dict[str, Tensor]:
    """Least squares, with offset, from the trunk's features to the real VGG-19's: layer to (C + 1, C of VGG)."""
    normal: dict[str, list[Tensor]] = {}
    for path in paths:
        x = picture(path)
        given, wanted = trunk(x, REAL), real(x, REAL)
        for name in REAL:
            f = given[name][0].flatten(1).T.double()
            f = torch.cat([f, torch.ones(len(f), 1, dtype=torch.float64)], 1)
            y = wanted[name][0].flatten(1).T.double()
            sums = [f.T @ f, f.T @ y]
            normal[name] = [a + b for a, b in zip(normal[name], sums, strict=True)] if name in normal else sums
    return {name: torch.linalg.solve(a + 1e-6 * a.diagonal().mean() * torch.eye(len(a)), b) for name, (a, b) in normal.items()}


def read_out(features: Tensor, matrix: Tensor) -> Tensor:
    f = features[0].flatten(1).T.double()
    return (torch.cat([f, torch.ones(len(f), 1, dtype=torch.float64)], 1) @ matrix).clamp_min(0).T


def forward_times(ours: torch.nn.Module, compressed: torch.nn.Module, runs: int = 15) -> tuple[float, float]:
    """Median seconds of a forward pass at 512 x 512 to relu5_1 of both trunks, taken in turn."""
    x = torch.rand(1, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for trunk, record in zip((ours, compressed), times, strict=True):
            start = time.perf_counter()
            trunk(x, ["relu5_1"])
            record.append(time.perf_counter() - start)
    return statistics.median(times[0][2:]), statistics.median(times[1][2:])


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--pictures", type=int, default=0, help="measure on every n-th picture only, so that about N remain")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    encoder = compact(options.encoder).to(memory_format=torch.channels_last)
    real, compressed = real_vgg19(options.weights), Compressed(options.weights)
    paths = test_pictures(options.data)
    if options.pictures:
        paths = paths[:: max(1, len(paths) // options.pictures)]
    photos, paintings = training_pictures(options.data)
    fitted = fitted_readouts(compressed.trunk, real, (photos[::60] + paintings[::10])[: max(8, len(paths) // 3)])

    ours = {name: Correlation() for name in READOUTS}
    theirs, theirs_fitted = ({name: Correlation() for name in REAL} for _ in range(2))
    for path in paths:
        x = picture(path)
        teacher = real(x, REAL)
        narrow = compressed.trunk(x, tuple(READOUTS))
        wide = compressed.wide(narrow)
        given = encoder.read_out(x, tuple(READOUTS))
        for name in READOUTS:
            ours[name].add(given[name], teacher[name] if name in REAL else wide[name])
        for name in REAL:
            theirs[name].add(wide[name], teacher[name])
            theirs_fitted[name].add(read_out(narrow[name], fitted[name]), teacher[name][0].flatten(1))

    parameters = sum(p.numel() for p in encoder.trunk.parameters())
    lines: list[dict[str, object]] = [{"name": "compact-parameters", "value": parameters, "target": "<= 1500000", "unit": ""}]
    for name in READOUTS:
        if name in REAL:
            other = max(theirs[name].value(), theirs_fitted[name].value())
            detail = {"16x own read-out": round(theirs[name].value(), 4), "16x fitted": round(theirs_fitted[name].value(), 4)}
            lines.append(
                {"name": f"compact-correlation-{name}", "value": ours[name].value(), "target": f"> {other:.4f}", **detail}
            )
        else:
            lines.append({"name": f"compact-correlation-{name}", "value": ours[name].value(), "target": ">= 0.85"})
    own, other = forward_times(encoder.trunk, compressed.trunk)
    lines.append(
        {"name": "compact-forward-512-against-16x", "value": own / other, "target": "<= 1.5", "seconds": own, "16x": other}
    )
    for line in lines:
        print(json.dumps(line | {"pictures": len(paths), "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
