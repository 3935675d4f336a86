"""One pair under every statistic: photograph, style, and a redrawing for each, all else at its default.

python recipes/kernels/sheet.py -o sheet.png [--photo FILE --style FILE] [--size 256] [--set kernel_offset=1 ...] [--statistic NAME ...]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import stylespace
from stylespace.demo.drawings import DRAWINGS, draw
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.objectives.style import STATISTICS
from stylespace.pictures import read, to_pil
from stylespace.pictures.sheet import Cell, grid, sheet
from stylespace.settings import parsed

COLUMNS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--photo", type=Path, help="default: Chelsea the cat, which comes with scikit-image")
    parser.add_argument("--style", default="swirls", help=f"a file, or a drawing of ours: {', '.join(DRAWINGS)}")
    parser.add_argument("--size", type=int, default=256, help="long side of each picture in pixels")
    parser.add_argument("--statistic", action="append", choices=list(STATISTICS), help="default: all")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting of gatys")
    options = parser.parse_args()
    settings = {name: parsed(GatysSettings, name, value) for name, _, value in (text.partition("=") for text in options.set)}
    photo, style = read(_photo(options.photo)), read(_style(options.style))
    cells = [Cell(to_pil(photo), "photo"), Cell(to_pil(style), "style")]
    for name in options.statistic or STATISTICS:
        start = time.time()
        picture = stylespace.transfer(photo, style, size=options.size, statistic=name, **settings).picture
        cells.append(Cell(picture, name))
        print(f"{name}: {time.time() - start:.0f} s", flush=True)
    sheet(grid(cells, COLUMNS), side=options.size).save(options.out, quality=88)


def _photo(path: Path | None) -> Any:
    if path is not None:
        return path
    from skimage.data import chelsea

    return chelsea()


def _style(name: str) -> Any:
    return draw(name, (512, 512)) if name in DRAWINGS else Path(name)


if __name__ == "__main__":
    main()
