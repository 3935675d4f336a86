"""From what a caller may give as photo and style (path, folder, film, query, mapping) to weighted pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from torch import Tensor

from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.identity import refuse
from stylespace.errors import InputError, StylespaceError
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.formats import FILM_SUFFIXES
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import MAX_PIXELS as MAX_PIXELS
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import fit, resize
from stylespace.pipelines.record import weighted
from stylespace.styles import classes
from stylespace.styles.guide import Drawn
from stylespace.styles.parts import Regions
from stylespace.styles.region import Region, Style
from stylespace.styles.segmenter import Segmenter

Source = Any  # a path, "-", bytes, PIL picture, array (H, W, 3), tensor (3, H, W), or Picture
Points = tuple[tuple[float, float], tuple[float, float]]
Styles = Source | Sequence[Source] | Mapping[Source, float]
LIBRARY = "library:"


@dataclass(frozen=True)
class Area:
    """A part of the photo with its own style.

    ``mask``: a picture with the photo's proportions, white where the part is. ``styles``: as for :func:`transfer`; None leaves the
    photo unchanged there. ``style_mask``: white where the style is taken from the (single) style picture.
    """

    mask: Source
    styles: Styles | None = None
    style_mask: Source | None = None


@dataclass(frozen=True)
class Guide:
    """Two maps that correspond: ``photo``, of the photo (or of the texture to be made), and ``style``, of the style picture; where their
    colours are alike, so are the places. ``weight``: how much a difference of them counts beside one of colours."""

    photo: Source
    style: Source
    weight: float = 1.0


@dataclass(frozen=True)
class Classes:
    """What goes with what on photo and style: sky with sky, water with water.

    One of three says what is where: ``photo`` and ``style``, label pictures with one colour a class; ``segmenter``, an ONNX file
    (:class:`~stylespace.styles.segmenter.Segmenter`); ``found``, into how many classes both are clustered. ``table``: a CSV file with the
    columns ``photo`` and ``style``, which classes go with which; without one, alike classes.
    """

    photo: Source | None = None
    style: Source | None = None
    segmenter: str | Path | None = None
    found: int | None = None
    table: str | Path | None = None

    def __post_init__(self) -> None:
        """Raises ``InputError`` unless exactly one of the three is given."""
        if (self.photo is None) != (self.style is None):
            raise InputError("Label pictures come in pairs: give one of the photo and one of the style.")
        if sum(source is not None for source in (self.photo, self.segmenter, self.found)) != 1:
            raise InputError("Classes come from label pictures, from a segmenter or are found: give one of them.")


def is_film(source: Source) -> bool:
    """Whether a style is a film, whose key frames are its pictures."""
    return isinstance(source, str | Path) and Path(source).suffix.lower() in FILM_SUFFIXES


def is_query(source: Source) -> TypeGuard[str]:
    """Whether a source is a library query, such as ``library:tag=ukiyo-e``."""
    return isinstance(source, str) and source.startswith(LIBRARY)


def expanded(style: Styles) -> Styles:
    """``style``, with a folder replaced by its pictures."""
    return find_pictures([style]) if isinstance(style, str | Path) and Path(style).is_dir() else style


def every_reference(style: Styles) -> list[tuple[Source, float]]:
    """All pictures of ``style`` with their weights: for a library query every picture that matches, for a folder every picture in it."""
    return weighted(references_of(style) if is_query(style) else expanded(style))


def references_of(
    query: str, photo: Tensor | None = None, layers: Mapping[str, float] | None = None, limit: int | None = None
) -> list[Path]:
    """The references of a library query: those in the blend nearest to ``photo``; without a photo all that match."""
    try:
        from stylespace.library import choose
    except ImportError as error:
        raise StylespaceError("Libraries need an extra: pip install 'stylespace[library]'.") from error
    return choose(query, photo, layers=layers, limit=limit)


def style_pictures(style: Styles, mask: Source | None, max_pixels: int) -> tuple[Style, ...]:
    """The pictures of ``style`` with their weights; ``mask``: white where the style is taken from each."""
    pairs = weighted(style)
    if any(weight < 0 for _, weight in pairs) or (pairs and not any(weight > 0 for _, weight in pairs)):
        raise InputError("Style weights must not be negative, and at least one must be more than zero.")
    taken = None if mask is None else _mask(mask, max_pixels)
    return tuple(
        Style(read(source, max_pixels=max_pixels).pixels, float(weight), taken) for source, weight in pairs if weight > 0
    )


def drawn(guides: Sequence[Guide], max_pixels: int) -> list[Drawn]:
    """A caller's guides, read. Raises ``InputError`` for weights below 0."""
    if any(not 0 <= guide.weight < float("inf") for guide in guides):
        raise InputError("The weight of a guide must be 0 or more.")
    return [
        Drawn(
            read(guide.photo, max_pixels=max_pixels).pixels, read(guide.style, max_pixels=max_pixels).pixels, float(guide.weight)
        )
        for guide in guides
    ]


def region_of(area: Area, content: Picture, max_pixels: int) -> Region:
    """The region of an area. Raises ``InputError`` for a mask that is black everywhere."""
    guide = resize(_mask(area.mask, max_pixels), fit(content.size, max(content.size)))
    if float(guide.max()) <= 0:
        raise InputError("A mask is black everywhere: paint white where its style goes.")
    return Region(() if area.styles is None else style_pictures(area.styles, area.style_mask, max_pixels), guide)


def classed(
    asked: Classes, content: Picture, styles: Sequence[Style], network: Encoder, max_pixels: int, seed: int
) -> tuple[list[Region], list[classes.Row]]:
    """The regions of photo and style that their classes give, and the table that was used.

    Raises ``InputError`` where there is not one style picture.
    """
    if len(styles) != 1:
        raise InputError("Classes belong to one style picture: give one.")
    photo, style = content.pixels, styles[0].picture
    if asked.photo is not None and asked.style is not None:
        here, there = (read(source, max_pixels=max_pixels).pixels for source in (asked.photo, asked.style))
        found = classes.of_colours(here, there)
    elif asked.segmenter is not None:
        segmenter = Segmenter(asked.segmenter)
        found = classes.of_numbers(segmenter(photo), segmenter(style))
    else:
        found = classes.of_features(photo, style, network, int(asked.found or 0), seed)
    rows = classes.table(found, photo, style, network) if asked.table is None else classes.read_table(asked.table)
    return classes.regions(found, rows, photo, style), rows


def regions_of(regions: Regions, content: Picture, network: Encoder, max_pixels: int) -> list[Region]:
    """The photo's parts, each with its style picture. Raises ``InputError`` where the encoder that found them is not available."""
    encoder = network if network.identity == regions.encoder else encoders.load(regions.encoder["name"])
    if encoder.identity != regions.encoder:
        todo = "learn them again with 'stylespace learn-style --regions', or give that encoder with --weights FILE"
        raise refuse("A file of style regions", regions.encoder, encoder.identity, todo)
    maps = regions.maps(content.pixels, encoder)
    styles = {i: Style(read(path, max_pixels=max_pixels).pixels) for i, path in enumerate(regions.pictures) if path is not None}
    size = fit(content.size, max(content.size))
    return [Region((style,), resize(maps[i][None], size).clamp(0, 1)) for i, style in styles.items() if float(maps[i].sum())]


def frames_of(source: Source, note: Callable[[str], None]) -> list[Source]:
    """The key frames of a film, with their times as names; any other source as it is."""
    if not is_film(source):
        return [source]
    from stylespace.library.key_frames import key_frames

    found = [replace(f.picture, name=f"{Path(source).name} at {f.time or 0:.1f} s") for f in key_frames(Path(source))]
    note(f"{len(found)} key frames of {Path(source).name}.")
    return list(found)


def _mask(source: Source, max_pixels: int) -> Tensor:
    return read(source, max_pixels=max_pixels).pixels.mean(1, keepdim=True)
