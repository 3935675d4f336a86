"""The shipped network ``brushwork``: three networks in a row (Multimodal Transfer), two styles; goes on where it was interrupted.

    python recipes/multimodal/train.py --data ../shared/data --folder brushwork --hours 2

``--single 256`` and ``--single 1024`` train what it is compared with: the same number of steps of one network (our fast build) on
the styles at one size. ``--start NETWORK`` begins with the weights of a network of the same build.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import torch

from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import fit, read, resize
from stylespace.training.photos import prepare
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import Trainer, TrainingStep, TrainingStyle

STYLES = ("starry_night", "metzinger")
SAMPLES = ("tubingen", "golden_gate", "lion")
SETTINGS: dict[str, Any] = {
    "build": "multimodal", "crop": 384, "batch": 2, "style_sizes": (256, 512, 1024), "steps": 1400, "rate": 5e-4,
}  # fmt: skip


def styles(data: Path) -> list[TrainingStyle]:
    """The paintings, with what the index says of them."""
    with (data / "paintings" / "index.csv").open(newline="") as file:
        index = {row["file"].removesuffix(".jpg"): row for row in csv.DictReader(file)}
    found = []
    for name in STYLES:
        row = index[name]
        about: dict[str, Any] = {key: row[key] for key in ("title", "artist", "year", "tags")} | {"licence": "public domain"}
        found.append(TrainingStyle(name, read(data / "paintings" / row["file"]).pixels, about))
    return found


def trainer(data: Path, folder: Path, single: int = 0, **settings: Any) -> Trainer:
    """The run, at its start or where it stopped."""
    alone: dict[str, Any] = {"build": "fast", "style_sizes": (single,), "crop": 256} if single else {}
    chosen = TrainingSettings(**{**SETTINGS, **alone, **settings})
    photos = prepare(sorted((data / "photos" / "train").glob("*.*")), chosen.crop, folder)
    samples = [read(data / "content" / f"{name}.jpg").pixels for name in SAMPLES]
    small = [resize(p, fit(p.shape[-2:], 512)) for p in samples]
    return Trainer(photos, styles(data), chosen, folder, samples=small)


def tell(step: TrainingStep) -> None:
    """A line every twenty steps."""
    if step.step % 20 == 0 or step.cut:
        terms = ", ".join(f"{name} {value:.4f}" for name, value in step.losses.items())
        print(f"{step.step} of {step.of}: {terms}; {step.seconds:.0f} s{', cut' * step.cut}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, default=Path("brushwork"))
    parser.add_argument("--single", type=int, default=0)
    parser.add_argument("--steps", type=int, default=SETTINGS["steps"])
    parser.add_argument("--hours", type=float)
    parser.add_argument("--start", help="a network to begin with: a file, or a shipped one")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    run = trainer(asked.data, asked.folder, asked.single, steps=asked.steps)
    if asked.start and not run.step:
        run.begin_with(StyleNetwork.load(asked.start))
    finished = run.run(progress=tell, until=asked.hours and 3600 * asked.hours)
    print(f"{'Finished' if finished else 'Stopped'} at step {run.step}; ship it: python recipes/multimodal/ship.py", flush=True)


if __name__ == "__main__":
    main()
