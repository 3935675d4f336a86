"""Our default results beside the published ones of ``../shared/data/published``: a sheet to be judged by eye, single files, distances.

    python benchmarks/side_by_side.py -o FOLDER [--size 512] [--only amber] [--set content_weight=.1 ...]

FOLDER lies outside the repository: the pictures are made from ones that are not ours. Results that are there are not made again. Style
scale and kept colours of the published settings are taken over; of two styles each counts alike. Both pictures are compared at one size.
Distances, where VGG-16's weights are there, are its own: to the style, the Gram share a layer (agreement.py); to the photo, relu4_2's.
"""

from __future__ import annotations

import csv
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from agreement import content_distance, seen, shares
from common import REPOSITORY, SHARED, figure, parser
from stylespace import encoders, transfer
from stylespace.encoders.encoder import Encoder
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.pictures import fit, read, resize, to_pil, write
from stylespace.pictures.picture import Picture
from stylespace.pictures.sheet import Cell, sheet
from stylespace.settings import parsed


@dataclass(frozen=True)
class Published:
    """One published result, and how ours is asked for: ``settings`` of ``transfer``."""

    name: str
    picture: Path
    photo: Path
    styles: dict[str | Path, float]
    settings: dict[str, Any]
    how: str


def published(folder: Path) -> Iterator[Published]:
    """The rows of ``index.csv``."""
    with (folder / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            styles: dict[str | Path, float] = {folder / name: 1.0 for name in row["styles"].split(";")}
            settings: dict[str, Any] = {"method": "gatys"} if len(styles) > 1 else {}
            if scale := re.search(r"style scale ([\d.]+)", row["how"]):
                settings["style_scale"] = float(scale[1])
            if "colours of the photo kept" in row["how"]:
                settings["colour"] = "luminance"
            name = Path(row["output"]).stem.removeprefix("out_")
            yield Published(name, folder / row["output"], folder / row["content"], styles, settings, row["how"])


def ours(each: Published, size: int, settings: dict[str, Any], folder: Path) -> Tensor:
    """Our default result (1, 3, H, W), in ``folder``."""
    path = folder / f"{each.name}-ours.png"
    if not path.exists():
        styles = each.styles if len(each.styles) > 1 else next(iter(each.styles))
        transfer(each.photo, styles, size=size, **(each.settings | settings)).save(path)
    return read(path).pixels


def styles_together(each: Published) -> Image.Image:
    """The style pictures side by side."""
    pictures = [to_pil(seen(path, 256)) for path in each.styles]
    high = min(picture.height for picture in pictures)
    row = Image.new("RGB", (sum(picture.width for picture in pictures), high))
    for index, picture in enumerate(pictures):
        row.paste(picture, (sum(other.width for other in pictures[:index]), 0))
    return row


def main() -> None:
    options = parser(__doc__)
    options.add_argument("-o", "--out", type=Path, required=True)
    options.add_argument("--size", type=int, default=512, help="long side, that of the published picture at most")
    options.add_argument("--only", default="", help="results whose name contains this")
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of gatys, of every result")
    options.add_argument("--data", type=Path, default=SHARED / "data")
    options.add_argument("--weights", type=Path, default=SHARED / "weights" / "vgg16_conv.safetensors", help="VGG-16's")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.out.resolve().is_relative_to(REPOSITORY):
        raise SystemExit("-o: give a folder outside the repository; the pictures are made from ones that are not ours.")
    chosen.out.mkdir(parents=True, exist_ok=True)
    settings = {name: parsed(GatysSettings, name, value) for name, _, value in (text.partition("=") for text in chosen.set)}
    eye = encoders.load("vgg16", weights=chosen.weights, precision="fp32") if chosen.weights.exists() else None
    rows: list[list[Cell]] = []
    for each in published(chosen.data / "published"):
        if chosen.only not in each.name:
            continue
        theirs, photo = read(each.picture).pixels, read(each.photo).pixels
        own = ours(each, min(chosen.size, max(theirs.shape[-2:])), settings, chosen.out)
        theirs = resize(theirs, own.shape[-2:])
        write(Picture(theirs), chosen.out / f"{each.name}-published.png", force=True)
        labels = ["published", "ours"] if eye is None else compared(eye, each, photo, theirs, own)
        shown = resize(photo, fit(photo.shape[-2:], max(own.shape[-2:])))
        rows.append(
            [Cell(to_pil(shown), each.how, styles_together(each)), Cell(to_pil(theirs), labels[0]), Cell(to_pil(own), labels[1])]
        )
    if not rows:
        raise SystemExit(f"--only: no published result's name contains '{chosen.only}'.")
    sheet(rows, column_labels=("photo and style", "published", "ours"), side=chosen.size).save(
        chosen.out / "sheet.jpg", quality=90
    )


def compared(eye: Encoder, each: Published, photo: Tensor, theirs: Tensor, own: Tensor) -> list[str]:
    """Print the figures; labels for both pictures."""
    both = {"published": theirs, "ours": own}
    scale = each.settings.get("style_scale", 1.0)
    layers = {who: shares(eye, picture, each.styles, scale) for who, picture in both.items()}
    style = {who: statistics.mean(found.values()) for who, found in layers.items()}
    content = {who: content_distance(eye, picture, photo) for who, picture in both.items()}
    details: dict[str, Any] = {f"{who} {name}": round(value, 4) for who, found in layers.items() for name, value in found.items()}
    size = max(own.shape[-2:])
    figure(f"beside-{each.name}-style", style["ours"] / style["published"], "<= 1", **style, **details, size=size)
    figure(f"beside-{each.name}-content", content["ours"] / content["published"], "", **content, size=size)
    return [f"{who}: style {style[who]:.2f}, content {content[who]:.2f}" for who in both]


if __name__ == "__main__":
    main()
