"""Train the first minutes of ``classics`` again and compare with the curve in the shipped file's metadata.

python recipes/classics/replay.py --data ../shared/data --minutes 10
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from train import tell, trainer

from stylespace.networks.style_network import StyleNetwork


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    shipped = StyleNetwork.load("classics")
    settings = {**shipped.provenance["settings"]}
    settings["style_sizes"] = tuple(settings["style_sizes"])
    with tempfile.TemporaryDirectory() as folder:
        run = trainer(asked.data, Path(folder), len(shipped.names), **settings)
        run.run(progress=tell, until=60 * asked.minutes, every=1e9)
        again = {int(step): losses for step, *losses in run.curve}
    logged = {int(step): losses for step, *losses in shipped.provenance["curve"]}
    common = sorted(set(again) & set(logged))
    apart = [abs(sum(again[s]) / sum(logged[s]) - 1) for s in common]
    print(json.dumps({"steps": common[-1], "mean": float(np.mean(apart)), "worst": float(np.max(apart))}))


if __name__ == "__main__":
    main()
