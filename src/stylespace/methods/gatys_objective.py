"""The objective of Gatys-style optimisation at one size: of a whole picture, or gathered over tiles; and which of both fits the memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle, islice

import torch
from torch import Tensor

from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.methods.gatys_terms import Term, content_terms, style_terms
from stylespace.objectives.smoothness import PARTS as SMOOTHNESS_PARTS
from stylespace.objectives.smoothness import SMOOTHNESS
from stylespace.pictures.margin import framed
from stylespace.pictures.tiles import Tile, cut
from stylespace.solvers.budget import Need
from stylespace.solvers.solution import Objective
from stylespace.solvers.tiled import Tiled
from stylespace.storage.scratch import Shelf
from stylespace.styles.region import Region, guides

PICTURE = 12  # bytes a pixel
# Each step sees the picture at the next of these offsets (rows, columns): all phases of pooling by two and four take part.
OFFSETS = ((0, 0), (2, 1), (1, 2), (3, 3))


def objective_at(
    content: Tensor, regions: Sequence[Region], settings: GatysSettings, encoder: Encoder, turn: int = 0
) -> Objective:
    """The loss terms at the size of ``content`` (1, 3, H, W), of pictures that have the settings' margin around them.

    Targets are computed here, once. ``turn``: how often it was asked before, by a run that goes on.
    """
    content_layers, style_layers = _layers(settings, encoder)
    margin = margin_of(content.shape[-2:], settings)
    offsets = _offsets(margin, settings)
    reach = max(offsets[-1])
    with torch.no_grad():
        of_content = [
            content_terms(_shifted(framed(content, margin), offset, reach), content_layers, settings, encoder, None)
            for offset in offsets
        ]
        middle = (reach // 2, reach // 2)
        seen = [None if guide is None else _shifted(framed(guide, margin), middle, reach) for guide in guides(regions, content)]
        of_style = style_terms(regions, seen, content, style_layers, settings, encoder, None)
    smoothness = SMOOTHNESS[settings.smoothness]
    turns = islice(cycle(zip(offsets, of_content, strict=True)), turn, None)

    def objective(picture: Tensor) -> dict[str, Tensor]:
        offset, of_content_there = next(turns)
        picture = _shifted(picture, offset, reach)
        given = encoder(picture, {*content_layers, *style_layers})
        terms: dict[str, Tensor] = {}
        for term in (*of_content_there, *of_style):
            value = term.total(term.part(given, None))
            terms[term.label] = terms[term.label] + value if term.label in terms else value
        if settings.smoothness_weight:
            terms["smoothness"] = settings.smoothness_weight * smoothness(picture)
        return terms

    return objective


def tiled_at(content: Tensor, regions: Sequence[Region], settings: GatysSettings, encoder: Encoder, core: int) -> list[Tiled]:
    """The same loss as :func:`objective_at`, a turn each, its sums and its gradient gathered over tiles of ``core`` pixels a side."""
    content_layers, style_layers = _layers(settings, encoder)
    wanted = {*content_layers, *style_layers}
    margin = margin_of(content.shape[-2:], settings)
    offsets = _offsets(margin, settings)
    reach = max(offsets[-1])
    align, halo = encoder.reach(wanted) if wanted else (1, 1)
    whole = framed(content, margin)
    tiles = cut([side - reach for side in whole.shape[-2:]], core, halo, align)
    device = next(encoder.parameters()).device
    with torch.no_grad():
        of_content = [
            content_terms(_shifted(whole, offset, reach), content_layers, settings, encoder, tiles, Shelf()) for offset in offsets
        ]
        middle = (reach // 2, reach // 2)
        seen = [None if guide is None else _shifted(framed(guide, margin), middle, reach) for guide in guides(regions, content)]
        of_style = style_terms(regions, seen, content, style_layers, settings, encoder, core)
    smoothness: Callable[[Tensor, Tile], Tensor] = SMOOTHNESS_PARTS[settings.smoothness]
    pixels = 3 * tiles[0].of[0] * tiles[0].of[1]

    def of(offset: tuple[int, int], terms: Sequence[Term]) -> Tiled:
        lengths: list[int] = []

        def part(picture: Tensor, tile: Tile) -> list[Tensor]:
            given = encoder(picture, wanted) if wanted else {}
            found = [list(term.part(given, tile)) for term in terms]
            if settings.smoothness_weight:
                found.append([smoothness(picture, tile)])
            lengths[:] = [len(sums) for sums in found]
            return [each for sums in found for each in sums]

        def total(sums: list[Tensor]) -> dict[str, Tensor]:
            made: dict[str, Tensor] = {}
            rest = iter(sums)
            for term, length in zip(terms, lengths, strict=False):
                value = term.total(tuple(next(rest) for _ in range(length)))
                made[term.label] = made[term.label] + value if term.label in made else value
            if settings.smoothness_weight:
                divisor = pixels if settings.smoothness == "squared" else 1
                made["smoothness"] = settings.smoothness_weight * next(rest) / divisor
            return made

        return Tiled(tiles, part, total, device, offset)

    return [of(offset, [*there, *of_style]) for offset, there in zip(offsets, of_content, strict=True)]


def _offsets(margin: int, settings: GatysSettings) -> tuple[tuple[int, int], ...]:
    """Where the picture is looked at in turn."""
    # L-BFGS wants the same function at every call.
    shifted = settings.shifted and settings.solver == "adam" and margin > max(OFFSETS[-1])
    return OFFSETS if shifted else OFFSETS[:1]


def need(settings: GatysSettings, encoder: Encoder) -> Need | None:
    """Memory for pictures and features; None where no features are compared."""
    content_layers, style_layers = _layers(settings, encoder)
    wanted = {*content_layers, *style_layers}
    if not wanted:
        return None
    history = 2 * settings.history if settings.solver == "lbfgs" else 0
    uncut = "L-BFGS wants the whole picture, so give --solver adam, a shorter --history or a smaller --size" if history else ""
    # Pictures in float32: photo, its resized copy, picture, gradient, moments and best; tiled: the photo, the others lie in scratch;
    # at the ends the photo, the picture and a copy.
    return Need(
        encoder, wanted, settings.memory, whole=PICTURE * (7 + history), kept=PICTURE * 3, ends=PICTURE * 3.5, uncut=uncut
    )


def _layers(settings: GatysSettings, encoder: Encoder) -> tuple[dict[str, float], dict[str, float]]:
    """Content and style layers with their weights."""
    content = layer_names.weights(settings.content_layers, encoder.layers) if settings.content_weight else {}
    style = layer_names.weights(settings.style_layers, encoder.layers) if settings.style_weight else {}
    encoder.check({*content, *style})
    return content, style


def _shifted(picture: Tensor, offset: tuple[int, int], reach: int) -> Tensor:
    """The part of ``picture`` that starts at ``offset`` and ends ``reach`` pixels short, so that all offsets give one size."""
    y, x = offset
    return picture[..., y : picture.shape[-2] - reach + y, x : picture.shape[-1] - reach + x] if reach else picture


def margin_of(size: Sequence[int], settings: GatysSettings) -> int:
    """Pixels around a picture of ``size`` (h, w): those of the settings, fewer where it is small."""
    return min(settings.margin, min(size) - 1)
