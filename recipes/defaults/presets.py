"""Our defaults beside the published settings on their real network, VGG-16, for the bundled cat and one painting; seconds under each.

    python recipes/defaults/presets.py -o presets.png --painting ../shared/data/paintings/starry_night.jpg \
        --weights ../shared/weights/vgg16_conv.safetensors [--size 384] [--only strotss]

Pictures and seconds stay in a folder beside the sheet: run again, it makes only what is missing. The published settings take minutes
to half an hour each on two cores.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from PIL import Image

from stylespace import transfer
from stylespace.pictures import read, to_pil
from stylespace.pictures.sheet import Cell, grid, sheet

PRESETS = {"gatys": "gatys-2016", "strotss": "strotss-2019", "nnst": "nnst-2022"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--painting", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="VGG-16's")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="methods whose name contains this text")
    options = parser.parse_args()
    from skimage.data import chelsea

    folder = options.out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    cells = []
    for method, preset in PRESETS.items():
        if options.only not in method:
            continue
        published = {"preset": preset, "encoder": "vgg16", "weights": options.weights}
        for name, settings in ((f"{method}, ours", {}), (f"{method}, {preset}", published)):
            common = {"method": method, "size": options.size, "threads": options.threads}
            cells.append(cell(folder / f"{name}.png", name, options.painting, common | settings))
    inputs = [Cell(Image.fromarray(chelsea()), "the photo"), Cell(to_pil(read(options.painting).pixels), "the painting")]
    sheet(grid([*inputs, *cells], 4), side=options.size).save(options.out, quality=88)


def cell(path: Path, name: str, painting: Path, settings: dict[str, Any]) -> Cell:
    """The result in ``path``, made when it is not there."""
    from skimage.data import chelsea

    seconds = path.with_suffix(".json")
    if not seconds.exists():
        start = time.perf_counter()
        transfer(chelsea(), painting, **settings).save(path)
        seconds.write_text(json.dumps(time.perf_counter() - start))
    label = f"{name}: {json.loads(seconds.read_text()):.0f} s"
    print(label, flush=True)
    with Image.open(path) as picture:
        return Cell(picture.convert("RGB"), label)


if __name__ == "__main__":
    main()
