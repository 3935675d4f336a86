"""One photo and style under many settings, side by side on a labelled contact sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from stylespace.errors import InputError, StylespaceError
from stylespace.methods.registry import METHODS, STYLES
from stylespace.settings import parsed

if TYPE_CHECKING:
    from PIL.Image import Image

    from stylespace.pictures import Picture
    from stylespace.pipelines.run import Progress

COLUMNS = 5  # of a sheet over one axis
MOST = 200


@dataclass(frozen=True)
class Axis:
    """A varied setting, or ``preset``; its values and how they are written."""

    name: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]


@dataclass
class Sweep:
    """A sweep, as far as it has got.

    ``pictures``: by the indices of the values on each axis, shrunk to a long side of ``side`` pixels. ``failures``: errors, where there
    is no picture. ``photo``, ``style``: what is redrawn and the first style. ``interrupted``: Ctrl-C ended it.
    """

    axes: tuple[Axis, ...]
    side: int = 256
    photo: Image | None = None
    style: Image | None = None
    pictures: dict[tuple[int, ...], Image] = field(default_factory=dict)
    failures: dict[tuple[int, ...], StylespaceError] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def places(self) -> list[tuple[int, ...]]:
        """All combinations, the last axis fastest."""
        return list(product(*(range(len(axis.values)) for axis in self.axes)))

    def label(self, place: tuple[int, ...]) -> str:
        """The settings at a place: ``style_weight=3, size=256``."""
        return ", ".join(f"{axis.name}={axis.labels[i]}" for axis, i in zip(self.axes, place, strict=True))

    def sheet(self, *, title: str = "") -> Image:
        """The contact sheet so far: two axes as rows and columns; one axis, after the photo, in rows of five."""
        from stylespace.pictures.sheet import Cell, grid, sheet

        def cell(place: tuple[int, ...], label: str) -> Cell:
            return Cell(self.pictures.get(place), label, message=str(self.failures.get(place, "")))

        if len(self.axes) == 2:
            rows, columns = self.axes
            cells = [[cell((i, j), "") for j in range(len(columns.values))] for i in range(len(rows.values))]
            names = [f"{rows.name} {label}" for label in rows.labels]
            heads = [f"{columns.name} {label}" for label in columns.labels]
            return sheet(cells, title=title, row_labels=names, column_labels=heads, side=self.side)
        (axis,) = self.axes
        flat = [cell((i,), f"{axis.name} {axis.labels[i]}") for i in range(len(axis.values))]
        if self.photo is not None:
            flat.insert(0, Cell(self.photo, "photo", self.style))
        return sheet(grid(flat, COLUMNS), title=title, side=self.side)


def axis(text: str, method: str = "gatys") -> Axis:
    """``style_weight=0.3,1,3`` as an axis.

    Values are separated by commas or, where a value contains commas, by slashes:
    ``style_layers=relu1_1,relu2_1/relu4_1/all:geometric``. ``preset=default,neural-style`` varies the preset of ``gatys``.
    Raises ``InputError`` for what is not a setting of the method or not a value of it.
    """
    name, separator, listed = text.partition("=")
    name = name.strip().replace("-", "_")
    labels = tuple(part.strip() for part in listed.split("/" if "/" in listed else ",") if part.strip())
    if not separator or not labels:
        raise InputError(
            f"'{text}' does not name a setting to vary: write a setting and its values, such as style_weight=0.3,1,3."
        )
    presets = METHODS[method].presets
    if name == "preset" and STYLES in METHODS[method].accepts:
        if unknown := [label for label in labels if label not in presets]:
            raise InputError(f"The preset '{unknown[0]}' is unknown: choose among {', '.join(presets)}.")
        return Axis(name, labels, labels)
    return Axis(name, tuple(parsed(METHODS[method].settings, name, label) for label in labels), labels)


def sweep(
    photo: Any,
    styles: Any,
    axes: Sequence[Axis],
    *,
    method: str = "gatys",
    preset: str = "default",
    quality: str | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    threads: int | None = None,
    weights: Any = None,
    max_pixels: int | None = None,
    side: int = 256,
    progress: Callable[[Progress], None] | None = None,
) -> Iterator[Sweep]:
    """Redraw ``photo`` once for every combination of one or two ``axes``; yields the sweep, growing, after each.

    Other arguments as for :func:`stylespace.transfer` and, with ``method="inversion"``, :func:`stylespace.invert` (``styles`` is
    ignored). A combination that fails is marked on the sheet and the others follow; when the first three fail, or
    all, the error is raised. Ctrl-C ends the sweep with ``interrupted`` set. ``side``: long side of the pictures on the sheet.
    """
    from stylespace.pictures import read
    from stylespace.pipelines.record import weighted
    from stylespace.pipelines.sources import MAX_PIXELS
    from stylespace.pipelines.task import Task
    from stylespace.pipelines.transfer import resolve

    if not 1 <= len(axes) <= 2:
        raise InputError(f"{len(axes)} settings were given to vary: give one, or two for rows and columns.")
    if len({axis.name for axis in axes}) < len(axes):
        raise InputError(f"{axes[0].name} is varied twice: give all its values at once.")
    if (count := prod(len(axis.values) for axis in axes)) > MOST:
        raise InputError(f"{count} pictures are too many for a sheet: {MOST} at most.")
    limit = max_pixels or MAX_PIXELS
    photo = read(photo, max_pixels=limit)
    styles = {read(style, max_pixels=limit): weight for style, weight in weighted(styles)}
    growing = Sweep(tuple(axes), side, shrunk(photo, side), shrunk(next(iter(styles)), side) if styles else None)
    for place in growing.places:
        varied = {axis.name: axis.values[i] for axis, i in zip(axes, place, strict=True)}
        chosen = varied.pop("preset", preset)
        combined = {**(settings or {}), **varied}
        try:
            resolved = resolve(chosen, quality, None, combined, method)
            kept = list(styles) if METHODS[method].blends else styles
            task = Task(
                resolved, kept, weights=weights, device=device, threads=threads, max_pixels=limit
            )  # fmt: skip
            result = task.run(photo, progress=progress)
        except KeyboardInterrupt:
            growing.interrupted = True
            break
        except StylespaceError as error:
            growing.failures[place] = error
            if not growing.pictures and len(growing.failures) == min(3, len(growing.places)):
                raise
        else:
            if result.interrupted:
                growing.interrupted = True
                break
            growing.pictures[place] = shrunk(result.source, side)
        yield growing
    if growing.interrupted:
        yield growing


def shrunk(picture: Picture, side: int) -> Image:
    """``picture`` for a sheet: a long side of ``side`` pixels at most."""
    from stylespace.pictures import to_pil

    small = to_pil(picture)
    small.thumbnail((side, side))
    return small
