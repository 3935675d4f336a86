"""Train the compact encoder on with gradients; half of every batch are pictures being optimised through it at that moment.

    python recipes/compact-encoder/train.py --data DATA --vgg16 vgg16_conv.safetensors --start FILE --run RUN [--steps 1000] [--minutes 60]

FILE: what fit.py made, or a shipped encoder, which is trained on. Every hundred steps, at the end, after ``--minutes`` and on Ctrl-C RUN
gets its state and ``compact.safetensors`` (the moving average of the weights); the same command goes on from there, with other crops
and a new pool of pictures.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from optimised import Pool
from students import LAYERS, STYLE, Teacher, frozen, learned, load_trunk, on_axes, save_trunk
from torch import Tensor, nn

from pictures import TRAINING, Crops, training_pictures
from stylespace.encoders.compact import CompactTrunk
from stylespace.storage.journal import Journal
from stylespace.storage.memory import keep_freed_memory

SIZES = (128, 160, 192)  # of crops
WARM_UP = 60  # steps
SHARE = 2.0  # of a style layer's Gram matrix, beside its features
WEIGHTS = {
    "relu1_1": 0.5, "relu1_2": 0.5, "relu2_1": 1.0, "relu2_2": 1.0, "relu3_1": 2.0, "relu3_2": 1.0, "relu3_3": 1.0, "relu4_1": 2.0,
    "relu4_2": 1.5, "relu4_3": 1.0, "relu5_1": 2.0,
}  # fmt: skip


class Means(dict[str, float]):
    """Moving averages by name."""

    def add(self, name: str, value: Tensor) -> None:
        self[name] = 0.98 * self.get(name, float(value.detach())) + 0.02 * float(value.detach())


def grams(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    return torch.einsum("bcp,bdp->bcd", flat, flat) / flat.shape[2]


def disagreement(trunk: CompactTrunk, teacher: Teacher, pictures: Tensor, means: Means, what: str) -> Tensor:
    """Weighted sum over layers of the teacher's variance that the student leaves unexplained and, of style layers, of the squared
    difference of Gram matrices on the axes, as a share of the teacher's."""
    wanted, given = teacher(pictures), trunk(pictures, LAYERS)
    total = pictures.new_zeros(())
    for name in LAYERS:
        target, features = wanted[name] / trunk.scale[name], given[name]
        unexplained = (features - target).square().mean() / target.var().clamp_min(1e-4)
        total = total + WEIGHTS[name] * unexplained
        means.add(f"{what} {name}", unexplained)
        if name in STYLE:
            own, real = (grams(on_axes(trunk, {name: f})[name]) for f in (features, target))
            apart = ((own - real).square().sum((1, 2)) / real.square().sum((1, 2))).mean()
            total = total + SHARE * WEIGHTS[name] * apart
            means.add(f"{what} gram {name}", apart)
    return total


class Run:
    """The student, its optimiser and its moving average; their state is in ``journal``, the encoder in ``out``."""

    def __init__(self, start: Path, journal: Journal, out: Path, rate: float) -> None:
        self.journal, self.out, self.rate = journal, out, rate
        self.trunk = load_trunk(start)
        self.parameters = learned(self.trunk)
        # Tensors of all sizes learn in proportion to their own.
        self.sizes = {name: float(p.detach().square().mean().sqrt()) + 1e-4 for name, p in self.parameters.items()}
        self.average = {name: p.detach().clone() for name, p in self.parameters.items()}
        self.step, self.seconds = 0, 0.0
        tensors: dict[str, Tensor] = {}
        if held := journal.record:
            tensors = journal.tensors("state")
            self.step, self.seconds, self.sizes = held["step"], held["seconds"], held["sizes"]
            with torch.no_grad():
                for name, parameter in self.parameters.items():
                    parameter.copy_(tensors[f"weights {name}"])
                    self.average[name].copy_(tensors[f"average {name}"])
        groups: list[dict[str, Any]] = [{"params": [p], "lr": 0.0} for p in self.parameters.values()]
        self.optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99))
        if held:
            for name, parameter in self.parameters.items():
                slots = {slot: tensors[f"{slot} {name}"] for slot in ("step", "exp_avg", "exp_avg_sq")}
                self.optimiser.state[parameter] = slots

    def update(self, progress: float) -> None:
        """Step down the gradients that are there, at the rate that belongs to ``progress`` (0 to 1), and move the average."""
        cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))
        rate = self.rate * min(1.0, (self.step + 1) / WARM_UP) * cosine
        for group, size in zip(self.optimiser.param_groups, self.sizes.values(), strict=True):
            group["lr"] = rate * size
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), 5.0)
        if bool(torch.isfinite(norm)):
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=False)
        self.step += 1
        decay = min(0.997, self.step / (self.step + 10))
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                self.average[name].lerp_(parameter, 1 - decay)

    def save(self) -> None:
        """State and encoder."""
        tensors: dict[str, Tensor] = {}
        for name, parameter in self.parameters.items():
            tensors |= {f"weights {name}": parameter, f"average {name}": self.average[name]}
            tensors |= {f"{slot} {name}": value for slot, value in self.optimiser.state[parameter].items()}
        self.journal.write({"step": self.step, "seconds": self.seconds, "sizes": self.sizes}, {"state": tensors})
        averaged: Mapping[str, Tensor] = {f"convolutions.{name}": tensor for name, tensor in self.average.items()}
        save_trunk({**self.trunk.state_dict(), **averaged}, self.out)


def train(run: Run, teacher: Teacher, crops: Crops, options: argparse.Namespace) -> None:
    """Steps until ``options.steps`` are done or the minutes are over."""
    pool, means = Pool(run.trunk, crops), Means()
    before, started = run.seconds, time.monotonic()
    with (options.run / "log.jsonl").open("a") as log:
        while run.step < options.steps and time.monotonic() - started < 60 * options.minutes:
            real = crops.batch(options.real, crops.random.choice(SIZES))
            (0.5 * disagreement(run.trunk, teacher, real, means, "real")).backward()
            with frozen(run.trunk):
                made = pool.draw(options.made)
            for picture in made:
                (0.5 / len(made) * disagreement(run.trunk, teacher, picture, means, "made")).backward()
            run.update(run.step / options.steps)
            run.seconds = before + time.monotonic() - started
            if run.step % 25 == 0:
                record = {"step": run.step, "seconds": round(run.seconds), **{k: round(v, 4) for k, v in sorted(means.items())}}
                print(json.dumps(record), file=log, flush=True)
            if run.step % 100 == 0:
                run.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vgg16", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1000, help="in all; the rate falls towards the last")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after as many; run again to go on")
    parser.add_argument("--rate", type=float, default=2e-3, help="in units of each tensor's root mean square")
    parser.add_argument("--real", type=int, default=4, help="photographs and paintings a step")
    parser.add_argument("--made", type=int, default=4, help="pictures being optimised a step, one of them a network's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    keep_freed_memory()
    options.run.mkdir(parents=True, exist_ok=True)
    journal = Journal(options.run / "state", {"recipe": "compact-encoder"})
    journal.open()
    try:
        run = Run(options.start, journal, options.run / "compact.safetensors", options.rate)
        seed = 1_000_003 * options.seed + run.step
        torch.manual_seed(seed)  # painters begin with random weights
        crops = Crops(*training_pictures(options.data), TRAINING, seed)
        try:
            train(run, Teacher(options.vgg16), crops, options)
        except KeyboardInterrupt:
            print(f"Interrupted after step {run.step}; the same command goes on.")
        run.save()
    finally:
        journal.leave()


if __name__ == "__main__":
    main()
