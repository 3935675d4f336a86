"""The pictures to fit on: which are held back to measure with, and random crops of the others."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

HELD_BACK = 10  # paintings, of ten manners
PAINTINGS_SHARE = 0.35  # of the crops; the others are of photographs
_LONG_SIDE = 768  # of paintings that crops are taken from


def held_back(data: Path) -> set[str]:
    """Every eighteenth painting of the index (179 -> 10)."""
    with (data / "paintings" / "index.csv").open(newline="") as rows:
        names = [row["file"] for row in csv.DictReader(rows)]
    return set(names[9::18][:HELD_BACK])


def training_pictures(data: Path) -> tuple[list[Path], list[Path]]:
    """Photographs and paintings."""
    hidden = held_back(data)
    photos = sorted((data / "photos" / "train").glob("*.*"))
    return photos, sorted(path for path in (data / "paintings").glob("*.jpg") if path.name not in hidden)


def test_pictures(data: Path) -> list[Path]:
    """The ten paintings and the photographs of ``photos/val``."""
    return sorted(data / "paintings" / name for name in held_back(data)) + sorted((data / "photos" / "val").glob("*.*"))


@dataclass(frozen=True)
class Variation:
    """How crops vary. ``window``: bounds of the side that is cut out, in units of the crop's; ``gains``: bounds of the factor of each
    channel of a recoloured one; ``noise``: bounds of the share of white noise in a noisy one; the rest: how often."""

    window: tuple[float, float]
    flipped: float
    recoloured: float
    gains: tuple[float, float]
    noisy: float
    noise: tuple[float, float]
    blurred: float


FITTING = Variation((0.8, 2.2), 0.0, 0.25, (1.0, 1.0), 0.15, (0.02, 0.5), 0.0)
TRAINING = Variation((0.5, 2.4), 0.5, 0.4, (0.8, 1.2), 0.07, (0.02, 0.6), 0.05)


def opened(path: Path) -> Image.Image:
    """A picture in RGB, in memory, of 768 px at most."""
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((_LONG_SIDE, _LONG_SIDE), Image.Resampling.BICUBIC)
    return picture


class Crops:
    """Random crops of photographs and paintings. ``random`` and ``generator`` are theirs alone."""

    def __init__(self, photos: Sequence[Path], paintings: Sequence[Path], variation: Variation, seed: int) -> None:
        self.photos = [opened(path) for path in photos]
        self.paintings = [opened(path) for path in paintings]
        self.variation = variation
        self.random = random.Random(seed)
        self.generator = torch.Generator().manual_seed(seed)

    def any(self, size: int) -> Tensor:
        """A crop of a painting or, more often, of a photograph: (1, 3, size, size), sRGB in [0, 1], channels last."""
        return self.painting(size) if self.random.random() < PAINTINGS_SHARE else self.photo(size)

    def photo(self, size: int) -> Tensor:
        """A crop of a photograph."""
        return self.crop(self.random.choice(self.photos), size)

    def painting(self, size: int) -> Tensor:
        """A crop of a painting."""
        return self.crop(self.random.choice(self.paintings), size)

    def batch(self, count: int, size: int) -> Tensor:
        """Several crops of any kind, (count, 3, size, size)."""
        return torch.cat([self.any(size) for _ in range(count)])

    def crop(self, picture: Image.Image, size: int) -> Tensor:
        """One crop, varied."""
        r, how = self.random, self.variation
        side = min(*picture.size, r.uniform(*how.window) * size)
        x, y = r.uniform(0, picture.width - side), r.uniform(0, picture.height - side)
        cut = picture.resize((size, size), Image.Resampling.BICUBIC, box=(x, y, x + side, y + side))
        if r.random() < how.flipped:
            cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        t = torch.from_numpy(np.asarray(cut, dtype=np.float32) / 255).permute(2, 0, 1)[None]
        if r.random() < how.recoloured:  # saturation, contrast, exposure, channels
            grey = t.mean(1, keepdim=True)
            t = grey + r.uniform(0.3, 1.6) * (t - grey)
            t = (t - 0.5) * r.uniform(0.6, 1.3) + 0.5 + r.uniform(-0.15, 0.15)
            t = t * torch.tensor([r.uniform(*how.gains) for _ in range(3)])[:, None, None]
        if r.random() < how.noisy:
            t = t.lerp(torch.rand(t.shape, generator=self.generator), r.uniform(*how.noise))
        if r.random() < how.blurred:
            t = F.avg_pool2d(F.pad(t, (2, 2, 2, 2), mode="reflect"), 5, 1)
        return t.clamp(0, 1).contiguous(memory_format=torch.channels_last)
