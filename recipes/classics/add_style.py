"""A new style for ``classics`` in five minutes: its loss against training's own, and that the others stay as they are.

python recipes/classics/add_style.py --data ../shared/data --style pandora
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from train import SAMPLES, STEPS

from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import fit, read, resize
from stylespace.training.photos import prepare
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import Trainer, TrainingStyle

STEPS_ADDED = 450
ADDING = {"steps": STEPS_ADDED, "rate": 1e-2, "final_rate": 1e-3, "row_rate": 1.0, "warm_up": 10}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--style", default="pandora")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    network = StyleNetwork.load("classics")
    settings = TrainingSettings(**ADDING)
    style = TrainingStyle(asked.style, read(asked.data / "paintings" / f"{asked.style}.jpg").pixels)
    with tempfile.TemporaryDirectory() as folder:
        photos = prepare(sorted((asked.data / "photos" / "train").glob("*.*")), settings.crop, Path(folder))
        run = Trainer(photos, [style], settings, Path(folder), network=network)
        run.run(every=1e9)
        more = run.network()
        val = [read(p).pixels for p in sorted((asked.data / "photos" / "val").glob("*.*"))[:16]]
        small = [resize(p, fit(p.shape[-2:], 256)) for p in val]
        with torch.no_grad():
            made = float(np.mean([float(run.loss(more.pixels(p, asked.style), p, [0], [0])["style"]) for p in small]))
            plain = float(np.mean([float(run.loss(p, p, [0], [0])["style"]) for p in small]))
    mixes = [network.names[0], {network.names[0]: 0.5, network.names[1]: 0.5}]
    same = all(torch.equal(network.pixels(p, m), more.pixels(p, m)) for p in small[:3] for m in mixes)
    if asked.out:
        from stylespace.pictures import to_pil

        for name in SAMPLES:
            photo = read(asked.data / "content" / f"{name}.jpg").pixels
            to_pil(more.pixels(resize(photo, fit(photo.shape[-2:], 512)), asked.style)).save(
                asked.out / f"{name}-{asked.style}.png"
            )
    common = {"spread": [], "threads": asked.threads, "style": asked.style, "steps": STEPS_ADDED}
    for claim, value, target, unit in (
        ("add-style-seconds", run.seconds, "<= 300", "s"),
        ("add-style-steps-share", STEPS_ADDED / (network.provenance["steps"] or STEPS), "<= 0.125", ""),
        ("add-style-loss-ratio to the photos' own", made / plain, "", ""),
        ("add-style-others-changed", 0 if same else 1, "<= 0", ""),
    ):
        print(json.dumps({"claim": claim, "value": value, "target": target, "unit": unit, **common}))


if __name__ == "__main__":
    main()
