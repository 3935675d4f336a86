"""What the drawings share: a supersampled sheet in design units, noise that is the same at every size, light, and colour."""

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

Plane = NDArray[Any]  # floats: (H, W), or (H, W, 3) for colour in [0, 1], sRGB; or (N,) for N things
DESIGN_SIDE = 640.0  # the short side of every drawing, in design units


@dataclass(frozen=True)
class Canvas:
    """A sheet measured in design units, drawn `factor` times finer than it is delivered."""

    size: tuple[int, int]  # (H, W) in pixels of the finished picture
    seed: int

    @cached_property
    def factor(self) -> int:
        """Supersampling: rendering pixels a side for one pixel of the finished picture."""
        short = min(self.size)
        return 1 if short > 1024 else 2 if short >= 200 else 4

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in rendering pixels."""
        return self.size[0] * self.factor, self.size[1] * self.factor

    @property
    def scale(self) -> float:
        """Rendering pixels for one design unit; larger on sheets of more than 4 to 1, which would hold too much."""
        return max(min(self.shape) / DESIGN_SIDE, max(self.shape) / (4 * DESIGN_SIDE))

    @property
    def extent(self) -> tuple[float, float]:
        """(height, width) in design units; the smaller is 640 (less where the longer would pass 2560)."""
        return self.shape[0] / self.scale, self.shape[1] / self.scale

    @cached_property
    def y(self) -> Plane:
        """(H, 1) design-unit height of the pixel centres, downwards."""
        return ((np.arange(self.shape[0], dtype=np.float32) + 0.5) / np.float32(self.scale))[:, None]

    @cached_property
    def x(self) -> Plane:
        """(1, W) design-unit position of the pixel centres, to the right."""
        return ((np.arange(self.shape[1], dtype=np.float32) + 0.5) / np.float32(self.scale))[None, :]

    def window(self, y: float, x: float, down: float, across: float) -> tuple[slice, slice]:
        """The rendering pixels within `down` and `across` design units of (y, x)."""
        spans = []
        for middle, reach, end in zip((y, x), (down, across), self.shape, strict=True):
            spans.append(slice(*(int(np.clip((middle + side * reach) * self.scale, 0, end)) for side in (-1, 1))))
        return spans[0], spans[1]

    def random(self, part: str) -> np.random.Generator:
        """The random numbers of one named part, independent of every other part's."""
        return np.random.default_rng([self.seed, zlib.crc32(part.encode())])

    def noise(self, part: str, cell: float | tuple[float, float], octaves: int = 1) -> Plane:
        """(H, W) smooth noise, mean 0 and deviation about 1, its bumps `cell` design units wide ((y, x) when stretched)."""
        high, wide = cell if isinstance(cell, tuple) else (cell, cell)
        random = self.random(part)
        total = np.zeros(self.shape, np.float32)
        for octave in range(octaves):
            total += 0.5**octave * self._lattice(random, high / 2**octave, wide / 2**octave)
        return total / np.float32(np.sqrt(sum(0.25**octave for octave in range(octaves))))

    def _lattice(self, random: np.random.Generator, high: float, wide: float) -> Plane:
        floor = 0.75 / self.scale  # finer than a pixel is invisible
        spans = [extent / max(cell, floor) for extent, cell in zip(self.extent, (high, wide), strict=True)]
        values = random.standard_normal([int(np.ceil(span)) + 3 for span in spans]).astype(np.float32)
        box = (1.0, 1.0, 1.0 + spans[1], 1.0 + spans[0])
        picture = Image.fromarray(values).resize(self.shape[::-1], Image.Resampling.BICUBIC, box=box)
        return np.asarray(picture, np.float32) * np.float32(1.5)  # interpolation loses about a third of the deviation

    def soften(self, plane: Plane, radius: float) -> Plane:
        """Gaussian blur of an (H, W) plane by `radius` design units, through a smaller copy where the blur allows it."""
        ratio = max(1.0, radius * self.scale / 2.5)
        small = [max(1, round(side / ratio)) for side in self.shape]
        picture = Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(small[::-1], Image.Resampling.BOX)
        blurred = gaussian_filter(np.asarray(picture, np.float32), radius * self.scale / ratio, mode="nearest")
        return np.asarray(Image.fromarray(blurred).resize(self.shape[::-1], Image.Resampling.BICUBIC), np.float32)

    def finish(self, colour: Plane) -> NDArray[np.uint8]:
        """Average (H, W, 3) colour in [0, 1] down to the finished size as uint8."""
        high, wide = self.size
        small = colour.reshape(high, self.factor, wide, self.factor, 3).mean((1, 3), dtype=np.float32)
        levels: NDArray[np.uint8] = (np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8)
        return levels


def colours(*codes: str) -> Plane:
    """(N, 3) sRGB in [0, 1] from "#rrggbb" codes."""
    return np.array([[int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)] for code in codes], np.float32)


def ramp(palette: Plane, position: Plane) -> Plane:
    """Colour at `position` in [0, 1] along an evenly spaced palette (N, 3): shape of position + (3,)."""
    place = np.clip(position, 0, 1) * (len(palette) - 1)
    below = np.minimum(place.astype(np.int32), len(palette) - 2)
    part = (place - below)[..., None].astype(np.float32)
    blend: Plane = palette[below] * (1 - part) + palette[below + 1] * part
    return blend


def step(value: Plane, width: float) -> Plane:
    """0 below -width/2, 1 above width/2, smooth between."""
    part = np.clip(value / np.float32(width) + np.float32(0.5), 0, 1)
    return part * part * (3 - 2 * part)


def lay(under: Plane, over: Plane, cover: Plane) -> None:
    """Paint `over` (a colour (3,) or (H, W, 3)) onto `under` (H, W, 3) in place where `cover` (H, W) in [0, 1] says."""
    under += (over - under) * cover[..., None]


def relief(height: Plane, scale: float, angle: float = 2.2) -> Plane:
    """Slope of a height map (H, W; in design units) towards a light at `angle` radians (2.2: upper left), about -1 to 1."""
    down = np.empty_like(height)
    right = np.empty_like(height)
    down[1:-1] = (height[2:] - height[:-2]) * (scale / 2)
    right[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * (scale / 2)
    down[[0, -1]] = 0
    right[:, [0, -1]] = 0
    slope = np.float32(np.sin(angle)) * down - np.float32(np.cos(angle)) * right
    return slope / np.sqrt(1 + slope * slope)
