"""The sheet that defaults are judged on: 8 photographs x 12 paintings, one picture each, all with the settings given.

python recipes/defaults/sheet.py --data DATA -o sheet.jpg [--size 256] [--set content_weight=0.05 ...]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import stylespace
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.pictures import read
from stylespace.pictures.pillow import to_pil
from stylespace.pictures.resizing import fit, resize
from stylespace.settings import parsed

PHOTOS = ("tubingen", "golden_gate", "chicago", "lion", "stata", "sailboat", "cornell", "taj_mahal")
PAINTINGS = (
    "starry_night", "great_wave", "the_scream", "composition_vii", "udnie", "roman_mosaic", "saint_severin", "flowering_tree",
    "contrast_of_forms", "rotterdam", "grotto_in_the_campagna", "sun_and_stars",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    from PIL import Image

    settings = {name: parsed(GatysSettings, name, value) for name, _, value in (text.partition("=") for text in options.set)}
    cell = options.size
    sheet = Image.new("RGB", ((len(PHOTOS) + 1) * cell, (len(PAINTINGS) + 1) * cell), "white")

    def paste(picture: Image.Image, column: int, row: int) -> None:
        sheet.paste(picture, (column * cell + (cell - picture.width) // 2, row * cell + (cell - picture.height) // 2))

    def small(path: Path) -> Image.Image:
        pixels = read(path).pixels
        return to_pil(resize(pixels, fit(pixels.shape[-2:], cell)))

    start = time.time()
    for row, painting in enumerate(PAINTINGS):
        style = options.data / "paintings" / f"{painting}.jpg"
        paste(small(style), 0, row + 1)
        for column, name in enumerate(PHOTOS):
            photo = options.data / "content" / f"{name}.jpg"
            if not row:
                paste(small(photo), column + 1, 0)
            paste(stylespace.transfer(photo, style, size=cell, **settings).picture, column + 1, row + 1)
        sheet.save(options.out, quality=90)
        print(f"{painting}: {time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
