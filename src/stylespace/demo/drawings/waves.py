"""Sea of fans: seigaiha swells with foam and a low sun, printed from wood blocks in Prussian blue and vermilion."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stylespace.demo.drawings.canvas import Canvas, Plane, colours, lay, ramp, step

PAPER = colours("#f2e6c9")[0]
BLUES = colours("#f2e6c9", "#bcd0c8", "#6f9fb4", "#2f6795", "#173d72")
INDIGO = colours("#0f2148")[0]
VERMILION = colours("#d2401f")[0]
HORIZON = 0.29  # part of the height that is sky
CLOUDS = (  # centre (down, across, as a part of the sheet), half length and half thickness in design units
    (0.165, 0.82, 120, 10),
    (0.20, 0.64, 120, 8),
    (0.085, 0.20, 150, 11),
    (0.12, 0.36, 120, 8),
    (0.235, 0.10, 90, 8),
)


@dataclass
class Plates:
    """How much ink each wood block leaves: (H, W) in [0, 1]."""

    tone: Plane  # blue, from pale to Prussian
    line: Plane  # indigo key block
    red: Plane

    def cut(self, part: tuple[slice, slice], cover: Plane, tone: Plane | float, line: Plane | float, red: Plane | float) -> None:
        """Replace what lies under a shape's cover by the shape's own inks, in one part of the sheet."""
        for plate, ink in ((self.tone, tone), (self.line, line), (self.red, red)):
            plate[part] += (ink - plate[part]) * cover


@dataclass(frozen=True)
class Sea:
    """The swell: where each row of fans rises and falls, in design units."""

    high: float
    wide: float

    def near(self, row: int) -> float:
        """0 at the horizon, 1 at the viewer's feet."""
        return min(1.0, 0.2 + row / 13)

    def crest(self, x: Plane, row: int) -> Plane:
        """-1 in the trough, 1 on the top of the swell, above column x."""
        return np.sin(2 * np.pi * x / self.wide * 1.1 + 1.5 * self.near(row) + 0.9)

    def rise(self, x: Plane, row: int) -> Plane:
        """Height of the swell above the row's level."""
        near = self.near(row)
        chop: Plane = np.sin(2 * np.pi * x / self.wide * 2.6 + 4 * near)
        return 34 * near * self.crest(x, row) + 9 * near * chop


def draw(size: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """Sky, then row after row of fans towards the viewer, foam on the high swells, then the print."""
    canvas = Canvas(size, seed)
    sea = Sea(*canvas.extent)
    plates = Plates(*(np.zeros(canvas.shape, np.float32) for _ in range(3)))
    sway = 0.42 * canvas.noise("hand", 21) + 0.20 * canvas.noise("knife", 6)
    sky(canvas, plates, sway)
    level, radius, row = HORIZON * sea.high + 26, 29.0, 0
    while level - radius - 45 < sea.high:
        fans(canvas, plates, sway, sea, level, radius, row)
        if row in (2, 5, 8, 10, 13):
            foam(canvas, plates, sea, level, radius, row)
        level, radius, row = level + 0.5 * radius, radius * 1.085, row + 1
    return canvas.finish(pressed(canvas, plates))


def sky(canvas: Canvas, plates: Plates, sway: Plane) -> None:
    """A shaded band at the top, a sun, and long mist clouds."""
    high, wide = canvas.extent
    part = canvas.window(0, 0, 0.45 * high, wide)
    y, x = canvas.y[part[0]] + sway[part], canvas.x + sway[part]
    plates.tone += np.clip(0.95 - canvas.y / (0.21 * high), 0, 1) ** 1.4
    distance = np.hypot(y - 0.20 * high, x - 0.66 * wide)
    plates.cut(part, step(94 - distance, 1.2), 0.0, 0.0, 0.97)
    for top, left, long, thick in CLOUDS:
        dx = np.maximum(np.abs(x - left * wide) - long, 0)
        edge = thick - np.hypot(y - top * high, dx)
        plates.cut(part, step(edge, 1.2), 0.10 * step(4 - edge, 6), 0.0, 0.0)


def fan_centres(sea: Sea, radius: float, row: int) -> Plane:
    """Columns of one row's fans, side by side, every other row shifted by half a fan."""
    count = int(sea.wide / (2 * radius)) + 4
    return ((2 * np.arange(-1, count - 1) + row % 2 + 0.37) * radius).astype(np.float32)


def fans(canvas: Canvas, plates: Plates, sway: Plane, sea: Sea, level: float, radius: float, row: int) -> None:
    """One row of fans, each lifted by the swell under it: pale with many rings, or Prussian with a bright rim."""
    part = canvas.window(level, 0, radius + 44, sea.wide)
    if part[0].start >= part[0].stop:
        return
    y, x = canvas.y[part[0]] + sway[part], canvas.x + sway[part]
    centres = fan_centres(sea, radius, row)
    place = np.clip(np.round((x - centres[0]) / (2 * radius)).astype(np.int32), 0, len(centres) - 1)
    distance = np.hypot(x - centres[place], y - level + sea.rise(centres, row).astype(np.float32)[place])
    inward = 1 - distance / np.float32(radius)  # 0 at the rim, 1 at the centre

    random = canvas.random(f"fans {row}")
    deep = (0.46 - 0.42 * sea.crest(centres + 40, row) + random.normal(0, 0.16, len(centres))).astype(np.float32)[place]
    marked = (random.uniform(size=len(centres)) > 0.88)[place]
    solid = deep > 0.55
    rim = step(1.3 - np.abs(radius * inward), 0.8)
    wave = np.cos(2 * np.pi * np.clip((inward - 0.055) * 5.3, 0, 4.8))
    rings = step(-wave - 0.25 + 0.5 * inward, 0.18) * (inward > 0.03)
    bright = step(np.cos(2 * np.pi * np.clip((inward - 0.17) * 7, -0.5, 1.5)) - 0.2, 0.2)
    night = (1.0 - 0.62 * np.clip(inward - 0.32, 0, 1)) * (1 - 0.94 * bright)
    tone = np.where(solid, night, np.clip(1.1 * deep - 0.16 + 0.35 * inward, 0, 0.6))
    red = np.where(marked & ~solid, step(0.075 - np.abs(inward - 0.245), 0.02) + step(inward - 0.80, 0.02), 0.0)
    line = np.where(solid, 0.0, rings * (1 - red))
    tone = np.where(inward < 0.045, 0.0, tone * (1 - red))
    plates.cut(part, step(radius * inward + 1.3, 0.9), tone, np.maximum(line, rim), red)


def foam(canvas: Canvas, plates: Plates, sea: Sea, level: float, radius: float, row: int) -> None:
    """Scalloped foam on the rims of the fans that ride high, with drops thrown off it: all outlines first, then the white."""
    random = canvas.random(f"foam {row}")
    centres = fan_centres(sea, radius, row)
    fan = np.repeat(np.arange(len(centres)), 26)
    crest = np.clip(1.5 * sea.crest(centres + 25, row) - 0.35, 0, 1)[fan]
    angle = random.uniform(0.10, 0.90, len(fan)) * np.pi
    drop = random.uniform(size=len(fan)) > 0.80
    out = np.where(drop, random.exponential(0.22, len(fan)) + 0.16, random.uniform(-0.10, 0.05, len(fan)))
    half = np.where(drop, random.uniform(0.02, 0.06, len(fan)), random.uniform(0.07, 0.17, len(fan)))
    half *= radius * (0.4 + 0.6 * crest)
    y = level - sea.rise(centres, row)[fan] - radius * (1 + out) * np.sin(angle)
    x = centres[fan] + radius * (1 + out) * np.cos(angle)
    balls = np.stack([y, x, half], 1)[crest > 0.05]
    for grow, tone, line in ((1.3, 0.0, 1.0), (-0.3, 0.40, 0.0)):
        for top, left, size in balls:
            disc(canvas, plates, top, left, size + grow, tone, line)
    for top, left, size in balls:
        disc(canvas, plates, top - 0.17 * size, left - 0.10 * size, 0.83 * size - 0.3, 0.0, 0.0)


def disc(canvas: Canvas, plates: Plates, top: float, left: float, half: float, tone: float, line: float) -> None:
    """One round spot of flat ink."""
    part = canvas.window(top, left, half + 1, half + 1)
    distance = np.hypot(canvas.y[part[0]] - top, canvas.x[:, part[1]] - left)
    plates.cut(part, step(half - distance, 1.0), tone, line, 0.0)


def pressed(canvas: Canvas, plates: Plates) -> Plane:
    """Ink on paper (H, W, 3): wood grain, uneven pressure, and blocks that do not quite meet."""
    grain = 0.55 * canvas.noise("grain", (2.4, 150), 2) + 0.30 * canvas.noise("pores", (1.1, 26))
    grain += 0.35 * canvas.noise("pressure", 60, 2)
    speck = canvas.noise("speck", 1.6)
    wash = np.clip(0.90 + 0.075 * grain - 0.05 * np.maximum(speck - 1.2, 0), 0, 1)
    key = np.clip(0.95 + 0.05 * grain - 0.10 * np.maximum(speck - 1.4, 0), 0, 1)
    fibre = 1 + 0.012 * canvas.noise("fibre", (7, 2.2), 2) + 0.010 * canvas.noise("sheet", 90)
    slip = round(0.9 * canvas.scale)  # the colour blocks sit a little off the key block
    tone, red = (np.pad(plate, ((slip, 0), (0, slip)), "edge")[: canvas.shape[0], slip:] for plate in (plates.tone, plates.red))
    colour = ramp(BLUES, tone * wash)
    lay(colour, VERMILION, red * (wash - 0.04))
    lay(colour, INDIGO, plates.line * key)
    return colour * fibre[..., None]
