"""The loss of Gatys-style optimisation at one size (Gatys, Ecker & Bethge 2016, doi:10.1109/CVPR.2016.265).

    L = alpha L_content + beta L_style + smoothness   (eq. 7)  GatysLoss.turn
    L_content = 1/2 sum (F - P)^2                     (eq. 1)  GatysLoss.content_terms
    G = F F^T                                         (eq. 3)  stylespace.statistics.gram
    E_l = sum (G - A)^2 / (4 C^2 M^2)                 (eq. 4)  GatysLoss.distance
    L_style = sum_l w_l E_l                           (eq. 5)  GatysLoss.style_terms

F, P: features (C channels, M positions) of the picture and of the photo; G, A: Gram matrices of the picture and of the style. Other
statistics than Gram matrices (``stylespace.objectives.style``) and other divisors are settings. Every term is made of sums over positions,
so a large picture can be worked on tile by tile: ``part`` is what a tile adds to the sums, ``total`` the term's value from all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import torch
from torch import Tensor

from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.objectives.content import feature_distance
from stylespace.objectives.smoothness import smoothness_of
from stylespace.objectives.style import STATISTICS, Measurement, Statistic, statistic_named, weighted_mean
from stylespace.pictures.float64 import onto
from stylespace.pictures.margin import framed, offsets
from stylespace.pictures.tiles import Tile, cut
from stylespace.solvers.tiled import Tiled
from stylespace.statistics.gram import neighbour_gram
from stylespace.statistics.seen import Measure, SeenTile
from stylespace.storage.scratch import Shelf
from stylespace.styles.region import Region, guides


@dataclass(frozen=True)
class Term:
    """A term of the loss: ``part``: the ``count`` sums that a tile adds to; ``total``: its value, from the sums of all tiles."""

    label: str
    part: Callable[[SeenTile], Measurement]
    total: Callable[[Measurement], Tensor]
    count: int = 1


@dataclass(frozen=True)
class Compared:
    """One comparison of picture and style: of a layer, or of a layer and the next.

    ``means``: over the positions of ``layer``; ``statistic`` is made from them. ``weight``: w_l. ``styles``: each style's weight.
    """

    label: str
    weight: float
    layer: str
    styles: Sequence[float]
    statistic: Statistic
    means: Measure


def losses_at(
    photo: Tensor, regions: Sequence[Region], settings: GatysSettings, encoder: Encoder, core: int | None = None
) -> list[Tiled]:
    """Eq. 7 at the size of ``photo`` (1, 3, H, W), for pictures with the settings' margin around them; one loss an offset, taken in turn.

    Targets are computed here, once. ``core``: side of the tiles to work in; None: the whole picture is one.
    """
    with torch.no_grad():
        loss = GatysLoss(photo, settings, encoder, core)
        style: list[Term] = []
        for region, guide in zip(regions, guides(regions, photo), strict=True):
            style += loss.style_terms(region, guide)
        terms = [[*loss.content_terms(photo, offset), *style, *loss.smoothness_terms()] for offset in loss.offsets]
    return [loss.turn(offset, each) for offset, each in zip(loss.offsets, terms, strict=True)]


class GatysLoss:
    """The terms at the size of ``photo`` (1, 3, H, W)."""

    def __init__(self, photo: Tensor, settings: GatysSettings, encoder: Encoder, core: int | None) -> None:
        self.settings, self.encoder, self.core = settings, encoder, core
        self.device = next(encoder.parameters()).device
        self.content_layers, self.style_layers = layers_of(settings, encoder)
        self.layers = {*self.content_layers, *self.style_layers}
        self.long, self.margin = max(photo.shape[-2:]), margin_of(photo.shape[-2:], settings)
        # L-BFGS wants the same function at every call.
        self.offsets = offsets(self.margin if settings.shifted and settings.solver == "adam" else 0)
        self.reach = max(self.offsets[-1])
        self.size = [side + 2 * self.margin - self.reach for side in photo.shape[-2:]]
        align, halo = encoder.reach(self.layers) if self.layers else (1, 1)
        self.tiles = cut(self.size, core, halo, align)

    def turn(self, offset: tuple[int, int], terms: Sequence[Term]) -> Tiled:
        """Eq. 7 as a sum over tiles, of pictures seen at an offset."""

        def part(picture: Tensor, tile: Tile) -> list[Tensor]:
            seen = SeenTile(picture, self.encoder(picture, self.layers) if self.layers else {}, tile)
            return [sums for term in terms for sums in term.part(seen)]

        def total(sums: list[Tensor]) -> dict[str, Tensor]:
            made: dict[str, Tensor] = {}
            rest = iter(sums)
            for term in terms:
                value = term.total(tuple(islice(rest, term.count)))
                made[term.label] = made[term.label] + value if term.label in made else value  # of several regions
            return made

        return Tiled(self.tiles, part, total, self.device, offset)

    def look(self, picture: Tensor, offset: tuple[int, int]) -> Tensor:
        """``picture`` with its margin, seen at an offset."""
        (down, right), (high, wide) = offset, self.size
        return framed(picture, self.margin)[..., down : down + high, right : right + wide]

    def content_terms(self, photo: Tensor, offset: tuple[int, int]) -> list[Term]:
        """Eq. 1, layer by layer. P, the photo's features, are computed once; those of several tiles are kept in a file."""
        if not self.content_layers:
            return []
        keep = Shelf().put if len(self.tiles) > 1 else _held
        photo = self.look(photo, offset)
        features: dict[str, dict[Tile, Callable[[], Tensor]]] = {name: {} for name in self.content_layers}
        for tile in self.tiles:
            part = photo[(..., *tile.window)].to(self.device)
            seen = SeenTile(part, self.encoder(part, self.content_layers), tile)
            for name in self.content_layers:
                features[name][tile] = keep(seen.core(name).contiguous(memory_format=torch.channels_last))
        return [self._content_term(name, features[name]) for name in self.content_layers]

    def _content_term(self, name: str, target: Mapping[Tile, Callable[[], Tensor]]) -> Term:
        """alpha w_l sum (F - P)^2, divided as the settings say."""
        weight = self.content_layers[name] * self.settings.content_weight
        channels, high, wide = self.encoder.shape(name, self.size)
        if self.settings.content_divisor == "own":  # the variance of P over positions
            mean = torch.stack([get().float().sum((2, 3), keepdim=True) for get in target.values()]).sum(0) / (high * wide)
            own = sum(float((get().float() - mean).square().sum()) for get in target.values())
            # A flat photo has no variance to measure by; then the mean square serves.
            weight /= max(own, 1e-3 * (own + high * wide * float(mean.square().sum())), 1e-12)
        else:
            weight *= {"mean": 1 / (high * wide * channels), "half": 0.5}[self.settings.content_divisor]
        return Term(
            f"content {name}",
            lambda seen: (feature_distance(seen.core(name), target[seen.tile]()),),
            lambda sums: weight * sums[0],
        )

    def style_terms(self, region: Region, guide: Tensor | None) -> list[Term]:
        """Eq. 5 for the styles of one region; its ``guide`` (1, 1, H, W) weighs the positions (Gatys et al. 2017, sec. 4)."""
        guide = None if guide is None else self.look(guide, (self.reach // 2, self.reach // 2))
        share = 1.0 if guide is None else float(guide.mean())  # of the picture's area
        if not region.styles or not self.style_layers or not share:
            return []
        if not any(self.style_layers.values()):
            raise InputError(
                "All style layers have a weight of zero: give one of them more, or --style-weight 0 to leave style out."
            )
        beta = self.settings.style_weight * share
        if self.settings.style_divisor == "own":
            beta /= sum(self.style_layers.values())
        compared = self._compared(region)
        looks = self._means(region, [(each.layer, each.means) for each in compared])
        return [self._style_term(each, means, guide, beta) for each, means in zip(compared, looks, strict=True)]

    def _style_term(self, each: Compared, of_styles: Sequence[Measurement], guide: Tensor | None, beta: float) -> Term:
        """beta w_l E_l. ``of_styles``: each style's means."""
        weight = beta * each.weight
        target = each.statistic.blend([self._finished(each.statistic, means) for means in of_styles], each.styles)  # A
        channels, high, wide = self.encoder.shape(each.layer, self.size)
        positions = high * wide if guide is None else float(guide.mean()) * (high * wide)

        def part(seen: SeenTile) -> Measurement:
            return seen.mean(each.means, each.layer, guide)

        def total(sums: Measurement) -> Tensor:
            g = self._finished(each.statistic, sums)  # G
            return weight * self.distance(each.statistic, g, target, channels, positions)

        return Term(each.label, part, total, len(of_styles[0]))

    def distance(self, statistic: Statistic, g: Measurement, a: Measurement, channels: int, positions: float) -> Tensor:
        """Eq. 4: E_l, with the divisors of the settings; ``style_divisor="gatys"`` with ``gram_divisor="none"`` are the published ones."""
        distance = statistic.distance(g, a)
        if self.settings.style_divisor == "own":
            return statistic.emphasis * distance / statistic.energy(a).clamp_min(1e-12)
        if statistic is STATISTICS["gram"]:
            # G = F F^T / M here; the squared difference of F F^T is M^2 times as large, that of F F^T / (C M) C^2 times smaller.
            distance = distance * {"positions": 1.0, "none": positions**2, "all": channels**-2}[self.settings.gram_divisor]
        factor = {
            "sum": 1.0,
            "half": 0.5,
            "mean": 1 / statistic.size(channels),
            "gatys": 1 / (4 * channels**2 * max(positions, 1e-12) ** 2),
        }
        return distance * factor[self.settings.style_divisor]

    def smoothness_terms(self) -> list[Term]:
        """Total variation."""
        weight, kind = self.settings.smoothness_weight, self.settings.smoothness
        if not weight:
            return []
        return [Term("smoothness", lambda seen: (smoothness_of(kind, seen.picture, seen.tile),), lambda sums: weight * sums[0])]

    def _compared(self, region: Region) -> list[Compared]:
        """Each style layer, and with ``neighbours`` each with the next (Novak & Nikulin 2016, sec. 3.4)."""
        shift = self.settings.activation_shift
        order = [name for name in self.encoder.layers if name in self.style_layers]
        found = []

        def of_layer(name: str, statistic: Statistic) -> Measure:
            return lambda seen, at: statistic.sums(seen.core(name), at, shift)

        def of_pair(shallow: str, deep: str) -> Measure:
            return lambda seen, at: (neighbour_gram(seen.core(shallow), seen.core(deep), at, shift),)

        if self.settings.neighbours != "instead":
            for name, statistic in self._statistics(region, order).items():
                weight, means = self.style_layers[name], of_layer(name, statistic)
                found.append(Compared(f"style {name}", weight, name, _weights(region, name), statistic, means))
        if self.settings.neighbours != "none":
            for shallow, deep in pairwise(order):
                weight, means = self.style_layers[deep], of_pair(shallow, deep)
                found.append(
                    Compared(f"style {shallow}-{deep}", weight, shallow, _weights(region, deep), STATISTICS["gram"], means)
                )
        return found

    def _statistics(self, region: Region, layers: Sequence[str]) -> dict[str, Statistic]:
        """The statistic of each layer, fitted to the styles where it depends on them."""
        s = self.settings
        statistic = statistic_named(s.statistic, offset=s.kernel_offset, count=s.kernel_features, seed=s.seed)
        survey, fit = statistic.survey, statistic.fit
        if survey is None or fit is None:
            return dict.fromkeys(layers, statistic)

        def of_layer(name: str) -> Measure:
            return lambda seen, at: survey(seen.core(name), at)

        looks = self._means(region, [(name, of_layer(name)) for name in layers])
        blended = {name: weighted_mean(means, _weights(region, name)) for name, means in zip(layers, looks, strict=True)}
        return {name: fit(tuple(onto(mean, self.device) for mean in means)) for name, means in blended.items()}

    def _means(self, region: Region, measures: Sequence[tuple[str, Measure]]) -> list[list[Measurement]]:
        """For each measure (of a layer's positions) the means of each style picture; one larger than ``core`` is seen tile by tile."""
        align, halo = self.encoder.reach(self.style_layers)
        found = []
        for picture, mask in (style.seen(self.long * self.settings.style_scale) for style in region.styles):
            sums: list[Measurement] = []
            for tile in cut(picture.shape[-2:], self.core, halo, align):
                part = picture[(..., *tile.window)]
                seen = SeenTile(part, self.encoder(part, self.style_layers), tile)
                parts = [seen.mean(of, layer, mask) for layer, of in measures]
                sums = [tuple(map(torch.add, a, b)) for a, b in zip(sums, parts, strict=True)] if sums else parts
            found.append(sums)
        return [list(means) for means in zip(*found, strict=True)]

    def _finished(self, statistic: Statistic, means: Measurement) -> Measurement:
        """A statistic from its means, which over tiles are added up in float64."""
        return tuple(onto(part, self.device) for part in statistic.finish(means))


def layers_of(settings: GatysSettings, encoder: Encoder) -> tuple[dict[str, float], dict[str, float]]:
    """Content and style layers with their weights."""
    content = layer_names.weights(settings.content_layers, encoder.layers) if settings.content_weight else {}
    style = layer_names.weights(settings.style_layers, encoder.layers) if settings.style_weight else {}
    encoder.check({*content, *style})
    return content, style


def margin_of(size: Sequence[int], settings: GatysSettings) -> int:
    """Pixels around a picture of ``size`` (h, w): those of the settings, fewer where it is small."""
    return min(settings.margin, min(size) - 1)


def _held(tensor: Tensor) -> Callable[[], Tensor]:
    return lambda: tensor


def _weights(region: Region, layer: str) -> list[float]:
    return [style.share_at(layer) for style in region.styles]
