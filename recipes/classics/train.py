"""The shipped network ``classics``: 32 public-domain styles in the fast build; goes on where it was interrupted.

python recipes/classics/train.py --data ../shared/data --folder classics --hours 2

``--start NETWORK`` begins with the weights of a network of the same build; styles that it does not know begin with its mean row.
``--vgg WEIGHTS`` takes VGG-16 itself as the loss network.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import torch

from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import fit, read, resize
from stylespace.training.photos import prepare
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import Trainer, TrainingStep, TrainingStyle

STYLES = (
    "starry_night", "great_wave", "the_scream", "composition_vii", "udnie", "water_lilies", "woman_with_a_hat", "metzinger",
    "saint_severin", "contrast_of_forms", "roman_mosaic", "seaport", "flowering_tree", "red_chalk_woman", "rotterdam",
    "composition_no_2", "shipwreck", "port_en_bessin", "la_rivolta", "femme_aux_phlox", "circles_in_a_circle",
    "people_by_the_blue_lake", "creation_of_the_world_iii", "quatrain_xi", "pandora", "the_city", "strengths_of_a_street",
    "earthly_delights_hell", "kangxi_southern_tour", "andante", "enclosed_field", "dances_at_the_spring",
)  # fmt: skip
SAMPLES = ("tubingen", "golden_gate", "lion", "chicago")
STEPS = 5000
RATE = 5e-4  # from weights that are there already
STABILITY = 0.06  # films are to hold still; more of it costs strokes


def styles(data: Path, count: int) -> list[TrainingStyle]:
    """The first ``count`` styles, with what the index says of them."""
    with (data / "paintings" / "index.csv").open(newline="") as file:
        index = {row["file"].removesuffix(".jpg"): row for row in csv.DictReader(file)}
    found = []
    for name in STYLES[:count]:
        row = index[name]
        about: dict[str, Any] = {key: row[key] for key in ("title", "artist", "year", "tags")} | {"licence": "public domain"}
        found.append(TrainingStyle(name, read(data / "paintings" / row["file"]).pixels, about))
    return found


def trainer(data: Path, folder: Path, count: int = len(STYLES), *, encoder: Encoder | None = None, **settings: Any) -> Trainer:
    """The run, at its start or where it stopped."""
    chosen = TrainingSettings(**{"steps": STEPS, "rate": RATE, "stability_weight": STABILITY, **settings})
    photos = prepare(sorted((data / "photos" / "train").glob("*.*")), chosen.crop, folder)
    samples = [read(data / "content" / f"{name}.jpg").pixels for name in SAMPLES]
    small = [resize(p, fit(p.shape[-2:], 256)) for p in samples]
    return Trainer(photos, styles(data, count), chosen, folder, samples=small, encoder=encoder)


def tell(step: TrainingStep) -> None:
    """A line every twenty steps."""
    if step.step % 20 == 0 or step.cut:
        terms = ", ".join(f"{name} {value:.4f}" for name, value in step.losses.items())
        pace = f"{step.seconds:.0f} s, {step.photos_a_second:.1f} photos a second"
        print(f"{step.step} of {step.of}: {terms}; {pace}{', cut' * step.cut}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, default=Path("classics"))
    parser.add_argument("--count", type=int, default=len(STYLES))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--start", help="a network to begin with: a file, or a shipped one")
    parser.add_argument("--vgg", type=Path, help="VGG-16's weights: it is the loss network then")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    encoder = encoders.load("vgg16", weights=asked.vgg) if asked.vgg else None
    run = trainer(asked.data, asked.folder, asked.count, steps=asked.steps, encoder=encoder)
    if asked.start and not run.step:
        run.begin_with(StyleNetwork.load(asked.start))
    finished = run.run(progress=tell, until=asked.hours and 3600 * asked.hours)
    print(f"{'Finished' if finished else 'Stopped'} at step {run.step}; ship it: python recipes/classics/ship.py", flush=True)


if __name__ == "__main__":
    main()
