"""What the examples share: their photo and drawn paintings, ``--size``, and where their pictures go."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stylespace.demo.drawings import draw

_options = argparse.ArgumentParser()
_options.add_argument("--size", type=int, default=320, help="long side of the picture")
_options.add_argument("-o", "--out", type=Path, help="where it goes [default: beside the script, as WebP]")
GIVEN = _options.parse_args()
SIZE: int = GIVEN.size


def photo(name: str = "chelsea") -> Image.Image:
    """A photograph that comes with scikit-image: chelsea, coffee, astronaut."""
    from skimage import data

    picture = Image.fromarray(getattr(data, name)())
    picture.thumbnail((SIZE, SIZE))
    return picture


def painting(name: str, seed: int = 0) -> Image.Image:
    """One of our own drawings: swirls, waves, stained_glass, halftone, watercolour, mosaic, linocut."""
    side = max(SIZE, 64)
    return Image.fromarray(draw(name, (side, side), seed))


def row(*pictures: Any) -> Image.Image:
    """Pictures side by side, as high as the first."""
    fitted = [
        each.convert("RGB").resize((round(each.width * pictures[0].height / each.height), pictures[0].height))
        for each in pictures
    ]
    return Image.fromarray(np.concatenate([np.asarray(each) for each in fitted], 1))


def save(picture: Any) -> None:
    """Write a Pillow picture as this script's."""
    out = GIVEN.out or Path(sys.argv[0]).with_suffix(".webp")
    picture.convert("RGB").save(out, quality=80)
    print(out)
