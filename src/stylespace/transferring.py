"""One call from files to a result: what the command line, the studio and Python users share."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import stylespace
from stylespace import deforming, encoders
from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.matching import Matches
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
from stylespace.pictures.atomic import write_text
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.formats import FILM_SUFFIXES
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import read
from stylespace.pictures.region import Region, Style
from stylespace.pictures.resizing import fit, resize
from stylespace.record import POINTED, PRESETS_OF, TRANSFERS, described, inputs, same, weighted
from stylespace.regions import Regions
from stylespace.result import Result
from stylespace.solvers.journal import Journal
from stylespace.solvers.memory import keep_freed_memory
from stylespace.solvers.pyramid import share, sizes
from stylespace.solvers.solution import Solution, Step
from stylespace.space import Blend, StyleSpace, chosen

Source = Any  # a path, "-", bytes, PIL picture, array (H, W, 3), tensor (3, H, W), or Picture
Points = tuple[tuple[float, float], tuple[float, float]]
Styles = Source | Sequence[Source] | Mapping[Source, float]
TransferSettings = GatysSettings | StrotssSettings | NnstSettings | DeformableSettings
LIBRARY = "library:"
MAX_PIXELS = 200_000_000


@dataclass(frozen=True)
class Area:
    """A part of the photo with a style of its own.

    ``mask``: a picture whose brightness says where, of the photo's proportions. ``styles``: as for :func:`transfer`; None leaves the
    photo as it is there. ``style_mask``: where on the (single) style picture the style is taken.
    """

    mask: Source
    styles: Styles | None = None
    style_mask: Source | None = None


@dataclass(frozen=True)
class Progress:
    """Where a run is: steps done and in all, the latest step, seconds so far and left (an estimate that weighs steps by area)."""

    done: int
    of: int
    step: Step
    seconds: float
    seconds_left: float


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
    :class:`~stylespace.space.StyleSpace`); ``strotss`` (optimal transport); ``nnst`` (nearest neighbours); ``deformable``, which moves
    shapes to where the style has them. None takes ``blend``
    for several pictures without weights, a folder, a film and a query, else ``gatys``. ``preset``: published settings to start from
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
    content = _picture(photo, max_pixels)
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
            blending = _Blending(style, content, chosen_settings, network, max_pixels, note or (lambda text: None))
            whole = blending.styles(content.pixels, style_size(chosen_settings))
        else:
            whole = _styles(expanded(style), None, max_pixels) if style is not None else ()
        if strokes is not None and isinstance(chosen_settings, GatysSettings):
            fine = Style(_picture(strokes, max_pixels).pixels)
            whole = tuple(gatys_method.mix_scales(s, fine, chosen_settings, network) for s in whole)
        parts = [_region(area, content, max_pixels) for area in areas]
        if style_regions is not None:
            parts += _found(Regions.load(style_regions), content, network, max_pixels)
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
            deformed = deforming.deform(content.pixels, regions, chosen_settings, network, points, run.watch, note)
            run.solution = deformed.solution
        else:
            start = None if start_picture is None else _picture(start_picture, max_pixels).pixels
            run.solution = gatys_method.gatys(
                content.pixels, regions, chosen_settings, network, start=start, watch=run.watch, restyle=restyle, journal=journal,
                note=note,
            )  # fmt: skip
    if isinstance(chosen_settings, DeformableSettings):
        return deforming.told(run.result(record), deformed, content)
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
    content = _picture(photo, max_pixels)
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


def is_film(source: Source) -> bool:
    """Whether a style is a film, whose key frames are its pictures."""
    return isinstance(source, str | Path) and Path(source).suffix.lower() in FILM_SUFFIXES


def expanded(style: Styles) -> Styles:
    """``style`` with a folder's pictures in the folder's place."""
    return find_pictures([style]) if isinstance(style, str | Path) and Path(style).is_dir() else style


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
        return deforming.schedule(settings)
    return gatys_method.schedule(settings)


def _replaced(base: Any, settings: Mapping[str, Any]) -> Any:
    known = {f.name for f in fields(base)}
    for name in settings:
        if name not in known:
            raise InputError(f"There is no setting '{name}': choose among {', '.join(sorted(known))}.")
    return replace(base, **settings)


class _Blending:
    """The blend of one run: fitted to the photo or, with ``refit``, to the picture at each size."""

    def __init__(
        self,
        style: Styles,
        content: Picture,
        settings: BlendSettings,
        network: Encoder,
        max_pixels: int,
        note: Callable[[str], None],
    ) -> None:
        self.settings, self.network, self.max_pixels, self.note = settings, network, max_pixels, note
        self.layers = {n: w for n, w in layer_names.weights(settings.style_layers, network.layers).items() if w}
        if isinstance(style, str) and style.startswith(LIBRARY):
            small = resize(content.pixels, fit(content.size, min(max(content.size), style_size(settings))))
            self.sources: list[Any] = list(chosen(style, small, self.layers, settings.references))
            note(f"{len(self.sources)} references of the library make up the blend.")
        else:
            self.sources = [part for source, _ in weighted(expanded(style)) for part in _frames(source, note)]
        self.blend: Blend | None = None
        self.said: set[str] = set()

    def styles(self, picture: Tensor, size: int) -> tuple[Style, ...]:
        """The active references with their weights, for ``picture`` (1, 3, H, W), looked at with a long side of ``size`` pixels."""
        space = StyleSpace.fit(
            self.sources, encoder=self.network, layers=self.layers, size=size, max_pixels=self.max_pixels, told=self._told
        )
        for name, error in space.failures.items():
            if name not in self.said:
                self.said.add(name)
                self.note(f"Passed over: {error}")
        s = self.settings
        self.blend = blend = space.blend(picture, limit=s.references, layerwise=s.layerwise, scale=s.blend_scale)
        self.active = [(space.sources[i], blend.weight(i)) for i in blend.active]
        return tuple(Style(_picture(source, self.max_pixels).pixels, weight) for source, weight in self.active)

    def record(self) -> dict[str, Any]:
        """The blend for the result's record: references with weights and checksums, distances."""
        assert self.blend is not None
        made = [{**described(source), "weight": weight} for source, weight in self.active]
        explained = self.blend.explained()
        return {
            "references": made,
            "distance": explained["distance"],
            "best_single": explained["best_single"],
            "of": explained["of"],
        }

    def _told(self, done: int, of: int) -> None:
        if done % 25 == 0 and of > 25:
            self.note(f"{done} of {of} references read.")


class Run:
    """One run: device, threads, clock, records."""

    def __init__(
        self,
        settings: Any,
        content: Picture,
        device: str,
        threads: int | None,
        snapshots: Iterable[int],
        progress: Callable[[Progress], None] | None,
        steps: Sequence[tuple[int, int]],
        journal: Journal | None = None,
    ) -> None:
        self.settings, self.content, self.progress = settings, content, progress
        self.device = choose_device(device)
        self.threads = threads
        self.steps = steps
        self.wanted = set(snapshots)
        self.losses: list[dict[str, Any]] = []
        self.snapshots: dict[int, Picture] = {}
        self.solution = Solution(content.pixels)
        self.dtype = "float32"
        self._work = 0.0
        self.journal, self._written = journal, 0
        if journal is not None and journal.record:
            self._go_on(journal)

    def _go_on(self, journal: Journal) -> None:
        """Take over the losses of the run that ``journal`` tells of."""
        file = journal.file("losses.jsonl")
        lines = file.read_text(encoding="utf-8").splitlines()[: journal.steps] if file.exists() else []
        self.losses = [json.loads(line) for line in lines]
        self._work = sum(record["size"] ** 2 for record in self.losses)
        write_text(file, "".join(f"{line}\n" for line in lines))
        self._written = len(lines)

    def network(self, encoder: Encoder | str | None, weights: str | Path | None) -> Encoder:
        """The encoder the settings name, or the one given, on the run's device."""
        if isinstance(encoder, Encoder):
            self.dtype = str(next(encoder.parameters()).dtype).removeprefix("torch.")
            return encoder
        if self.threads:
            torch.set_num_threads(self.threads)
        s = self.settings
        loaded = encoders.load(
            s.encoder, weights=weights, pooling=s.pooling, padding=s.padding, device=self.device, precision=s.precision
        )
        self.dtype = str(next(loaded.parameters()).dtype).removeprefix("torch.")
        return loaded

    def __enter__(self) -> Run:
        keep_freed_memory()
        if self.threads:
            torch.set_num_threads(self.threads)
        torch.manual_seed(self.settings.seed)
        # A run that goes on has taken the time it took before.
        self.started = time.perf_counter() - (self.losses[-1]["seconds"] if self.losses else 0.0)
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self.started
        if self.journal is not None:
            self.journal.leave()

    def watch(self, step: Step) -> None:
        """Record a step, keep its picture where one is wanted, tell how far it is."""
        seconds = time.perf_counter() - self.started
        record = {"size": step.size, "step": step.index, "total": step.total, **step.terms, "seconds": round(seconds, 3)}
        self.losses.append(record | ({"cut": True} if step.cut else {}))
        number = len(self.losses)
        if self.journal is not None:
            self.journal.steps = number
            if self.journal.record:
                with self.journal.file("losses.jsonl").open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(r) + "\n" for r in self.losses[self._written :])
                self._written = number
        if number in self.wanted:
            self.snapshots[number] = self.content.with_pixels(step.picture.detach().cpu().clamp(0, 1).clone())
        if self.progress:
            total = sum(count * size**2 for size, count in self.steps)
            self._work = min(total, self._work + step.size**2)
            left = seconds / max(self._work, 1) * (total - self._work)
            self.progress(Progress(number, sum(count for _, count in self.steps), step, seconds, left))

    def result(self, made_from: dict[str, Any]) -> Result:
        """What the run leaves; ``made_from``: the record of its inputs."""
        record = {
            "stylespace": stylespace.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "device": self.device.type,
            "dtype": self.dtype,
            "threads": torch.get_num_threads(),
            "interrupted": self.solution.interrupted,
            **made_from,
        }
        return Result(
            self.content.with_pixels(self.solution.picture.cpu().clamp(0, 1)),
            self.losses,
            record,
            self.seconds,
            self.snapshots,
            self.solution.interrupted,
            journal=self.journal,
        )


def choose_device(device: str) -> torch.device:
    """``auto`` (CUDA, MPS or the CPU, whichever is there, in this order) or the one named. Raises ``InputError`` if it is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        device = next(name for name, available in there.items() if available)
    if device.split(":")[0] not in there:
        raise InputError(f"The device '{device}' is unknown: choose among auto, cpu, cuda, mps.")
    if not there[device.split(":")[0]]:
        raise InputError(f"The device '{device}' is not there: use --device cpu or auto.")
    return torch.device(device)


def _picture(source: Source, max_pixels: int) -> Picture:
    return source if isinstance(source, Picture) else read(source, max_pixels=max_pixels)


def _styles(style: Styles, mask: Source | None, max_pixels: int) -> tuple[Style, ...]:
    pairs = weighted(style)
    if any(weight < 0 for _, weight in pairs) or (pairs and not any(weight > 0 for _, weight in pairs)):
        raise InputError("Style weights must not be negative, and one must be more than zero.")
    taken = None if mask is None else _mask(mask, max_pixels)
    return tuple(Style(_picture(source, max_pixels).pixels, float(weight), taken) for source, weight in pairs if weight > 0)


def _region(area: Area, content: Picture, max_pixels: int) -> Region:
    guide = resize(_mask(area.mask, max_pixels), fit(content.size, max(content.size)))
    if float(guide.max()) <= 0:
        raise InputError("A mask is black everywhere: paint white where its style goes.")
    return Region(() if area.styles is None else _styles(area.styles, area.style_mask, max_pixels), guide)


def _found(regions: Regions, content: Picture, network: Encoder, max_pixels: int) -> list[Region]:
    """The photo's parts, each with its style picture."""
    encoder = network if network.name == regions.encoder else encoders.load(regions.encoder)
    maps = regions.maps(content.pixels, encoder)
    styles = {i: Style(_picture(path, max_pixels).pixels) for i, path in enumerate(regions.pictures) if path is not None}
    size = fit(content.size, max(content.size))
    return [Region((style,), resize(maps[i][None], size).clamp(0, 1)) for i, style in styles.items() if float(maps[i].sum())]


def _frames(source: Source, note: Callable[[str], None]) -> list[Source]:
    """The key frames of a film, with their times as names; any other source as it is."""
    if not is_film(source):
        return [source]
    from stylespace.library.frames import key_frames

    found = [replace(f.picture, name=f"{Path(source).name} at {f.time or 0:.1f} s") for f in key_frames(Path(source))]
    note(f"{len(found)} key frames of {Path(source).name}.")
    return list(found)


def _mask(source: Source, max_pixels: int) -> Tensor:
    return _picture(source, max_pixels).pixels.mean(1, keepdim=True)
