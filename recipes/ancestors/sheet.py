"""Contact sheets of quilting, analogies and photorealistic transfer, from drawings of ours and photographs that come with scikit-image.

python recipes/ancestors/sheet.py quilting -o docs/quilting.webp
python recipes/ancestors/sheet.py analogies -o docs/analogies.webp     # wants the extra patches
python recipes/ancestors/sheet.py photoreal -o docs/photoreal.webp
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage.data import astronaut, chelsea, coffee, gravel

import stylespace as ss
from stylespace.demo.drawings import draw
from stylespace.pictures import fit, read, resize, to_pil
from stylespace.pictures.sheet import Cell, sheet


def picture(source: Any) -> Image.Image:
    return to_pil(read(source).pixels).convert("RGB")


def repeated(tile: Image.Image) -> Image.Image:
    """Two by two of it."""
    made = Image.new("RGB", (2 * tile.width, 2 * tile.height))
    for number in range(4):
        made.paste(tile, (number % 2 * tile.width, number // 2 * tile.height))
    return made


def quilting() -> list[list[Cell]]:
    photo, glass = chelsea(), draw("mosaic", (400, 400))
    stone = np.asarray(picture(gravel()).resize((256, 256), Image.Resampling.LANCZOS))
    hole = np.zeros(stone.shape[:2], np.uint8)
    hole[90:150, 70:190] = 255
    damaged = stone.copy()
    damaged[hole > 0] = 0
    small = draw("mosaic", (192, 192))
    return [
        [
            Cell(picture(stone), "a source"),
            Cell(ss.texture(stone, size=(512, 512)).picture, "a texture of four times the area"),
            Cell(repeated(picture(small)), "a picture, 2 x 2"),
            Cell(repeated(ss.texture(small, tile=True).picture), "made to tile, 2 x 2"),
        ],
        [
            Cell(picture(damaged), "a hole"),
            Cell(ss.texture(damaged, hole=hole).picture, "filled"),
            Cell(picture(photo), "a photo", inset=picture(glass)),
            Cell(
                ss.transfer(photo, glass, method="quilting", size=640, block=20, style_scale=0.5).picture,
                "in blocks of the style",
            ),
        ],
    ]


def analogies() -> list[list[Cell]]:
    photo, style = chelsea(), draw("swirls", (384, 512))
    there, here = (np.zeros((256, 256, 3), np.uint8) for _ in range(2))
    glass, waves = draw("mosaic", (256, 256)), draw("waves", (256, 256))
    numbers = np.where(np.arange(256)[None, :, None] < 128, glass, waves)
    there[:, 128:], here[:] = 255, 0
    y, x = np.mgrid[:256, :256]
    here[(y - 128) ** 2 + (x - 128) ** 2 < 80**2] = 255
    whole = resize(read(gravel()).pixels, (384, 384))
    high, wide = whole.shape[-2:]
    small, detailed = resize(whole[..., : wide // 2], fit((high, wide // 2), high // 2)), whole[..., wide // 2 :].contiguous()
    return [
        [
            Cell(picture(photo), "a photo", inset=picture(style)),
            Cell(ss.transfer(photo, style, method="analogies").picture, "by example"),
            Cell(picture(there), "A, a map", inset=picture(numbers)),
            Cell(
                ss.transfer(here, numbers, method="analogies", preset="texture-by-numbers", style_source=there, size=256).picture,
                "texture by numbers", inset=picture(here),
            ),
        ],
        [
            Cell(picture(small), "half the pixels each way"),
            Cell(picture(resize(small, (high, wide // 2))), "enlarged"),
            Cell(picture(detailed), "A', more of the same kind"),
            Cell(ss.transfer(small, detailed, method="analogies", preset="super-resolution", size=high).picture, "super-resolution"),
        ],
    ]  # fmt: skip


def photoreal() -> list[list[Cell]]:
    """Routes that need no optimisation, on photos that have no labels."""
    rows = []
    for photo, style in ((coffee(), chelsea()), (chelsea(), astronaut())):
        whole, parts = (
            ss.transfer(photo, style, method="photoreal", size=448, route=route, classes=classes).picture
            for route, classes in (("global", None), ("fast", ss.Classes(found=3)))
        )
        rows.append(
            [
                Cell(picture(photo), "a photo", inset=picture(style)),
                Cell(whole, "global"),
                Cell(parts, "fast, three classes found"),
            ]
        )
    return rows


SHEETS = {"quilting": quilting, "analogies": analogies, "photoreal": photoreal}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("which", choices=SHEETS)
    options.add_argument("-o", "--out", type=Path, required=True)
    chosen = options.parse_args()
    sheet(SHEETS[chosen.which](), side=300).save(chosen.out, quality=86)


if __name__ == "__main__":
    main()
