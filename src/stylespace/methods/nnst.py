"""Neural Neighbor Style Transfer (Kolkin, Kucera, Paris, Sykora, Shechtman & Shakhnarovich 2022, arXiv 2203.13215), by optimisation.

The steps at each size, coarse to fine, with a Laplacian pyramid as the variable; beside them the functions here and in the authors' code
(NeuralNeighborStyleTransfer, utils/stylize.py and utils/featureExtract.py):
    phi, hypercolumns of photo and style, the style in four rotations        _described, _pool         extract_feats
    query q = content_weight phi(photo) + (1 - content_weight) phi(x so far) objective_at, of_photo    produce_stylization
    n(i) = argmin_j D_cos(q_i - mean q, s_j - mean s), the nearest neighbour _matched, nearest         replace_features
    minimise over x   mean_i D_cos(phi_i(x), s_n(i))                         objective_at, part        optimize_output_im
    "feature splitting": a last pass, each layer matched by itself to x      layerwise                 optimize_output_im, final_pass
    chroma of the photo with the style's moments                             finish
The authors mix photo and result before phi, we mix their features; they match again at every step of the last pass, sampling positions,
we every few steps at all positions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.encoders import layers as layer_names
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.nnst_settings import NnstSettings
from stylespace.objectives.smoothness import squared_variation
from stylespace.pictures import colour
from stylespace.pictures.float64 import float64
from stylespace.pictures.resizing import resize
from stylespace.pictures.tiles import Tile, cut
from stylespace.solvers import pyramid
from stylespace.solvers.budget import Need
from stylespace.solvers.coarse_to_fine import Problem, Scale, minimise
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution
from stylespace.solvers.solver import Pyramid, Solver
from stylespace.solvers.tiled import summed
from stylespace.statistics.neighbours import nearest
from stylespace.storage.scratch import Shelf
from stylespace.styles.region import Region, Style, first_style, guides, left_alone

__all__ = ["NnstSettings", "nnst"]

KEPT = 160.0  # bytes a pixel of photo, picture, pyramid, its gradient and the solver's state
CELL = 4  # pixels a side of the cell that one hypercolumn stands for


def nnst(
    content: Tensor, regions: Sequence[Region], settings: NnstSettings, encoder: Encoder, run: Run | None = None
) -> Solution:
    """Redraw ``content`` (1, 3, H, W; sRGB in [0, 1]) in the styles of ``regions``, whose guides have the content's proportions.

    A region takes its features from its own styles only; several styles of a region are one pool. On ``KeyboardInterrupt`` what is there,
    with ``interrupted`` set. Raises ``InputError`` for settings that cannot be used.
    """
    run = run or Run()
    return minimise(Nnst(content, regions, settings, encoder), run)


class Nnst(Problem):
    """What :func:`nnst` minimises."""

    def __init__(self, content: Tensor, regions: Sequence[Region], settings: NnstSettings, encoder: Encoder) -> None:
        first_style(regions)
        if any(len({str(style.weight) for style in region.styles}) > 1 for region in regions):
            raise InputError("nnst matches each place to the style that fits it best and has no weights: leave them out.")
        self.layers = list(layer_names.weights(settings.layers, encoder.layers))
        encoder.check(self.layers)
        self.content = content.to(next(encoder.parameters()).device)
        self.regions, self.settings, self.encoder = regions, settings, encoder
        self.schedule = schedule(settings)

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """The photo, then the result so far."""
        return self.photo(scale) if picture is None else resize(picture, self.shape(scale))

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective:
        """Distance to matched hypercolumns; in the last pass layer by layer."""
        share = self.settings.content_weight if scale.number else 1.0
        return objective_at(
            self.photo(scale), start(), self.regions, self.settings, self.encoder, share, self._layerwise(scale), core
        )  # fmt: skip

    def solver(self, scale: Scale) -> Solver:
        """Adam over the pyramid."""
        s = self.settings
        # In the last pass the state is written when matches are found again.
        return Pyramid(s.rate, s.levels, "adam", every=s.renewed if self._layerwise(scale) else 1)

    def need(self, scale: Scale) -> Need:
        """Memory for pictures, features and hypercolumns: as they are, matched, and their gradient."""
        channels = sum(self.encoder.shape(name, self.shape(scale))[0] for name in self.layers)
        rows = 6 * 4 * channels / CELL**2
        return Need(self.encoder, self.layers, self.settings.memory, whole=KEPT + rows, kept=KEPT)

    def finish(self, picture: Tensor) -> Tensor:
        """With ``colour="moments"`` the photo's chroma, and the photo where it is left alone."""
        photo = resize(self.content, (picture.shape[-2], picture.shape[-1]))
        if self.settings.colour == "moments":
            picture = colour.chroma_by_moments(picture, photo, first_style(self.regions).picture)
        return left_alone(picture, photo, self.regions)

    def _layerwise(self, scale: Scale) -> bool:
        return scale.last and self.settings.last_steps > 0


def schedule(settings: NnstSettings) -> list[tuple[int, int]]:
    """Long side and steps of each size, and of the last pass. Raises ``InputError`` when their numbers differ."""
    sizes = pyramid.sizes(settings.size, settings.smallest, 2.0)
    steps = settings.steps_each[-len(sizes) :] or pyramid.share(settings.steps, sizes, settings.fall)
    last = [(sizes[-1], settings.last_steps)] if settings.last_steps else []
    return [*pyramid.paired(sizes, steps), *last]


def objective_at(
    photo: Tensor,
    start: Tensor,
    regions: Sequence[Region],
    settings: NnstSettings,
    encoder: Encoder,
    share: float,
    layerwise: bool,
    core: int | None = None,
) -> Objective:
    """The loss of a picture of the size of ``photo`` (1, 3, H, W): mean distance to the matched hypercolumns.

    The query: ``share`` of the photo's features and the rest of those of ``start``; ``layerwise``: each layer's features of the
    picture itself, matched again every ``settings.renewed`` steps. ``core``: side of the tiles that features are computed in; None: the
    whole picture.
    """
    layers = list(layer_names.weights(settings.layers, encoder.layers))
    size = max(photo.shape[-2:])
    tiles = _tiles(photo, encoder, layers, core)
    with torch.no_grad():
        pools = [_pool(region.styles, size, settings, encoder, layers) if region.styles else None for region in regions]
        divisors = _divisors([pool for pool in pools if pool], settings)
        drawn = _belonging(regions, photo, _cells(photo.shape[-2:]))
        belongs = {tile: drawn[tile.outside(CELL, drawn.shape)].reshape(-1) for tile in tiles}
        groups = [[i] for i in range(len(layers))] if layerwise else [list(range(len(layers)))]
        there = [
            [None if pool is None else _rows([pool[i] for i in group], [divisors[i] for i in group]) for pool in pools]
            for group in groups
        ]
        lengths = [
            None if settings.distance == "cosine" else _length([pool for pool in pools if pool is not None]) for pools in there
        ]

    def matches(described: Callable[[Tile], Sequence[Tensor]]) -> dict[Tile, list[Callable[[], Tensor]]]:
        """The targets s_n(i) of every tile's places, for each group of layers."""
        keep: Keep = Shelf().put if len(tiles) > 1 else lambda tensor: lambda: tensor

        @lru_cache(1)
        def rows(tile: Tile) -> list[Tensor]:
            maps = described(tile)
            return [_rows([maps[i] for i in group], [divisors[i] for i in group]) for group in groups]

        with torch.no_grad():
            means = _means(rows, belongs, len(regions))
            return {
                tile: [
                    keep(_scaled(_matched(found, pools_there, belongs[tile], middle), length))
                    for found, pools_there, middle, length in zip(rows(tile), there, means, lengths, strict=True)
                ]
                for tile in tiles
            }

    def of_photo(tile: Tile) -> list[Tensor]:
        own = _core(photo[(..., *tile.window)], tile, encoder, layers)
        before = _core(start[(..., *tile.window)], tile, encoder, layers) if share < 1 else own
        return [share * a + (1 - share) * b for a, b in zip(own, before, strict=True)]  # q

    wanted = {} if layerwise else matches(of_photo)
    count = float((drawn >= 0).sum())
    step = 0

    def part(seen: Tensor, tile: Tile) -> list[Tensor]:
        features = _core(seen, tile, encoder, layers)
        parts = [_rows([features[i] for i in group], [divisors[i] for i in group]) for group in groups]
        drawn_here = belongs[tile] >= 0
        # D_cos: for vectors of length 1 half the squared distance is 1 - cos(x, y).
        return [
            (_scaled(x, length) - y()).square().sum(1)[drawn_here].sum() / 2
            for x, y, length in zip(parts, wanted[tile], lengths, strict=True)
        ]

    def objective(picture: Tensor) -> dict[str, Tensor]:
        nonlocal step, wanted
        if layerwise and step % settings.renewed == 0:
            wanted = matches(lambda tile: _core(picture[(..., *tile.window)], tile, encoder, layers))
        step += 1
        terms = {"neighbours": torch.stack(summed(picture, tiles, part)).mean() / count}
        if settings.smoothness_weight:
            terms["smoothness"] = settings.smoothness_weight * squared_variation(picture)
        return terms

    return objective


Keep = Callable[[Tensor], Callable[[], Tensor]]  # stores a tensor, and returns how to get it back


def _tiles(photo: Tensor, encoder: Encoder, layers: Sequence[str], core: int | None) -> list[Tile]:
    """Tiles of a picture like the photo (1, 3, H, W), of ``core`` pixels a side; None: one."""
    align, halo = encoder.reach(layers)
    align = max(align, CELL)
    # One position more is seen at the deepest layer: it is enlarged to cells.
    return cut(photo.shape[-2:], core and -(-core // align) * align, -(-halo // align) * align + align, align)


def _cells(size: Sequence[int]) -> tuple[int, int]:
    """How many hypercolumns a picture of ``size`` (h, w) has."""
    return max(1, -(-size[0] // CELL)), max(1, -(-size[1] // CELL))


def _core(seen: Tensor, tile: Tile, encoder: Encoder, layers: Sequence[str]) -> list[Tensor]:
    """The layers' features of a tile's core."""
    maps = _described(seen, encoder, layers)
    return [f[(..., *tile.inside(CELL, f.shape[-2:]))] for f in maps]


def _described(picture: Tensor, encoder: Encoder, layers: Sequence[str]) -> list[Tensor]:
    """Each layer's features at a quarter of the picture's resolution: (1, C, h / 4, w / 4).

    Sides are padded to a multiple of all poolings, so that a cell stands for the same pixels in every layer.
    """
    size = _cells(picture.shape[-2:])
    whole = max(CELL, *map(layer_names.scale, layers))
    right, below = (-side % whole for side in (picture.shape[-1], picture.shape[-2]))
    features = encoder(F.pad(picture, (0, right, 0, below), mode="replicate"), layers)
    filled = ((picture.shape[-2] + below) // CELL, (picture.shape[-1] + right) // CELL)
    return [_sized(features[name].float(), filled)[..., : size[0], : size[1]] for name in layers]


def _sized(maps: Tensor, size: Sequence[int]) -> Tensor:
    if maps.shape[-2] > size[0] or maps.shape[-1] > size[1]:
        return F.interpolate(maps, size=tuple(size), mode="area")
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def _rows(maps: Sequence[Tensor], divisors: Sequence[float] = (1.0,)) -> Tensor:
    """Maps of several layers, each divided, as one vector per place, (n, sum of C)."""
    return torch.cat([f.permute(0, 2, 3, 1).reshape(-1, f.shape[1]) / d for f, d in zip(maps, divisors, strict=True)], 1)


def _divisors(pools: Sequence[Sequence[Tensor]], settings: NnstSettings) -> list[float]:
    """The divisor of each layer in a hypercolumn: the deviation of the styles' features from their mean, or the number of channels."""
    together = [torch.cat(maps, 3) for maps in zip(*pools, strict=True)]
    if settings.layer_divisor == "channels":
        return [float(f.shape[1]) for f in together]
    return [max(float((f - f.mean(3, keepdim=True)).square().sum(1).mean().sqrt()), 1e-12) for f in together]


def _length(pools: Sequence[Tensor]) -> float:
    """Root mean square length of the styles' rows."""
    return max(float(torch.cat([pool.square().sum(1) for pool in pools]).mean().sqrt()), 1e-12)


def _scaled(rows: Tensor, length: float | None) -> Tensor:
    """``rows`` (n, D) as they are compared: as shares of ``length``, or without it each of length 1."""
    return F.normalize(rows, dim=1) if length is None else rows / length


def _pool(styles: Sequence[Style], size: int, settings: NnstSettings, encoder: Encoder, layers: Sequence[str]) -> list[Tensor]:
    """The layers' features of all styles in all rotations, each (1, C, 1, m); styles are seen at ``size``, never enlarged."""
    device = next(encoder.parameters()).device
    found: list[list[Tensor]] = [[] for _ in layers]
    for style in styles:
        there = replace(style, picture=style.picture.to(device), mask=None if style.mask is None else style.mask.to(device))
        seen, mask = there.seen(size * settings.style_scale)
        for turn in range(settings.rotations):
            maps = _described(torch.rot90(seen, turn, (2, 3)), encoder, layers)
            taken = torch.ones(maps[0].shape[-2:], dtype=torch.bool, device=device)
            if mask is not None:
                small = F.interpolate(torch.rot90(mask, turn, (2, 3)), size=maps[0].shape[-2:], mode="area")[0, 0]
                taken = small > min(0.5, float(small.max()) / 2)
            for layer, f in zip(found, maps, strict=True):
                layer.append(f[:, :, taken][:, :, None])
    return [torch.cat(layer, 3) for layer in found]


def _belonging(regions: Sequence[Region], photo: Tensor, size: tuple[int, int]) -> Tensor:
    """The index of the region that each of ``size`` (h, w) places belongs to most; -1 where that has no styles."""
    drawn = [
        photo.new_ones(size) if guide is None else F.interpolate(guide, size=size, mode="area")[0, 0]
        for guide in guides(regions, photo)
    ]
    most = torch.stack(drawn).argmax(0)
    without = torch.tensor([not region.styles for region in regions], device=most.device)
    return torch.where(without[most], -torch.ones_like(most), most)


def _means(rows: Callable[[Tile], Sequence[Tensor]], belongs: Mapping[Tile, Tensor], regions: int) -> list[list[Tensor]]:
    """The mean row of each region, for each group of layers, of ``rows`` (n, D) that come tile by tile with their regions' indices."""
    sums: dict[tuple[int, int], Tensor] = {}
    counts = [sum(int((there == region).sum()) for there in belongs.values()) for region in range(regions)]
    groups = 0
    for tile, there in belongs.items():
        found = rows(tile)
        groups = len(found)
        for group, each in enumerate(found):
            for region in range(regions):
                sums[group, region] = float64(each[there == region]).sum(0) + sums.get((group, region), 0)
    device = next(iter(belongs.values())).device
    return [
        [(sums[group, region] / max(counts[region], 1)).float().to(device) for region in range(regions)]
        for group in range(groups)
    ]


def _matched(rows: Tensor, pools: Sequence[Tensor | None], belongs: Tensor, means: Sequence[Tensor]) -> Tensor:
    """Each of ``rows`` (n, D) replaced by s_n(i), the nearest in its region's pool; ``means``: of all rows of each region."""
    made = rows.clone()
    for number, pool in enumerate(pools):
        here = (belongs == number).nonzero(as_tuple=True)[0]
        if pool is not None and len(here):
            made[here] = pool[nearest(rows[here], pool, mean=means[number])]
    return made
