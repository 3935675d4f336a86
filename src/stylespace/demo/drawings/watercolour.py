"""Poppies wet in wet: transparent petals with dark drying edges, blooms, granulation and the grain of the paper."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stylespace.demo.drawings.canvas import Canvas, Plane, colours, relief, step

PAPER = colours("#fbf7ee")[0]
PIGMENTS = dict(
    zip(
        ("rose", "coral", "violet", "gold", "sap", "teal", "plum", "lilac", "peach"),
        -np.log(colours("#e0396f", "#f2694a", "#7d4fb0", "#f5b73c", "#5f9a3f", "#2c8a86", "#3a1f4d", "#a9b4e2", "#f9c9a8")),
        strict=True,
    )
)
# Each blossom: middle (down, across, as a part of the sheet), reach of its petals in design units, petals, the two pigments.
BLOSSOMS = (
    (0.34, 0.33, 150.0, 6, "rose", "coral"),
    (0.63, 0.69, 158.0, 6, "coral", "rose"),
    (0.20, 0.77, 112.0, 5, "violet", "rose"),
    (0.80, 0.25, 118.0, 5, "violet", "lilac"),
    (0.90, 0.92, 84.0, 5, "rose", "violet"),
    (0.52, 0.05, 78.0, 5, "coral", "gold"),
    (0.05, 0.08, 70.0, 5, "gold", "coral"),
)


@dataclass
class Paper:
    """What has dried so far: how much light each place swallows (H, W, 3), and the noises every wash shares."""

    canvas: Canvas
    density: Plane
    wander: Plane  # bends every edge, about 1
    fray: Plane  # finer
    pool: Plane  # where the pigment gathers
    wet: Plane  # above 0: the paper is wet, edges run
    grain: Plane  # hollows of the paper

    def wash(self, part: tuple[slice, slice], inside: Plane, mixture: Plane, strength: Plane | float, bold: float = 1) -> None:
        """Glaze a shape: `inside` its depth in design units, `mixture` the pigment's absorption (3,) or (h, w, 3)."""
        depth = inside + bold * (3.4 * self.wander[part] + 1.3 * self.fray[part])
        run = 11 * bold
        soft = step(self.wet[part] - 0.35, 0.9)
        cover = step(depth, 1.5) * (1 - soft) + step(depth - 0.3 * run, run * 1.6) * soft
        dried = (0.95 * np.exp(-np.clip(depth, 0, 99) / 1.8) + 0.30 * np.exp(-np.clip(depth, 0, 99) / 8)) * (1 - 0.8 * soft)
        amount = cover * (0.62 + 0.24 * self.pool[part] + dried) * (1 + 0.16 * self.grain[part]) * strength
        self.density[part] += np.clip(amount, 0, 3)[..., None] * mixture


def draw(size: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """Damp ground with blooms, leaves, blossoms, spatter; then the paper shows through."""
    canvas = Canvas(size, seed)
    paper = Paper(
        canvas,
        np.zeros((*canvas.shape, 3), np.float32),
        canvas.noise("wander", 34, 3),
        canvas.noise("fray", 7, 2),
        canvas.noise("pool", 40, 3),
        canvas.noise("wet", 75, 2),
        canvas.noise("grain", 2.3) * 0.6 + canvas.noise("tooth", 5) * 0.4,
    )
    ground(paper)
    random = canvas.random("plants")
    high, wide = canvas.extent
    for top, left, reach, *_ in BLOSSOMS:
        start = random.uniform(0, 2 * np.pi)
        for turn in range(4):
            leaf(paper, top * high, left * wide, reach, start + 1.7 * turn + random.uniform(-0.3, 0.3), random)
    for top, left, reach, petals, first, second in BLOSSOMS:
        blossom(paper, top * high, left * wide, reach, petals, (first, second), random)
    spatter(paper, random)
    light = PAPER * np.exp(-paper.density)
    light *= 1 + 0.045 * relief(0.55 * paper.grain, canvas.scale)[..., None]
    return canvas.finish(light)


def ground(paper: Paper) -> None:
    """Pale colours that ran into one another, with the cauliflower edges of water dropped in late."""
    canvas = paper.canvas
    first, second = canvas.noise("ground a", 150, 2), canvas.noise("ground b", 170, 2)
    amounts = {"lilac": 0.36 + 0.42 * first, "peach": 0.34 - 0.40 * first + 0.2 * second, "teal": 0.02 - 0.13 * second}
    for name, amount in amounts.items():
        paper.density += np.clip(amount * (1 + 0.11 * paper.grain), 0, 1)[..., None] * PIGMENTS[name]
    high, wide = canvas.extent
    random = canvas.random("blooms")
    for _ in range(9):
        y, x, reach = random.uniform(0, high), random.uniform(0, wide), random.uniform(45, 95)
        part = canvas.window(y, x, 1.7 * reach, 1.7 * reach)
        depth = reach - np.hypot(canvas.y[part[0]] - y, canvas.x[:, part[1]] - x) + 17 * paper.wander[part] + 6 * paper.fray[part]
        rim = np.exp(-np.abs(depth) / 1.8) * (depth > 0) + np.exp(-np.abs(depth) / 9) * (depth <= 0) * 0.6
        paper.density[part] *= (1 - 0.42 * step(depth, 2))[..., None]
        paper.density[part] += (0.30 * np.clip(rim, 0, 1) * (1 + 0.2 * paper.grain[part]))[..., None] * PIGMENTS["lilac"]


def leaf(paper: Paper, top: float, left: float, reach: float, turn: float, random: np.random.Generator) -> None:
    """A long leaf that leaves a blossom, its halves apart by a sliver of paper."""
    long, bend = reach * random.uniform(0.8, 1.15), random.uniform(-0.2, 0.2)
    start = 0.60 * reach
    sine, cosine = math.sin(turn), math.cos(turn)
    y, x = top + (start + long / 2) * sine, left + (start + long / 2) * cosine
    part = paper.canvas.window(y, x, 0.7 * long, 0.7 * long)
    dy, dx = paper.canvas.y[part[0]] - y, paper.canvas.x[:, part[1]] - x
    along = (dx * cosine + dy * sine) / long + 0.5
    arch = np.sin(np.pi * np.clip(along, 0, 1))
    across = dy * cosine - dx * sine - bend * long * arch
    half = 0.185 * long * np.clip(np.sin(np.pi * np.clip(along, 0, 1) ** 0.75), 0, 1) ** 0.85 - 300 * np.maximum(
        np.abs(along - 0.5) - 0.5, 0
    )
    mix = np.clip(along + 0.25 * paper.pool[part], 0, 1)[..., None]
    mixture = PIGMENTS["teal"] * (1 - mix) + PIGMENTS["sap"] * mix
    vein = 0.9 + 0.18 * np.cos(34 * along + 0.35 * np.abs(across))
    for side in (-1, 1):
        depth = np.minimum(half - side * across, side * across - 0.6)
        paper.wash(part, depth, mixture, (1.0 if side > 0 else 0.68) * vein, bold=0.4)


def blossom(
    paper: Paper, top: float, left: float, reach: float, petals: int, names: tuple[str, str], random: np.random.Generator
) -> None:
    """Overlapping petals, each a glaze from one pigment at the heart to another at the rim; a dark heart run into them."""
    first, second = (PIGMENTS[name] for name in names)
    part = paper.canvas.window(top, left, 1.3 * reach, 1.3 * reach)
    dy, dx = paper.canvas.y[part[0]] - top, paper.canvas.x[:, part[1]] - left
    radius, angle = np.hypot(dy, dx), np.arctan2(dy, dx)
    turn = random.uniform(0, 2 * np.pi)
    for k in random.permutation(petals):
        lean = float(turn + 2 * np.pi * k / petals + random.uniform(-0.12, 0.12))
        size = reach * random.uniform(0.84, 1.04)
        along, across = radius * np.cos(angle - lean) / size, radius * np.sin(angle - lean) / size
        broad = random.uniform(0.44, 0.54)
        shape = 1 - ((along - 0.53) / 0.47) ** 2 - (across / (broad * np.clip(0.35 + 1.15 * along, 0.2, 1.15))) ** 2
        ruffle = 0.05 * np.cos(across * 31 + 3 * lean) * np.clip(along, 0, 1)
        mix = np.clip(1.25 * along - 0.2 + 0.25 * paper.pool[part], 0, 1)[..., None]
        vein = 0.92 + 0.13 * np.cos(across / (0.25 + along * along) * 26 + 1.3 * paper.wander[part]) * np.clip(1.2 - along, 0, 1)
        strength = random.uniform(0.55, 0.95) * vein * (1.15 - 0.45 * np.clip(along, 0, 1))
        paper.wash(part, (shape / 2 + ruffle) * 0.46 * size, first * (1 - mix) + second * mix, strength)
    spread = 0.21 * reach - radius + 0.05 * reach * paper.wander[part] + 0.02 * reach * np.cos(17 * angle + 2 * paper.fray[part])
    heart = step(spread, 0.24 * reach) * (1 + 0.3 * paper.grain[part])
    paper.density[part] += (1.0 * heart)[..., None] * PIGMENTS["plum"]
    for _ in range(26):
        tip, far = random.uniform(0, 2 * np.pi), reach * random.uniform(0.20, 0.36)
        dot(paper, top + far * math.sin(tip), left + far * math.cos(tip), random.uniform(1.6, 3.6) * reach / 120, "plum", 1.0)


def dot(paper: Paper, y: float, x: float, radius: float, name: str, strength: float) -> None:
    """A drop with a dark edge."""
    part = paper.canvas.window(y, x, radius + 6, radius + 6)
    depth = radius - np.hypot(paper.canvas.y[part[0]] - y, paper.canvas.x[:, part[1]] - x)
    amount = step(depth + 0.4 * paper.fray[part], 1.2) * (0.6 + 0.8 * np.exp(-np.clip(depth, 0, 99) / 1.4)) * strength
    paper.density[part] += amount[..., None] * PIGMENTS[name]


def spatter(paper: Paper, random: np.random.Generator) -> None:
    """Drops flicked off the brush."""
    high, wide = paper.canvas.extent
    for _ in range(int(70 * high * wide / 640**2)):
        name = ("rose", "coral", "violet", "teal", "sap", "gold")[random.integers(6)]
        y, x, radius = random.uniform(0, high), random.uniform(0, wide), 1.2 + random.exponential(2.0)
        dot(paper, y, x, radius, name, random.uniform(0.4, 0.9))
