"""Measure compact encoders against VGG-16, and shapes against each other; one JSON line a figure.

    python recipes/compact-encoder/measure.py --data DATA --vgg16 vgg16_conv.safetensors [--encoder FILE ...] [--pictures N]

Explained variance: share of the variance of VGG-16's features after ReLU (about their mean over channels, places and pictures) that
an encoder's estimates explain, on the ten held-back paintings and ``photos/val``, long side 512, both padded by reflection. Without
``--encoder`` the shipped file. Numbers, multiplications and seconds (medians, forward, and forward with the gradient of the picture, taken
in turn) at 512 x 512 px are also those of the other shapes of students.py, with random weights; ``--no-shapes`` leaves them out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from students import LAYERS, SHAPES, STYLE, Teacher, load_trunk
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pictures import test_pictures
from stylespace.encoders.compact import SHIPPED, WIDTHS, CompactTrunk
from stylespace.encoders.convolution import convolved
from stylespace.encoders.trunk import Trunk
from stylespace.pictures import fit, read, resize

SIZE = 512
# What a compact encoder must explain at least: what an experiment of low rank without ReLU-awareness did, 2.9 million numbers.
FLOORS = {"relu3_1": 0.97, "relu4_1": 0.90, "relu5_1": 0.78}


class Unexplained:
    """Sums over everything that is shown, in float64."""

    def __init__(self) -> None:
        self.sums = torch.zeros(4, dtype=torch.float64)

    def add(self, given: Tensor, wanted: Tensor) -> None:
        a, b = given.double(), wanted.double()
        self.sums += torch.stack(
            [torch.tensor(float(b.numel()), dtype=torch.float64), b.sum(), b.square().sum(), (a - b).square().sum()]
        )

    @property
    def explained(self) -> float:
        """Share of the variance, 1 at most."""
        count, total, squares, rest = self.sums.tolist()
        return 1 - rest / (squares - total * total / count)


def picture(path: Path) -> Tensor:
    pixels = read(path).pixels
    return resize(pixels, fit(pixels.shape[-2:], SIZE)).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def explained(trunk: CompactTrunk, teacher: Teacher, paths: list[Path]) -> dict[str, float]:
    """By layer."""
    found = {name: Unexplained() for name in LAYERS}
    for path in paths:
        x = picture(path)
        wanted = teacher(x)
        for name, given in trunk(x, LAYERS).items():
            found[name].add(given * trunk.scale[name], wanted[name])
    return {name: each.explained for name, each in found.items()}


class LowRank(Trunk):
    """The experiment's form: no 1x1 convolution before the 3x3 one. Separate operations."""

    def __init__(self, middles: list[int]) -> None:
        super().__init__((2, 2, 3, 3, 1), WIDTHS)
        for name, c_in, middle, c_out in zip(LAYERS[1:], WIDTHS, middles, WIDTHS[1:], strict=False):
            pair = nn.Sequential(nn.Conv2d(c_in, middle, 3, bias=False), nn.Conv2d(middle, c_out, 1))
            self.convolutions[name.replace("relu", "conv")] = pair

    def _convolve(self, x: Tensor, convolution: nn.Module) -> Tensor:
        if not isinstance(convolution, nn.Sequential):
            return super()._convolve(x, convolution)
        middle, expand = convolution
        return F.relu_(expand(convolved(x, middle.weight, None, "reflect")))


def of_shape(name: str) -> Trunk:
    """With random weights, frozen."""
    _, ranks = SHAPES[name]
    whole = all(narrow == c_in for (narrow, _), c_in in zip(ranks, WIDTHS, strict=False))
    trunk = LowRank([middle for _, middle in ranks]) if whole else CompactTrunk(ranks=ranks)
    return trunk.requires_grad_(False).to(memory_format=torch.channels_last)


def numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def multiplications(trunk: Trunk) -> float:
    """Of one forward pass to relu5_1 at 512 x 512, without axes."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        trunk(torch.rand(1, 3, SIZE, SIZE), ("relu5_1",))
    return counter.get_total_flops() / 2


def seconds(trunks: dict[str, Trunk], runs: int) -> dict[str, tuple[float, float]]:
    """Medians of a forward pass to the style layers at 512 x 512, and of one with the picture's gradient, taken in turn."""
    x = torch.rand(1, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in trunks}
    for run in range(runs + 1):
        for name, trunk in trunks.items():
            for record, gradient in zip(taken[name], (False, True), strict=True):
                start = time.perf_counter()
                features = trunk(x.detach().requires_grad_(gradient), STYLE)
                if gradient:
                    torch.stack([f.square().mean() for f in features.values()]).sum().backward()
                if run:
                    record.append(time.perf_counter() - start)
    return {name: (statistics.median(forward), statistics.median(both)) for name, (forward, both) in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vgg16", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, action="append", default=[])
    parser.add_argument("--pictures", type=int, default=0, help="measure on every n-th picture only, so that about N remain")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-shapes", action="store_true")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)

    def tell(name: str, value: float, target: str = "", **details: Any) -> None:
        print(
            json.dumps({"name": name, "value": value, "target": target, **details, "threads": torch.get_num_threads()}),
            flush=True,
        )

    paths = test_pictures(options.data)
    if options.pictures:
        paths = paths[:: max(1, len(paths) // options.pictures)]
    teacher = Teacher(options.vgg16, "fp32")
    files = options.encoder or [SHIPPED]
    for path in files:
        trunk = load_trunk(path)
        shown = "compact" if path == SHIPPED else path.stem
        tell(f"{shown}-numbers", numbers(trunk), "<= 4000000")
        tell(f"{shown}-megabytes", path.stat().st_size / 1e6, "<= 8")
        for name, value in explained(trunk, teacher, paths).items():
            floor = f">= {FLOORS[name]}" if name in FLOORS else ""
            tell(f"{shown}-explained-{name}", value, floor, pictures=len(paths))
    if options.no_shapes:
        return
    trunks = {name: of_shape(name) for name in SHAPES} | {"vgg16": teacher.trunk}
    for name, (forward, both) in seconds(trunks, options.runs).items():
        work = round(multiplications(trunks[name]) / 1e9, 2)
        tell(f"shape-{name}-seconds", both, forward=forward, gmac=work, numbers=numbers(trunks[name].convolutions))


if __name__ == "__main__":
    main()
