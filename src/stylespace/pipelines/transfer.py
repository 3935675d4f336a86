"""One call from files to a result, shared by the command line and Python users."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import stylespace
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.identity import refuse
from stylespace.errors import InputError
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.methods.registry import (
    AREAS,
    CLASSES,
    GUIDES,
    METHODS,
    POINTS,
    QUALITIES,
    QUALITY,
    SOURCE,
    START,
    STROKES,
    STYLES,
    accepting,
)
from stylespace.networks.shipped import identity, is_shipped
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import read
from stylespace.pipelines.blend import Blending
from stylespace.pipelines.match import Matches, match
from stylespace.pipelines.record import inputs, same
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import Progress, Session
from stylespace.pipelines.sources import (
    MAX_PIXELS,
    Area,
    Classes,
    Guide,
    Points,
    Source,
    Styles,
    classed,
    drawn,
    expanded,
    is_film,
    is_query,
    region_of,
    regions_of,
    style_pictures,
)
from stylespace.solvers.coarse_to_fine import Problem
from stylespace.solvers.run import Run
from stylespace.storage.journal import Journal
from stylespace.styles.parts import Regions
from stylespace.styles.region import Region

_SCHEDULE = frozenset({"start", "sizes", "steps_each"})  # settings that replace a quality's level

# The beginning of a message that says which methods accept it.
_FOR = {
    POINTS: "Points guide", AREAS: "Areas and style regions are for", STROKES: "Strokes are for", START: "A start picture is for",
    GUIDES: "Guides are for", SOURCE: "A style source is for",
    CLASSES: "Classes are for",
}  # fmt: skip


def transfer(
    photo: Source,
    style: Styles,
    *,
    method: str | None = None,
    preset: str = "default",
    quality: str | None = None,
    areas: Sequence[Area] = (),
    style_regions: str | Path | None = None,
    strokes: Source | None = None,
    start_picture: Source | None = None,
    points: Sequence[Points] | Matches = (),
    guides: Sequence[Guide] = (),
    style_source: Source | None = None,
    classes: Classes | None = None,
    device: str = "auto",
    threads: int | None = None,
    weights: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
    snapshots: Iterable[int] = (),
    progress: Callable[[Progress], None] | None = None,
    note: Callable[[str], None] | None = None,
    unfinished: str | Path | None = None,
    encoder: Encoder | str | None = None,
    **settings: Any,
) -> Result:
    """Redraw ``photo`` in the style of ``style``.

    ``photo``: a path, ``-`` (standard input), bytes, PIL picture, array (H, W, 3), tensor (3, H, W) with sRGB in [0, 1]. ``style``:
    one such picture, several, a folder, a film (its key frames), a mapping from picture to weight, or a library query
    (``library:tag=ukiyo-e``).
    ``method``: ``gatys``; ``blend``, which weights several references to suit the photo (see
    :class:`~stylespace.styles.space.StyleSpace`); ``strotss`` (optimal transport); ``nnst`` (nearest neighbours); ``deformable``, which
    moves shapes to where the style has them; ``quilting`` (blocks of the style); ``analogies`` (patches, by
    example); ``photoreal`` (light and colours only). None takes ``blend`` for several pictures without weights, a folder, a film
    and a query, else ``gatys``. ``preset``: published settings to start from
    (``methods.gatys_settings.PRESETS``; ``strotss-2019``); ``settings``: any field of
    :class:`~stylespace.methods.gatys_settings.GatysSettings`, or of the method's own settings.
    ``quality``: ``draft``, ``good`` or ``best``: a factor on the steps; for ``gatys`` and ``blend``, where the network is here that reads
    paintings, one pass of it, one pass and the larger sizes, or all sizes. None: the settings as they are.
    ``areas``: parts of the photo with other styles, or none.
    ``style_regions``: a file that ``learn-style --regions`` wrote: the same parts are found in the photo, and each is
    redrawn in the style picture learned for it (``style`` may be empty then). ``strokes``: another painting, with whose fine strokes the
    style is redrawn first. ``points`` (strotss, deformable): pairs of a place in the photo and one in the style that it should look like,
    each (right, down) from 0 to 1, or the result of :func:`stylespace.match`; ``deformable`` finds them itself where none are given.
    ``guides`` (quilting, analogies): maps of photo and style that correspond. ``style_source`` (analogies): the style picture before it
    was painted, or a map of what is where in it. ``classes`` (photoreal, gatys, strotss, nnst): what on the photo goes with what on the
    style. ``device``: ``auto``, ``cpu``, ``cuda``, ``mps``. ``weights``: a file for the encoder. ``snapshots``: step numbers,
    counted over all sizes, whose pictures are kept. ``progress`` is called after each step, ``note`` with a sentence when something else
    takes time or was skipped. Ctrl-C gives the best picture so far with ``interrupted`` set. ``unfinished``: a folder for the state
    of long work (not for pictures from standard input); after Ctrl-C or a crash the same call continues from it and gives the same
    picture; it is removed when the result is saved.

    Raises ``InputError``, ``PictureError`` and ``WeightsError``, each with one sentence that says what to do.
    """
    method = method or implied(style)
    if isinstance(encoder, Encoder):
        _agree(encoder, settings)
    if method not in METHODS or STYLES not in METHODS[method].accepts:
        hint = " Use stylespace.invert." if method == "inversion" else ""
        transfers = ", ".join(name for name, row in METHODS.items() if STYLES in row.accepts)
        raise InputError(f"The method '{method}' cannot transfer a style: choose among {transfers}.{hint}")
    chosen = resolve(preset, quality, encoder if isinstance(encoder, str) else None, settings, method)
    return redraw(
        photo, style, method, chosen, areas=areas, style_regions=style_regions, strokes=strokes, start_picture=start_picture, points=points,
        guides=guides, style_source=style_source, classes=classes, device=device, threads=threads, weights=weights, max_pixels=max_pixels,
        snapshots=snapshots, progress=progress, note=note, unfinished=unfinished, encoder=encoder,
    )  # fmt: skip


def invert(
    photo: Source,
    *,
    quality: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    weights: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
    snapshots: Iterable[int] = (),
    progress: Callable[[Progress], None] | None = None,
    note: Callable[[str], None] | None = None,
    unfinished: str | Path | None = None,
    encoder: Encoder | str | None = None,
    **settings: Any,
) -> Result:
    """Rebuild ``photo`` from one layer's features alone; ``settings``: fields of
    :class:`~stylespace.methods.inversion.InversionSettings`. Other arguments as in :func:`transfer`."""
    if isinstance(encoder, Encoder):
        _agree(encoder, settings)
    chosen = resolve("default", quality, encoder if isinstance(encoder, str) else None, settings, "inversion")
    return redraw(
        photo, None, "inversion", chosen, device=device, threads=threads, weights=weights, max_pixels=max_pixels, snapshots=snapshots,
        progress=progress, note=note, unfinished=unfinished, encoder=encoder,
    )  # fmt: skip


def redraw(
    photo: Source,
    style: Styles | None,
    method: str,
    settings: Any,
    *,
    areas: Sequence[Area] = (),
    style_regions: str | Path | None = None,
    strokes: Source | None = None,
    start_picture: Source | None = None,
    points: Sequence[Points] | Matches = (),
    guides: Sequence[Guide] = (),
    style_source: Source | None = None,
    classes: Classes | None = None,
    device: str = "auto",
    threads: int | None = None,
    weights: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
    snapshots: Iterable[int] = (),
    progress: Callable[[Progress], None] | None = None,
    note: Callable[[str], None] | None = None,
    unfinished: str | Path | None = None,
    encoder: Encoder | str | None = None,
    rehearse: Callable[[Problem], None] | None = None,
    around: Callable[[Problem], Problem] | None = None,
) -> Result:
    """Any method of the registry with its settings resolved; other arguments as in :func:`transfer`.

    ``rehearse``: called with the problem, which is then not solved.
    ``around``: makes of the problem the one that is solved.
    """
    row = METHODS[method]
    if isinstance(points, Matches):
        points = tuple(zip(points.a, points.b, strict=True))
    for what, asked in (
        (POINTS, len(points) > 0), (AREAS, len(areas) > 0 or style_regions is not None), (STROKES, strokes is not None),
        (START, start_picture is not None), (GUIDES, len(guides) > 0), (SOURCE, style_source is not None),
        (CLASSES, classes is not None),
    ):  # fmt: skip
        if asked and what not in row.accepts:
            raise InputError(f"{_FOR[what]} {accepting(what)}, not {method}: leave them out, or give another method.")
    content = read(photo, max_pixels=max_pixels)
    styles: Styles = () if style is None else style
    settings = encoded(settings, encoder)
    session = Session(settings, content, device, threads, snapshots, progress)
    with session:
        network = session.network(encoder, weights)
        record = inputs(
            method, photo, settings, styles=styles if row.blends else expanded(styles), areas=areas, strokes=strokes,
            style_regions=style_regions, start_picture=start_picture, weights=weights, points=points, guides=guides,
            style_source=style_source, classes=classes, encoder=network.identity, start_network=start_network(settings),
        )  # fmt: skip
        if unfinished is not None and same(record, record):  # by their checksums
            session.keep(_journal(Path(unfinished), record | {"stylespace": stylespace.__version__, "device": device}))
        run = session.run(note)
        run.rehearse, run.around = rehearse, around
        if session.losses:
            run.note(f"Continuing after step {len(session.losses)}.")
        blending = None
        if row.blends:
            blending = Blending(styles, content, settings, network, style_size(settings), max_pixels, run.note)
            whole = blending.styles(content.pixels)
        else:
            whole = style_pictures(expanded(styles), None, max_pixels)
        parts = [region_of(area, content, max_pixels) for area in areas]
        if style_regions is not None:
            parts += regions_of(Regions.load(style_regions), content, network, max_pixels)
            whole = whole or next(region.styles for region in parts if region.styles)
        regions, rows = [*parts, Region(whole)], None
        if classes is not None:
            if parts:
                raise InputError("Classes divide the whole photo: leave areas and style regions out.")
            regions, rows = classed(classes, content, whole, network, max_pixels, settings.seed)
            run.note(f"Classes, photo to style: {'; '.join(f'{a} to {b}' for a, b in rows)}.")
        run.strokes = None if strokes is None else read(strokes, max_pixels=max_pixels).pixels
        run.start = None if start_picture is None else read(start_picture, max_pixels=max_pixels).pixels
        run.points = points
        run.guides = drawn(guides, max_pixels)
        run.source = None if style_source is None else read(style_source, max_pixels=max_pixels).pixels
        if row.finds_points and whole and not points:
            found = match(Picture(content.pixels), Picture(whole[0].picture), encoder=network)
            run.points = tuple(zip(found.a, found.b, strict=True))
        if blending is not None and settings.refit:
            run.restyle = lambda picture: [*parts, Region(blending.styles(picture))]
        if (base := getattr(settings, "base", None)) is not None:
            under = METHODS[base]
            run.base = under.load(under.base)(content.pixels, regions, under.settings(**settings.of_base()), network, Run())
        session.solution = row.load()(content.pixels, regions, settings, network, run)
    if rows is not None:
        session.solution.facts["table"] = [list(row) for row in rows]
    if blending is None:
        return session.result(record)
    result = session.result(record | {"blend": blending.record()})
    result.blend = blending.blend
    return result


def encoded(settings: Any, encoder: Encoder | str | None) -> Any:
    """``settings`` with the pooling and padding of an encoder that was passed."""
    if not isinstance(encoder, Encoder):
        return settings
    return replace(settings, pooling=encoder.trunk.pooling, padding=encoder.trunk.padding)


def _agree(encoder: Encoder, settings: Mapping[str, Any]) -> None:
    """Settings cannot change an encoder that was passed. Raises ``InputError`` where they contradict it."""
    for name in ("pooling", "padding"):
        if name in settings and settings[name] != (own := getattr(encoder.trunk, name)):
            raise InputError(f"The encoder that was passed has the {name} '{own}': leave {name} out, or pass another encoder.")


def _journal(folder: Path, about: Mapping[str, Any]) -> Journal:
    """The journal of this work. Raises ``InputError`` where it was begun with another encoder, rather than deleting it."""
    before, now = Journal.about_of(folder), json.loads(json.dumps(about))
    wanted = before.get("encoder") or {"name": now["settings"]["encoder"]}
    if wanted != now["encoder"] and {**before, "encoder": None} == {**now, "encoder": None}:
        todo = "give that one, or delete the folder to start again"
        raise refuse(f"The unfinished work in {folder}", wanted, now["encoder"], todo)
    return Journal(folder, about)


def implied(style: Styles) -> str:
    """The method implied by ``style``: ``blend`` for several pictures without weights, a folder or a library query."""
    if is_query(style) or (isinstance(style, str | Path) and (Path(style).is_dir() or is_film(style))):
        return "blend"
    if not isinstance(style, list | tuple):
        return "gatys"
    return "blend" if len(style) > 1 or any(map(is_film, style)) else "gatys"


def style_size(settings: GatysSettings) -> int:
    """The long side at which styles are looked at in the last size, in pixels."""
    return max(1, round((settings.sizes[-1] if settings.sizes else settings.size) * settings.style_scale))


def start_network(settings: Any) -> dict[str, str] | None:
    """Name and checksum of the network that draws the start, where one does."""
    return identity(settings.start_network) if getattr(settings, "start", None) == "network" else None


def resolve(preset: str, quality: str | None, encoder: str | None, settings: Mapping[str, Any], method: str = "gatys") -> Any:
    """A method's settings from a preset, a quality (None: :data:`~stylespace.methods.registry.QUALITY`) and single settings.

    A quality stands for its level where the method has levels, the network is shipped that draws their start, and neither the preset nor
    single settings have a schedule or a start of their own; else for a factor on the steps.
    """
    presets = METHODS[method].presets
    if preset not in presets:
        raise InputError(f"The preset '{preset}' is unknown: choose among {', '.join(presets)}.")
    if quality not in (None, *QUALITIES):
        raise InputError(f"The quality '{quality}' is unknown: choose among {', '.join(QUALITIES)}.")
    quality, levels = quality or QUALITY, METHODS[method].levels
    changed = dict(settings) if encoder is None else {**settings, "encoder": encoder}
    if quality is not None and levels and preset == "default" and is_shipped() and _SCHEDULE.isdisjoint(settings):
        return adjusted(replace(presets[preset](), **levels[quality]), changed)
    base, factor = presets[preset](), 1.0 if quality is None else QUALITIES[quality]
    scaled: dict[str, Any] = {"steps": max(1, round(base.steps * factor))}
    if each := getattr(base, "steps_each", ()):
        scaled["steps_each"] = tuple(max(1, round(n * factor)) for n in each)
    return adjusted(replace(base, **scaled), changed)


def adjusted(base: Any, settings: Mapping[str, Any]) -> Any:
    """``base``, a method's settings, with some of them changed; a preset's own sizes and steps scale with ``size`` and ``steps``."""
    changed = dict(settings)
    known = {f.name for f in fields(base)}
    for name in changed:
        if name not in known:
            raise InputError(f"There is no setting '{name}': choose among {', '.join(sorted(known))}.")
    sizes, steps_each = getattr(base, "sizes", ()), getattr(base, "steps_each", ())
    if "size" in changed and "sizes" not in changed and sizes:
        # A preset's sizes are for 512 px: scale them, the last one exactly.
        changed["sizes"] = tuple(max(1, round(s * changed["size"] / sizes[-1])) for s in sizes)
    if "steps" in changed and "steps_each" not in changed and steps_each:
        changed["steps_each"] = tuple(max(1, round(n * changed["steps"] / sum(steps_each))) for n in steps_each)
    return replace(base, **changed)
