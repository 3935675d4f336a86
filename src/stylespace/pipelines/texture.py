"""Textures: of any size out of pictures, pictures that tile, holes filled; and the same done to other maps of the material."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import stylespace
from stylespace.errors import InputError
from stylespace.pictures.atlas import Atlas, to_bytes
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import MAX_PIXELS, read
from stylespace.pictures.rearrangement import Rearrangement
from stylespace.pictures.resizing import resize
from stylespace.pictures.samples import check_size
from stylespace.pipelines.record import described, same
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import Progress, Session
from stylespace.pipelines.sources import Guide, Source, drawn
from stylespace.pipelines.texture_settings import TextureSettings
from stylespace.solvers.coarse_to_fine import Scale, minimise
from stylespace.solvers.copying import Copying, Layout
from stylespace.solvers.filling import Filling
from stylespace.solvers.quilt import THOUSANDTHS, Quilt, Terms, positions
from stylespace.storage.journal import Journal
from stylespace.styles.guide import Maps, drawn_maps

HOLE_BLOCK = 10  # of a hole's picture: its short side is so many blocks


@dataclass
class TextureResult(Result):
    """A finished texture. ``rearrangement``: which pixel of which source each of its pixels is, to be applied to other maps; ``maps``:
    those that were given, rearranged."""

    rearrangement: Rearrangement | None = None
    maps: tuple[Picture, ...] = ()


def texture(
    sources: Source | Sequence[Source],
    *,
    size: tuple[int, int] | None = None,
    tile: bool = False,
    hole: Source | None = None,
    masks: Sequence[Source | None] = (),
    guides: Sequence[Guide] = (),
    maps: Sequence[Source] = (),
    threads: int | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[Progress], None] | None = None,
    note: Callable[[str], None] | None = None,
    unfinished: str | Path | None = None,
    **settings: Any,
) -> TextureResult:
    """A texture like ``sources`` (one picture or several, as for :func:`stylespace.transfer`), by image quilting.

    ``size``: width and height in pixels; by default twice the first source's. ``tile``: the edges go on at the opposite ones; without
    ``size`` the source itself is kept and only a band at its edges is made anew. ``hole``: a mask of the first source, white where it is to
    be filled from the rest (and from further sources); pixels further than a block's overlap from it stay as they are. ``masks``: for each
    source what of it may be taken (white), or None. ``guides``: maps of the texture (``photo``) and of the one source (``style``) that
    correspond. ``maps``: other maps of the material (normals, roughness), rearranged in the same way: one for each source, then
    again one for each. ``settings``: fields of :class:`TextureSettings`.

    All pixels are copies. The same pixels for a ``seed``, whatever the threads. ``progress``, ``note``, ``unfinished``, Ctrl-C: as for
    :func:`stylespace.transfer`; an interrupted texture lacks what was not laid.
    Raises ``InputError`` and ``PictureError``, each with one sentence that says what to do.
    """
    listed: list[Any] = list(sources) if isinstance(sources, list | tuple) else [sources]
    chosen = _settings(settings)
    pictures = [read(source, max_pixels=max_pixels) for source in listed]
    if not pictures:
        raise InputError("No source was given: give at least one picture.")
    if hole is not None and (size is not None or tile):
        raise InputError("A hole is filled in a picture of its own size that does not tile: leave size and tile out.")
    if len(masks) > len(pictures):
        raise InputError(f"{len(masks)} masks were given for {len(pictures)} sources: give one for each.")
    if len(maps) % len(pictures):
        raise InputError(
            f"{len(maps)} maps were given for {len(pictures)} sources: give one of each kind for each source, in their order."
        )
    own = hole is not None or (tile and size is None)  # the first source is kept
    wide, high = (pictures[0].size[::-1] if own else size) or (2 * pictures[0].size[1], 2 * pictures[0].size[0])
    if min(wide, high) < 4:
        raise InputError(f"A texture of {wide} x {high} pixels cannot be made: give 4 x 4 or more.")
    check_size(wide, high, max_pixels, "The texture")
    others = [read(each, max_pixels=max_pixels) for each in maps]
    taken = [
        None if mask is None else resize(read(mask, max_pixels=max_pixels).pixels.mean(1, keepdim=True), picture.size)
        for mask, picture in zip((*masks, *[None] * (len(pictures) - len(masks))), pictures, strict=True)
    ]
    empty = None if hole is None else _hole(hole, pictures[0].size, max_pixels)
    content = pictures[0] if own else Picture(torch.zeros(1, 3, high, wide), name="texture")
    session = Session(chosen, content, "cpu", threads, (), progress)
    session.dtype = "uint8"  # what is compared
    with session:
        record: dict[str, Any] = {
            "method": "texture", "photo": None, "styles": [described(source) for source in listed],
            "settings": asdict(chosen) | {"size": [wide, high], "tile": tile},
            "masks": [None if mask is None else described(mask) for mask in masks],
            "hole": None if hole is None else described(hole), "kept": own,
            "guides": [{"photo": described(g.photo), "style": described(g.style), "weight": float(g.weight)} for g in guides],
        }  # fmt: skip
        if unfinished is not None and same(record, record):
            session.keep(Journal(Path(unfinished), record | {"stylespace": stylespace.__version__}))
        run = session.run(note)
        if session.losses:
            run.note(f"Continuing after step {len(session.losses)}.")
        problem: Synthesis | Mended
        if own:
            problem = Mended(pictures, taken, chosen, empty, drawn(guides, max_pixels))
        else:
            problem = Synthesis(pictures, taken, chosen, (high, wide), tile, drawn(guides, max_pixels))
        session.solution = minimise(problem, run)
    made = session.result(record)
    rearrangement = problem.rearrangement()
    rearranged = [
        _applied(rearrangement, others[first : first + len(pictures)]) for first in range(0, len(others), len(pictures))
    ]
    source = _applied(rearrangement, pictures) if not made.interrupted else made.source
    source = replace(source, exif=pictures[0].exif if own else None, name="texture")
    return TextureResult(
        source, made.losses, made.record, made.seconds, interrupted=made.interrupted, journal=made.journal, rearrangement=rearrangement,
        maps=tuple(rearranged),
    )  # fmt: skip


def rearrange(rearrangement: Rearrangement | str | Path, maps: Sequence[Source], *, max_pixels: int = MAX_PIXELS) -> Picture:
    """What was done to a texture's sources done to ``maps``, one for each source, of its size or a whole multiple of it.

    ``rearrangement``: of a :class:`TextureResult`, or the file that its ``save`` wrote. Raises ``InputError`` and ``PictureError``.
    """
    known = rearrangement if isinstance(rearrangement, Rearrangement) else Rearrangement.load(rearrangement)
    return _applied(known, [read(each, max_pixels=max_pixels) for each in maps])


class Synthesis(Copying):
    """A texture of ``size`` (h, w) in rows of blocks; a step is a row."""

    def __init__(
        self, pictures: Sequence[Picture], masks: Sequence[Tensor | None], settings: TextureSettings, size: tuple[int, int], tile: bool,
        guides: Sequence[Any],
    ) -> None:  # fmt: skip
        self.content = torch.zeros(1, 3, *size)
        self.atlas = Atlas.of([picture.pixels for picture in pictures], masks)
        maps = drawn_maps(guides, size, self.atlas)
        narrow = [min(picture.size) for picture in pictures]
        side = min(settings.block or max(4, min(narrow) // 4), max(narrow))
        side = max(2, min(side, *size) if not tile else min(side, *(2 * extent // 3 for extent in size)))
        overlap = min(max(1, round(settings.overlap * side)), side // 2)
        self.quilt = Quilt(
            size, self.atlas.owner, _terms(self.atlas, maps), side=side, overlap=overlap, wraps=tile, tolerance=settings.tolerance,
            variety=settings.variety, seed=settings.seed, workers=torch.get_num_threads(),
        )  # fmt: skip
        self.size = size
        self.schedule = [(max(size), len(positions(size[0], side, overlap, tile)))]

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """Nothing."""
        return torch.zeros(1, 3, *self.size)

    def begun(self, scale: Scale) -> Layout:
        """Empty."""
        return Layout.empty(self.size)

    def lay(self, number: int) -> tuple[float, NDArray[np.int64]]:
        """A row of blocks."""
        assert self.canvas is not None
        return self.quilt.row(number, self.canvas)

    def rearrangement(self) -> Rearrangement:
        """Of what was laid."""
        assert self.canvas is not None
        return self.atlas.rearrangement(self.canvas.down, self.canvas.right)


class Mended(Copying):
    """The first picture with a ``hole`` (H, W) filled, or, without one, made to tile: rolled by half, with its seams as the hole.

    A step fills a share of it.
    """

    STEPS = 20

    def __init__(
        self, pictures: Sequence[Picture], masks: Sequence[Tensor | None], settings: TextureSettings, hole: NDArray[np.bool_] | None,
        guides: Sequence[Any],
    ) -> None:  # fmt: skip
        from scipy.ndimage import binary_dilation

        size = pictures[0].size
        self.content, self.size = pictures[0].pixels, size
        self.roll = (0, 0) if hole is not None else (size[0] // 2, size[1] // 2)
        side = settings.block or max(4, min(size) // (4 if hole is None else HOLE_BLOCK))
        side = max(4, min(side, *(extent // 2 for picture in pictures for extent in picture.size)))
        if min(size) < 8:
            raise InputError(f"A picture of {size[1]} x {size[0]} pixels is too small to be mended: 8 x 8 or more are wanted.")
        overlap = max(1, round(settings.overlap * side))
        if hole is None:
            self.hole, free = _cross(size, self.roll, 1), _cross(size, self.roll, side // 2)
        else:
            self.hole = hole
            free = binary_dilation(hole, iterations=overlap)
            outside = torch.from_numpy(~hole)[None, None].float()
            masks = [outside if masks[0] is None else masks[0] * outside, *masks[1:]]
        self.atlas = Atlas.of([picture.pixels for picture in pictures], masks)
        maps = drawn_maps(guides, size, self.atlas)
        maps = replace(maps, here=np.roll(maps.here, [-r for r in self.roll], (1, 2)))
        self.filling = Filling(
            self.atlas.owner, _terms(self.atlas, maps), ~(free | self.hole), side=side, tolerance=settings.tolerance, seed=settings.seed,
            workers=torch.get_num_threads(),
        )  # fmt: skip
        self.schedule = [(max(size), self.STEPS)]
        self.blocks = 0

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """The picture."""
        return self.content.roll([-r for r in self.roll], (2, 3))

    def begun(self, scale: Scale) -> Layout:
        """The picture itself but for the hole."""
        down, right = ((np.arange(extent) + by) % extent for extent, by in zip(self.size, self.roll, strict=True))
        shape = [np.broadcast_to(places, self.size).astype(np.int32) for places in (down[:, None], right[None])]
        return Layout(shape[0], shape[1], ~self.hole)

    def lay(self, number: int) -> tuple[float, NDArray[np.int64]]:
        """Blocks until this step's share is filled."""
        assert self.canvas is not None
        wanted = int(self.hole.sum()) * (self.STEPS - 1 - number) // self.STEPS
        error, rows, count = 0.0, np.zeros(0, np.int64), 0
        while (left := int((~self.canvas.known).sum())) > wanted:
            # A block's chance is that of how much is left: a run that goes on draws the same.
            found, changed = self.filling.step(left, self.canvas)
            error, count, rows = error + found, count + 1, np.union1d(rows, changed)
        return error / max(count, 1), rows

    def finish(self, picture: Tensor) -> Tensor:
        """Rolled back."""
        return picture.roll(list(self.roll), (2, 3))

    def rearrangement(self) -> Rearrangement:
        """Of the picture, rolled back."""
        assert self.canvas is not None
        return self.atlas.rearrangement(*(np.roll(places, self.roll, (0, 1)) for places in (self.canvas.down, self.canvas.right)))


def _settings(values: dict[str, Any]) -> TextureSettings:
    known = TextureSettings.__dataclass_fields__
    for name in values:
        if name not in known:
            raise InputError(f"There is no setting '{name}': choose among {', '.join(sorted(known))}.")
    return TextureSettings(**values)


def _terms(atlas: Atlas, maps: Maps) -> Terms:
    return Terms(to_bytes(atlas.pixels), maps.there, maps.here, tuple(round(weight * THOUSANDTHS) for weight in maps.weights))


def _hole(mask: Source, size: tuple[int, int], max_pixels: int) -> NDArray[np.bool_]:
    found = resize(read(mask, max_pixels=max_pixels).pixels.mean(1, keepdim=True), size)[0, 0].numpy() > 0.5
    if not found.any() or found.all():
        what = "white" if found.all() else "black"
        raise InputError(f"The hole's mask is {what} everywhere: paint white what is to be filled, and only that.")
    return np.asarray(found)


def _cross(size: tuple[int, int], middle: tuple[int, int], reach: int) -> NDArray[np.bool_]:
    """Rows and columns no further than ``reach`` from where a picture rolled by ``middle`` meets itself."""
    found = np.zeros(size, bool)
    for axis, (extent, by) in enumerate(zip(size, middle, strict=True)):
        lines = [slice(None), slice(None)]
        lines[axis] = slice(max(0, extent - by - reach), extent - by + reach)
        found[tuple(lines)] = True
    return found


def _applied(rearrangement: Rearrangement, pictures: Sequence[Picture]) -> Picture:
    """Pixels and transparency of ``pictures``, rearranged; 16 bits where one has them."""
    pixels = rearrangement.apply([picture.pixels for picture in pictures])
    alpha = None
    if any(picture.alpha is not None for picture in pictures):
        whole = [torch.ones_like(p.pixels[:, :1]) if p.alpha is None else p.alpha for p in pictures]
        alpha = rearrangement.apply(whole)
    return Picture(pixels, alpha, max(picture.bits for picture in pictures), name=pictures[0].name)
