"""Carp in a pool: tesserae of turquoise, gold and terracotta laid in rows along every contour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects
from scipy.spatial import cKDTree
from skimage.feature import peak_local_max
from skimage.measure import find_contours

from stylespace.demo.drawings.canvas import Canvas, Plane, colours, lay, ramp, relief, step

WATER = colours("#06365a", "#0a6c8e", "#12a0a8", "#45c8bc", "#a2e4d0", "#e8f6e2")
FISH = colours("#8a2010", "#c9401c", "#ea6e2a", "#f6a646", "#fadb98", "#fff6e0")
GOLD = colours("#6e4a10", "#b07f1e", "#dcae3a", "#f4d878", "#fff3bf")
LEAF = colours("#17543a", "#3f8f48", "#92c04a", "#e2ea80")
PETAL = colours("#c0506a", "#ee9aa2", "#fbd8cc", "#fff4e8")
DARK = colours("#1b1a2c")[0]
GROUT = colours("#574f47")[0]
# Each carp: middle (down, across, as a part of the sheet), radius of its bend, angle of its head, arc of its body, girth.
CARP = ((0.47, 0.46, 172.0, -0.35, 2.05, 52.0), (0.53, 0.54, 172.0, 2.80, 2.05, 52.0))
PADS = ((0.10, 0.12, 54.0), (0.88, 0.90, 62.0), (0.07, 0.60, 34.0), (0.93, 0.36, 38.0), (0.24, 0.94, 30.0), (0.72, 0.05, 33.0))


@dataclass
class Cartoon:
    """The drawing under the mosaic, on a grid of one design unit: which region, and where in it."""

    region: NDArray[np.int32]  # 0 water; then bodies, fins, pads, eyes, each its own number
    along: Plane  # 0 at a carp's head, 1 at its tail; angle of a pad
    kind: list[str]  # of each region
    tile: list[float]  # side of its tesserae, design units

    def add(self, inside: NDArray[np.bool_], kind: str, tile: float, along: Plane) -> None:
        """Put a shape on top."""
        self.region[inside] = len(self.kind)
        self.along[inside] = along[inside]
        self.kind.append(kind)
        self.tile.append(tile)


@dataclass
class Tiles:
    """N tesserae: centre (y, x) and side in design units, direction of the row, how deep in its region, region, place in it."""

    centre: Plane
    side: Plane
    angle: Plane
    depth: Plane
    region: NDArray[np.int32]
    along: Plane


def draw(size: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """Draw the cartoon, lay the rows, colour and light each piece."""
    canvas = Canvas(size, seed)
    cartoon = sketch(canvas)
    tiles = lay_rows(cartoon, canvas.random("rows"))
    owner, inside = cut(canvas, tiles)
    return canvas.finish(lit(canvas, owner, inside, paint(canvas, cartoon, tiles)))


def sketch(canvas: Canvas) -> Cartoon:
    """Lily pads, then carp with tails, fins and eyes."""
    high, wide = (round(side) for side in canvas.extent)
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    cartoon = Cartoon(np.zeros((high, wide), np.int32), np.zeros((high, wide), np.float32), ["water"], [12.5])
    for top, left, radius in PADS:
        dy, dx = y - top * high, x - left * wide
        angle = np.arctan2(dy, dx)
        notch = np.abs((angle - 3 * top - 5 * left + np.pi) % (2 * np.pi) - np.pi) < 0.28
        cartoon.add((np.hypot(dy, dx) < radius) & ~notch, "pad", 9.5, angle)
    dy, dx = y - 0.5 * high, x - 0.5 * wide
    angle, radius = np.arctan2(dy, dx), np.hypot(dy, dx)
    for reach, turn, kind in ((62, 0.0, "petal"), (40, np.pi / 8, "petal"), (15, 0.0, "stamen")):
        edge = reach * (1 if kind == "stamen" else 0.62 + 0.38 * np.abs(np.cos(4 * (angle + turn))) ** 0.7)
        cartoon.add(radius < edge, kind, 7.0, radius / 62)
    for top, left, bend, head, arc, girth in CARP:
        carp(cartoon, y - top * high, x - left * wide, bend, head, arc, girth)
    return cartoon


def carp(cartoon: Cartoon, y: Plane, x: Plane, bend: float, head: float, arc: float, girth: float) -> None:
    """One fish bent round the middle of the sheet."""
    tile = max(5.5, 0.185 * girth)

    def limb(path: Plane, widths: Plane) -> tuple[NDArray[np.bool_], Plane]:
        nearest, place = np.zeros(y.shape, np.float32), np.zeros(y.shape, np.float32)
        for part, ((py, px), width) in enumerate(zip(path, widths, strict=True)):
            near = tuple(
                slice(*(int(np.clip(middle - axis.flat[0] + side * (width + 2), 0, length)) for side in (-1, 1)))
                for middle, axis, length in ((py, y, y.shape[0]), (px, x, y.shape[1]))
            )
            distance = np.hypot(y[near] - py, x[near] - px) - width
            closer = distance < nearest[near]
            nearest[near][closer], place[near][closer] = distance[closer], part / (len(path) - 1)
        return nearest < 0, place

    def spine(t: Plane, out: Plane | float = 0.0) -> Plane:
        angle = head + arc * t
        radius = bend + 0.08 * bend * np.sin(2 * np.pi * t) + out
        return np.stack([radius * np.sin(angle), radius * np.cos(angle)], -1)

    t = np.linspace(0, 1, 40)
    fine = np.linspace(0, 1, 18)
    for sign in (-1, 1):  # tail, then the paired fins
        lobe = spine(0.93 + 0.36 * fine, sign * girth * (0.08 + 0.95 * fine**1.4))
        cartoon.add(*_swap(limb(lobe, girth * (0.12 + 0.30 * np.sin(np.pi * fine**0.8) ** 1.2)), "fin", tile * 0.85))
        for start, long, spread in ((0.24, 0.20, 1.25), (0.60, 0.13, 0.8)):
            fin = spine(start + long * fine, sign * girth * (0.70 + spread * 0.62 * fine))
            cartoon.add(*_swap(limb(fin, girth * spread * (0.10 + 0.20 * np.sin(np.pi * fine**0.7))), "fin", tile * 0.85))
    plump = np.clip(np.sin(np.pi * np.clip(0.13 + 0.87 * t, 0, 1) ** 0.72), 0, 1) ** 0.85
    profile = girth * (0.10 + 0.90 * plump) * (1 - 0.12 * t)
    cartoon.add(*_swap(limb(spine(t), profile), "body", tile))
    for sign in (-1, 1):
        eye = spine(np.array([0.085]), sign * 0.52 * girth)[0]
        cartoon.add(np.hypot(y - eye[0], x - eye[1]) < 0.17 * girth, "eye", max(3.5, 0.09 * girth), np.zeros_like(y))


def _swap(limb: tuple[NDArray[np.bool_], Plane], kind: str, tile: float) -> tuple[NDArray[np.bool_], str, float, Plane]:
    return limb[0], kind, tile, limb[1]


def lay_rows(cartoon: Cartoon, random: np.random.Generator) -> Tiles:
    """Tesserae in rows at equal distances from every region's edge, gaps filled with single pieces."""
    centre, angle, side = [], [], []
    depth = depths(cartoon.region)
    for number, (tile, box) in enumerate(zip(cartoon.tile, find_objects(cartoon.region + 1), strict=False)):
        if box is None:
            continue
        inside = cartoon.region[box] == number
        within = np.where(inside, depth[box], 0.0)
        for level in np.arange(0.5, within.max() / tile) * tile + 0.2:
            for line in find_contours(within, level):
                points, turn = resampled(line + [part.start for part in box], tile, random)
                centre.append(points)
                angle.append(turn)
                side.append(np.full(len(points), tile))
    points, turn, sides = np.concatenate(centre), np.concatenate(angle), np.concatenate(side)
    keep = np.ones(len(points), bool)
    pairs = cKDTree(points).query_pairs(0.62 * max(cartoon.tile), output_type="ndarray")
    close = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T) < 0.62 * sides[pairs].min(1)
    for first, second in sorted(pairs[close].tolist()):
        keep[second] &= not keep[first]
    points, turn, sides = points[keep], turn[keep], sides[keep]

    high, wide = cartoon.region.shape
    bare = np.ones((high, wide), bool)
    bare[tuple(np.clip(points.astype(int), 0, [high - 1, wide - 1]).T)] = False
    wanted = np.array(cartoon.tile)[cartoon.region]
    gaps = peak_local_max(distance_transform_edt(bare) / wanted, min_distance=4, threshold_abs=0.78, exclude_border=False)
    points = np.concatenate([points, gaps + 0.5])
    turn = np.concatenate([turn, random.uniform(0, np.pi, len(gaps))])
    sides = np.concatenate([sides, 0.8 * wanted[tuple(gaps.T)]])
    at = tuple(np.clip(points.astype(int), 0, [high - 1, wide - 1]).T)
    points, sides, turn = (values.astype(np.float32) for values in (points, sides, turn))
    return Tiles(points, sides, turn, depth[at], cartoon.region[at], cartoon.along[at])


def depths(region: NDArray[np.int32]) -> Plane:
    """Distance of every grid point to the edge of its region (H, W), in design units."""
    edge = np.zeros(region.shape, bool)
    for axis in (0, 1):
        differs = np.diff(region, axis=axis) != 0
        edge |= np.insert(differs, 0, False, axis) | np.insert(differs, region.shape[axis] - 1, False, axis)
    depth: Plane = (distance_transform_edt(~edge) + 0.5).astype(np.float32)
    return depth


def resampled(line: Plane, tile: float, random: np.random.Generator) -> tuple[Plane, Plane]:
    """Points a tile apart along a contour (n, 2), and the contour's direction at each."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    count = max(1, round(along[-1] / (tile * 1.04)))
    want = (np.arange(count) + random.uniform(0.3, 0.7) + random.uniform(-0.06, 0.06, count)) * along[-1] / count
    point, ahead, behind = (
        np.stack([np.interp(want + move, along, line[:, axis]) for axis in (0, 1)], 1) for move in (0, tile * 0.4, -tile * 0.4)
    )
    return point, np.arctan2(*(ahead - behind).T)


def cut(canvas: Canvas, tiles: Tiles) -> tuple[NDArray[np.int32], Plane]:
    """Which tessera owns each pixel (H, W), and the depth into it in design units (0 in the grout)."""
    high, wide = canvas.shape
    best = np.full(high * wide, np.inf, np.float32)
    owner = np.zeros(high * wide, np.int32)
    batches = []
    for side in np.unique(tiles.side):
        same = np.flatnonzero(tiles.side == side)
        reach = int(np.ceil(0.74 * side * canvas.scale))
        offset = np.arange(-reach, reach + 1)
        y = np.floor(tiles.centre[same, 0] * canvas.scale).astype(np.int32)[:, None, None] + offset[:, None]
        x = np.floor(tiles.centre[same, 1] * canvas.scale).astype(np.int32)[:, None, None] + offset
        dy = ((y + 0.5) / canvas.scale - tiles.centre[same, 0, None, None]).astype(np.float32)
        dx = ((x + 0.5) / canvas.scale - tiles.centre[same, 1, None, None]).astype(np.float32)
        sine, cosine = np.sin(tiles.angle[same])[:, None, None], np.cos(tiles.angle[same])[:, None, None]
        ahead, aside = np.abs(dx * cosine + dy * sine), np.abs(dy * cosine - dx * sine)
        metric = np.maximum(np.maximum(ahead, aside), 0.58 * (ahead + aside)) - np.float32(side / 2)
        fits = (y >= 0) & (y < high) & (x >= 0) & (x < wide) & (metric < 0.06 * side)
        batches.append(((y * wide + x)[fits], metric[fits], np.broadcast_to(same[:, None, None], fits.shape)[fits]))
    for place, metric, _ in batches:
        np.minimum.at(best, place, metric)
    for place, metric, member in batches:
        wins = metric <= best[place]
        owner[place[wins]] = member[wins]
    members, solid = owner.reshape(high, wide), np.isfinite(best).reshape(high, wide)
    solid[1:] &= members[1:] == members[:-1]
    solid[:, 1:] &= members[:, 1:] == members[:, :-1]
    return members, (distance_transform_edt(solid) / canvas.scale).astype(np.float32)


def paint(canvas: Canvas, cartoon: Cartoon, tiles: Tiles) -> Plane:
    """(N, 3) colour of every tessera."""
    random = canvas.random("colour")
    y, x = tiles.centre.T
    loose = random.standard_normal(len(y)).astype(np.float32)
    colour = np.zeros((len(y), 3), np.float32)
    kinds = np.array(cartoon.kind)[tiles.region]
    row = tiles.depth / np.array(cartoon.tile, np.float32)[tiles.region]

    ripple = np.cos(2 * np.pi * row / 5.2 + 0.9 * np.sin(x / 70) + 0.9 * np.sin(y / 60))
    flow = 0.44 + 0.32 * ripple + 0.10 * np.sin(x / 120 - y / 90)
    water = ramp(WATER, np.where(row < 1, 0.02, flow) + 0.045 * loose)
    glint = (random.uniform(size=len(y)) > 0.965) & (row > 1)
    water[glint] = ramp(GOLD, 0.7 + 0.15 * loose)[glint]
    patch = 0.36 + 0.34 * np.sin(9 * tiles.along + 1.3 * np.sin(x / 23) + 1.1 * np.sin(y / 19))
    body = ramp(FISH, np.where(row < 1, 0.04, patch + 0.10 * np.sin(2.2 * row)) + 0.07 * loose)
    fin = ramp(GOLD, np.where(row < 1, 0.30, 0.60 + 0.22 * tiles.along) + 0.14 * loose)
    veins = 0.55 + 0.32 * np.cos(2 * np.pi * row / 3) + 0.12 * np.cos(9 * tiles.along)
    pad = ramp(LEAF, np.where(row < 1, 0.15, veins) + 0.09 * loose)
    petal = ramp(PETAL, 1.20 - 0.95 * tiles.along + 0.07 * loose)
    stamen = ramp(GOLD, 0.75 + 0.12 * loose)
    eye = np.where((row > 1)[:, None], DARK, ramp(FISH, np.ones_like(loose)))
    made_of = {"water": water, "body": body, "fin": fin, "pad": pad, "petal": petal, "stamen": stamen, "eye": eye}
    for kind, made in made_of.items():
        colour = np.where((kinds == kind)[:, None], made, colour)
    return colour * (1 + 0.07 * random.standard_normal((len(y), 1))).astype(np.float32)


def lit(canvas: Canvas, owner: NDArray[np.int32], depth: Plane, paint: Plane) -> Plane:
    """Bevelled, slightly tilted glass set in rough grout (H, W, 3)."""
    random = canvas.random("tilt")
    tilt = random.normal(0, 0.12, (2, len(paint))).astype(np.float32)
    slope = relief(np.minimum(depth, 1.3) * 0.9 + 0.10 * canvas.noise("glass", 2.6, 2), canvas.scale)
    shine = slope * 0.34 + tilt[0][owner] * 0.7
    colour = paint[owner] * (1 + shine)[..., None]
    colour += (np.clip(shine - 0.12, 0, 1) ** 1.5 * 0.8)[..., None]
    grout: Plane = GROUT * (1 + 0.16 * canvas.noise("grout", 3, 2))[..., None]
    cover = step(depth - 0.45, 0.6)
    lay(grout, colour, cover)
    return grout
