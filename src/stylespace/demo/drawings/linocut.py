"""Harvest hills: black lino with gouged furrows, a second block in mustard, a low sun with rays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stylespace.demo.drawings.canvas import Canvas, Plane, colours, lay, step

PAPER = colours("#f4ecd8")[0]
INK = colours("#17150f")[0]
MUSTARD = colours("#e2a21b")[0]
SUN = (0.27, 0.37, 78.0)  # middle (down, across, as a part of the sheet), radius in design units
Hill = tuple[float, float, float, float, str, float, bool]
# Each cloud: middle (down, across, as a part of the sheet), half length and thickness in design units.
CLOUDS = ((0.10, 0.76, 150, 20), (0.17, 0.93, 120, 17), (0.36, 0.84, 130, 15), (0.09, 0.07, 110, 17), (0.40, 0.12, 90, 13))
# Each hill: level of its ridge, swing, waves across, phase, manner and pitch (design units) of its cuts, mustard under it.
HILLS = (
    (0.49, 0.035, 1.2, 2.0, "along", 8.0, False),
    (0.55, 0.050, 0.9, 4.4, "rows", 11.0, True),
    (0.66, 0.060, 0.8, 0.9, "along", 11.0, False),
    (0.74, 0.055, 0.7, 3.4, "rows", 17.0, True),
    (0.90, 0.050, 0.9, 0.2, "along", 15.0, False),
)
# Each tree: after which hill, across, size of its crown in design units.
TREES = (
    (0, 0.10, 20), (0, 0.15, 15), (0, 0.72, 17), (0, 0.77, 22), (0, 0.82, 16), (1, 0.30, 30), (1, 0.36, 22), (1, 0.93, 33),
    (2, 0.06, 48), (2, 0.62, 40), (2, 0.70, 30), (3, 0.88, 70), (3, 0.22, 44),
)  # fmt: skip


@dataclass
class Blocks:
    """What each block prints, (H, W) in [0, 1]: the key block's black, and mustard."""

    black: Plane
    mustard: Plane


@dataclass(frozen=True)
class Gouge:
    """Cuts of a V-tool in rows: lens-shaped, broken, never quite alike."""

    canvas: Canvas
    sway: Plane
    chance: Plane  # a table of uniform numbers

    def cuts(
        self, part: tuple[slice, slice], across: Plane, along: Plane, pitch: Plane | float, long: float, tone: Plane | float
    ) -> Plane:
        """Cover (h, w) of cuts: `across` counts rows of `pitch` units, `along` is the way in units, tone 0 black to 1 white."""
        across = across + 0.075 * self.sway[part]
        row = np.floor(across).astype(np.int32)
        off = np.abs(across - row - np.float32(0.5)) * 2
        way = along / np.float32(long) + 7 * self.chance[row % 997]
        cut = np.floor(way).astype(np.int32)
        part_way = way - cut
        lens = np.sqrt(np.clip(np.sin(np.pi * np.clip(part_way * 1.06, 0, 1)), 0, 1))
        luck = self.chance[(row * 31 + cut * 7) % 997]
        width = np.clip(tone, 0, 1) * lens * (0.72 + 0.5 * luck)
        cover: Plane = step((width - off) * pitch / 2, 0.8) * (width > 0.06)
        return cover


def draw(size: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """Sky and sun, then hill before hill with the trees on it, then ink and paper."""
    canvas = Canvas(size, seed)
    blocks = Blocks(np.ones(canvas.shape, np.float32), np.zeros(canvas.shape, np.float32))
    chance = canvas.random("chance").uniform(size=997).astype(np.float32)
    gouge = Gouge(canvas, canvas.noise("sway", 24, 3), chance)
    sky(gouge, blocks)
    for number, hill in enumerate(HILLS):
        slope(gouge, blocks, hill, number)
        for behind, across, crown in TREES:
            if behind == number:
                left = across * canvas.extent[1]
                tree(gouge, blocks, float(ridge(canvas, hill, np.array(left))), left, crown)
    return canvas.finish(printed(canvas, blocks))


def ridge(canvas: Canvas, hill: Hill, x: Plane) -> Plane:
    """Height of a hill's edge above column x."""
    high, wide = canvas.extent
    level, swing, waves, phase, *_ = hill
    turn = np.float32(2 * np.pi * waves / wide) * x + np.float32(phase)
    height: Plane = high * (level + swing * np.sin(turn) + 0.25 * swing * np.sin(2.1 * turn + 1))
    return height


def sky(gouge: Gouge, blocks: Blocks) -> None:
    """Rays cut outwards from the sun, doubled each time they have spread; long clouds; the sun itself."""
    canvas = gouge.canvas
    high, wide = canvas.extent
    top = slice(0, int(0.62 * canvas.shape[0]))
    part = (top, slice(None))
    dy, dx = canvas.y[top] - SUN[0] * high, canvas.x - SUN[1] * wide
    radius, angle = np.hypot(dy, dx), np.arctan2(dy, dx)
    spread = 0.12 * np.sin(9 * angle) + 0.10 * np.sin(23 * angle)
    octave = np.floor(np.log2(np.maximum(radius, SUN[2]) / np.float32(SUN[2])) + spread)
    count = 44 * 2 ** np.maximum(octave, 0)
    pitch = 2 * np.pi * radius / count
    tone = 0.80 - 0.30 * (radius / 380) + 0.14 * np.cos(7 * angle)
    white = gouge.cuts(part, angle / (2 * np.pi) * count, radius, pitch, 62, tone)
    for down, across, long, thick in CLOUDS:
        cy, cx = canvas.y[top] - down * high, (canvas.x - across * wide) / long
        bulge = thick * (np.sqrt(np.clip(1 - cx * cx, 0, 1)) + 0.28 * np.sin(cx * 9 + down * 40) * (np.abs(cx) < 1))
        depth = np.where(cy < 0, bulge + cy, 0.45 * bulge - cy) + 0.8 * gouge.sway[part]
        lines = gouge.cuts(part, cy / 6.5, cx * long, 6.5, 70, 0.30 + 0.75 * np.clip(-cy / thick + 0.25, 0, 1))
        white = np.where(depth > 4, np.maximum(lines, step(depth - 4, 1) * (cy < -0.25 * thick)), white * step(-depth, 1.5))
        white = np.maximum(white, step(1.6 - np.abs(depth - 3.0), 1) * (np.abs(cx) < 0.98))
    disc = SUN[2] - 9 - radius + 0.8 * gouge.sway[part]
    white = np.where(radius < SUN[2] - 3, step(disc, 1.2), white)
    rings = gouge.cuts(part, radius / 11, angle * radius, 11, 46, 0.16 + 0.5 * np.clip((dx + dy) / (1.5 * SUN[2]), 0, 1))
    white = white * np.where(disc > 6, 1 - rings, 1)
    blocks.black[part] = 1 - white
    blocks.mustard[part] = step(disc + 5, 1.5)


def slope(gouge: Gouge, blocks: Blocks, hill: Hill, number: int) -> None:
    """One hill: cuts that follow its ridge, or field rows that run together towards a far point."""
    canvas = gouge.canvas
    level, swing, _, _, manner, pitch, coloured = hill
    high, wide = canvas.extent
    part = (slice(int((level - 1.4 * swing) * canvas.shape[0]), canvas.shape[0]), slice(None))
    edge = ridge(canvas, hill, canvas.x)
    depth = canvas.y[part[0]] - edge + 0.7 * gouge.sway[part]
    reach = np.float32(0.20 * high)
    shade = (
        0.5 + 0.5 * np.sin(2 * np.pi * canvas.x / wide * 1.6 + 2.1 * number) + 0.22 * canvas.noise(f"shade {number}", 90)[part]
    )
    if manner == "along":
        tone = 0.22 + 0.62 * np.clip(shade, 0, 1.1) * np.exp(-np.clip(depth, 0, None) / (0.8 * reach))
        across = np.sqrt(np.clip(depth, 0, None) * 14 + depth * depth * 0.35) / np.float32(pitch)
        white = gouge.cuts(part, across, canvas.x + 0.4 * depth, pitch, 5.5 * pitch, tone)
    else:
        far = np.float32(wide * (0.30 if number % 4 == 1 else 0.72))
        spread = 1 + np.clip(depth, 0, None) / (0.42 * reach)
        across = (canvas.x - far) / spread / np.float32(pitch * 0.75) + 0.9 * np.sin(depth / 50)
        tone = 0.46 + 0.30 * np.clip(shade, 0, 1)
        white = gouge.cuts(part, across, depth * 1.0, pitch * 0.75 * spread, 7 * pitch, tone)
    rim = step(2.6 - np.abs(depth - 5.2), 1.2)
    white = np.maximum(white * step(depth - 11, 2), rim)
    cover = step(depth, 1.2)
    blocks.black[part] += (1 - white - blocks.black[part]) * cover
    blocks.mustard[part] += (float(coloured) * step(depth - 9, 1.5) - blocks.mustard[part]) * cover


def tree(gouge: Gouge, blocks: Blocks, ground: float, left: float, crown: float) -> None:
    """A round tree: a black crown of three lobes with arcs cut on its sunny side, a trunk, a cut shadow line."""
    canvas = gouge.canvas
    middle = ground - 0.95 * crown
    part = canvas.window(middle, left, 1.5 * crown, 1.6 * crown)
    y, x = canvas.y[part[0]], canvas.x[:, part[1]]
    lobes = ((0.28, -0.52, 0.58), (0.24, 0.54, 0.56), (-0.22, 0.0, 0.78))
    trunk = 0.11 * crown - np.abs(x - left) * (1 - 0.25 * (y > ground - 0.3 * crown))
    stem = np.minimum(trunk, np.minimum(y - middle, ground + 4 - y))
    outline = stem
    inner = np.zeros_like(stem)
    colour = np.zeros_like(stem)
    for down, across, size in lobes:
        dy, dx = y - middle - down * crown, x - left - across * crown
        radius = np.hypot(dy, dx)
        depth = size * crown - radius + 0.05 * crown * gouge.sway[part]
        sunny = np.clip(0.62 - (dx * 0.8 + dy * 0.9) / (1.5 * size * crown), 0, 1)
        pitch = max(5.0, 0.155 * crown)
        shade_y, shade_x = dy - 0.42 * size * crown, dx - 0.36 * size * crown
        bow = np.hypot(shade_y, shade_x)
        arcs = gouge.cuts(part, bow / pitch, np.arctan2(shade_y, shade_x) * bow, pitch, 0.62 * crown, 1.05 * sunny - 0.14)
        inside = depth > 0
        inner = np.where(inside, arcs * step(depth - 0.05 * crown, 1.5), inner)
        colour = np.where(inside, step(sunny - 0.40, 0.05), colour)
        outline = np.maximum(outline, depth)
    halo = step(outline + 2.6, 1.2)
    blocks.black[part] *= 1 - halo
    blocks.mustard[part] *= 1 - halo
    cover = step(outline, 1.2)
    blocks.black[part] += (1 - inner - blocks.black[part]) * cover
    blocks.mustard[part] += (colour - blocks.mustard[part]) * cover


def printed(canvas: Canvas, blocks: Blocks) -> Plane:
    """Both blocks on paper (H, W, 3): salt in the black, chatter in the cleared parts, mustard a little off."""
    salt = canvas.noise("salt", 1.5)
    press = canvas.noise("press", 55, 3)
    chatter = np.clip(canvas.noise("chatter", (1.8, 16)) - 2.1, 0, 0.5)
    black = np.clip(blocks.black * (0.985 - 0.35 * np.clip(salt - 2.0 + 0.35 * press, 0, 1)), 0, 1)
    slip = round(1.2 * canvas.scale)
    mustard = np.pad(blocks.mustard, ((slip, 0), (slip, 0)), "edge")[: canvas.shape[0], : canvas.shape[1]]
    colour: Plane = PAPER * (1 + 0.012 * canvas.noise("sheet", 70, 3) + 0.012 * canvas.noise("fibre", 2))[..., None]
    lay(colour, MUSTARD, mustard * np.clip(0.93 + 0.04 * press - 0.12 * np.clip(salt - 1.2, 0, 1), 0, 1))
    lay(colour, INK, np.maximum(black, chatter * (blocks.mustard < 0.5)))
    return colour
