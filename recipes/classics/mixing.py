"""Mixes of two styles: the losses to both along the path from one to the other, in steps of an eighth.

python recipes/classics/mixing.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from train import styles, trainer

from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import fit, read, resize

PAIRS = (
    ("starry_night", "great_wave"),
    ("udnie", "roman_mosaic"),
    ("seaport", "contrast_of_forms"),
    ("the_scream", "water_lilies"),
)
SHARES = np.linspace(0, 1, 9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--plot", type=Path, help="draw the path here (.png)")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    network = StyleNetwork.load("classics")
    with tempfile.TemporaryDirectory() as folder:
        loss = trainer(asked.data, Path(folder), len(styles(asked.data, len(network.names)))).loss
    val = [read(p).pixels for p in sorted((asked.data / "photos" / "val").glob("*.*"))[: asked.photos]]
    small = [resize(p, fit(p.shape[-2:], 256)) for p in val]
    paths = {}
    for one, other in PAIRS:
        ends = [network.names.index(name) for name in (one, other)]
        rows = []
        for share in SHARES:
            found = []
            for photo in small:
                with torch.no_grad():
                    painted = network.pixels(photo, {one: 1 - share, other: share})
                    found.append([float(loss(painted, photo, [end], [0])["style"]) for end in ends])
            rows.append(np.mean(found, 0))
        path = paths[one, other] = np.array(rows)
        rises, falls = np.diff(path[:, 0]), -np.diff(path[:, 1])
        steps = np.concatenate([rises / (path[-1, 0] - path[0, 0]), falls / (path[0, 1] - path[-1, 1])])
        common = {"unit": "", "spread": [], "threads": asked.threads, "losses": path.round(4).tolist()}
        print(
            json.dumps(
                {"claim": f"mixing-monotone {one} to {other}", "value": float(steps.min()), "target": ">= -0.02", **common}
            )
        )
        print(
            json.dumps(
                {"claim": f"mixing-largest-step {one} to {other}", "value": float(steps.max()), "target": "<= 0.4", **common}
            )
        )
    if asked.plot:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(12, 3), layout="constrained")
        for axes, ((one, other), path) in zip(figure.subplots(1, len(paths)), paths.items(), strict=True):
            for column, name in enumerate((one, other)):
                axes.plot(SHARES, path[:, column], marker="o", markersize=3, label=f"to {name}")
            axes.set(xlabel=f"share of {other}", ylabel="style loss")
            axes.legend(fontsize=7)
        figure.savefig(asked.plot, dpi=110)


if __name__ == "__main__":
    main()
