"""``brushwork`` beside single networks that learned the styles at 256 and at 1,024 px (the document's comparison); its seconds and memory.

    python recipes/multimodal/measure.py --data ../shared/data [--folder runs/singles] [--sheet crops.png]

Single networks are trained in ``--folder`` where they are not there yet: 1,400 steps each, as many as ``brushwork`` had.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from train import STYLES, trainer

import stylespace as ss
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import fit, read, resize, to_pil
from stylespace.pictures.sheet import Cell, sheet

PHOTOS = ("tubingen", "golden_gate", "lion", "cornell")
SIZE, CROP = 1024, 384
SIZES = (256, 512, 1024, 2048)


def tell(claim: str, value: float, unit: str = "", **more: object) -> None:
    """One figure as a line of JSON."""
    print(json.dumps({"claim": claim, "target": "", "value": value, "spread": [], "unit": unit, "threads": torch.get_num_threads()} | more),
          flush=True)  # fmt: skip


def single(data: Path, folder: Path, size: int) -> StyleNetwork:
    """The single network that saw the styles at one size, trained to its end."""
    run = trainer(data, folder / f"single{size}", size)
    run.run(
        progress=lambda step: None if step.step % 100 else print(f"single {size}: step {step.step}", file=sys.stderr, flush=True)
    )
    return run.network()


def cost(data: Path, size: int) -> None:
    """Seconds and peak memory of one size, in a process of its own."""
    photo = read(data / "content" / f"{PHOTOS[0]}.jpg").pixels
    pixels = resize(photo, fit(photo.shape[-2:], size))
    network = StyleNetwork.load("brushwork")
    network.pixels(pixels, STYLES[0])
    before = time.perf_counter()
    network.pixels(pixels, STYLES[0])
    tell(f"multimodal-seconds-{size}", time.perf_counter() - before, "s")
    # Of this program alone, as Linux tells: what getrusage says begins with the parent's.
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    tell(f"multimodal-memory-{size}", int(lines["VmHWM"].split()[0]) / 1024, "MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, default=Path("runs/singles"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sheet", type=Path, help="draw crops of all networks side by side here")
    parser.add_argument("--cost", type=int)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.cost:
        cost(asked.data, asked.cost)
        return
    networks = {f"single-{size}": single(asked.data, asked.folder, size) for size in (256, 1024)}
    networks["brushwork"] = StyleNetwork.load("brushwork")
    rows: list[list[Cell]] = []
    for style in STYLES:
        painting = asked.data / "paintings" / f"{style}.jpg"
        crops: dict[str, list[Cell]] = {photo: [] for photo in PHOTOS}
        for name, network in networks.items():
            found = []
            for photo in PHOTOS:
                pixels = read(asked.data / "content" / f"{photo}.jpg").pixels
                given = resize(pixels, fit(pixels.shape[-2:], SIZE))
                made = to_pil(network.pixels(given, style))
                told = ss.score(to_pil(given), painting, made, size=SIZE)["style"]
                found.append([told["distance"], told["half"]["distance"], told["quarter"]["distance"]])
                left, top = (made.width - CROP) // 2, (made.height - CROP) // 2
                crops[photo].append(Cell(made.crop((left, top, left + CROP, top + CROP)), name))
            for scale, values in zip(("full", "half", "quarter"), np.transpose(found), strict=True):
                tell(
                    f"style-distance-{style}-{name}-{scale}", float(np.mean(values)), photos=[round(float(v), 5) for v in values]
                )
        rows += list(crops.values())
    if asked.sheet:
        sheet(rows, side=CROP).save(asked.sheet)
    for size in SIZES:
        command = [sys.executable, __file__, "--data", str(asked.data), "--threads", str(asked.threads), "--cost", str(size)]
        sys.stdout.write(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
