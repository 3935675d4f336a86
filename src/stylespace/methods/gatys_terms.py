"""The loss terms of Gatys-style optimisation: what a picture, or a tile of it, adds to their sums, and what is made of all sums."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.encoders.layers import scale
from stylespace.errors import InputError
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.objectives.content import feature_distance
from stylespace.objectives.style import STATISTICS, Measurement, Statistic, statistic_named, weighted_mean
from stylespace.pictures.float64 import float64, onto
from stylespace.pictures.tiles import Tile, cut
from stylespace.statistics.gram import neighbour_gram
from stylespace.statistics.guides import follow
from stylespace.storage.scratch import Shelf
from stylespace.styles.region import Region

Given = dict[str, Tensor]


@dataclass(frozen=True)
class Term:
    """A loss term: what features add to its sums, of a whole picture or of a tile's core, and its value from all sums."""

    label: str
    part: Callable[[Given, Tile | None], Measurement]
    total: Callable[[Measurement], Tensor]


def content_terms(
    content: Tensor, layers: dict[str, float], settings: GatysSettings, encoder: Encoder, tiles: Sequence[Tile] | None,
    shelf: Shelf | None = None,
) -> list[Term]:  # fmt: skip
    """How far features are from the photo's (1, 3, H, W), layer by layer; those are worked out once, of tiles onto ``shelf``."""
    targets: dict[str, dict[Tile | None, Callable[[], Tensor]]] = {name: {} for name in layers}
    for tile in tiles or (None,):
        seen = content if tile is None else content[(..., *tile.window)].to(next(encoder.parameters()).device)
        features = encoder(seen, layers) if layers else {}
        for name in layers:
            found = _core(features[name], name, tile).contiguous(memory_format=torch.channels_last)
            targets[name][tile] = partial(_same, found) if shelf is None else shelf.put(found)
    return [_content_term(name, w * settings.content_weight, targets[name], settings) for name, w in layers.items()]


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _content_term(name: str, weight: float, target: Mapping[Tile | None, Callable[[], Tensor]], settings: GatysSettings) -> Term:
    count = channels = 0
    sums: Tensor | None = None
    for there in target.values():
        part = there().float()
        count, channels = count + part.shape[2] * part.shape[3], part.shape[1]
        sums = part.sum((2, 3), keepdim=True) + (0 if sums is None else sums)
    assert sums is not None
    if settings.content_divisor == "own":
        mean = sums / count
        own = sum(float((there().float() - mean).square().sum()) for there in target.values())
        # A flat photo has no variance to measure by; then the mean square serves.
        weight /= max(own, 1e-3 * (own + count * float(mean.square().sum())), 1e-12)
    else:
        weight *= {"mean": 1 / (count * channels), "half": 0.5}[settings.content_divisor]
    return Term(
        f"content {name}",
        lambda given, tile: (feature_distance(_core(given[name], name, tile), target[tile]()),),
        lambda sums: weight * sums[0],
    )


def style_terms(
    regions: Sequence[Region], seen: Sequence[Tensor | None], content: Tensor, layers: dict[str, float], settings: GatysSettings,
    encoder: Encoder, core: int | None,
) -> list[Term]:  # fmt: skip
    """Of all regions; ``seen``: their guides, framed as pictures are."""
    size = max(content.shape[-2:])
    return [
        term
        for region, guide in zip(regions, seen, strict=True)
        if region.styles
        for term in _style_terms(region, guide, size, layers, settings, encoder, core)
    ]


def _style_terms(
    region: Region, guide: Tensor | None, size: int, layers: dict[str, float], settings: GatysSettings, encoder: Encoder, core: int | None
) -> list[Term]:  # fmt: skip
    share = 1.0 if guide is None else float(guide.mean())
    if not layers or not share:
        return []
    if not any(layers.values()):
        raise InputError("All style layers have a weight of zero: give one of them more, or --style-weight 0 to leave style out.")
    pictures = [style.seen(size * settings.style_scale) for style in region.styles]
    device = next(encoder.parameters()).device
    scale = settings.style_weight * share / (sum(layers.values()) if settings.style_divisor == "own" else 1.0)
    order = [name for name in encoder.layers if name in layers]
    measures: list[tuple[str, float, str, Statistic, Measure]] = []
    if settings.neighbours != "instead":
        chosen = statistic_named(
            settings.statistic, offset=settings.kernel_offset, count=settings.kernel_features, seed=settings.seed
        )
        fitted = dict.fromkeys(order, chosen)
        if (survey := chosen.survey) is not None and chosen.fit is not None:
            surveys = {name: (name, _measure(survey, name)) for name in order}
            surveyed = _of_styles(pictures, surveys, layers, encoder, core)
            for name in order:
                means = weighted_mean([of[name] for of in surveyed], _weights(region, name))
                fitted[name] = chosen.fit(tuple(onto(mean, device) for mean in means))
        for name, statistic in fitted.items():

            def raw(given: Tensor, at: Tensor | None, statistic: Statistic = statistic) -> Measurement:
                return statistic.sums(given, at, settings.activation_shift)

            measures.append((f"style {name}", scale * layers[name], name, statistic, _measure(raw, name)))
    if settings.neighbours != "none":
        for shallow, deep in pairwise(order):

            def of_pair(
                given: Given, at: Tensor | None, tile: Tile | None, shallow: str = shallow, deep: str = deep
            ) -> Measurement:
                pair = [_core(given[name], name, tile) for name in (shallow, deep)]
                return (neighbour_gram(pair[0], pair[1], at, settings.activation_shift),)

            measures.append((f"style {shallow}-{deep}", scale * layers[deep], shallow, STATISTICS["gram"], of_pair))
    found = _of_styles(pictures, {label: (layer, measure) for label, _, layer, _, measure in measures}, layers, encoder, core)
    terms = []
    for label, weight, layer, statistic, measure in measures:
        target = statistic.blend(
            [_finished(statistic, of[label], device) for of in found],
            _weights(region, layer if "-" not in label else label.split("-")[1]),
        )
        terms.append(_style_term(label, weight, layer, statistic, measure, target, guide, settings))
    return terms


# Means over positions of a layer's features, or of a tile's core of them: features, guide there, tile.
Measure = Callable[[Given, Tensor | None, Tile | None], Measurement]


def _measure(measured: Callable[[Tensor, Tensor | None], Measurement], layer: str) -> Measure:
    return lambda given, at, tile: measured(_core(given[layer], layer, tile), at)


def _of_styles(
    pictures: Sequence[tuple[Tensor, Tensor | None]], measures: Mapping[str, tuple[str, Measure]], layers: Collection[str],
    encoder: Encoder, core: int | None,
) -> list[dict[str, Measurement]]:  # fmt: skip
    """Each style picture's means, one for each label; a large picture is looked at tile by tile where ``core`` says so."""
    found = []
    for picture, mask in pictures:
        tiles: Sequence[Tile | None] = (None,)
        if core and max(picture.shape[-2:]) > core:
            align, halo = encoder.reach(layers)
            tiles = cut(picture.shape[-2:], core, halo, align)
        whole_means: dict[str, Measurement] = {}
        for tile in tiles:
            given = encoder(picture if tile is None else picture[(..., *tile.window)], layers)
            for label, (layer, measure) in measures.items():
                parts = _share(measure, given, layer, mask, tile, picture.shape[-2:])
                before = whole_means.get(label)
                whole_means[label] = parts if before is None else tuple(a + b for a, b in zip(before, parts, strict=True))
        found.append(whole_means)
    return found


def _share(
    measure: Measure, given: Given, layer: str, guide: Tensor | None, tile: Tile | None, size: Sequence[int]
) -> Measurement:
    """A measure's means over positions; of a tile, what its core adds to the means over a picture of ``size``."""
    if tile is None:
        return measure(given, None if guide is None else follow(guide, given[layer].shape[-2:]), None)
    smaller = scale(layer)
    full = (size[0] // smaller, size[1] // smaller)
    seen = tile.inside(smaller, given[layer].shape[-2:])
    count = (seen[0].stop - seen[0].start) * (seen[1].stop - seen[1].start)
    share, at = count / (full[0] * full[1]), None
    if guide is not None:
        drawn = follow(guide, full)
        at = drawn[(..., *tile.outside(smaller, full))]
        share = float(at.sum() / drawn.sum().clamp_min(1e-12))
    return tuple(share * float64(part) for part in measure(given, at, tile))


def _core(features: Tensor, layer: str, tile: Tile | None) -> Tensor:
    """The part of a tile's features that is its own."""
    if tile is None:
        return features
    inside = (..., *tile.inside(scale(layer), features.shape[-2:]))
    return features[inside]


def _weights(region: Region, layer: str) -> list[float]:
    return [s.weight.get(layer, 0.0) if isinstance(s.weight, Mapping) else s.weight for s in region.styles]


def _style_term(
    label: str,
    weight: float,
    layer: str,
    statistic: Statistic,
    measure: Measure,
    target: Measurement,
    guide: Tensor | None,
    settings: GatysSettings,
) -> Term:
    size: list[int] = []  # channels and positions of the layer, known when a picture has been seen

    def part(given: Given, tile: Tile | None) -> Measurement:
        shape = given[layer].shape
        of = shape[-2:] if tile is None else [side // scale(layer) for side in tile.of]
        size[:] = shape[1], of[0] * of[1]
        return _share(measure, given, layer, guide, tile, shape[-2:] if tile is None else tile.of)

    def total(sums: Measurement) -> Tensor:
        channels, positions = size
        counted = positions if guide is None else float(guide.mean()) * positions
        distance = statistic.distance(_finished(statistic, sums, target[0].device), target)
        return weight * _divided(distance, statistic, target, channels, counted, settings)

    return Term(label, part, total)


def _finished(statistic: Statistic, sums: Measurement, device: torch.device) -> Measurement:
    """A measurement of means over positions, which of tiles were added up in float64."""
    return tuple(onto(part, device) for part in statistic.finish(sums))


def _divided(
    distance: Tensor, statistic: Statistic, target: Measurement, channels: int, positions: float, settings: GatysSettings
) -> Tensor:
    """``distance``, between statistics that are means over positions, with the divisors the settings name."""
    if settings.style_divisor == "own":
        return statistic.emphasis * distance / statistic.energy(target).clamp_min(1e-12)
    if statistic is STATISTICS["gram"]:
        # G = F F^T / M here; the squared difference of F F^T is M^2 times as large, that of F F^T / (C M) C^2 times smaller.
        distance = distance * {"positions": 1.0, "none": positions**2, "all": channels**-2}[settings.gram_divisor]
    reductions = {
        "sum": 1.0,
        "half": 0.5,
        "mean": 1 / statistic.size(channels),
        "gatys": 1 / (4 * channels**2 * max(positions, 1e-12) ** 2),
    }
    return distance * reductions[settings.style_divisor]
