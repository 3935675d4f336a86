"""A bundled photograph redrawn in styles drawn by our own code, and by the shipped network: nothing is downloaded."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import stylespace
from stylespace.demo.drawings import DRAWINGS, draw
from stylespace.errors import PictureError
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import Picture, read, to_pil, write
from stylespace.pictures.settings import read_settings
from stylespace.pictures.sheet import Cell, grid, sheet
from stylespace.pictures.writing import check_target
from stylespace.pipelines import batch
from stylespace.pipelines.batch import Job, Outcome
from stylespace.pipelines.run import Progress
from stylespace.pipelines.sources import MAX_PIXELS
from stylespace.pipelines.task import Task
from stylespace.pipelines.transfer import resolve

STYLES = ("swirls", "waves", "stained_glass", "halftone", "linocut")
SIZE = 448
DRAWING = (512, 512)
SHEET, PAINTED = "sheet.png", "network.png"
NETWORK = "classics"
MIXES = (("starry_night", "great_wave"), ("udnie", "roman_mosaic"))


@dataclass(frozen=True)
class Demo:
    """The demo's files in ``folder``: the photograph, one drawing and one result for each of ``styles``, the sheet."""

    folder: Path
    styles: tuple[str, ...] = STYLES
    force: bool = False

    @property
    def photo(self) -> Path:
        """The photograph: Chelsea the cat, by Stéfan van der Walt (CC0); part of scikit-image."""
        return self.folder / "photo.png"

    @property
    def sheet(self) -> Path:
        """The contact sheet."""
        return self.folder / SHEET

    @property
    def painted(self) -> Path:
        """The contact sheet of the shipped network."""
        return self.folder / PAINTED

    def drawing(self, style: str) -> Path:
        """A style picture."""
        return self.folder / f"style-{style}.png"

    def result(self, style: str) -> Path:
        """The photograph in a style."""
        return self.folder / f"{style}.png"

    def prepare(self) -> None:
        """Write the photograph and the style pictures. Raises ``PictureError`` when other files with these names exist."""
        from skimage.data import chelsea

        for path in (self.photo, self.sheet, self.painted, *map(self.drawing, self.styles)):
            self._own(path)
        self._write(chelsea, self.photo)
        for style in self.styles:
            self._write(partial(draw, style, DRAWING), self.drawing(style))

    def run(
        self,
        settings: Mapping[str, Any],
        *,
        begin: Callable[[Job], None] | None = None,
        progress: Callable[[Progress], None] | None = None,
        **how: Any,
    ) -> Iterator[Outcome]:
        """Redraw the photograph in each style; ``settings`` as for :func:`stylespace.transfer`, ``how``: fields of ``Task``."""
        resolved = resolve("default", None, None, {"size": SIZE, **settings})
        for style in self.styles:
            task = Task(resolved, {self.drawing(style): 1.0}, **how)
            job = Job(self.photo, self.result(style), style.replace("_", " "))
            force = self.force or self._outdated(job, task)
            for outcome in batch.run([job], task, force=force, begin=begin, progress=progress):
                yield outcome
                if outcome.state == "interrupted":
                    return

    def draw_sheet(self) -> Path:
        """Write the contact sheet of the results so far."""
        cells = [Cell(_pil(self.photo), "photograph")]
        for style in self.styles:
            title = DRAWINGS[style].partition(":")[0]
            if self.result(style).exists():
                cells.append(Cell(_pil(self.result(style)), title, _pil(self.drawing(style))))
        picture = sheet(grid(cells, 3), title="One photograph, redrawn", side=400)
        return write(read(picture), self.sheet, force=True, settings=self._mark())

    def paint(self) -> Path:
        """Write the contact sheet of the shipped network: the photograph in each of its styles, and in mixes of two."""
        network = StyleNetwork.load(NETWORK)
        photo = _pil(self.photo)

        def cell(mix: Mapping[str, Any], title: str, thumbnail: bytes = b"") -> Cell:
            return Cell(network(photo, mix, size=SIZE), title, Image.open(io.BytesIO(thumbnail)) if thumbnail else None)

        cells = [Cell(photo, "photograph")]
        cells += [cell({name: 1.0}, name.replace("_", " "), network.thumbnail(name)) for name in network.styles]
        for one, other in MIXES:
            for share in (0.75, 0.5, 0.25):
                title = f"{share:.0%} {one}, {1 - share:.0%} {other}".replace("_", " ")
                cells.append(cell({one: share, other: 1 - share}, title))
        left = np.linspace(1, 0, photo.width)[None].repeat(photo.height, 0)
        one, other = MIXES[0]
        cells.append(cell({one: left, other: 1 - left}, f"{one} into {other}".replace("_", " ")))
        picture = sheet(grid(cells, 6), title="One photograph, one network", side=300)
        return write(read(picture), self.painted, force=True, settings=self._mark())

    @staticmethod
    def _outdated(job: Job, task: Task) -> bool:
        """Whether an older demo's result is in the way."""
        try:
            batch.look(job, task)
        except PictureError:
            return job.target.is_file() and _settings(job.target).get("method") == task.method
        return False

    def _own(self, path: Path) -> None:
        check_target(path, force=True)
        if path.exists() and not self.force and "demo" not in _settings(path):
            raise PictureError(f"{path} exists already and is not the demo's: choose another folder with -o, or give --force.")

    def _write(self, make: Callable[[], Any], path: Path) -> None:
        if path.exists() and not self.force and _settings(path) == self._mark():
            return
        pixels = torch.from_numpy(make()).permute(2, 0, 1)[None].float() / 255
        write(Picture(pixels.contiguous(), name=path.name), path, force=True, settings=self._mark())

    @staticmethod
    def _mark() -> dict[str, Any]:
        return {"demo": stylespace.__version__}


def _settings(path: Path) -> dict[str, Any]:
    try:
        return read_settings(path)
    except PictureError:
        return {}


def _pil(path: Path) -> Any:
    picture = read(path, max_pixels=MAX_PIXELS)
    return to_pil(picture.pixels, picture.alpha)
