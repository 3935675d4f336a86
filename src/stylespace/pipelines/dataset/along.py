"""Masks and boxes moved along with a picture whose shapes a method has moved, or whose size has changed."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch

from stylespace.errors import PictureError
from stylespace.pictures.formats import PICTURE_SUFFIXES
from stylespace.pictures.warp import Warp, sample

KEYS = ("bbox", "bboxes", "boxes")
FORMS = ("xywh", "xyxy")
_ALONG = 17  # places on each side of a box


@dataclass(frozen=True)
class Move:
    """What happened to a picture of size ``before`` (h, w): warped, then brought to size ``after``.

    ``form``: of boxes in pixels, ``xywh`` (left, top, width, height, as COCO has them) or ``xyxy`` (left, top, right, bottom).
    """

    before: tuple[int, int]
    after: tuple[int, int]
    warp: Warp | None = None
    form: str = "xywh"

    @property
    def still(self) -> bool:
        """Whether everything stays where it is."""
        return self.warp is None and self.before == self.after

    def beside(self, name: str, data: bytes) -> bytes:
        """A file that belongs to the picture: masks and boxes are moved, anything else is as it was."""
        if self.still:
            return data
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in PICTURE_SUFFIXES or not suffix:
            return self.mask(name, data)
        known: dict[str, Callable[[bytes], bytes]] = {".json": self.json, ".txt": self.yolo, ".xml": self.voc}
        return known[suffix](data) if suffix in known else data

    def mask(self, name: str, data: bytes) -> bytes:
        """A mask of any kind (palette, 16 bits) with each pixel's value from its nearest place, as PNG."""
        from PIL import Image, UnidentifiedImageError

        try:
            picture = Image.open(io.BytesIO(data))
            values = np.asarray(picture)
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise PictureError(f"The mask {name} cannot be read ({error}): replace it, or leave --masks out.") from error
        down, right = self._origin((values.shape[0], values.shape[1]))
        made = Image.fromarray(values[down, right])
        if picture.mode == "P" and (palette := picture.getpalette()) is not None:
            made = made.convert("L") if made.mode != "L" else made
            made.putpalette(palette)
        elif made.mode != picture.mode:
            made = made.convert(picture.mode)
        out = io.BytesIO()
        made.save(out, "PNG")
        return out.getvalue()

    def _origin(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns in a mask of ``size`` from which each pixel of the new one comes."""
        after = size if size != self.before else self.after
        flow = torch.zeros(1, 2, *after) if self.warp is None else self.warp.flow(after)
        found = []
        for axis, (own, new) in enumerate(zip(size, after, strict=True)):
            place = ((torch.arange(new) + 0.5) / new).view((-1, 1) if axis == 0 else (1, -1)) + flow[0, axis]
            index = (place * own).floor().long()
            index = torch.where(
                index < 0, -1 - index, torch.where(index >= own, 2 * own - 1 - index, index)
            )  # as pictures are reflected
            found.append(index.clamp(0, own - 1).numpy())
        return found[0], found[1]

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        """A box in shares of the sides to the box around where its sides are now."""
        if self.warp is None:
            return left, top, right, bottom
        share = torch.linspace(0, 1, _ALONG)
        across, down = left + share * (right - left), top + share * (bottom - top)
        xs = torch.cat([across, across, torch.full_like(down, left), torch.full_like(down, right)])
        ys = torch.cat([torch.full_like(across, top), torch.full_like(across, bottom), down, down])
        flow = self.warp.forward((256, 256))
        grid = torch.stack([ys, xs])[None, :, None]  # (1, 2, 1, n)
        places = torch.stack(torch.meshgrid(torch.tensor([0.5]), (torch.arange(len(xs)) + 0.5) / len(xs), indexing="ij"))[None]
        moved = (grid + sample(flow, grid - places))[0, :, 0].clamp(0, 1)
        return float(moved[1].min()), float(moved[0].min()), float(moved[1].max()), float(moved[0].max())

    def pixels(self, box: Sequence[float]) -> list[float]:
        """A box of four numbers in pixels."""
        high, wide = self.before
        x, y, u, v = (float(number) for number in box)
        if self.form == "xywh":
            u, v = x + u, y + v
        left, top, right, bottom = self.box(x / wide, y / high, u / wide, v / high)
        high, wide = self.after
        corners = [left * wide, top * high, right * wide, bottom * high]
        if self.form == "xywh":
            corners[2:] = [corners[2] - corners[0], corners[3] - corners[1]]
        return [round(number, 3) for number in corners]

    def json(self, data: bytes) -> bytes:
        """``bbox``, ``bboxes`` or ``boxes``, wherever they are in a JSON text: four numbers, or a list of such."""
        try:
            held = json.loads(data)
        except ValueError:
            return data
        made = self._within(held)
        return data if made == held else json.dumps(made).encode()

    def _within(self, held: Any, inside: bool = False) -> Any:
        if isinstance(held, dict):
            return {key: self._within(value, key in KEYS) for key, value in held.items()}
        if isinstance(held, list):
            if inside and len(held) == 4 and all(isinstance(n, int | float) and not isinstance(n, bool) for n in held):
                return self.pixels(held)
            return [self._within(value, inside) for value in held]
        return held

    def yolo(self, data: bytes) -> bytes:
        """Lines of a class and a box's middle and sides in shares; any other text is as it was."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return data
        lines = [line.split() for line in text.splitlines() if line.strip()]
        number = re.compile(r"-?\d*\.?\d+(e-?\d+)?$")
        if not lines or any(len(line) != 5 or not all(map(number.match, line)) for line in lines):
            return data
        made = []
        for kind, *numbers in lines:
            x, y, w, h = map(float, numbers)
            left, top, right, bottom = self.box(x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            made.append(f"{kind} {(left + right) / 2:.6f} {(top + bottom) / 2:.6f} {right - left:.6f} {bottom - top:.6f}\n")
        return "".join(made).encode()

    def voc(self, data: bytes) -> bytes:
        """The ``bndbox`` elements, and ``size``, of Pascal VOC's XML."""
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            return data
        try:
            root = ElementTree.fromstring(data)
        except ElementTree.ParseError:
            return data
        names = ("xmin", "ymin", "xmax", "ymax")
        as_corners = Move(self.before, self.after, self.warp, "xyxy")
        for box in root.iter("bndbox"):
            corners = [box.find(name) for name in names]
            if all(corner is not None and corner.text for corner in corners):
                for corner, number in zip(corners, as_corners.pixels([float(c.text) for c in corners]), strict=True):  # type: ignore[union-attr,arg-type]
                    corner.text = f"{number:g}"  # type: ignore[union-attr]
        for name, side in (("height", self.after[0]), ("width", self.after[1])):
            for element in root.iterfind(f"size/{name}"):
                element.text = str(side)
        return ElementTree.tostring(root)
