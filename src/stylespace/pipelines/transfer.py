"""One call from files to a result: what the command line, the studio and Python users share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor

import stylespace
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods import gatys as gatys_method
from stylespace.methods import inversion
from stylespace.methods import nnst as nnst_method
from stylespace.methods import strotss as strotss_method
from stylespace.methods.blend_settings import BlendSettings
from stylespace.methods.deformable_settings import DeformableSettings
from stylespace.methods.gatys_settings import QUALITIES, GatysSettings
from stylespace.methods.inversion_settings import InversionSettings
from stylespace.methods.nnst_settings import NnstSettings
from stylespace.methods.strotss_settings import StrotssSettings
from stylespace.pictures.reading import read
from stylespace.pipelines import deformation
from stylespace.pipelines.blend import Blending
from stylespace.pipelines.match import Matches
from stylespace.pipelines.record import POINTED, PRESETS_OF, TRANSFERS, inputs, same
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import Progress, Run
from stylespace.pipelines.sources import (
    LIBRARY,
    MAX_PIXELS,
    Area,
    Points,
    Source,
    Styles,
    expanded,
    is_film,
    region_of,
    regions_of,
    style_pictures,
)
from stylespace.solvers.pyramid import share, sizes
from stylespace.storage.journal import Journal
from stylespace.styles.parts import Regions
from stylespace.styles.region import Region, Style

TransferSettings = GatysSettings | StrotssSettings | NnstSettings | DeformableSettings


def transfer(
    photo: Source,
    style: Styles,
    *,
    method: str | None = None,
    preset: str = "default",
    quality: str = "good",
    areas: Sequence[Area] = (),
    style_regions: str | Path | None = None,
    strokes: Source | None = None,
    start_picture: Source | None = None,
    points: Sequence[Points] | Matches = (),
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
    """Redraw ``photo`` in the manner of ``style``.

    ``photo``: a path, ``-`` (standard input), bytes, PIL picture, array (H, W, 3), tensor (3, H, W) with sRGB in [0, 1]. ``style``:
    one such picture, several, a folder, a film (its key frames), a mapping from picture to weight, or a library query
    (``library:tag=ukiyo-e``).
    ``method``: ``gatys``; ``blend``, which weighs several references by what suits the photo (see
    :class:`~stylespace.styles.space.StyleSpace`); ``strotss`` (optimal transport); ``nnst`` (nearest neighbours); ``deformable``, which
    moves shapes to where the style has them. None takes ``blend`` for several pictures without weights, a folder, a film and a query,
    else ``gatys``. ``preset``: published settings to start from
    (``methods.gatys_settings.PRESETS``; ``strotss-2019``); ``settings``: any field of
    :class:`~stylespace.methods.gatys_settings.GatysSettings`, or of the method's own settings.
    ``quality``: ``draft``, ``good`` or ``best``, a factor on the steps. ``areas``: parts of the photo with styles of their own, or none.
    ``style_regions``: a file that ``learn-style --regions`` wrote: the photo's parts are found as the references' were, and each is
    redrawn in its style picture (``style`` may be empty then). ``strokes``: another painting whose fine strokes are put on the style's
    composition first. ``points`` (strotss, deformable): places of the photo and the places of the style that they are to look like, each
    (right, down) from 0 to 1, or what :func:`stylespace.match` gives; ``deformable`` finds them itself where none are given.
    ``device``: ``auto``, ``cpu``, ``cuda``, ``mps``. ``weights``: a file for the encoder. ``snapshots``: step numbers,
    counted over all sizes, whose pictures are kept. ``progress`` is called after each step, ``note`` with a sentence where something else
    takes time or was passed over. Ctrl-C gives the best picture so far with ``interrupted`` set. ``unfinished``: a folder where the state
    of work that takes long is kept (not of pictures from standard input); after Ctrl-C or the process's end the same call goes on from it,
    to the same picture; it is removed when the result is saved.

    Raises ``InputError``, ``PictureError`` and ``WeightsError``, each with one sentence that says what to do.
    """
    method = method or implied(style)
    if method not in TRANSFERS:
        hint = " Use stylespace.invert." if method == "inversion" else ""
        raise InputError(f"The method '{method}' cannot transfer a style: choose among {', '.join(TRANSFERS)}.{hint}")
    chosen_settings = resolve(preset, quality, encoder if isinstance(encoder, str) else None, settings, method)
    if isinstance(points, Matches):
        points = tuple(zip(points.a, points.b, strict=True))
    if points and method not in POINTED:
        raise InputError(f"Points guide {' and '.join(POINTED)}, not {method}: leave them out, or give another method.")
    if method not in ("gatys", "blend") and (strokes is not None or start_picture is not None):
        raise InputError("Strokes and a start picture are for gatys: leave them out.")
    if method == "deformable" and (areas or style_regions is not None):
        raise InputError("A picture that is deformed has no regions of its own: leave areas and style regions out.")
    content = read(photo, max_pixels=max_pixels)
    record = inputs(
        method, photo, chosen_settings, styles=style if method == "blend" else expanded(style), areas=areas, strokes=strokes,
        style_regions=style_regions, start_picture=start_picture, weights=weights, points=points,
    )  # fmt: skip
    journal = None
    if unfinished is not None and same(record, record):  # by their checksums
        journal = Journal(unfinished, record | {"stylespace": stylespace.__version__, "device": device})
    run = Run(chosen_settings, content, device, threads, snapshots, progress, sum_steps(chosen_settings), journal)
    if run.losses and note:
        note(f"Going on after step {len(run.losses)}.")
    network = run.network(encoder, weights)
    with run:
        restyle = None
        if isinstance(chosen_settings, BlendSettings):
            largest = style_size(chosen_settings)
            blending = Blending(style, content, chosen_settings, network, largest, max_pixels, note or (lambda text: None))
            whole = blending.styles(content.pixels, largest)
        else:
            whole = style_pictures(expanded(style), None, max_pixels) if style is not None else ()
        if strokes is not None and isinstance(chosen_settings, GatysSettings):
            fine = Style(read(strokes, max_pixels=max_pixels).pixels)
            whole = tuple(gatys_method.mix_scales(s, fine, chosen_settings, network) for s in whole)
        parts = [region_of(area, content, max_pixels) for area in areas]
        if style_regions is not None:
            parts += regions_of(Regions.load(style_regions), content, network, max_pixels)
            whole = whole or next(region.styles for region in parts if region.styles)
        if isinstance(chosen_settings, BlendSettings) and chosen_settings.refit:

            def restyle(picture: Tensor) -> list[Region]:
                return [*parts, Region(blending.styles(picture, max(picture.shape[-2:])))]

        regions = [*parts, Region(whole)]
        if isinstance(chosen_settings, StrotssSettings):
            pairs = [strotss_method.Pair((a[1], a[0]), (b[1], b[0])) for a, b in points]
            run.solution = strotss_method.strotss(
                content.pixels, regions, chosen_settings, network, pairs=pairs, watch=run.watch, journal=journal
            )
        elif isinstance(chosen_settings, NnstSettings):
            run.solution = nnst_method.nnst(content.pixels, regions, chosen_settings, network, watch=run.watch, journal=journal)
        elif isinstance(chosen_settings, DeformableSettings):
            deformed = deformation.deform(content.pixels, regions, chosen_settings, network, points, run.watch, note)
            run.solution = deformed.solution
        else:
            start = None if start_picture is None else read(start_picture, max_pixels=max_pixels).pixels
            run.solution = gatys_method.gatys(
                content.pixels, regions, chosen_settings, network, start=start, watch=run.watch, restyle=restyle, journal=journal,
                note=note,
            )  # fmt: skip
    if isinstance(chosen_settings, DeformableSettings):
        return deformation.told(run.result(record), deformed, content)
    if not isinstance(chosen_settings, BlendSettings):
        return run.result(record)
    result = run.result(record | {"blend": blending.record()})
    result.blend = blending.blend
    return result


def invert(
    photo: Source,
    *,
    quality: str = "good",
    device: str = "auto",
    threads: int | None = None,
    weights: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
    snapshots: Iterable[int] = (),
    progress: Callable[[Progress], None] | None = None,
    encoder: Encoder | str | None = None,
    **settings: Any,
) -> Result:
    """Rebuild ``photo`` from one layer's features alone; ``settings``: fields of
    :class:`~stylespace.methods.inversion.InversionSettings`. Other arguments as in :func:`transfer`."""
    if isinstance(encoder, str):
        settings["encoder"] = encoder
    chosen = resolve_inversion(quality, settings)
    content = read(photo, max_pixels=max_pixels)
    steps = list(zip(s := sizes(chosen.size, chosen.smallest, 2.0), share(chosen.steps, s, chosen.fall), strict=True))
    run = Run(chosen, content, device, threads, snapshots, progress, steps)
    network = run.network(encoder, weights)
    with run:
        run.solution = inversion.invert(content.pixels, chosen, network, watch=run.watch)
    return run.result(inputs("inversion", photo, chosen, weights=weights))


def implied(style: Styles) -> str:
    """The method that ``style`` asks for: ``blend`` for several pictures without weights, a folder or a library query."""
    if isinstance(style, str | Path) and (str(style).startswith(LIBRARY) or Path(style).is_dir() or is_film(style)):
        return "blend"
    if not isinstance(style, list | tuple):
        return "gatys"
    return "blend" if len(style) > 1 or any(map(is_film, style)) else "gatys"


def style_size(settings: GatysSettings) -> int:
    """The long side at which styles are looked at in the last size, in pixels."""
    return max(1, round((settings.sizes[-1] if settings.sizes else settings.size) * settings.style_scale))


def resolve(
    preset: str, quality: str, encoder: str | None, settings: Mapping[str, Any], method: str = "gatys"
) -> TransferSettings:
    """The settings of a method that a preset, a quality and single settings give together."""
    presets = PRESETS_OF[method]
    if preset not in presets:
        raise InputError(f"The preset '{preset}' is unknown: choose among {', '.join(presets)}.")
    base = presets[preset]()
    factor = _factor(quality)
    base = replace(
        base, steps=max(1, round(base.steps * factor)), steps_each=tuple(max(1, round(n * factor)) for n in base.steps_each)
    )
    if method == "blend":
        base = BlendSettings.of(base)
    return adjusted(base, dict(settings) if encoder is None else {**settings, "encoder": encoder})


def adjusted(base: Any, settings: Mapping[str, Any]) -> Any:
    """``base``, a method's settings, with single ones changed; a preset's own sizes and steps scale with ``size`` and ``steps``."""
    given = dict(settings)
    if isinstance(base, GatysSettings) and "size" in given and "sizes" not in given and base.sizes:
        # A preset's sizes are for 512 px: scale them, the last one exactly.
        given["sizes"] = tuple(max(1, round(s * given["size"] / base.sizes[-1])) for s in base.sizes)
    if "steps" in given and "steps_each" not in given and base.steps_each:
        total = sum(base.steps_each)
        given["steps_each"] = tuple(max(1, round(n * given["steps"] / total)) for n in base.steps_each)
    return _replaced(base, given)


def resolve_inversion(quality: str, settings: Mapping[str, Any]) -> InversionSettings:
    """The settings of inversion that a quality and single settings give together."""
    base = InversionSettings()
    return _replaced(replace(base, steps=max(1, round(base.steps * _factor(quality)))), settings)


def _factor(quality: str) -> float:
    if quality not in QUALITIES:
        raise InputError(f"The quality '{quality}' is unknown: choose among {', '.join(QUALITIES)}.")
    return QUALITIES[quality]


def sum_steps(settings: TransferSettings) -> list[tuple[int, int]]:
    """Size and steps of each stage of a run."""
    if isinstance(settings, StrotssSettings):
        return strotss_method.schedule(settings)
    if isinstance(settings, NnstSettings):
        return [(size, steps) for size, steps, _ in nnst_method.schedule(settings)]
    if isinstance(settings, DeformableSettings):
        return deformation.schedule(settings)
    return gatys_method.schedule(settings)


def _replaced(base: Any, settings: Mapping[str, Any]) -> Any:
    known = {f.name for f in fields(base)}
    for name in settings:
        if name not in known:
            raise InputError(f"There is no setting '{name}': choose among {', '.join(sorted(known))}.")
    return replace(base, **settings)
