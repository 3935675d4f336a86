"""Pop burst: flat primaries, dot screens of two sizes at different angles, and bold black ink."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from stylespace.demo.drawings.canvas import Canvas, Plane, colours, lay, step

INK = colours("#14121a")[0]
# name: paper, dots, screen, dot tone in the middle of the burst and at the edge of the sheet (0 none, 1 solid)
INKS = {
    "ray": ("#ffd52e", "#f0542a", "coarse", 0.00, 0.62),
    "gap": ("#fff3dc", "#19a4dc", "coarse", 0.10, 0.95),
    "red": ("#e8242f", "#a30d2d", "fine", 0.05, 0.30),
    "orange": ("#ffb52b", "#ef5a24", "fine", 0.10, 0.90),
    "core": ("#fffbee", "#ff8fb0", "fine", 0.0, 1.9),
    "cloud": ("#fffaf0", "#fffaf0", "fine", 0.0, 0.0),
    "shade": ("#fffaf0", "#1c9ad6", "fine", 0.36, 0.52),
    "pink": ("#ff7fa8", "#d81f6a", "fine", 0.10, 0.45),
    "blue": ("#1f4fc4", "#0c1f6e", "fine", 0.15, 0.45),
    "ink": ("#14121a", "#14121a", "fine", 0.0, 0.0),
}
NUMBER = {name: number for number, name in enumerate(INKS)}
SCREENS = {"coarse": (14.0, 0.26), "fine": (8.6, 0.79)}  # pitch in design units, angle in radians
CENTRE = (0.46, 0.50)
SPARKS = (  # direction from the centre, kind, ink, size in design units
    (-2.45, "bolt", "orange", 84), (-0.62, "bolt", "pink", 80), (-1.55, "star", "blue", 34), (-2.02, "star", "pink", 23),
    (-1.12, "star", "red", 25), (2.86, "star", "pink", 33), (0.22, "star", "blue", 31), (3.42, "star", "red", 22),
    (-0.22, "star", "orange", 22),
)  # fmt: skip


class InkMap:
    """Flat areas on a sheet, each pixel the number of its ink, drawn in design units round the burst's centre."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.picture = Image.new("L", canvas.shape[::-1], NUMBER["gap"])
        self.pen = ImageDraw.Draw(self.picture)
        self.middle = np.array(CENTRE) * canvas.extent

    def shape(self, points: Plane, ink: str, outline: float = 0.0, drop: float = 0.0) -> None:
        """A filled polygon of (N, 2) points (y, x), with an outline and a black shadow towards the lower right."""
        flat = [tuple(point) for point in ((points + self.middle)[:, ::-1] * self.canvas.scale).tolist()]
        if outline:
            width = max(1, round(2 * outline * self.canvas.scale))
            for shift in np.linspace(0, drop * self.canvas.scale, 1 + int(drop)):
                moved = [(x + shift, y + shift) for x, y in flat]
                self.pen.polygon(moved, fill=NUMBER["ink"])
                self.pen.line([*moved, *moved[:2]], fill=NUMBER["ink"], width=width, joint="curve")
        self.pen.polygon(flat, fill=NUMBER[ink])

    def disc(self, y: float, x: float, radius: float, ink: str) -> None:
        """A filled circle."""
        top, left = np.add(self.middle, (y, x)) * self.canvas.scale
        reach = radius * self.canvas.scale
        self.pen.ellipse((left - reach, top - reach, left + reach, top + reach), fill=NUMBER[ink])


def draw(size: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """Rays, puffs of smoke, the burst, stars and bolts; then the screens and the press."""
    canvas = Canvas(size, seed)
    inks = InkMap(canvas)
    rays(inks)
    smoke(inks, canvas.random("smoke"))
    burst(inks, canvas.random("burst"))
    sparks(inks, canvas.random("sparks"))
    return canvas.finish(printed(canvas, np.asarray(inks.picture)))


def polar(angle: Plane, radius: Plane) -> Plane:
    """(N, 2) points (y, x) round the centre."""
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], -1)


def rays(inks: InkMap) -> None:
    """Wedges from the middle to the edges, with thin black speed lines between."""
    far, count = float(np.hypot(*inks.canvas.extent)), 18
    for k in range(count):
        middle = 2 * np.pi * (k + 0.25) / count
        inks.shape(polar(np.array([0, middle - 0.088, middle + 0.088]), np.array([0, far, far])), "ray")
        for side in (-0.088, 0.088):
            inks.shape(polar(middle + side + np.array([0, -0.007, 0.007]), np.array([110, far, far])), "ink")


def smoke(inks: InkMap, random: np.random.Generator) -> None:
    """A ring of round puffs behind the burst and two banks in the corners: outlines, dotted shade, white."""
    count = 15
    angle = np.arange(count) * 2 * np.pi / count + random.uniform(-0.1, 0.1, count)
    ring = [(*polar(a, np.array(random.uniform(186, 214))), random.uniform(38, 62)) for a in angle]
    high, wide = inks.canvas.extent
    banks = []
    for side in (-1, 1):
        for step_in in np.linspace(0, 1, 7):
            left = side * (wide / 2 - 215 * step_in)
            radius = random.uniform(36, 62) * (1.15 - 0.55 * step_in)
            banks.append((high * (1 - CENTRE[0]) - 34 * (1 - step_in) + 10, left, radius))
    for puffs in (ring, banks):
        for grow, drop, ink in ((4.2, 2.0, "ink"), (0.0, 0.0, "shade")):
            for y, x, radius in puffs:
                inks.disc(y + drop, x + drop, radius + grow, ink)
        for y, x, radius in puffs:
            inks.disc(y - 0.20 * radius, x - 0.17 * radius, 0.74 * radius, "cloud")
        for y, x, radius in puffs[::2]:
            curl(inks, y, x, 0.52 * radius, random.uniform(0, 2 * np.pi))


def curl(inks: InkMap, y: float, x: float, radius: float, turn: float) -> None:
    """A tapering comma of ink that rounds a puff."""
    t = np.linspace(0, 1, 24)
    angle, reach = turn + 3.6 * t, radius * (1 - 0.45 * t)
    half = 0.085 * radius * np.sin(np.pi * t) ** 0.8
    outline = np.concatenate([polar(angle, reach + half), polar(angle, reach - half)[::-1]])
    inks.shape(np.add(outline, (y, x)), "ink")


def burst(inks: InkMap, random: np.random.Generator) -> None:
    """Three jagged stars one in another."""
    for points, outer, inner, ink, line, drop in (
        (19, 206, 132, "red", 4.6, 7.0),
        (17, 156, 98, "orange", 3.6, 4.0),
        (13, 100, 58, "core", 3.4, 3.0),
    ):
        angle = np.arange(2 * points) * np.pi / points + random.uniform(-0.05, 0.05, 2 * points)
        radius = np.where(np.arange(2 * points) % 2 == 0, outer, inner) * random.uniform(0.86, 1.12, 2 * points)
        inks.shape(polar(angle, radius), ink, line, drop)
    for k in range(26):
        turn, start = 2 * np.pi * k / 26 + random.uniform(-0.06, 0.06), random.uniform(22, 36)
        ahead = start + random.uniform(12, 26) * np.array([0, 0.7, 1, 0.7])
        inks.shape(polar(turn + np.array([0, 0.03, 0, -0.03]), ahead), "ink")
    inks.shape(polar(np.arange(10) * np.pi / 5 - np.pi / 2, np.tile([19.0, 8.5], 5)), "red", 2.6, 2.0)


def sparks(inks: InkMap, random: np.random.Generator) -> None:
    """Five-pointed stars and lightning bolts thrown outwards."""
    high, wide = inks.canvas.extent
    bolt = np.array([[-1.0, 0.10], [0.10, -0.42], [0.05, -0.05], [1.0, -0.15], [-0.12, 0.42], [-0.05, 0.05]])
    for angle, kind, ink, size in SPARKS:
        reach = min(0.47 * high / max(abs(np.sin(angle)), 0.1), 0.445 * wide / max(abs(np.cos(angle)), 0.1), 330)
        middle = np.add(polar(np.array(angle), np.array(reach)), (0.02 * high, 0))
        if kind == "star":
            shape = polar(np.arange(10) * np.pi / 5 + random.uniform(0, 1), np.tile([1.0, 0.46], 5))
        else:
            turn = angle + np.pi / 2
            shape = bolt @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        inks.shape(shape * size + middle, ink, 3.4, 4.0)


def screen(canvas: Canvas, pitch: float, angle: float) -> Plane:
    """A dot screen (H, W): the tone at which a dot has grown to reach each point, 0 to 1."""
    across = canvas.x * np.float32(np.cos(angle)) + canvas.y * np.float32(np.sin(angle))
    down = canvas.y * np.float32(np.cos(angle)) - canvas.x * np.float32(np.sin(angle))
    across, down = (np.abs((line / np.float32(pitch)) % 1 - np.float32(0.5)) for line in (across, down))
    return np.hypot(across, down) * np.float32(1.42)


def printed(canvas: Canvas, areas: NDArray[np.uint8]) -> Plane:
    """Flat inks and dots on slightly grainy newsprint (H, W, 3)."""
    high, wide = canvas.extent
    reach = np.hypot(canvas.y - CENTRE[0] * high, canvas.x - CENTRE[1] * wide) / np.float32(330)
    papers, dots = (colours(*(str(ink[part]) for ink in INKS.values())) for part in (0, 1))
    near, far = (np.array([ink[part] for ink in INKS.values()], np.float32) for part in (3, 4))
    tone = (near[areas] + (far - near)[areas] * np.clip(reach, 0, 1) ** 1.25) * (1 + 0.03 * canvas.noise("gain", 30))
    coarse = np.array([ink[2] == "coarse" for ink in INKS.values()])[areas]
    reached = np.where(coarse, screen(canvas, *SCREENS["coarse"]), screen(canvas, *SCREENS["fine"]))
    pitch = np.where(coarse, SCREENS["coarse"][0], SCREENS["fine"][0]).astype(np.float32)
    cover = step((0.78 * np.sqrt(np.clip(tone, 0, 1.3)) - reached) * pitch, 0.9) * (tone > 0.02)
    worn = np.clip(canvas.noise("worn", 1.7) - 1.5, 0, 1)
    colour = papers[areas] * (1 - 0.02 * canvas.noise("paper", 40, 3) - 0.015 * canvas.noise("fibre", 1.8))[..., None]
    lay(colour, dots[areas], cover * (0.97 - 0.25 * worn))
    lay(colour, INK, (areas == NUMBER["ink"]) * (0.97 - 0.10 * worn))
    return colour
