"""A warp: points of a picture move to other places, and a thin-plate spline moves everything between them along."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.errors import InputError
from stylespace.pictures.float64 import float64
from stylespace.pictures.spline import thin_plate
from stylespace.storage.atomic import write_text
from stylespace.storage.plain import parse, reason

Point = tuple[float, float]
COARSE, FINE = 64, 160  # long side of the grid on which the spline is computed: while it is optimised, and for results
BORDER = 4  # fixed points a side


@dataclass(frozen=True)
class Warp:
    """``points`` are moved to ``moved``, both (right, down) in shares of width and height; the border stays.

    ``size``: (height, width) of the picture it was made for; distances are measured in its proportions. It applies to any size.
    """

    points: tuple[Point, ...]
    moved: tuple[Point, ...]
    size: tuple[int, int]

    def __post_init__(self) -> None:
        if len(self.points) != len(self.moved):
            raise InputError(f"{len(self.points)} points are moved to {len(self.moved)} places: give a place for each point.")

    def scaled(self, strength: float) -> Warp:
        """The same warp with every movement multiplied by ``strength``; 0 moves nothing."""
        there = tuple(
            (x + strength * (u - x), y + strength * (v - y)) for (x, y), (u, v) in zip(self.points, self.moved, strict=True)
        )
        return Warp(self.points, there, self.size)

    def flow(self, size: Sequence[int]) -> Tensor:
        """Where each pixel of the warped picture of ``size`` (h, w) comes from, (1, 2, h, w): down and right in shares of the sides,
        relative to its own place."""
        points, moved = (_tensor(p, self.size) for p in (self.points, self.moved))
        return flow(points, moved, self.size, size, FINE)

    def forward(self, size: Sequence[int]) -> Tensor:
        """The position that each pixel moves to, as :meth:`flow`; valid where the warp does not fold."""
        return inverted(self.flow(size))

    def apply(self, picture: Tensor, strength: float = 1.0) -> Tensor:
        """``picture`` (N, C, H, W) warped, bicubic, reflected at the borders; in the picture's range."""
        moved = self.scaled(strength) if strength != 1.0 else self
        size = (picture.shape[-2], picture.shape[-1])
        made = sample(picture, moved.flow(size).to(picture), "bicubic")
        return made.clamp(picture.amin(), picture.amax())

    def foldings(self, size: Sequence[int] = (256, 256)) -> int:
        """The number of cells of a grid of ``size`` that fold over: 0 where the warp is one-to-one."""
        return int((stretch(self.flow(size)) <= 0).sum())

    def gentle(self, least: float = 0.0) -> tuple[Warp, float]:
        """The strongest warp in the same direction that shrinks no part to ``least`` of its area or below (0: that does not fold), and its
        strength, at most 1."""

        def harsh(warp: Warp) -> bool:
            return float(stretch(warp.flow((256, 256))).min()) <= least

        if not harsh(self):
            return self, 1.0
        low, high = 0.0, 1.0
        for _ in range(8):
            middle = (low + high) / 2
            low, high = (low, middle) if harsh(self.scaled(middle)) else (middle, high)
        return self.scaled(low), low

    def grid(self, size: Sequence[int], lines: int = 24) -> Tensor:
        """A drawing of the warp on white, (1, 3, h, w): a regular grid after the warp, with points dark and their origins light."""
        from PIL import Image, ImageDraw

        from stylespace.pictures.pillow import from_pil

        high, wide = (int(side) for side in size)
        sheet = Image.new("RGB", (wide * 2, high * 2), "white")
        pen = ImageDraw.Draw(sheet)
        there = self.forward((max(2, high // 2), max(2, wide // 2)))[0]
        rows, columns = there.shape[-2:]
        place = there + _places((rows, columns))[0].to(there)
        for count, along in (
            (max(2, round(lines * high / max(high, wide))), 0),
            (max(2, round(lines * wide / max(high, wide))), 1),
        ):
            for i in range(count + 1):
                at = min(round(i / count * (place.shape[1 + along] - 1)), place.shape[1 + along] - 1)
                line = place[:, at] if along == 0 else place[:, :, at]
                pen.line([(float(x) * wide * 2, float(y) * high * 2) for y, x in line.T], fill=(70, 90, 120), width=2)
        radius = max(3, max(high, wide) // 90)
        for (x, y), (u, v) in zip(self.points, self.moved, strict=True):
            pen.line([(x * wide * 2, y * high * 2), (u * wide * 2, v * high * 2)], fill=(214, 120, 60), width=3)
            for (a, b), colour in (((x, y), (244, 200, 160)), ((u, v), (190, 60, 30))):
                centre = (a * wide * 2, b * high * 2)
                pen.ellipse([centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius], fill=colour)
        return from_pil(sheet.resize((wide, high), Image.Resampling.LANCZOS), 4 * high * wide).pixels

    def save(self, path: str | Path) -> Path:
        """Write JSON, atomically."""
        record = {"size": list(self.size), "points": [list(p) for p in self.points], "moved": [list(p) for p in self.moved]}
        return write_text(path, json.dumps({"warp": record}, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Warp:
        """Read what :meth:`save` wrote. Raises ``InputError``."""
        try:
            record = parse(Path(path).read_text(encoding="utf-8"))["warp"]
            points, moved = (tuple((float(x), float(y)) for x, y in record[name]) for name in ("points", "moved"))
            high, wide = (int(side) for side in record["size"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(f"{path} holds no warp ({reason(error)}): give a file that the deformable method wrote.") from error
        if not all(math.isfinite(x) for point in (*points, *moved) for x in point):
            raise InputError(f"{path} is a warp with places that are not numbers: give a file that the deformable method wrote.")
        if min(high, wide) < 1:
            raise InputError(f"{path} is a warp for a picture of {high} x {wide} pixels: both sides must be at least 1.")
        return cls(points, moved, (high, wide))


def flow(points: Tensor, moved: Tensor, proportions: Sequence[int], size: Sequence[int], grid: int = COARSE) -> Tensor:
    """The backward flow (1, 2, h, w) of the warp that takes ``points`` (k, 2) to ``moved`` (k, 2) and keeps the border.

    Places down and right, in units of the long side of a picture of ``proportions`` (h, w); the flow in shares of the sides. The
    spline is computed on a grid of at most ``grid`` cells and enlarged bicubically. Differentiable. For points on a device without
    float64 the flow is on the processor.
    """
    high, wide = size
    points, moved = float64(points), float64(moved)
    sides = torch.tensor([float(s) / max(proportions) for s in proportions], dtype=torch.float64, device=moved.device)
    edge = _border().to(sides) * sides
    there = torch.cat([moved, edge])
    back = torch.cat([points - moved, torch.zeros_like(edge)])
    rows, columns = (max(2, min(side, round(grid * side / max(size)))) for side in (high, wide))
    # From the first pixel's centre to the last one's, so that enlarging preserves both.
    ends = [
        torch.linspace(0.5 / n, 1 - 0.5 / n, m, dtype=torch.float64, device=moved.device)
        for n, m in ((high, rows), (wide, columns))
    ]
    at = torch.stack(torch.meshgrid(*ends, indexing="ij"), -1).reshape(-1, 2) * sides
    found = (thin_plate(there, back, at) / sides).T.reshape(1, 2, rows, columns).float()
    return F.interpolate(found, size=(high, wide), mode="bicubic", align_corners=True)


def sample(picture: Tensor, flow: Tensor, mode: str = "bilinear") -> Tensor:
    """``picture`` (N, C, H, W) sampled at each pixel's own place plus ``flow`` (1, 2, H, W; down and right, shares of the sides)."""
    where = flow + _places((flow.shape[-2], flow.shape[-1])).to(flow)
    grid = (2 * where.flip(1) - 1).permute(0, 2, 3, 1).expand(len(picture), -1, -1, -1)
    return F.grid_sample(picture, grid.to(picture), mode=mode, padding_mode="reflection", align_corners=False)


def inverted(flow: Tensor, steps: int = 40) -> Tensor:
    """The flow that undoes ``flow`` (1, 2, h, w), by fixed-point iteration (Chen et al. 2008, doi:10.1118/1.2816107)."""
    found = torch.zeros_like(flow)
    for _ in range(steps):
        found = 0.5 * (found - sample(flow, found))  # halved, since strong warps would oscillate
    return found


def stretch(flow: Tensor) -> Tensor:
    """The area that each cell of pixels comes from, relative to its own, (1, h - 1, w - 1): not positive where the warp folds."""
    high, wide = flow.shape[-2:]
    scale = flow.new_tensor([high, wide]).view(1, 2, 1, 1)
    moved = flow * scale
    down = moved[..., 1:, :-1] - moved[..., :-1, :-1]
    right = moved[..., :-1, 1:] - moved[..., :-1, :-1]
    return (1 + down[:, 0]) * (1 + right[:, 1]) - down[:, 1] * right[:, 0]


def variation(flow: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels' flow in pixels, both directions summed (Kim et al. 2020, eq. 5)."""
    moved = flow * flow.new_tensor(list(flow.shape[-2:])).view(1, 2, 1, 1)
    down, right = moved[..., 1:, :] - moved[..., :-1, :], moved[..., 1:] - moved[..., :-1]
    return down.abs().sum(1).mean() + right.abs().sum(1).mean()


def _places(size: Sequence[int]) -> Tensor:
    """The centre of each pixel, (1, 2, h, w), down and right in shares of the sides."""
    ends = [(torch.arange(side) + 0.5) / side for side in size]
    return torch.stack(torch.meshgrid(*ends, indexing="ij"))[None]


def _border() -> Tensor:
    """Fixed places around the picture, down and right in shares."""
    along = torch.linspace(0, 1, BORDER + 1)[:-1]
    zero, one = torch.zeros_like(along), torch.ones_like(along)
    sides = [(zero, along), (along, one), (one, 1 - along), (1 - along, zero)]
    return torch.cat([torch.stack(side, 1) for side in sides])


def _tensor(points: Sequence[Point], size: Sequence[int]) -> Tensor:
    """Places (right, down) in shares as (k, 2), down and right in units of the long side."""
    sides = torch.tensor([float(s) / max(size) for s in size], dtype=torch.float64)
    return torch.tensor([(y, x) for x, y in points], dtype=torch.float64).reshape(-1, 2) * sides
