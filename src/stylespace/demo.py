"""A bundled photograph redrawn in styles drawn by our own code: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

import stylespace
from stylespace import batch
from stylespace.batch import Job, Outcome
from stylespace.errors import PictureError
from stylespace.pictures import Picture, read, to_pil, write
from stylespace.pictures.drawings import DRAWINGS, draw
from stylespace.pictures.settings import read_settings
from stylespace.pictures.sheet import Cell, grid, sheet
from stylespace.pictures.writing import check_target
from stylespace.task import Task
from stylespace.transferring import MAX_PIXELS, Progress, resolve

STYLES = ("swirls", "waves", "stained_glass", "halftone", "linocut")
SIZE = 448
DRAWING = (512, 512)
SHEET = "sheet.png"


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

    def drawing(self, style: str) -> Path:
        """A style picture."""
        return self.folder / f"style-{style}.png"

    def result(self, style: str) -> Path:
        """The photograph in a style."""
        return self.folder / f"{style}.png"

    def prepare(self) -> None:
        """Write the photograph and the style pictures. Raises ``PictureError`` when other files of these names are there."""
        from skimage.data import chelsea

        for path in (self.photo, self.sheet, *map(self.drawing, self.styles)):
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
        resolved = resolve("default", "good", None, {"size": SIZE, **settings})
        for style in self.styles:
            task = Task(resolved, {self.drawing(style): 1.0}, **how)
            job = Job(self.photo, self.result(style), style.replace("_", " "))
            force = self.force or self._outdated(job, task)
            for outcome in batch.run([job], task, force=force, begin=begin, progress=progress):
                yield outcome
                if outcome.state == "interrupted":
                    return

    def draw_sheet(self) -> Path:
        """Write the contact sheet of what is there."""
        cells = [Cell(_pil(self.photo), "photograph")]
        for style in self.styles:
            title = DRAWINGS[style].partition(":")[0]
            if self.result(style).exists():
                cells.append(Cell(_pil(self.result(style)), title, _pil(self.drawing(style))))
        picture = sheet(grid(cells, 3), title="One photograph, redrawn", side=400)
        return write(read(picture), self.sheet, force=True, settings=self._mark())

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
