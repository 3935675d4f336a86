"""Style transfer by optimising pixels (Gatys, Ecker & Bethge 2016, doi:10.1109/CVPR.2016.265), with the controls of Gatys et al. 2017.

    minimise over x   alpha * L_content(x, p) + beta * sum_l w_l E_l(x, a) + smoothness,   coarse to fine,
with E_l a distance between Gram matrices or feature distributions of x and of the style a at layer l.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.mapped import Features, Mapped, whole
from stylespace.errors import InputError
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.objectives.content import feature_distance
from stylespace.objectives.smoothness import PARTS as SMOOTHNESS_PARTS
from stylespace.objectives.smoothness import SMOOTHNESS
from stylespace.objectives.style import STATISTICS, Measurement, Statistic, statistic_named, weighted_mean
from stylespace.pictures import colour
from stylespace.pictures.region import Region, Style, guides, left_alone
from stylespace.pictures.resizing import fit, resize
from stylespace.pictures.tiles import Tile, cut, free_memory, parsed_memory
from stylespace.solvers import adam, lbfgs, pyramid
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.memory import return_freed_memory
from stylespace.solvers.solution import Objective, Solution, Step, Watch
from stylespace.solvers.tiled import Tiled
from stylespace.solvers.tiled import minimise as minimise_tiled
from stylespace.statistics.gram import neighbour_gram
from stylespace.statistics.guides import follow

# Each step sees the picture at the next of these offsets (rows, columns): all phases of pooling by two and four take part.
STANDING = 400 << 20  # bytes of a process that has loaded PyTorch and an encoder
PICTURE = 12  # bytes a pixel
SMALLEST_CORE, LARGEST_CORE = 128, 1024  # pixels a side of tiles
OFFSETS = ((0, 0), (2, 1), (1, 2), (3, 3))


def gatys(
    content: Tensor,
    regions: Sequence[Region],
    settings: GatysSettings,
    encoder: Encoder,
    *,
    start: Tensor | None = None,
    watch: Watch | None = None,
    restyle: Callable[[Tensor], Sequence[Region]] | None = None,
) -> Solution:
    """Redraw ``content`` (1, 3, H, W; sRGB in [0, 1]) in the styles of ``regions``.

    Guides have the content's proportions; where they overlap each counts by its value. ``start``: a picture to start from, with
    ``settings.start == "picture"``. ``watch`` is called after each step. ``restyle`` gives the regions anew
    at every size after the first, from the picture so far (1, 3, h, w). Returns the picture at the last size; on
    ``KeyboardInterrupt`` the best so far with ``interrupted`` set. Raises ``InputError`` for settings that cannot be used.
    """
    _check(settings, regions)
    device = next(encoder.parameters()).device
    content = content.to(device)
    regions = [_matched(region, content, settings) for region in regions]
    photo = _without_colour(content, settings)
    picture: Tensor | None = None
    solution = Solution(content)
    try:
        for size, count in schedule(settings):
            height_width = fit(content.shape[-2:], size)
            resized = resize(photo, height_width)
            picture = _start(resized, regions, settings, start) if picture is None else resize(picture, height_width)
            if restyle and solution.steps:
                regions = [_matched(region, content, settings) for region in restyle(picture)]
            margin = _margin(height_width, settings)
            seen = _cut(watch, margin)
            core = _core_side(height_width, settings, encoder)
            if core is None:
                objective = objective_at(resized, regions, settings, encoder)
                solution = _solve(objective, framed(picture, margin), count, settings, solution, seen)
            else:
                return_freed_memory()
                tiled = tiled_at(resized, regions, settings, encoder, core)
                del resized
                picture = framed(picture, margin).contiguous()
                solution = minimise_tiled(
                    tiled, picture, steps=count, rate=settings.rate, final_rate=settings.final_rate, watch=seen,
                    limits=(0.0, 1.0) if settings.clamped else None,
                )  # fmt: skip
            picture = solution.picture = unframed(solution.picture, margin)
            if solution.interrupted:
                break
    except KeyboardInterrupt:  # between two sizes
        if not solution.steps:
            raise
        solution.interrupted = True
    solution.picture = _finish(solution.picture.clamp(0, 1), content, regions, settings)
    return solution


def objective_at(content: Tensor, regions: Sequence[Region], settings: GatysSettings, encoder: Encoder) -> Objective:
    """The loss terms at the size of ``content`` (1, 3, H, W), of pictures that have the settings' margin around them.

    Targets are computed here, once.
    """
    content_layers, style_layers = _layers(settings, encoder)
    margin = _margin(content.shape[-2:], settings)
    # L-BFGS wants the same function at every call.
    shifted = settings.shifted and settings.solver == "adam" and margin > max(OFFSETS[-1])
    offsets = OFFSETS if shifted else OFFSETS[:1]
    reach = max(offsets[-1])
    with torch.no_grad():
        content_terms = [
            _content_terms(_shifted(framed(content, margin), offset, reach), content_layers, settings, encoder, None)
            for offset in offsets
        ]
        middle = (reach // 2, reach // 2)
        seen = [None if guide is None else _shifted(framed(guide, margin), middle, reach) for guide in guides(regions, content)]
        style_terms = _all_style_terms(regions, seen, content, style_layers, settings, encoder, None)
    smoothness = SMOOTHNESS[settings.smoothness]
    turns = cycle(zip(offsets, content_terms, strict=True))

    def objective(picture: Tensor) -> dict[str, Tensor]:
        offset, content_terms_there = next(turns)
        given = encoder.mapped(_shifted(picture, offset, reach), {*content_layers, *style_layers})
        terms: dict[str, Tensor] = {}
        for term in (*content_terms_there, *style_terms):
            value = term.total(term.part(given, None))
            terms[term.label] = terms[term.label] + value if term.label in terms else value
        if settings.smoothness_weight:
            terms["smoothness"] = settings.smoothness_weight * smoothness(picture)
        return terms

    return objective


def tiled_at(content: Tensor, regions: Sequence[Region], settings: GatysSettings, encoder: Encoder, core: int) -> Tiled:
    """The same loss as :func:`objective_at` without shifts, its sums and its gradient gathered over tiles of ``core`` pixels a side."""
    content_layers, style_layers = _layers(settings, encoder)
    wanted = {*content_layers, *style_layers}
    margin = _margin(content.shape[-2:], settings)
    align, halo = encoder.reach(wanted) if wanted else (1, 1)
    content = framed(content, margin)
    tiles = cut(content.shape[-2:], core, halo, align)
    with torch.no_grad():
        content_terms = _content_terms(content, content_layers, settings, encoder, tiles)
        seen = [None if guide is None else framed(guide, margin) for guide in guides(regions, unframed(content, margin))]
        style_terms = _all_style_terms(regions, seen, unframed(content, margin), style_layers, settings, encoder, core)
    terms = [*content_terms, *style_terms]
    smoothness: Callable[[Tensor, Tile], Tensor] = SMOOTHNESS_PARTS[settings.smoothness]
    pixels = content.numel()
    lengths: list[int] = []

    def part(picture: Tensor, tile: Tile) -> list[Tensor]:
        given = encoder.mapped(picture, wanted) if wanted else {}
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

    return Tiled(tiles, part, total)


def _core_side(size: Sequence[int], settings: GatysSettings, encoder: Encoder) -> int | None:
    """Side of the tiles' cores with which a picture of ``size`` (h, w) fits the memory; None where it fits as a whole.

    Raises ``InputError`` where it does not fit at all.
    """
    content_layers, style_layers = _layers(settings, encoder)
    wanted = {*content_layers, *style_layers}
    if not wanted:
        return None
    budget = _budget(settings, next(encoder.parameters()).device)
    pixels = size[0] * size[1]
    # Pictures in float32: photo, its resized copy, picture, gradient, moments and best; tiled: photo, picture, gradient.
    a_pixel = encoder.bytes_a_pixel(wanted)
    history = 2 * settings.history if settings.solver == "lbfgs" else 0
    if pixels * (a_pixel + PICTURE * (7 + history)) <= budget:
        return None
    if history:
        raise InputError(
            f"L-BFGS with a history of {settings.history} wants {pixels * (a_pixel + PICTURE * (7 + history)) / 2**30:.1f} GB at"
            f" {size[1]} x {size[0]} pixels, and {budget / 2**30:.1f} GB are there: give --solver adam, a shorter --history or a"
            " smaller --size."
        )
    align, halo = encoder.reach(wanted)
    kept = pixels * (PICTURE * 3.5 + 8)  # and the photo's features
    smallest = -(-SMALLEST_CORE // align) * align
    if kept + a_pixel * (smallest + 2 * halo) ** 2 > budget:
        least = (kept + a_pixel * (smallest + 2 * halo) ** 2 + STANDING) / 2**30
        raise InputError(
            f"{size[1]} x {size[0]} pixels do not fit into the memory given, even tile by tile: at least {least:.1f} GB are wanted. Give"
            " --memory more, or a smaller --size."
        )
    side = int(((budget - kept) / a_pixel) ** 0.5) - 2 * halo
    return min(max(smallest, side // align * align), LARGEST_CORE)


def _budget(settings: GatysSettings, device: torch.device) -> float:
    """Bytes for pictures and features."""
    if settings.memory is not None:
        return max(parsed_memory(settings.memory) - STANDING, 0)
    if device.type == "cuda":
        return 0.8 * torch.cuda.mem_get_info(device)[0]
    return 0.8 * free_memory()


def _layers(settings: GatysSettings, encoder: Encoder) -> tuple[dict[str, float], dict[str, float]]:
    """Content and style layers with their weights."""
    content = layer_names.weights(settings.content_layers, encoder.layers) if settings.content_weight else {}
    style = layer_names.weights(settings.style_layers, encoder.layers) if settings.style_weight else {}
    encoder.check({*content, *style})
    return content, style


def schedule(settings: GatysSettings) -> list[tuple[int, int]]:
    """Long side and steps of each size. Raises ``InputError`` when their numbers differ."""
    sizes = settings.sizes or pyramid.sizes(settings.size, settings.smallest, settings.factor)
    steps = settings.steps_each or pyramid.share(settings.steps, sizes, settings.fall, settings.least_steps)
    if len(steps) != len(sizes):
        raise InputError(f"{len(steps)} numbers of steps were given for {len(sizes)} sizes: give one for each.")
    return list(zip(sizes, steps, strict=True))


@dataclass
class GatysBase:
    """Gatys et al. for other methods to stand on (:class:`stylespace.methods.deformable.Base`); wants Adam."""

    regions: Sequence[Region]
    settings: GatysSettings
    encoder: Encoder
    margin: int = 0

    def stages(self) -> list[tuple[int, int]]:
        """Long side and steps of each size."""
        return schedule(self.settings)

    def start(self, photo: Tensor, picture: Tensor | None, level: int) -> Tensor:
        """As :func:`gatys` starts a size."""
        self.margin = _margin(photo.shape[-2:], self.settings)
        return _start(photo, self.regions, self.settings, None) if picture is None else resize(picture, photo.shape[-2:])

    def objectives(self, photo: Tensor, level: int) -> tuple[Objective, Objective]:
        """All terms, and those of the style."""
        alone = replace(self.settings, content_weight=0.0, smoothness_weight=0.0)
        whole, styled = (objective_at(photo, self.regions, s, self.encoder) for s in (self.settings, alone))
        return whole, styled

    def framed(self, picture: Tensor) -> Tensor:
        """With the settings' margin around it."""
        return framed(picture, self.margin)

    def unframed(self, picture: Tensor) -> Tensor:
        """Without it."""
        return unframed(picture, self.margin)

    def solve(self, objective: Objective, start: Tensor, steps: int, level: int, watch: Watch | None) -> Solution:
        """Adam over the pixels."""
        return _solve(objective, start, steps, self.settings, Solution(start), watch)


def framed(picture: Tensor, margin: int) -> Tensor:
    """``picture`` (1, C, H, W) with ``margin`` pixels reflected around it.

    Border pixels have fewer neighbours to answer to and drift to odd colours; in a margin they may.
    """
    return F.pad(picture, (margin,) * 4, mode="reflect") if margin else picture


def unframed(picture: Tensor, margin: int) -> Tensor:
    """The inverse of :func:`framed`."""
    return picture[..., margin:-margin, margin:-margin].contiguous() if margin else picture


def _shifted(picture: Tensor, offset: tuple[int, int], reach: int) -> Tensor:
    """The part of ``picture`` that starts at ``offset`` and ends ``reach`` pixels short, so that all offsets give one size."""
    y, x = offset
    return picture[..., y : picture.shape[-2] - reach + y, x : picture.shape[-1] - reach + x] if reach else picture


def _margin(size: Sequence[int], settings: GatysSettings) -> int:
    return min(settings.margin, min(size) - 1)


def _cut(watch: Watch | None, margin: int) -> Watch | None:
    """``watch``, shown pictures without their margin and their real size."""
    if watch is None or not margin:
        return watch
    inside = (..., slice(margin, -margin), slice(margin, -margin))
    return lambda step: watch(replace(step, picture=step.picture[inside], size=step.size - 2 * margin))


Given = dict[str, Features]


@dataclass(frozen=True)
class Term:
    """A loss term: what features add to its sums, of a whole picture or of a tile's core, and its value from all sums."""

    label: str
    part: Callable[[Given, Tile | None], Measurement]
    total: Callable[[Measurement], Tensor]


def _content_terms(
    content: Tensor, layers: dict[str, float], settings: GatysSettings, encoder: Encoder, tiles: Sequence[Tile] | None
) -> list[Term]:
    targets: dict[str, dict[Tile | None, Tensor]] = {name: {} for name in layers}
    for tile in tiles or (None,):
        features = encoder.mapped(content if tile is None else content[(..., *tile.window)], layers) if layers else {}
        for name in layers:
            targets[name][tile] = whole(_core(features[name], name, tile)).contiguous(memory_format=torch.channels_last)
    return [_content_term(name, w * settings.content_weight, targets[name], settings) for name, w in layers.items()]


def _content_term(name: str, weight: float, target: Mapping[Tile | None, Tensor], settings: GatysSettings) -> Term:
    parts = [part.float() for part in target.values()]
    count = sum(part.shape[2] * part.shape[3] for part in parts)
    if settings.content_divisor == "own":
        mean = torch.stack([part.sum((2, 3), keepdim=True) for part in parts]).sum(0) / count
        own = sum(float((part - mean).square().sum()) for part in parts)
        # A flat photo has no variance to measure by; then the mean square serves.
        weight /= max(own, 1e-3 * sum(float(part.square().sum()) for part in parts), 1e-12)
    else:
        weight *= {"mean": 1 / (count * parts[0].shape[1]), "half": 0.5}[settings.content_divisor]
    return Term(
        f"content {name}",
        lambda given, tile: (feature_distance(whole(_core(given[name], name, tile)), target[tile]),),
        lambda sums: weight * sums[0],
    )


def _all_style_terms(
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
    pictures = [_style_at(style, size, settings) for style in region.styles]
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
            fitted = {name: chosen.fit(weighted_mean([of[name] for of in surveyed], _weights(region, name))) for name in order}
        for name, statistic in fitted.items():

            def raw(given: Features, at: Tensor | None, statistic: Statistic = statistic) -> Measurement:
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
            [statistic.finish(of[label]) for of in found], _weights(region, layer if "-" not in label else label.split("-")[1])
        )
        terms.append(_style_term(label, weight, layer, statistic, measure, target, guide, settings))
    return terms


# Means over positions of a layer's features, or of a tile's core of them: features, guide there, tile.
Measure = Callable[[Given, Tensor | None, Tile | None], Measurement]


def _measure(measured: Callable[[Features, Tensor | None], Measurement], layer: str) -> Measure:
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
            given = encoder.mapped(picture if tile is None else picture[(..., *tile.window)], layers)
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
    scale = _scale(layer)
    full = (size[0] // scale, size[1] // scale)
    seen = tile.inside(scale, given[layer].shape[-2:])
    count = (seen[0].stop - seen[0].start) * (seen[1].stop - seen[1].start)
    share, at = count / (full[0] * full[1]), None
    if guide is not None:
        drawn = follow(guide, full)
        at = drawn[(..., *tile.outside(scale, full))]
        share = float(at.sum() / drawn.sum().clamp_min(1e-12))
    return tuple(share * part.double() for part in measure(given, at, tile))


def _scale(layer: str) -> int:
    return 2 ** (int(layer[4]) - 1)


def _core(features: Features, layer: str, tile: Tile | None) -> Features:
    """The part of a tile's features that is its own."""
    if tile is None:
        return features
    inside = (..., *tile.inside(_scale(layer), features.shape[-2:]))
    return replace(features, maps=features.maps[inside]) if isinstance(features, Mapped) else features[inside]


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
        of = shape[-2:] if tile is None else [side // _scale(layer) for side in tile.of]
        size[:] = shape[1], of[0] * of[1]
        return _share(measure, given, layer, guide, tile, shape[-2:] if tile is None else tile.of)

    def total(sums: Measurement) -> Tensor:
        channels, positions = size
        counted = positions if guide is None else float(guide.mean()) * positions
        return weight * _divided(
            statistic.distance(statistic.finish(sums), target), statistic, target, channels, counted, settings
        )

    return Term(label, part, total)


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


def _style_at(style: Style, size: int, settings: GatysSettings) -> tuple[Tensor, Tensor | None]:
    """The style picture and its mask at the size at which strokes are wanted; never enlarged, which would blur them."""
    own = max(style.picture.shape[-2:])
    height_width = fit(style.picture.shape[-2:], min(own, max(1, round(size * settings.style_scale))))
    mask = None if style.mask is None else resize(style.mask, height_width)
    return resize(style.picture, height_width), mask


def _matched(region: Region, content: Tensor, settings: GatysSettings) -> Region:
    """The region's styles with the photo's colours, as far as the settings want them."""
    if settings.colour == "style" or settings.colour_strength == 0:
        return replace(region, styles=tuple(replace(s, picture=s.picture.to(content)) for s in region.styles))

    def matched(picture: Tensor) -> Tensor:
        if settings.colour == "luminance":
            wanted = colour.match_luminance(picture, content)
        else:
            wanted = colour.match_colours(picture, content, settings.colour)
        return picture.lerp(wanted, settings.colour_strength)

    return replace(region, styles=tuple(replace(s, picture=matched(s.picture.to(content))) for s in region.styles))


def _without_colour(content: Tensor, settings: GatysSettings) -> Tensor:
    """With ``luminance``, the photo that is redrawn loses its chroma, which :func:`_finish` gives back."""
    return content.lerp(colour.grey(content), settings.colour_strength) if settings.colour == "luminance" else content


def _start(content: Tensor, regions: Sequence[Region], settings: GatysSettings, given: Tensor | None) -> Tensor:
    generator = torch.Generator().manual_seed(settings.seed)
    noise = torch.rand(content.shape, generator=generator).to(content)
    if settings.start == "picture":
        if given is None:
            raise InputError("The start 'picture' wants a picture: give --start-picture FILE.")
        return resize(given.to(content), content.shape[-2:])
    if settings.start == "style":
        return resize(next(r for r in regions if r.styles).styles[0].picture, content.shape[-2:])
    return {"content": content, "noise": noise, "mix": content.lerp(noise, settings.noise_share)}[settings.start]


def _solve(
    objective: Objective, picture: Tensor, steps: int, settings: GatysSettings, previous: Solution, watch: Watch | None
) -> Solution:
    keeper = Keeper(settings.keep, settings.average_decay)
    limits = (0.0, 1.0) if settings.clamped else None
    if settings.solver == "lbfgs":
        return lbfgs.minimise(
            objective, picture, steps=steps, history=settings.history, keeper=keeper, watch=watch, limits=limits
        )  # fmt: skip
    moments = adam.carry(previous.moments, picture.shape[-2:]) if settings.carry_moments else None
    return adam.minimise(
        objective, picture, steps=steps, rate=settings.rate, final_rate=settings.final_rate, moments=moments,
        taken=previous.steps if moments else 0, keeper=keeper, watch=watch, limits=limits,
    )  # fmt: skip


def _finish(picture: Tensor, content: Tensor, regions: Sequence[Region], settings: GatysSettings) -> Tensor:
    resized = resize(content, picture.shape[-2:])
    if settings.colour == "luminance" and settings.colour_strength:
        chroma = colour.to_yiq(picture)[:, 1:] * (1 - settings.colour_strength)
        chroma = chroma + settings.colour_strength * colour.to_yiq(resized)[:, 1:]
        picture = colour.from_yiq(torch.cat([colour.to_yiq(picture)[:, :1], chroma], 1)).clamp(0, 1)
    return left_alone(picture, resized, regions)


def _check(settings: GatysSettings, regions: Sequence[Region]) -> None:
    if not any(region.styles for region in regions):
        raise InputError("No style was given: give at least one style picture.")
    for name in (
        "statistic",
        "content_divisor",
        "style_divisor",
        "gram_divisor",
        "smoothness",
        "neighbours",
        "solver",
        "keep",
        "start",
        "colour",
    ):
        choices = GatysSettings.__dataclass_fields__[name].metadata["choices"]
        if getattr(settings, name) not in choices:
            raise InputError(f"{name} cannot be '{getattr(settings, name)}': choose among {', '.join(choices)}.")
    if settings.neighbours != "none" and settings.statistic != "gram":
        raise InputError("Correlations of neighbouring layers go with Gram matrices: give --statistic gram.")
    if not 0 <= settings.average_decay < 1:
        raise InputError(f"The decay of the average is {settings.average_decay}: give a number from 0 to below 1.")
    if not (settings.content_weight or settings.style_weight or settings.smoothness_weight):
        raise InputError("All weights are zero: give --content-weight, --style-weight or --smoothness-weight.")
    if not 0 <= settings.colour_strength <= 1:
        raise InputError(f"The colour strength is {settings.colour_strength}: give a number from 0 to 1.")


def mix_scales(
    coarse: Style, fine: Style, settings: GatysSettings, encoder: Encoder, *, watch: Callable[[Step], None] | None = None
) -> Style:
    """Fine strokes of one painting on the composition of another (Gatys et al. 2017, sec. 6): a new style picture.

    ``coarse`` is redrawn with only the fine layers' statistics (relu1_1, relu2_1) of ``fine``, its own relu4_2 held.
    """
    strokes = replace(
        settings, style_layers="relu1_1,relu2_1,relu3_1=0.3", content_layers="relu4_2", content_weight=0.4, colour="style",
        size=min(settings.size, max(coarse.picture.shape[-2:])), sizes=(), steps_each=(), start="content",
    )  # fmt: skip
    solution = gatys(coarse.picture, [Region((fine,))], strokes, encoder, watch=watch)
    if solution.interrupted:
        raise KeyboardInterrupt  # half a style is none
    picture = solution.picture
    return replace(coarse, picture=picture, mask=None if coarse.mask is None else resize(coarse.mask, picture.shape[-2:]))
