"""Rose window: petals, roundels and lancets of jewelled glass in dark lead, the light behind them."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial import cKDTree

from stylespace.demo.drawings.canvas import Canvas, Plane, colours, lay, ramp, relief, step

GLASS = {  # dark to light
    "ruby": colours("#4a0410", "#a80f22", "#e8404a"),
    "cobalt": colours("#07124f", "#1440ad", "#4f8df2"),
    "emerald": colours("#043a2c", "#0c8450", "#5fce86"),
    "amber": colours("#8a3a04", "#ee9414", "#ffdf7a"),
    "violet": colours("#25084f", "#5f2398", "#b079e0"),
    "turquoise": colours("#033f55", "#0e8fa8", "#7fe0dc"),
    "pearl": colours("#b79a5e", "#f1dfa6", "#fff8e0"),
    "rose": colours("#6a0f3f", "#c43a78", "#f59ab8"),
}
LEAD = colours("#0c0b0f")[0]
CENTRE = (0.47, 0.5)
RADIUS = 268.0  # of the rose, in design units


class Window:
    """Panes being cut: which pane owns each pixel, and what glass each pane is."""

    def __init__(self, canvas: Canvas) -> None:
        high, wide = canvas.extent
        self.canvas = canvas
        self.dy = canvas.y - np.float32(CENTRE[0] * high)
        self.dx = canvas.x - np.float32(CENTRE[1] * wide)
        self.radius = np.hypot(self.dy, self.dx)
        self.angle = np.arctan2(self.dy, self.dx)
        self.pane = np.zeros(canvas.shape, np.int32)
        self.glass: list[str] = []

    def cut(self, inside: NDArray[np.bool_], piece: NDArray[np.int32] | int, glass: list[str]) -> None:
        """Replace what is inside by new panes numbered `piece`, each of the glass named at its number."""
        number = piece + len(self.glass)
        self.pane = np.where(inside, number, self.pane)
        self.glass.extend(glass)

    def sector(self, count: int, turn: float = 0.0) -> tuple[NDArray[np.int32], Plane]:
        """Which of `count` sectors each pixel lies in, and its angle from that sector's middle (radians)."""
        part = self.angle * np.float32(count / (2 * np.pi)) + np.float32(turn)
        nearest = np.round(part)
        return nearest.astype(np.int32) % count, (part - nearest) * np.float32(2 * np.pi / count)

    def ring(self, low: float, high: float, count: int, glass: list[str], turn: float = 0.0) -> None:
        """A band of equal segments between two radii."""
        sector, _ = self.sector(count, turn)
        self.cut((self.radius >= low) & (self.radius < high), sector, [glass[k % len(glass)] for k in range(count)])

    def shapes(
        self, count: int, middle: float, long: float, half: float, sharp: float, glass: list[str], turn: float = 0
    ) -> None:
        """Petals (sharp 1: round, 2: lancet) of half-length `long` and half-width `half` round the centre at radius `middle`."""
        sector, off = self.sector(count, turn)
        along = (self.radius * np.cos(off) - middle) / long
        across = np.abs(self.radius * np.sin(off)) / half
        inside = across < np.clip(1 - np.abs(along) ** 2, 0, 1) ** (0.5 * sharp)
        self.cut(inside, sector, [glass[k % len(glass)] for k in range(count)])


def draw(size: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """Cut the panes, lead them, shine through them."""
    canvas = Canvas(size, seed)
    window = Window(canvas)
    surround(window, canvas.random("surround"))
    rose(window)
    return canvas.finish(lit(window))


def surround(window: Window, random: np.random.Generator) -> None:
    """Shards that radiate beyond the rose: a Voronoi pattern on jittered rings."""
    high, wide = window.canvas.extent
    spots, glass = [], []
    families = (
        ("cobalt", "turquoise", "cobalt", "violet"),
        ("violet", "cobalt", "cobalt", "ruby"),
        ("cobalt", "turquoise", "emerald"),
    )
    radius, ring = RADIUS + 30, 0
    while radius < np.hypot(high, wide):
        count = int(2 * np.pi * radius / (46 + 6 * ring))
        angle = (np.arange(count) + 0.5 * (ring % 2) + random.uniform(-0.22, 0.22, count)) * 2 * np.pi / count
        reach = radius + random.uniform(-16, 16, count)
        spots.append(np.stack([reach * np.sin(angle), reach * np.cos(angle)], 1))
        glass.extend(random.choice(families[ring % 3], count).tolist())
        radius, ring = radius + 62 + 8 * ring, ring + 1
    outside = window.radius > RADIUS - 4
    places = np.stack(np.broadcast_arrays(window.dy, window.dx), -1)[outside]
    owner = np.zeros(outside.shape, np.int32)
    owner[outside] = cKDTree(np.concatenate(spots)).query(places)[1]
    window.cut(outside, owner, glass)


def rose(window: Window) -> None:
    """The rose from its rim to its heart."""
    window.ring(0, RADIUS, 48, ["ruby", "amber", "ruby", "pearl"])
    window.ring(0, RADIUS - 20, 24, ["cobalt", "violet"], 0.5)
    window.shapes(12, 194, 62, 38, 1.3, ["ruby", "emerald"])
    window.shapes(12, 200, 40, 20, 1.3, ["amber", "turquoise"])
    window.shapes(12, 229, 17, 15, 1.0, ["turquoise", "amber"], 0.5)
    window.ring(0, 146, 24, ["cobalt", "turquoise", "cobalt", "violet"], 0.5)
    window.shapes(12, 128, 24, 24, 1.0, ["rose", "amber"], 0.5)
    window.shapes(12, 128, 10, 10, 1.0, ["pearl", "ruby"], 0.5)
    window.ring(0, 104, 24, ["amber", "ruby"])
    window.ring(0, 94, 12, ["violet", "cobalt"], 0.5)
    window.shapes(12, 62, 33, 15, 1.15, ["turquoise", "emerald", "turquoise", "rose"])
    window.ring(0, 36, 12, ["ruby"])
    window.ring(0, 26, 6, ["amber", "pearl"])
    window.ring(0, 10, 1, ["ruby"])


def lit(window: Window) -> Plane:
    """Colour of the leaded window with the light behind it (H, W, 3)."""
    canvas, pane = window.canvas, window.pane
    edge = np.zeros(canvas.shape, bool)
    edge[1:] |= pane[1:] != pane[:-1]
    edge[:, 1:] |= pane[:, 1:] != pane[:, :-1]
    depth = (distance_transform_edt(~edge) / canvas.scale).astype(np.float32)  # design units into the pane
    for circle in (RADIUS, 146.0, 36.0):
        depth = np.minimum(depth, np.abs(window.radius - circle) * 0.62)
    depth = gaussian_filter(depth, 0.5 * canvas.scale)
    thick = 2.3 + 0.5 * canvas.noise("lead", 34, 2)
    lead = step(thick - depth, 1.1)

    random = canvas.random("glass")
    count = len(window.glass)
    lean = random.uniform(0, 2 * np.pi, count).astype(np.float32)
    bright = random.normal(0, 0.13, count).astype(np.float32)
    families = list(GLASS)
    family = np.array([families.index(name) for name in window.glass])

    slope = np.cos(lean)[pane] * window.dx / 60 + np.sin(lean)[pane] * window.dy / 60
    streaks = np.stack([canvas.noise("streak a", (9, 60), 2), canvas.noise("streak b", (60, 9), 2), canvas.noise("cloud", 26, 3)])
    streak = np.take_along_axis(streaks, (np.arange(count) % 3)[pane][None], 0)[0]
    glow = 0.10 - 0.26 * np.clip(window.radius / (1.5 * RADIUS), 0, 1)
    tone = 0.56 + glow + bright[pane] + 0.12 * np.sin(3 * slope) + 0.11 * streak
    tone += 0.30 * (1 - np.exp(-np.maximum(depth - thick, 0) / 8)) - 0.19
    tone += 0.06 * relief(0.9 * canvas.noise("hammered", 4.5, 2), canvas.scale)
    colour = np.zeros((*canvas.shape, 3), np.float32)
    for number, name in enumerate(families):
        mask = (family == number)[pane]
        colour[mask] = ramp(GLASS[name], tone[mask])
    shine = relief(-np.clip(depth, 0, 4) * 0.8 + 0.25 * canvas.noise("solder", 2.2), canvas.scale)
    metal = LEAD + (0.16 * np.clip(shine, 0, 1) + 0.02)[..., None] * colours("#aab4cc")[0]
    lay(colour, metal, lead)
    halo = np.stack([canvas.soften(colour[..., band], 8) for band in range(3)], -1)
    glowing: Plane = 1 - (1 - np.clip(colour, 0, 1)) * (1 - 0.22 * np.clip(halo, 0, 1))
    return glowing
