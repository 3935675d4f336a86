"""One style picture learned from many references, from white noise and without content (document: animated style learning).

    S_l, statistics of a layer: Gram matrices                       (Definition 2)       statistic, Statistic.measure
    minimise over x   sum_i alpha_i sum_l w_l ||S_l(x) - S_l(s_i)||^2   (Approach)       objective_at
    from white noise; a random reference s_i at every step          (Fig. 4)             LearnedStyle.start; draw
    Gram matrices over the positions of a mask only                 (3rd Attempt)        fitted, target: guide
The document numbers no equations. Where the alpha sum to 1 the sum is ||S_l(x) - sum_i alpha_i S_l(s_i)||^2 plus a constant (derived), so
one pass over any number of references gives the exact target in constant memory (``target``); that is the default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

import torch
from torch import Tensor

from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.learned_style_settings import LearnedStyleSettings
from stylespace.objectives.smoothness import squared_variation
from stylespace.objectives.style import Measurement, Statistic, statistic_named
from stylespace.pictures.margin import offsets
from stylespace.pictures.resizing import fit, resize
from stylespace.solvers import pyramid
from stylespace.solvers.coarse_to_fine import Problem, Scale, minimise
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution
from stylespace.solvers.solver import Adam, Solver
from stylespace.statistics.guides import follow


@dataclass(frozen=True)
class WeightedReference:
    """A reference that is read when it is needed: ``picture()`` gives (1, 3, H, W), sRGB in [0, 1].

    ``alpha``: its weight. ``guide()``: where on it (1, 1, h, w; in [0, 1]) the style is taken, or None for all of it.
    """

    picture: Callable[[], Tensor]
    alpha: float = 1.0
    guide: Callable[[], Tensor] | None = None


def learn(
    references: Sequence[WeightedReference], settings: LearnedStyleSettings, encoder: Encoder, run: Run | None = None
) -> Solution:
    """The style picture of ``references``.

    Raises ``InputError`` for settings that cannot be used; on ``KeyboardInterrupt`` returns what there is with ``interrupted`` set.
    """
    return minimise(LearnedStyle(references, settings, encoder), run)


class LearnedStyle(Problem):
    """What :func:`learn` minimises."""

    def __init__(self, references: Sequence[WeightedReference], settings: LearnedStyleSettings, encoder: Encoder) -> None:
        total = sum(r.alpha for r in references)
        if not references or total <= 0 or any(r.alpha < 0 for r in references):
            raise InputError("References' weights must not be negative, and one must be more than zero.")
        self.references = [replace(r, alpha=r.alpha / total) for r in references if r.alpha > 0]
        self.settings, self.encoder = settings, encoder
        self.schedule = schedule(settings)
        self.content = torch.zeros(1, 3, 1, 1, device=next(encoder.parameters()).device)

    def shape(self, scale: Scale) -> tuple[int, int]:
        """Given by the settings' proportions, since there is no photo."""
        return shape(self.settings, scale.size)

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """White noise (Fig. 4), then the result so far."""
        if picture is not None:
            return resize(picture, self.shape(scale))
        generator = torch.Generator().manual_seed(self.settings.seed)
        return torch.rand(1, 3, *self.shape(scale), generator=generator).to(self.content)

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective:
        """The distance to the references' mean statistics, or to those of one drawn at each step."""
        return objective_at(scale.size, self.references, self.settings, self.encoder, self.margin(scale), turn)

    def solver(self, scale: Scale) -> Solver:
        """Adam; the last iterate is the result."""
        return Adam(self.settings.rate, self.settings.final_rate, keep="last")

    def margin(self, scale: Scale) -> int:
        """That of the settings; none where opposite borders fit together."""
        return 0 if self.settings.tileable else min(self.settings.margin, min(self.shape(scale)) - 1)


def schedule(settings: LearnedStyleSettings) -> list[tuple[int, int]]:
    """Long side and steps of each size."""
    sizes = pyramid.sizes(settings.size, min(settings.smallest, settings.size), 2**0.5)
    return list(zip(sizes, pyramid.share(settings.steps, sizes, settings.fall), strict=True))


def shape(settings: LearnedStyleSettings, size: int) -> tuple[int, int]:
    """Height and width of the picture whose long side is ``size``."""
    if settings.proportions <= 0:
        raise InputError(f"The proportions are {settings.proportions}: give width over height, such as 1.5.")
    wide, high = settings.proportions, 1.0
    return max(1, round(size * high / max(wide, high))), max(1, round(size * wide / max(wide, high)))


def objective_at(
    size: int,
    references: Sequence[WeightedReference],
    settings: LearnedStyleSettings,
    encoder: Encoder,
    margin: int = 0,
    after: int = 0,
) -> Objective:
    """The loss terms of a picture of this long side that has ``margin`` pixels around it; ``after``: steps taken already."""
    layers = {n: w for n, w in layer_names.weights(settings.style_layers, encoder.layers).items() if w}
    encoder.check(layers)
    if not layers:
        raise InputError("All style layers have a weight of zero: give one of them more.")
    weights = {n: w / sum(layers.values()) for n, w in layers.items()}
    statistics = fitted(references, size, weights, settings, encoder)
    exact = target(references, size, statistics, settings, encoder)
    energies = {name: statistics[name].energy(exact[name]).clamp_min(1e-12) for name in weights}
    draws = torch.Generator().manual_seed(settings.seed + size)
    turns = cycle(offsets(margin))
    reach = max(offsets(margin)[-1])
    shares = torch.tensor([r.alpha for r in references])

    def draw() -> tuple[list[int], int | None]:
        """The offset of the next step, and the reference that it draws (Fig. 4); None: all of them."""
        offset = list(next(turns))
        if settings.tileable:
            offset = torch.randint(0, 1 << 16, (2,), generator=draws).tolist()
        return offset, None if settings.route == "exact" else int(torch.multinomial(shares, 1, generator=draws))

    for _ in range(after):  # the random numbers of the steps before
        draw()

    def objective(picture: Tensor) -> dict[str, Tensor]:
        (down, right), drawn = draw()
        wanted = exact
        if drawn is not None:
            wanted = target([replace(references[drawn], alpha=1.0)], size, statistics, settings, encoder)
        if settings.tileable:
            seen = torch.roll(picture, (down, right), (2, 3))
        else:
            seen = picture[..., down : picture.shape[2] - reach + down, right : picture.shape[3] - reach + right]
        features = encoder(seen, weights)
        # w_l || S_l(x) - S_l ||^2, as a share of the target's own energy.
        terms = {
            f"style {name}": weight * statistics[name].emphasis
            * statistics[name].distance(statistics[name].measure(features[name], None, 0.0), wanted[name]) / energies[name]
            for name, weight in weights.items()
        }  # fmt: skip
        if settings.smoothness_weight:
            terms["smoothness"] = settings.smoothness_weight * squared_variation(seen)
        return terms

    return objective


def fitted(
    references: Sequence[WeightedReference], size: int, layers: dict[str, float], settings: LearnedStyleSettings, encoder: Encoder
) -> dict[str, Statistic]:
    """The statistic of each layer; one that depends on the references is fitted in one pass over them."""
    statistic = statistic_named(
        settings.statistic, offset=settings.kernel_offset, count=settings.kernel_features, seed=settings.seed
    )
    if statistic.survey is None or statistic.fit is None:
        return dict.fromkeys(layers, statistic)
    found: dict[str, Measurement] = {}
    for reference, features, guide in _seen(references, size, list(layers), settings, encoder):
        for name in layers:
            at = None if guide is None else follow(guide, features[name].shape[-2:])
            found[name] = _added(found.get(name), statistic.survey(features[name], at), reference.alpha)
    return {name: statistic.fit(survey) for name, survey in found.items()}


def target(
    references: Sequence[WeightedReference],
    size: int,
    statistics: dict[str, Statistic],
    settings: LearnedStyleSettings,
    encoder: Encoder,
) -> dict[str, Measurement]:
    """sum_i alpha_i S_l(s_i), the mean statistics of ``references``, in one pass and the memory of one picture."""
    found: dict[str, Measurement] = {}
    for reference, features, guide in _seen(references, size, list(statistics), settings, encoder):
        for name, statistic in statistics.items():
            at = None if guide is None else follow(guide, features[name].shape[-2:])
            found[name] = _added(found.get(name), statistic.measure(features[name], at, 0.0), reference.alpha)
    return {name: statistics[name].prepare(measured) for name, measured in found.items()}


def _seen(
    references: Sequence[WeightedReference], size: int, layers: Sequence[str], settings: LearnedStyleSettings, encoder: Encoder
) -> Iterator[tuple[WeightedReference, dict[str, Tensor], Tensor | None]]:
    """Each reference's features and guide, one picture in memory at a time; never enlarged."""
    device = next(encoder.parameters()).device
    for reference in references:
        picture = reference.picture().to(device)
        long = min(max(picture.shape[-2:]), max(1, round(size * settings.style_scale)))
        height_width = fit(picture.shape[-2:], long)
        guide = None if reference.guide is None else resize(reference.guide().to(device), height_width).clamp(0, 1)
        with torch.no_grad():
            yield reference, encoder(resize(picture, height_width), layers), guide


def _added(total: Measurement | None, measured: Measurement, weight: float) -> Measurement:
    scaled = tuple(weight * part for part in measured)
    return scaled if total is None else tuple(a + b for a, b in zip(total, scaled, strict=True))
