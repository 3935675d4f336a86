"""Night wind: long impasto strokes that follow a field of vortices round glowing discs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from stylespace.demo.drawings.canvas import Canvas, Plane, colours, ramp, relief, step

SKY = colours("#0b1746", "#132d72", "#1c4a9a", "#3577b8", "#74acc9", "#cfdfd2", "#fcf4d8")
GLOW = colours("#1f5aa6", "#3f8aa8", "#b9a04a", "#e0a32a", "#f3c443", "#fbe28c", "#fff8dc")
LAND = colours("#050c22", "#0b2442", "#14475a", "#2f7264", "#86a04f", "#e0bd55")
# Centre (down, across, as a part of the sheet), radius in design units, turn (+1 or -1).
VORTICES = ((0.38, 0.37, 126.0, 1.0), (0.50, 0.66, 84.0, -1.0), (0.13, 0.66, 62.0, 1.0))
DISCS = ((0.16, 0.13, 27.0), (0.09, 0.40, 16.0), (0.27, 0.90, 25.0), (0.60, 0.13, 20.0), (0.66, 0.45, 13.0), (0.05, 0.93, 13.0))
HILLS = ((0.765, 0.034, 0.9, 2.2), (0.83, 0.040, 1.4, 4.4), (0.93, 0.035, 1.1, 0.4))  # height, swing, waves, phase
LAYERS = (
    (27.0, 7.0, 2.6),
    (17.0, 7.0, 1.4),
    (11.0, 7.0, 1.0),
    (7.0, 7.0, 0.35),
)  # width, length / width, how often the sheet is covered


@dataclass(frozen=True)
class Scene:
    """Where the wind blows and what colour it carries, for points anywhere on the sheet (design units)."""

    high: float
    wide: float

    def direction(self, y: Plane, x: Plane) -> tuple[Plane, Plane]:
        """Unit direction (down, across) of the strokes."""
        down = 0.55 * np.sin(x / 95 + y / 160) + 0.25 * np.sin(y / 51 + 1)
        across = np.ones_like(x)
        for top, left, radius, turn in VORTICES:
            dy, dx, distance = self._from(y, x, top, left)
            pull = 5 * np.exp(-((distance / radius) ** 3))
            down = down + pull * (turn * dx - 0.26 * dy) / distance
            across = across + pull * (-turn * dy - 0.26 * dx) / distance
        for top, left, radius in DISCS:
            dy, dx, distance = self._from(y, x, top, left)
            pull = 40 * np.exp(-((distance / (2.6 * radius)) ** 4))
            down, across = down + pull * dx / distance, across - pull * dy / distance
        for number, hill in enumerate(HILLS):
            depth = y - self._edge(x, hill)
            slope = (self._edge(x + 2, hill) - self._edge(x - 2, hill)) / 4
            down = np.where(depth > 0, slope + (0.55 - 0.25 * number) * np.sin(x / 47 + depth / 18 + number), down)
            across = np.where(depth > 0, 1.0, across)
        length = np.hypot(down, across) + 1e-6
        return down / length, across / length

    def colour(self, y: Plane, x: Plane, jitter: Plane, accent: Plane) -> Plane:
        """(N, 3) paint for strokes centred on (y, x); jitter is about normal, accent uniform in [0, 1]."""
        light = 0.29 + 0.13 * np.sin(y / 21 + 1.7 * np.sin(x / 95)) + 0.17 * np.sin(y / 67 + x / 210)
        light = light + 0.20 * np.exp(-(((self.horizon(x) - y - 22) / 30) ** 2))
        for top, left, radius, turn in VORTICES:
            dy, dx, distance = self._from(y, x, top, left)
            arm = np.cos(2 * (np.arctan2(dy, dx) * turn + np.log(distance / radius + 0.02) / 0.26))
            inside = np.exp(-((distance / (1.02 * radius)) ** 4))
            light = light * (1 - inside) + inside * (0.50 + 0.38 * arm)
        paint = ramp(SKY, light + 0.10 * jitter)
        paint = np.where((accent > 0.97)[..., None], ramp(GLOW, 0.45 + 0.12 * jitter), paint)
        for top, left, radius in DISCS:
            away = self._from(y, x, top, left)[2] / radius
            warm = 1.10 - 0.27 * away + 0.17 * np.cos(6.0 * away) + 0.09 * jitter
            cover = np.clip((3.3 - away) * 0.9 + 0.45 * jitter, 0, 1)[..., None]
            paint = paint * (1 - cover) + ramp(GLOW, warm) * cover
        for number, hill in enumerate(HILLS):
            depth = y - self._edge(x, hill)
            field = (
                (0.47 - 0.05 * number)
                + 0.30 * np.sin(depth / (7 + 2 * number) + 2.2 * np.sin(x / 61))
                + 0.16 * np.sin(x / 37 + number)
            )
            field = field * step(depth - 9, 10) + 0.10 * jitter
            paint = np.where((depth > 0)[..., None], ramp(LAND, field), paint)
        return paint

    def horizon(self, x: Plane) -> Plane:
        """Height of the first hill's edge above column x."""
        return self._edge(x, HILLS[0])

    def cores(self, random: np.random.Generator) -> tuple[Plane, Plane]:
        """Extra stroke centres that fill the discs and the eyes of the vortices."""
        spots = [(top, left, 1.1 * radius) for top, left, radius in DISCS] + [(top, left, 14.0) for top, left, *_ in VORTICES]
        y = [top * self.high + random.normal(0, radius, 24) for top, _, radius in spots]
        x = [left * self.wide + random.normal(0, radius, 24) for _, left, radius in spots]
        return np.concatenate(y), np.concatenate(x)

    def _from(self, y: Plane, x: Plane, top: float, left: float) -> tuple[Plane, Plane, Plane]:
        dy, dx = y - top * self.high, x - left * self.wide
        return dy, dx, np.hypot(dy, dx) + 1e-3

    def _edge(self, x: Plane, hill: tuple[float, float, float, float]) -> Plane:
        level, swing, waves, phase = hill
        turn = 2 * np.pi * waves * x / self.wide + phase
        return self.high * (level + swing * np.sin(turn) + 0.3 * swing * np.sin(2.3 * turn + 1))


def draw(size: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """Strokes from large to small, each a bundle of bristles that leaves colour and a ridge of paint."""
    canvas = Canvas(size, seed)
    scene = Scene(*canvas.extent)
    which = Image.new("I", canvas.shape[::-1], 0)
    pen = ImageDraw.Draw(which)
    paints, ridges = [ramp(SKY, np.full((1,), 0.2, np.float32))], [np.zeros(1, np.float32)]
    for number, layer in enumerate(LAYERS):
        first = sum(map(len, paints))
        lines, paint, ridge = bristles(canvas, scene, layer, f"layer {number}")
        width = max(1, round(1.15 * canvas.scale))
        for line, identity in zip(lines, range(first, first + len(paint)), strict=True):
            pen.line(line, fill=identity, width=width)
        paints.append(paint)
        ridges.append(ridge)
    owner = np.asarray(which)
    colour = np.concatenate(paints)[owner]
    height = np.concatenate(ridges)[owner]
    light = relief(height + 0.12 * canvas.noise("grain", 1.3), canvas.scale)
    colour = colour + np.where(light > 0, 0.20, 0.26)[..., None] * light[..., None] * (0.45 + colour)
    return canvas.finish(colour)


def bristles(
    canvas: Canvas, scene: Scene, layer: tuple[float, float, float], part: str
) -> tuple[list[list[float]], Plane, Plane]:
    """Polylines (flat x, y lists in rendering pixels) of every bristle of one layer, with colour (N, 3) and ridge height (N,)."""
    width, long, covered = layer
    random = canvas.random(part)
    count = int(covered * scene.high * scene.wide / (width * width * long)) + 1
    y, x = random.uniform(-width, scene.high + width, count), random.uniform(-width, scene.wide + width, count)
    order = np.argsort(y > scene.horizon(x), kind="stable")  # the hills go over the sky
    y, x = y[order], x[order]
    if width < 15:
        y, x = (np.concatenate(pair) for pair in zip((y, x), scene.cores(random), strict=True))
        count = len(y)
    jitter, accent = random.standard_normal(count), random.uniform(size=count)
    paint = scene.colour(y, x, jitter, accent)

    steps = 12
    stretch = width * long * random.uniform(0.7, 1.25, count) / steps
    track = np.empty((steps + 1, 2, count))
    for sign, places in ((-1, range(steps // 2, -1, -1)), (1, range(steps // 2, steps + 1))):
        at = np.stack([y, x])
        for place in places:
            track[place] = at
            half = at + sign * stretch / 2 * np.stack(scene.direction(*at))
            at = at + sign * stretch * np.stack(scene.direction(*half))
    along: Plane = np.asarray(np.gradient(track, axis=0))
    along /= np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9
    normal = np.stack([along[:, 1], -along[:, 0]], 1)  # (steps+1, 2, count)

    many = max(2, round(width / 1.0))
    offset = np.linspace(-0.5, 0.5, many)
    taper = np.sin(np.pi * np.clip(np.linspace(0.10, 0.93, steps + 1), 0, 1)) ** 0.45
    spread = width * offset[:, None] * taper  # (many, steps+1)
    lines = track[None] + spread[..., None, None] * normal[None]  # (many, steps+1, 2, count)
    lines = lines.transpose(3, 0, 1, 2)[..., ::-1].reshape(count * many, steps + 1, 2) * canvas.scale
    start = random.integers(0, 3, count * many)
    stop = steps + 1 - random.integers(0, 4, count * many)
    texture = random.standard_normal((count, many))
    fade = 1 + 0.07 * random.standard_normal((count, 1)) + 0.055 * texture
    colour = paint[:, None] * fade[..., None] + 0.025 * random.standard_normal((count, 1, 3))
    bank = random.uniform(0, 2.2, (count, 1))  # how thick the paint lies, which lights the stroke's edge
    ridge = bank + 0.8 * np.abs(2 * offset) ** 6 + 0.7 * np.cos(np.pi * offset) + 0.33 * texture
    flat = [line[a:b].ravel().tolist() for line, a, b in zip(lines, start, stop, strict=True)]
    return flat, colour.reshape(-1, 3).astype(np.float32), ridge.reshape(-1).astype(np.float32)
