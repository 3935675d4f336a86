"""Style transfer by optimising pixels (Gatys, Ecker & Bethge 2016, doi:10.1109/CVPR.2016.265), with the controls of Gatys et al. 2017.

    minimise over x   alpha * L_content(x, p) + beta * sum_l w_l E_l(x, a) + smoothness,   coarse to fine,
with E_l a distance between Gram matrices or feature distributions of x and of the style a at layer l.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.mapped import Features, whole
from stylespace.errors import InputError
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.objectives.content import feature_distance
from stylespace.objectives.smoothness import SMOOTHNESS
from stylespace.objectives.style import STATISTICS, Measurement, Statistic, statistic_named
from stylespace.pictures import colour
from stylespace.pictures.region import Region, Style, guides, left_alone
from stylespace.pictures.resizing import fit, resize
from stylespace.solvers import adam, lbfgs, pyramid
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.solution import Objective, Solution, Step, Watch
from stylespace.statistics.gram import neighbour_gram
from stylespace.statistics.guides import follow

# Each step sees the picture at the next of these offsets (rows, columns): all phases of pooling by two and four take part.
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
            objective = objective_at(resized, regions, settings, encoder)
            margin = _margin(height_width, settings)
            solution = _solve(objective, framed(picture, margin), count, settings, solution, _cut(watch, margin))
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
    content_layers = layer_names.weights(settings.content_layers, encoder.layers) if settings.content_weight else {}
    style_layers = layer_names.weights(settings.style_layers, encoder.layers) if settings.style_weight else {}
    wanted = {*content_layers, *style_layers}
    encoder.check(wanted)
    margin = _margin(content.shape[-2:], settings)
    # L-BFGS wants the same function at every call.
    shifted = settings.shifted and settings.solver == "adam" and margin > max(OFFSETS[-1])
    offsets = OFFSETS if shifted else OFFSETS[:1]
    reach = max(offsets[-1])
    with torch.no_grad():
        content_terms = []
        for offset in offsets:
            features = encoder(_shifted(framed(content, margin), offset, reach), content_layers)
            content_terms.append(
                [_content_term(name, w * settings.content_weight, features[name], settings) for name, w in content_layers.items()]
            )
            del features
        targets = [region for region in regions if region.styles]
        middle = (reach // 2, reach // 2)
        seen = [
            None if guide is None else _shifted(framed(guide, margin), middle, reach)
            for region, guide in zip(regions, guides(regions, content), strict=True)
            if region.styles
        ]
        style_terms = [
            term
            for region, guide in zip(targets, seen, strict=True)
            for term in _style_terms(region, guide, max(content.shape[-2:]), style_layers, settings, encoder)
        ]
    smoothness = SMOOTHNESS[settings.smoothness]

    turns = cycle(zip(offsets, content_terms, strict=True))

    def objective(picture: Tensor) -> dict[str, Tensor]:
        offset, content_terms_there = next(turns)
        given = encoder.mapped(_shifted(picture, offset, reach), wanted)
        terms: dict[str, Tensor] = {}
        for name, term in (*content_terms_there, *style_terms):
            value = term(given)
            terms[name] = terms[name] + value if name in terms else value
        if settings.smoothness_weight:
            terms["smoothness"] = settings.smoothness_weight * smoothness(picture)
        return terms

    return objective


def schedule(settings: GatysSettings) -> list[tuple[int, int]]:
    """Long side and steps of each size. Raises ``InputError`` when their numbers differ."""
    sizes = settings.sizes or pyramid.sizes(settings.size, settings.smallest, settings.factor)
    steps = settings.steps_each or pyramid.share(settings.steps, sizes, settings.fall)
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
    return lambda step: watch(replace(step, picture=unframed(step.picture, margin), size=step.size - 2 * margin))


Term = tuple[str, Callable[[dict[str, Features]], Tensor]]


def _content_term(name: str, weight: float, target: Tensor, settings: GatysSettings) -> Term:
    if settings.content_divisor == "own":
        deviation = target.float() - target.float().mean((2, 3), keepdim=True)
        # A flat photo has no variance to measure by; then the mean square serves.
        weight /= max(float(deviation.square().sum()), 1e-3 * float(target.float().square().sum()), 1e-12)
    else:
        weight *= {"mean": 1 / target.numel(), "half": 0.5}[settings.content_divisor]
    return f"content {name}", lambda given: weight * feature_distance(whole(given[name]), target)


def _style_terms(
    region: Region, guide: Tensor | None, size: int, layers: dict[str, float], settings: GatysSettings, encoder: Encoder
) -> list[Term]:
    pictures = [_style_at(style, size, settings) for style in region.styles]
    features = [encoder.mapped(picture, layers) for picture, _ in pictures]
    masks = [mask for _, mask in pictures]
    share = 1.0 if guide is None else float(guide.mean())
    if not layers or not share:
        return []
    if not any(layers.values()):
        raise InputError("All style layers have a weight of zero: give one of them more, or --style-weight 0 to leave style out.")
    scale = settings.style_weight * share / (sum(layers.values()) if settings.style_divisor == "own" else 1.0)
    order = [name for name in encoder.layers if name in layers]
    terms = []
    if settings.neighbours != "instead":
        chosen = statistic_named(
            settings.statistic, offset=settings.kernel_offset, count=settings.kernel_features, seed=settings.seed
        )
        for name in order:
            shares = _weights(region, name)
            statistic = chosen.fitted(
                ((given[name], _followed(mask, given[name])) for given, mask in zip(features, masks, strict=True)), shares
            )

            def measure(
                given: dict[str, Features], at: Tensor | None, name: str = name, statistic: Statistic = statistic
            ) -> Measurement:
                return statistic.measure(given[name], at, settings.activation_shift)

            weight = scale * layers[name]
            terms.append(_style_term(f"style {name}", weight, statistic, measure, name, features, masks, shares, guide, settings))
    if settings.neighbours != "none":
        for shallow, deep in pairwise(order):

            def measure_pair(
                given: dict[str, Features], at: Tensor | None, shallow: str = shallow, deep: str = deep
            ) -> Measurement:
                return (neighbour_gram(given[shallow], given[deep], at, settings.activation_shift),)

            terms.append(
                _style_term(
                    f"style {shallow}-{deep}",
                    scale * layers[deep],
                    STATISTICS["gram"],
                    measure_pair,
                    shallow,
                    features,
                    masks,
                    _weights(region, deep),
                    guide,
                    settings,
                )
            )
    return terms


def _weights(region: Region, layer: str) -> list[float]:
    return [s.weight.get(layer, 0.0) if isinstance(s.weight, Mapping) else s.weight for s in region.styles]


def _followed(guide: Tensor | None, features: Features) -> Tensor | None:
    return None if guide is None else follow(guide, features.shape[-2:])


def _style_term(
    label: str,
    weight: float,
    statistic: Statistic,
    measure: Callable[[dict[str, Features], Tensor | None], Measurement],
    layer: str,
    features: Sequence[dict[str, Features]],
    masks: Sequence[Tensor | None],
    weights: Sequence[float],
    guide: Tensor | None,
    settings: GatysSettings,
) -> Term:
    measured = [measure(given, _followed(mask, given[layer])) for given, mask in zip(features, masks, strict=True)]
    target = statistic.blend(measured, weights)

    def term(given: dict[str, Features]) -> Tensor:
        maps = given[layer]
        at = _followed(guide, maps)
        positions = maps.shape[-2] * maps.shape[-1] if guide is None else float(guide.mean()) * maps.shape[-2] * maps.shape[-1]
        return weight * _divided(
            statistic.distance(measure(given, at), target), statistic, target, maps.shape[1], positions, settings
        )

    return label, term


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
