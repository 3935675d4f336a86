"""How far a picture is from a style and from a photo, as an encoder sees it: what trust.py and side_by_side.py compare by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from stylespace.pictures import fit, read, resize
from stylespace.statistics.gram import gram

Eye = Callable[[Tensor, Sequence[str]], Mapping[str, Tensor]]  # an encoder
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT = "relu4_2"


def seen(source: str | Path, long_side: int) -> Tensor:
    """A picture (1, 3, H, W) as methods look at it: never enlarged."""
    pixels = read(source).pixels
    return resize(pixels, fit(pixels.shape[-2:], min(long_side, max(pixels.shape[-2:]))))


@torch.no_grad()
def grams(eye: Eye, picture: Tensor) -> dict[str, Tensor]:
    return {name: gram(features) for name, features in eye(picture, LAYERS).items()}


def shares(eye: Eye, picture: Tensor, styles: Mapping[str | Path, float], style_scale: float = 1.0) -> dict[str, float]:
    """By layer: the squared difference of the picture's Gram matrix from the styles' weighted mean, as a share of that mean's own energy.

    Styles are looked at in the size that ``transfer`` looks at them for this picture.
    """
    long_side = max(1, round(max(picture.shape[-2:]) * style_scale))
    given = grams(eye, picture)
    each = [(grams(eye, seen(path, long_side)), weight / sum(styles.values())) for path, weight in styles.items()]
    found = {}
    for name in LAYERS:
        wanted = torch.stack([weight * style[name] for style, weight in each]).sum(0)
        found[name] = float((given[name] - wanted).square().sum() / wanted.square().sum())
    return found


@torch.no_grad()
def content_distance(eye: Eye, picture: Tensor, photo: Tensor) -> float:
    """Of relu4_2, as a share of the photo's own variance there."""
    given, wanted = (eye(each, (CONTENT,))[CONTENT].float() for each in (picture, resize(photo, picture.shape[-2:])))
    spread = wanted - wanted.mean((2, 3), keepdim=True)
    return float((given - wanted).square().sum() / spread.square().sum())
