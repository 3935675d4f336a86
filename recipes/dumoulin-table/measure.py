"""Dumoulin, Shlens & Kudlur 2017, table and figure of section 3.1: one network of N styles against N networks of one, at equal updates.

python recipes/dumoulin-table/measure.py --data ../shared/data

Ours differ: 5 unlike paintings (the paper's ten were all Monets), our fast build, crops of 96 px, 2,000 steps of 4 (the paper's 40,000
of 8), the compact encoder as loss network; Gram matrices as in the paper. Each run is kept in the folder and goes on where it was
interrupted.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import read
from stylespace.training.loss import TrainingLoss
from stylespace.training.photos import Photos, prepare
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import Trainer, TrainingStyle

STYLES = ("starry_night", "udnie", "red_chalk_woman", "roman_mosaic", "the_scream")
NEW = "great_wave"
BATCHES, BATCH = 32, 4
ADDED = (50, 100, 200)
PUBLISHED = {"content": (8.7, 3.9), "style": (-8.9, 16.5)}  # per cent, section 3.1


def train(
    photos: Photos, styles: Sequence[TrainingStyle], settings: TrainingSettings, folder: Path, network: StyleNetwork | None = None
) -> Trainer:  # fmt: skip
    """A finished run."""
    run = Trainer(photos, styles, settings, folder, network=network)
    name = folder.name
    run.run(progress=lambda s: print(f"# {name} {s.step} of {s.of}", flush=True) if s.step % 200 == 0 else None)
    return run


def losses(loss: TrainingLoss, network: StyleNetwork, name: str, batches: Sequence[Tensor], number: int) -> np.ndarray:
    """Content and style loss of each batch: (32, 2)."""
    found = []
    with torch.no_grad():
        for batch in batches:
            terms = loss(network.pixels(batch, name), batch, [number] * len(batch), [0] * len(batch))
            found.append([float(terms["content"].mean()), float(terms["style"].mean())])
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "stylespace-dumoulin-table")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    settings = TrainingSettings(
        steps=asked.steps, crop=asked.crop, style_sizes=(asked.crop * 3 // 2,), statistic="gram", balance=False
    )
    photos = prepare(sorted((asked.data / "photos" / "train").glob("*.*")), asked.crop, asked.folder)
    styles = [TrainingStyle(name, read(asked.data / "paintings" / f"{name}.jpg").pixels) for name in (*STYLES, NEW)]
    val = prepare(sorted((asked.data / "photos" / "val").glob("*.*")), asked.crop, asked.folder / "val")
    generator = torch.Generator().manual_seed(0)
    batches = [
        val.crops(torch.randint(0, len(val), (BATCH,), generator=generator).tolist(), asked.crop, generator)
        for _ in range(BATCHES)
    ]
    whole = train(photos, styles[:-1], settings, asked.folder / "all")
    together = whole.network()
    differences: dict[str, list[np.ndarray]] = {"content": [], "style": []}
    common = {"unit": "%", "threads": asked.threads, "steps": asked.steps, "crop": asked.crop, "styles": len(STYLES)}
    for number, style in enumerate(styles[:-1]):
        # Equal updates: the network of N styles has taken `steps` in all, as each of these has for its one style.
        alone = train(photos, [style], settings, asked.folder / style.name).network()
        one, many = (losses(whole.loss, network, style.name, batches, number) for network in (alone, together))
        for column, name in enumerate(differences):
            ratio = 100 * (many[:, column] / one[:, column] - 1)
            differences[name].append(ratio)
            spread = [float(v) for v in np.quantile(ratio, [0.25, 0.75])]
            print(
                json.dumps(
                    {
                        "claim": f"dumoulin {name} {style.name}",
                        "value": float(ratio.mean()),
                        "target": "",
                        "spread": spread,
                        **common,
                    }
                )
            )
    for name, found in differences.items():
        each = np.array([f.mean() for f in found])
        published = dict(zip(("published", "published_spread"), PUBLISHED[name], strict=True))
        row = {
            "claim": f"dumoulin {name}, N styles over one",
            "value": float(each.mean()),
            "target": "",
            "spread": [float(each.std(ddof=1))],
        }
        print(json.dumps({**row, **common, **published}))
    adding = replace(settings, rate=1e-2, final_rate=1e-3, row_rate=1.0, warm_up=10)
    for steps in ADDED:
        added = train(photos, styles[-1:], replace(adding, steps=steps), asked.folder / f"added-{steps}", together)
        scratch = train(photos, styles[-1:], replace(settings, steps=steps), asked.folder / f"scratch-{steps}")
        values = [losses(run.loss, run.network(), NEW, batches, 0)[:, 1].mean() for run in (added, scratch)]
        row = {
            "claim": f"dumoulin add-style over scratch, style loss after {steps} steps",
            "value": 100 * float(values[0] / values[1] - 1),
        }
        print(json.dumps({**row, "target": "", "spread": [], **common, "losses": [float(v) for v in values]}))


if __name__ == "__main__":
    main()
