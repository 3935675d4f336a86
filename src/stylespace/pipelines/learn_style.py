"""One call from many references to the style picture that they have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError, PictureError
from stylespace.methods import learned_style
from stylespace.methods.learned_style import WeightedReference
from stylespace.methods.learned_style_settings import PRESETS, LearnedStyleSettings
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import read
from stylespace.pipelines.record import described
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import Progress, Session
from stylespace.pipelines.sources import MAX_PIXELS, Source, every_reference
from stylespace.statistics import clusters
from stylespace.storage.journal import Journal
from stylespace.styles import parts
from stylespace.styles.parts import Regions
from stylespace.styles.space import called

SNAPSHOTS = (15, 150, 1500)


@dataclass
class Learned(Result):
    """A learned style. With several regions ``parts`` holds a result for each (None where no reference has it); this is the first.

    ``regions``: where the parts are, for :class:`~stylespace.styles.parts.Regions`; its pictures are named when they are saved.
    """

    parts: list[Result | None] = field(default_factory=list)
    regions: Regions | None = None


def learn_style(
    references: Any,
    size: int | None = None,
    steps: int | None = None,
    *,
    preset: str = "default",
    masks: Mapping[Any, Source] | None = None,
    snapshots: Iterable[int] = SNAPSHOTS,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    weights: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[Progress], None] | None = None,
    note: Callable[[str], None] | None = None,
    encoder: Encoder | str | None = None,
    **settings: Any,
) -> Learned:
    """Learn the style picture that ``references`` have in common (document: animated style learning), by default 512 px in 1,500 steps.

    ``references``: pictures (as for :func:`stylespace.transfer`), a folder, a library query (everything that matches), or a mapping
    from picture to weight (the document's alpha); any number of them: they are read one at a time. ``masks``: reference to a picture
    that is white where its style is taken; then two style pictures are learned, one from the white parts and one from the rest.
    ``settings``: fields of :class:`~stylespace.methods.learned_style_settings.LearnedStyleSettings`; ``regions=N`` finds N parts by
    itself. ``checkpoint``: a folder where the state is kept every 20 seconds and on Ctrl-C; with the same references and settings the
    next call continues from it and gives the same pixels; it is removed at the end. The result can be used as a style anywhere.

    Raises ``InputError``, ``PictureError``, ``WeightsError``. References that cannot be read are reported to ``note`` and skipped.
    """
    chosen = resolve(
        preset, {**settings, **_given(size=size, steps=steps, encoder=encoder if isinstance(encoder, str) else None)}
    )
    say = note or (lambda text: None)
    every = every_reference(references)
    pairs = [(source, alpha) for source, alpha in every if alpha]
    if strangers := [key for key in masks or {} if not any(_has({key: None}, source) for source, _ in every)]:
        raise InputError(
            f"There is a mask for '{strangers[0]}', which is not one of the references: write the name exactly as it is given there."
        )
    if masks and chosen.regions > 1:
        raise InputError("Masks and regions were both given: give one of them.")
    good, failed = _readable(pairs, max_pixels)
    for text in failed:
        say(f"Skipped: {text}")
    if not good:
        raise PictureError(failed[0] if failed else "There are no references: give at least one picture.")
    blank = Picture(torch.zeros(1, 3, *learned_style.shape(chosen, chosen.size)))
    session = Session(chosen, blank, device, threads, (), progress)
    with session:
        network = session.network(encoder, weights)
    record = {
        "method": "learned-style",
        "references": [{"weight": alpha, **described(source)} for source, alpha in good],
        "masks": [{**described(_mask_of(masks, s)), "of": called(s, i)} for i, (s, _) in enumerate(good) if _has(masks, s)],
        "settings": {f.name: getattr(chosen, f.name) for f in fields(chosen)}, "encoder": network.identity,
    }  # fmt: skip
    found, guided = _parts(good, masks, chosen, network, max_pixels, say)
    results: list[Result | None] = []
    journal = None if checkpoint is None else Journal(checkpoint, record, exact=True, strict=True)
    at = 0 if journal is None else journal.record.get("part", 0)
    finished = {} if journal is None or "done" not in journal.record.get("files", {}) else journal.tensors("done")
    for number, part in enumerate(guided):
        if not part:
            say(f"No reference has part {number + 1}: no picture is made for it.")
            results.append(None)
            continue
        if number < at:
            results.append(Result(blank.with_pixels(finished[str(number)]), record=record | {"part": number + 1}))
            continue
        if journal is not None:
            journal.facts = {"part": number}
        session = Session(chosen, blank, device, threads, snapshots, progress)
        session.dtype = str(next(network.parameters()).dtype).removeprefix("torch.")
        with session:
            if journal is not None:
                session.keep(journal)
            session.solution = learned_style.learn(part, chosen, network, session.run())
        result = session.result(record | {"part": number + 1, "parts": len(guided)})
        result.journal = None  # of all parts: it goes with the last
        results.append(result)
        if result.interrupted:
            break
        if journal is not None:
            finished[str(number)] = result.source.pixels
            journal.facts, journal.steps = {"part": number + 1}, 0
            journal.write({}, {"done": finished})
    made = next((r for r in results if r is not None), None)
    assert made is not None
    interrupted = any(r is not None and r.interrupted for r in results)
    if journal is not None:
        journal.leave() if interrupted else journal.remove()
    whole = Learned(**{f.name: getattr(made, f.name) for f in fields(Result)}, parts=results, regions=found)
    whole.interrupted = interrupted
    return whole


def resolve(preset: str, settings: Mapping[str, Any]) -> LearnedStyleSettings:
    """The settings that a preset and single settings give together."""
    if preset not in PRESETS:
        raise InputError(f"The preset '{preset}' is unknown: choose among {', '.join(PRESETS)}.")
    base = PRESETS[preset]()
    known = {f.name for f in fields(base)}
    for name in settings:
        if name not in known:
            raise InputError(f"There is no setting '{name}': choose among {', '.join(sorted(known))}.")
    return replace(base, **settings)


def _parts(
    good: Sequence[tuple[Any, float]], masks: Mapping[Any, Source] | None, settings: LearnedStyleSettings, network: Encoder,
    max_pixels: int, say: Callable[[str], None],
) -> tuple[Regions | None, list[list[WeightedReference]]]:  # fmt: skip
    """The parts' cluster centres, and for each part the references that contain it, with guides."""

    def reader(source: Any) -> Callable[[], Tensor]:
        return lambda: read(source, max_pixels=max_pixels).pixels

    if masks:
        shown = [
            read(_mask_of(masks, s), max_pixels=max_pixels).pixels.mean(1, keepdim=True) if _has(masks, s) else None
            for s, _ in good
        ]
        signs = [parts.look(reader(source)(), network) for source, _ in good]
        found = Regions(parts.of_masks(signs, shown), (None, None), network.identity)
        guided: list[list[WeightedReference]] = [[], []]
        for (source, alpha), mask in zip(good, shown, strict=True):
            if mask is None:
                guided[0].append(WeightedReference(reader(source), alpha))
                continue
            for part, guide in enumerate((mask, 1 - mask)):
                if float(guide.mean()) > 1e-3:
                    guided[part].append(WeightedReference(reader(source), alpha, lambda guide=guide: guide))  # type: ignore[misc]
        return found, guided
    if settings.regions == 1:
        return None, [[WeightedReference(reader(source), alpha) for source, alpha in good]]
    signs = []
    for number, (source, _) in enumerate(good, 1):
        signs.append(parts.look(reader(source)(), network))
        if number % 25 == 0:
            say(f"{number} of {len(good)} references examined.")
    centre = clusters.centres(signs, settings.regions, seed=settings.seed)
    guided = [[] for _ in range(settings.regions)]
    for (source, alpha), sign in zip(good, signs, strict=True):
        maps = clusters.parts(sign, centre)
        for part in clusters.present(maps):
            guided[part].append(WeightedReference(reader(source), alpha, lambda guide=maps[part][None]: guide))  # type: ignore[misc]
    return Regions(centre, (None,) * settings.regions, network.identity), guided


def _readable(pairs: Sequence[tuple[Any, float]], max_pixels: int) -> tuple[list[tuple[Any, float]], list[str]]:
    good, failed = [], []
    for source, alpha in pairs:
        try:
            read(source, max_pixels=max_pixels)
            good.append((source, alpha))
        except PictureError as error:
            failed.append(str(error))
    return good, failed


def _has(masks: Mapping[Any, Source] | None, source: Any) -> bool:
    return isinstance(source, str | Path) and any(str(key) == str(source) for key in masks or {})


def _mask_of(masks: Mapping[Any, Source] | None, source: Any) -> Source:
    return next(mask for key, mask in (masks or {}).items() if str(key) == str(source))


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
