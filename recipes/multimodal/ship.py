"""Put a trained run into the package, with its model card; and what it is worth beside a network of one scale.

python recipes/multimodal/ship.py --data ../shared/data --folder brushwork
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from train import STYLES, trainer

import stylespace as ss
from stylespace.networks.fast import multiplications
from stylespace.networks.style_network import MODELS, StyleNetwork
from stylespace.pictures import fit, read, resize, to_pil
from stylespace.storage.atomic import write_text

PHOTOS = ("tubingen", "golden_gate", "lion", "cornell")
SIZE = 1024


def distances(network: StyleNetwork, data: Path) -> dict[str, list[float]]:
    """For each style: mean style distance of ``score`` over the photos at 1,024 px, at full, half and a quarter of the size."""
    found = {}
    for name in STYLES:
        painting = data / "paintings" / f"{name}.jpg"
        rows = []
        for photo in PHOTOS:
            pixels = read(data / "content" / f"{photo}.jpg").pixels
            small = resize(pixels, fit(pixels.shape[-2:], SIZE))
            told = ss.score(to_pil(small), painting, to_pil(network.pixels(small, name)), size=SIZE)["style"]
            rows.append([told["distance"], told["half"]["distance"], told["quarter"]["distance"]])
        found[name] = np.mean(rows, 0).tolist()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, default=Path("brushwork"))
    parser.add_argument("--steps", type=int, default=1400)
    parser.add_argument("--note", default="")
    asked = parser.parse_args()
    run = trainer(asked.data, asked.folder, steps=asked.steps)
    network = run.network()
    if asked.note:
        network.provenance["note"] = asked.note
    network = StyleNetwork.load(network.save(MODELS / "brushwork.safetensors"))
    own, other = distances(network, asked.data), distances(StyleNetwork.load("classics"), asked.data)
    seconds = {}
    photo = read(asked.data / "content" / f"{PHOTOS[0]}.jpg").pixels
    for size in (256, 512, 1024, 2048):
        small = resize(photo, fit(photo.shape[-2:], size))
        network.pixels(small, STYLES[0])
        start = time.perf_counter()
        network.pixels(small, STYLES[0])
        seconds[size] = time.perf_counter() - start
    provenance = network.provenance
    lines = [
        "# Model card: brushwork", "",
        f"{len(network.names)} styles in three networks in a row (Multimodal Transfer, Wang et al. 2017): large shapes at a quarter of the"
        " size, then texture at half of it and all of it.",
        f"{sum(p.numel() for p in network.body.parameters()):,} parameters, {multiplications(network.body, 512, 512) / 1e9:.1f} billion"
        " multiply-adds for 512 x 512 pixels. Half precision.", "",
        "Use: `stylespace paint photo.jpg --network brushwork --style starry_night`; `--style metzinger/starry_night` paints large shapes"
        " in the one's manner and brushwork in the other's; `--stage 1` or `2` shows what the first networks make.", "",
        f"Made by: `recipes/multimodal` ({provenance['steps']:,} steps of {provenance['settings']['batch']} crops of"
        f" {provenance['settings']['crop']} px, styles seen at 256, 512 and 1,024 px; {provenance['seconds'] / 60:.0f} minutes on"
        f" {provenance['threads']} core(s) beside other work; loss network: the compact encoder).",
        *([provenance["note"]] if "note" in provenance else []),
        f"Data: {provenance['photos']:,} photographs (one for most ImageNet classes, BSDS500), random crops; The Starry Night (Vincent van"
        " Gogh, 1889) and Portrait of Metzinger (Robert Delaunay, 1906), in the public domain.",
        "Licence: Apache-2.0.", "",
        f"Style distance (`stylespace score`, mean of {len(PHOTOS)} photographs at 1,024 px) beside `classics`, one network trained on the"
        " styles at 256 to 384 px:", "",
        "| style | network | full | half | quarter |", "| --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for name in STYLES:
        for label, table in (("brushwork", own), ("classics", other)):
            lines.append(f"| {name} | {label} | " + " | ".join(f"{value:.4f}" for value in table[name]) + " |")
    lines += [
        "",
        "Seconds on two cores, PyTorch: " + ", ".join(f"{value:.2f} at {size} px" for size, value in seconds.items()) + ".",
    ]
    write_text(MODELS / "brushwork.md", "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
