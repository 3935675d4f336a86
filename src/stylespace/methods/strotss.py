"""STROTSS: style transfer by relaxed optimal transport and self-similarity (Kolkin, Salavon & Shakhnarovich 2019, arXiv 1904.12785).

    minimise over x   (a L_structure + L_transport + L_moments + L_palette / max(a, 1)) / (a + 2)

on hypercolumns at sampled places, coarse to fine over the levels of a Laplacian pyramid, with a halved at each size. Regions are matched
with their own styles, and points of the photo with points of the style.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.strotss_settings import StrotssSettings
from stylespace.objectives.smoothness import squared_variation
from stylespace.objectives.transport import Cloud, matched, moments, self_similarity, structure, transport
from stylespace.pictures.resizing import resize
from stylespace.pictures.tiles import Tile, cut
from stylespace.solvers import laplacian, pyramid
from stylespace.solvers.budget import Need
from stylespace.solvers.coarse_to_fine import Base, Scale, minimise
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution
from stylespace.solvers.solver import Pyramid, Solver
from stylespace.solvers.tiled import summed
from stylespace.statistics.hypercolumns import hypercolumns, hypercolumns_of, inside, spread_out
from stylespace.styles.region import Region, Style, first_style, guides, left_alone

__all__ = ["Pair", "StrotssSettings", "strotss"]

REACH = 0.02  # of the sides: how far around a guided point others are guided with it
DETAILED = (1, 2)  # sizes after the first that start with the photo's finest detail
KEPT = 120.0  # bytes a pixel of photo, picture, pyramid, its gradient and the solver's state
GUIDED = 9  # places around it
SHIFTS = 8  # offsets at which the picture is looked at: the period of the grid that it would grow
POINTS = 5.0  # weight of the points (beta, section 2.4)
# Decorrelated colours (the authors' matrix): rows are sums and differences of red, green, blue.
PALETTE = ((0.577350, 0.577350, 0.577350), (-0.577350, 0.788675, -0.211325), (-0.577350, -0.211325, 0.788675))


@dataclass(frozen=True)
class Pair:
    """A place of the photo that is to look like a place of the style; (down, right), each from 0 to 1 of the sides."""

    photo: tuple[float, float]
    style: tuple[float, float]


@dataclass(frozen=True)
class _Target:
    """A region at one size: its guide (1, 1, h, w) or None, and the styles' hypercolumns and colours."""

    guide: Tensor | None
    style: Cloud
    colours: Cloud


def strotss(
    content: Tensor,
    regions: Sequence[Region],
    settings: StrotssSettings,
    encoder: Encoder,
    run: Run | None = None,
) -> Solution:
    """Redraw ``content`` (1, 3, H, W; sRGB in [0, 1]) in the styles of ``regions``, whose guides have the content's proportions.

    The places of a region are divided among its styles in proportion to their weights. ``run.points`` guide places to places of
    the first style. Returns the picture at the last size; on ``KeyboardInterrupt`` what is there, with ``interrupted`` set. Raises
    ``InputError`` for settings that cannot be used.
    """
    run = run or Run()
    return minimise(Strotss(content, regions, settings, encoder, run), run)


class Strotss(Base):
    """What :func:`strotss` minimises."""

    def __init__(self, content: Tensor, regions: Sequence[Region], settings: StrotssSettings, encoder: Encoder, run: Run) -> None:
        first_style(regions)
        self.layers = list(layer_names.weights(settings.layers, encoder.layers))
        encoder.check(self.layers)
        self.content = content.to(next(encoder.parameters()).device)
        self.regions, self.settings, self.encoder = regions, settings, encoder
        self.pairs = [Pair((a[1], a[0]), (b[1], b[0])) for a, b in run.points]
        self.schedule = schedule(settings)
        self.generator: torch.Generator = torch.Generator().manual_seed(settings.seed)

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """The photo's detail on the styles' mean colour; then the result so far, at two sizes with the photo's finest detail."""
        photo = self.photo(scale)
        return _start(photo, self.regions) if picture is None else _grown(picture, photo, scale.number in DETAILED)

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective:
        """All terms, with the content's weight halved at each size."""
        return self._loss(scale, core, style_alone=False)

    def style_loss(self, scale: Scale, core: int | None, turn: int = 0) -> Objective:
        """The style terms alone, for methods that build on this one."""
        return self._loss(scale, core, style_alone=True)

    def solver(self, scale: Scale) -> Solver:
        """RMSprop over the pyramid."""
        return Pyramid(self.settings.final_rate if scale.last else self.settings.rate, self.settings.levels)

    def need(self, scale: Scale) -> Need:
        """Memory for pictures and features."""
        return Need(self.encoder, self.layers, self.settings.memory, whole=KEPT, kept=KEPT)

    def finish(self, picture: Tensor) -> Tensor:
        """The photo where it is left alone."""
        return left_alone(picture, resize(self.content, (picture.shape[-2], picture.shape[-1])), self.regions)

    def _loss(self, scale: Scale, core: int | None, style_alone: bool) -> Objective:
        weight = self.settings.content_weight * 2 ** (scale.of - 1 - scale.number)
        pairs = [] if style_alone else self.pairs
        return objective_at(
            self.photo(scale), self.regions, self.settings, self.encoder, weight, self.generator, pairs, style_alone=style_alone, core=core
        )  # fmt: skip


def schedule(settings: StrotssSettings) -> list[tuple[int, int]]:
    """Long side and steps of each size. Raises ``InputError`` when their numbers differ."""
    sizes = pyramid.sizes(settings.size, settings.smallest, 2.0)
    steps = settings.steps_each[-len(sizes) :] or pyramid.share(settings.steps, sizes, settings.fall)
    return pyramid.paired(sizes, steps)


def objective_at(
    photo: Tensor, regions: Sequence[Region], settings: StrotssSettings, encoder: Encoder, alpha: float, generator: torch.Generator,
    pairs: Sequence[Pair] = (), *, style_alone: bool = False, core: int | None = None,
) -> Objective:  # fmt: skip
    """The loss terms of a picture of the size of ``photo`` (1, 3, H, W), each call at new places. ``alpha``: weight of the content.

    ``style_alone``: without structure, points and smoothness, the others as they are. ``core``: side of the tiles that features are
    computed in; None: as a whole.
    """
    layers = list(layer_names.weights(settings.layers, encoder.layers))
    size = (photo.shape[-2], photo.shape[-1])
    decorrelated = torch.tensor(PALETTE, device=photo.device)
    with torch.no_grad():
        tiles = _tiles(photo, encoder, layers, core)
        photo_features = _described(photo, encoder, layers) if len(tiles) == 1 and not style_alone else []
        targets = [
            _Target(guide, Cloud.of(columns), Cloud.of(colours @ decorrelated.T))
            for region, guide in zip(regions, guides(regions, photo), strict=True)
            if region.styles and (guide is None or float(guide.sum()) > 0)
            for columns, colours in [_style_features(region.styles, max(size), settings, encoder, layers, generator)]
        ]
        guided = _points(pairs, first_style(regions), max(size), encoder, layers)

    def objective(picture: Tensor) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = {}
        drawn = [spread_out(settings.samples, size, generator, target.guide) for target in targets]  # places, (n, 2) each
        places = [*drawn, *([] if guided is None else [guided[0]])]
        seen, at = _shifted(picture, places, generator) if settings.shifted else (picture, places)
        columns = _columns(seen, at, encoder, layers, _tiles(seen, encoder, layers, core))  # (n, D) each

        def add(name: str, value: Tensor, by: float) -> None:
            terms[name] = terms.get(name, value.new_zeros(())) + by / ((alpha + 2) * len(targets)) * value

        colours = [x[:, :3] for x in columns]  # (n, 3) each: the first channels are the pixels
        if not style_alone:
            with torch.no_grad():  # the photo's hypercolumns at the same places
                those = (
                    [hypercolumns(photo_features, at) for at in drawn]
                    if photo_features
                    else _columns(photo, drawn, encoder, layers, tiles)
                )
                wanted = [self_similarity(rows) for rows in those]  # (n, n), eq. 8
            for x, similarity in zip(columns, wanted, strict=False):
                add("structure", structure(x, similarity), alpha)  # l_C, eq. 9
        for x, rgb, target in zip(columns, colours, targets, strict=False):
            add("transport", transport(x, target.style), 1)  # l_r, eq. 5
            add("moments", moments(x, target.style), settings.moments_weight)  # l_m, eq. 7
            palette = transport(rgb @ decorrelated.T, target.colours, euclidean=True)
            add("palette", palette, max(settings.palette_weight, 1 / max(alpha, 1)))  # l_p
        if style_alone:
            return terms
        if guided is not None:
            add("points", matched(columns[-1], guided[1]), POINTS * len(targets))  # section 2.4
        if settings.smoothness_weight:
            terms["smoothness"] = settings.smoothness_weight * squared_variation(picture)
        return terms

    return objective


def _columns(
    picture: Tensor, places: Sequence[Tensor], encoder: Encoder, layers: Sequence[str], tiles: Sequence[Tile]
) -> list[Tensor]:
    """Hypercolumns of the picture at each of ``places``, and of its tiles with a gradient that is worked out tile by tile."""
    if len(tiles) == 1:
        maps = _described(picture, encoder, layers)
        return [hypercolumns(maps, at) for at in places]
    scales = [1, *map(layer_names.scale, layers)]

    def part(seen: Tensor, tile: Tile) -> list[Tensor]:
        mine = [inside(at, tile) for at in places]
        if not any(len(numbers) for numbers in mine):
            return [seen.new_zeros(()) for _ in places]
        maps = _described(seen, encoder, layers)
        found = []
        for at, numbers in zip(places, mine, strict=True):
            rows = hypercolumns_of(maps, scales, at[numbers], tile)
            found.append(rows.new_zeros(len(at), rows.shape[1]).index_copy(0, numbers.to(rows.device), rows))
        return found

    return summed(picture, tiles, part)


def _shifted(picture: Tensor, places: Sequence[Tensor], generator: torch.Generator) -> tuple[Tensor, list[Tensor]]:
    """The picture with a few reflected pixels above and to the left, as many as are drawn, and the same places in it."""
    most = min(SHIFTS, *picture.shape[-2:])
    down, right = torch.randint(0, most, (2,), generator=generator).tolist()
    whole = torch.tensor(picture.shape[-2:])
    more = torch.tensor([down, right])
    return F.pad(picture, (right, 0, down, 0), mode="reflect"), [(at * whole + more) / (whole + more) for at in places]


def _tiles(photo: Tensor, encoder: Encoder, layers: Sequence[str], core: int | None) -> list[Tile]:
    """Tiles of a picture like the photo (1, 3, H, W), of ``core`` pixels a side; None: one."""
    align, halo = encoder.reach(layers)
    # One position more is seen at the deepest layer: hypercolumns lie between positions.
    return cut(photo.shape[-2:], core, halo + align, align)


def _described(picture: Tensor, encoder: Encoder, layers: Sequence[str]) -> list[Tensor]:
    """The picture and its features, as a hypercolumn has them: shallow to deep."""
    features = encoder(picture, layers)
    return [picture, *(features[name] for name in layers)]


def _style_features(
    styles: Sequence[Style], size: int, settings: StrotssSettings, encoder: Encoder, layers: Sequence[str], generator: torch.Generator
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Hypercolumns and colours of the styles at places in proportion to their weights; styles are seen at ``size``, never enlarged."""
    total = sum(style.share for style in styles)
    columns, colours = [], []
    for style in styles:
        seen, mask = replace(style, picture=style.picture.to(next(encoder.parameters()).device)).seen(size * settings.style_scale)
        count = round(settings.style_samples * style.share / total)
        if not count:
            continue
        places = spread_out(count, seen.shape[-2:], generator, mask)
        columns.append(hypercolumns(_described(seen, encoder, layers), places))
        colours.append(hypercolumns([seen], places))
    return torch.cat(columns), torch.cat(colours)


def _points(
    pairs: Sequence[Pair], style: Style, size: int, encoder: Encoder, layers: Sequence[str]
) -> tuple[Tensor, Tensor] | None:
    """Places on a grid around each guided point (9k, 2), and the style's hypercolumns at the places that they are to look like."""
    if not pairs:
        return None
    for pair in pairs:
        if not all(0 <= x <= 1 for x in (*pair.photo, *pair.style)):
            raise InputError(
                f"The point {pair.photo} to {pair.style} is not in the pictures: give shares of the sides, from 0 to 1."
            )
    ring = torch.cartesian_prod(*[torch.linspace(-REACH, REACH, round(GUIDED**0.5))] * 2)
    at, there = ((torch.tensor([getattr(p, side) for p in pairs])[:, None] + ring).reshape(-1, 2) for side in ("photo", "style"))
    seen, _ = replace(style, picture=style.picture.to(next(encoder.parameters()).device)).seen(size)
    return at.clamp(0, 1), hypercolumns(_described(seen, encoder, layers), there.clamp(0, 1))


def _start(photo: Tensor, regions: Sequence[Region]) -> Tensor:
    """The photo's own detail on the mean colour of the styles."""
    styles = [style for region in regions for style in region.styles]
    mean = torch.stack([style.picture.to(photo).mean((2, 3), keepdim=True) for style in styles]).mean(0)
    return photo - photo.mean((2, 3), keepdim=True) + mean


def _grown(picture: Tensor, photo: Tensor, detailed: bool) -> Tensor:
    """The result so far at the photo's size, ``detailed``: with the photo's finest detail."""
    larger = resize(picture, (photo.shape[-2], photo.shape[-1]))
    return larger + laplacian.split(photo, 1)[0] if detailed else larger
