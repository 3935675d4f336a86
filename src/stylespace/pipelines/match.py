"""Corresponding places in two pictures: find, save and draw them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.pictures.pillow import to_pil
from stylespace.pictures.reading import MAX_PIXELS, read
from stylespace.pictures.resizing import resize
from stylespace.statistics.buddies import best_buddies
from stylespace.statistics.cleaning import cleaned, strongest
from stylespace.storage.atomic import write_text
from stylespace.storage.plain import parse, reason

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 256
Point = tuple[float, float]


@dataclass(frozen=True)
class Matches:
    """Pairs of places, strongest first: ``a`` and ``b``, each (right, down) as fractions of width and height; ``activation`` of each."""

    a: tuple[Point, ...]
    b: tuple[Point, ...]
    activation: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.a)

    def json(self) -> str:
        """A list of pairs, places in shares of width and height."""
        strength = self.activation or (0.0,) * len(self)
        pairs = [{"a": list(a), "b": list(b), "activation": s} for a, b, s in zip(self.a, self.b, strength, strict=True)]
        return json.dumps({"pairs": pairs}, indent=1)

    def save(self, path: str | Path) -> Path:
        """Write :meth:`json` to a file."""
        return write_text(path, self.json() + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Matches:
        """Read what :meth:`save` or a user wrote. Raises ``InputError``."""
        try:
            pairs = parse(Path(path).read_text(encoding="utf-8"))["pairs"]
            a, b = (tuple((float(p[k][0]), float(p[k][1])) for p in pairs) for k in "ab")
            strength = tuple(float(p.get("activation", 0)) for p in pairs)
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise InputError(
                f"{path} holds no pairs ({reason(error)}):"
                ' write {"pairs": [{"a": [0.5, 0.5], "b": [0.4, 0.6]}]}, shares of width and height.'
            ) from error
        if not all(0 <= x <= 1 for p in (*a, *b) for x in p):
            raise InputError(f"{path} has places outside the pictures: give shares of width and height, from 0 to 1.")
        return cls(a, b, strength)

    def draw(self, first: Any, second: Any, side: int = 512) -> Image:
        """Both pictures side by side with the pairs numbered on them."""
        from PIL import Image, ImageDraw, ImageFont

        pictures = [to_pil(read(p).pixels).convert("RGB") for p in (first, second)]
        pictures = [p.resize((max(1, round(p.width * side / p.height)), side)) for p in pictures]
        gap = side // 32
        sheet = Image.new("RGB", (pictures[0].width + gap + pictures[1].width, side), "white")
        pen, font, radius = ImageDraw.Draw(sheet), ImageFont.load_default(side // 36), side // 44
        left = 0
        for picture, places in zip(pictures, (self.a, self.b), strict=True):
            sheet.paste(picture, (left, 0))
            for number, (x, y) in enumerate(places, 1):
                colour = f"hsl({number * 137 % 360}, 85%, 45%)"
                at = (left + x * picture.width, y * picture.height)
                pen.ellipse([at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius], fill=colour, outline="white")
                pen.text(at, str(number), fill="white", font=font, anchor="mm")
            left += picture.width + gap
        return sheet


def match(
    a: Any,
    b: Any,
    *,
    encoder: str | Encoder = "compact",
    fast: bool = False,
    count: int | None = None,
    clean: bool = True,
    weights: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Matches:
    """Neural best buddies of two pictures (paths, PIL pictures, arrays, tensors), compared at 256 x 256 pixels.

    ``fast``: the published fast setting, which stops at the second level of five. ``count``: number of pairs, one for each part of
    the first picture. ``clean``: keep only strong pairs, far apart, that do not cross. Deterministic. Source: Aberman et al. 2018.
    Raises ``InputError`` and ``PictureError``.
    """
    if count is not None and count < 1:
        raise InputError(f"{count} pairs are asked for: give 1 or more.")
    network = encoder if isinstance(encoder, Encoder) else encoders.load(encoder, weights=weights)
    layers = [f"relu{level}_1" for level in range(5, 1 if fast else 0, -1)]
    device = next(network.parameters()).device
    features = []
    with torch.no_grad():
        for source in (a, b):
            pixels = resize(read(source, max_pixels=max_pixels).pixels, (SIDE, SIDE)).to(device)
            found = network(pixels, layers)
            features.append([found[name].cpu() for name in layers])
    pairs = best_buddies(features[0], features[1])
    if clean:
        # An activation of one a level at most is added up: the published bound is for five levels.
        pairs = cleaned(pairs, least=len(layers) / 5)
    if count is not None:
        pairs = strongest(pairs, count)
    a_places, b_places = (tuple((float(x), float(y)) for y, x in side.tolist()) for side in (pairs.a, pairs.b))
    return Matches(a_places, b_places, tuple(pairs.activation.tolist()))


correspondences = match  # by its other name
