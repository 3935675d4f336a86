"""The shipped network ``arbitrary``: any painting in one pass; goes on where it was interrupted.

    python recipes/arbitrary/train.py --data ../shared/data --folder arbitrary --hours 2

It begins with ``classics``: body, rows and their names. Ten paintings are held back. ``--count``: of how
many paintings it learns, to see what more of them bring. ``--vgg WEIGHTS`` takes VGG-16 itself as the loss network.
"""

from __future__ import annotations

import argparse
import csv
import random
from pathlib import Path

import torch

from stylespace import encoders
from stylespace.demo.drawings import DRAWINGS, draw
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import fit, read, resize
from stylespace.training.arbitrary import ArbitraryTrainer, Paintings
from stylespace.training.photos import prepare
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import TrainingStep, TrainingStyle

STEPS = 12000
RATE = 5e-4
STABILITY = 0.03  # films are to hold still; more of it, early, and strokes never come
SAMPLES = ("tubingen", "golden_gate", "lion")
DRAWN = 4  # drawn pictures of each kind beside the paintings


def held_back(data: Path, known: list[str]) -> list[str]:
    """Ten paintings: every eighteenth of the index, as for the compact encoder; for those of them that are ``known`` styles, others."""
    with (data / "paintings" / "index.csv").open(newline="") as rows:
        names = [row["file"].removesuffix(".jpg") for row in csv.DictReader(rows)]
    return [name for name in [*names[9::18], *names[::18]] if name not in known][:10]


def chosen(data: Path, known: list[str], count: int) -> list[Path]:
    """The paintings to learn from: those of the ``known`` styles, then others in a random order."""
    hidden = {*held_back(data, known), *known}
    others = sorted(p for p in (data / "paintings").glob("*.jpg") if p.stem not in hidden)
    random.Random(0).shuffle(others)
    return [*(data / "paintings" / f"{name}.jpg" for name in known), *others][:count]


def paintings(data: Path, known: list[str], count: int) -> Paintings:
    """They and, where all are taken, pictures that our code draws."""
    found = Paintings.of(chosen(data, known, count))
    if count < len(list((data / "paintings").glob("*.jpg"))) - 10:
        return found
    drawn = [(f"{kind}-{seed}", draw(kind, (640, 640), seed=seed)) for kind in DRAWINGS for seed in range(1, DRAWN + 1)]
    return Paintings([*found.names, *(name for name, _ in drawn)], [*found.pixels, *(pixels for _, pixels in drawn)])


def trainer(data: Path, folder: Path, count: int = 1000, vgg: Path | None = None, steps: int = STEPS) -> ArbitraryTrainer:
    """The run, at its start or where it stopped."""
    start = StyleNetwork.load("classics")
    settings = TrainingSettings(steps=steps, rate=RATE, stability_weight=STABILITY)
    photos = prepare(sorted((data / "photos" / "train").glob("*.*")), settings.crop, folder)
    known = start.names[: min(count, len(start.names))]
    styles = [TrainingStyle(n, read(data / "paintings" / f"{n}.jpg").pixels, start.about[n]) for n in known]
    samples = [read(data / "content" / f"{name}.jpg").pixels for name in SAMPLES]
    return ArbitraryTrainer(
        photos, styles, settings, folder, paintings(data, known, count), start=start,
        probes={name: read(data / "paintings" / f"{name}.jpg").pixels for name in held_back(data, start.names)},
        samples=[resize(p, fit(p.shape[-2:], 320)) for p in samples],
        encoder=encoders.load("vgg16", weights=vgg) if vgg else None,
    )  # fmt: skip


def tell(step: TrainingStep) -> None:
    """A line every twenty steps."""
    if step.step % 20 == 0 or step.cut:
        terms = ", ".join(f"{name} {value:.4f}" for name, value in step.losses.items())
        print(f"{step.step} of {step.of}: {terms}; {step.seconds:.0f} s, {step.photos_a_second:.1f} photos a second", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, default=Path("arbitrary"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--vgg", type=Path, help="VGG-16's weights: it is the loss network then")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    run = trainer(asked.data, asked.folder, asked.count, asked.vgg, asked.steps)
    finished = run.run(progress=tell, until=asked.hours and 3600 * asked.hours)
    print(f"{'Finished' if finished else 'Stopped'} at step {run.step}; ship it: python recipes/arbitrary/ship.py", flush=True)


if __name__ == "__main__":
    main()
