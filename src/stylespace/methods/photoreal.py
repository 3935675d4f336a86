"""Photorealistic transfer: another photo's light and colours, this photo's shapes (Luan, Paris, Shechtman & Bala 2017, arXiv 1703.07511).

    minimise over x   L_content + Gamma sum_k L_style of region k + lambda sum_c V_c^T M V_c   (eq. 4)

M is the photo's matting Laplacian, V_c a channel of x: the last term is zero where x is, in each window, an affine function of the
photo's colours (eq. 2). Content and style are those of the base method, ``run.base``, whose statistics are masked region by region
(eq. 3). Two stages, as in the authors' program: without M, coarse to fine; then with it. Ours are the start of both (colours mapped region
by region, and the first stage's picture made locally affine) and the end: the change of colours, worked out small, is applied to the
photo's own pixels, so that lines and sharpness are the photo's at any size. The routes ``fast`` and ``global`` have that end alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.methods.photoreal_settings import PhotorealSettings
from stylespace.objectives.photorealism import matting_energy
from stylespace.pictures.affine import apply_affine, certain, local_affine
from stylespace.pictures.colour import colour_map
from stylespace.pictures.resizing import fit, resize
from stylespace.pictures.tiles import Tile
from stylespace.solvers.budget import Need
from stylespace.solvers.coarse_to_fine import Base, Problem, Scale, minimise
from stylespace.solvers.copying import InPlace
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution
from stylespace.solvers.solver import Solver
from stylespace.solvers.tiled import Tiled
from stylespace.statistics import matting
from stylespace.styles.region import Region, Style, first_style, guides, left_alone

__all__ = ["PhotorealSettings", "one_map", "photoreal"]

SMALL = 256  # long side at which colours are counted
EDGE, FAINT = 3, 1e-4  # of maps at regions' edges: radius of windows, variance of colours that is too faint to be fitted
LAPLACIAN = 2000.0  # bytes a pixel while its matrix is made


def photoreal(
    content: Tensor, regions: Sequence[Region], settings: PhotorealSettings, encoder: Encoder, run: Run | None = None
) -> Solution:
    """Give ``content`` (1, 3, H, W; sRGB in [0, 1]) the light and colours of the regions' styles.

    With the route ``global`` the fact ``colours`` is the map (3, 4). Raises ``InputError`` without a style, ``MissingExtraError`` where
    the route ``optimise`` lacks PyMatting.
    """
    run = run or Run()
    first_style(regions)
    if settings.route == "optimise":
        matting.library()
        return minimise(Optimised(content, regions, settings, run.base), run)
    problem = Mapped(content, regions, settings)
    solution = minimise(problem, run)
    if settings.route == "global":
        solution.facts["colours"] = problem.only().tolist()
    return solution


class Photoreal(Problem):
    """What the routes share: the end."""

    def __init__(self, content: Tensor, regions: Sequence[Region], settings: PhotorealSettings) -> None:
        self.content, self.regions, self.settings = content, regions, settings
        self.size = min(settings.size, settings.work)

    def affine(self, photo: Tensor, picture: Tensor) -> Tensor:
        """The local affine maps from ``photo`` to ``picture``, both (1, 3, h, w)."""
        identity = torch.eye(3, device=photo.device)
        return local_affine(photo, picture, self.radius(photo), self.settings.detail, identity)

    def radius(self, photo: Tensor) -> int:
        """Of the windows."""
        return max(1, round((self.settings.smoothing or 0.0) * max(photo.shape[-2:])))

    def enlarge(self, picture: Tensor) -> Tensor:
        """The change of colours from the photo to ``picture`` (1, 3, h, w), at the result's size."""
        photo = resize(self.content.to(picture), picture.shape[-2:])
        whole = resize(self.content.to(picture), fit(self.content.shape[-2:], self.settings.size))
        if self.settings.smoothing is None and whole.shape == picture.shape:
            return picture
        return apply_affine(whole, self.affine(photo, picture))

    def finish(self, picture: Tensor) -> Tensor:
        """The result at its size; the photo where it is left alone."""
        made = self.enlarge(picture).clamp_(0, 1)
        photo = resize(self.content.to(made), made.shape[-2:])
        if self.settings.strength < 1:
            made = photo.lerp(made, self.settings.strength)
        return left_alone(made, photo, self.regions)


class Optimised(Photoreal):
    """Eq. 4 in two stages, on the loss of ``base``."""

    def __init__(self, content: Tensor, regions: Sequence[Region], settings: PhotorealSettings, base: Base) -> None:
        super().__init__(content.to(base.content), regions, settings)
        self.base = base
        self.second = round(settings.second * settings.steps)  # steps
        self.schedule = [*base.schedule, *([(self.size, self.second)] if self.second else [])]

    def constrained(self, scale: Scale) -> bool:
        """Whether it is the second stage."""
        return scale.last and self.second > 0

    def begin(self, scale: Scale, picture: Tensor | None) -> None:
        """As the base."""
        self.base.begin(scale, picture)

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """As the base; the second stage starts from the first's picture without what is no affine function of the photo."""
        if picture is None or not self.constrained(scale):
            return self.base.start(scale, picture)
        photo = self.photo(scale)
        return apply_affine(photo, self.affine(photo, resize(picture.to(photo), self.shape(scale)))).clamp(0, 1)

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective | Sequence[Tiled]:
        """The base's; in the second stage with the matting Laplacian's energy a pixel."""
        loss = self.base.loss(scale, start, core, turn)
        if not self.constrained(scale) or not self.settings.photorealism_weight:
            return loss
        photo = self.photo(scale)
        weight = self.settings.photorealism_weight / (photo.shape[-2] * photo.shape[-1])
        if not callable(loss):
            return [_with_energy(each, photo, weight) for each in loss]
        laplacian = matting.matting_laplacian(photo)

        def objective(picture: Tensor) -> dict[str, Tensor]:
            return loss(picture) | {"photorealism": weight * matting_energy(picture, laplacian)}

        return objective

    def solver(self, scale: Scale) -> Solver:
        """As the base."""
        return self.base.solver(scale)

    def need(self, scale: Scale) -> Need | None:
        """The base's and, of the whole, the Laplacian."""
        need = self.base.need(scale)
        if need is None or not self.constrained(scale):
            return need
        return Need(need.encoder, need.layers, need.memory, need.whole + LAPLACIAN, need.kept, need.ends, need.uncut)

    def state(self) -> dict[str, Tensor]:
        """As the base."""
        return self.base.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """As the base."""
        self.base.restore(state)


def _with_energy(tiled: Tiled, photo: Tensor, weight: float) -> Tiled:
    """The loss with the energy of all windows, each counted in the tile that its middle is in. Tiles compute their Laplacian anew: kept,
    it would be some hundred times as large as the picture."""

    def part(picture: Tensor, tile: Tile) -> list[Tensor]:
        window, inside = _around(tile)
        laplacian = matting.matting_laplacian(photo[(..., *window)])
        return [*tiled.part(picture, tile), matting_energy(picture[(..., *inside)], laplacian)]

    def total(sums: list[Tensor]) -> dict[str, Tensor]:
        return tiled.total(sums[:-1]) | {"photorealism": weight * sums[-1]}

    return Tiled(tiled.tiles, part, total, tiled.device, tiled.offset)


def _around(tile: Tile) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The pixels of windows whose middles are in a tile's core: in the picture, and in what is seen of it."""
    found = []
    for axis in range(2):
        first, last = max(tile.core[2 * axis] - matting.RADIUS, 0), min(tile.core[2 * axis + 1] + matting.RADIUS, tile.of[axis])
        start = tile.seen[2 * axis]
        found.append((slice(first, last), slice(first - start, last - start)))
    return (found[0][0], found[1][0]), (found[0][1], found[1][1])


class Mapped(Photoreal):
    """Each region's colours mapped to its styles', by one affine map; a single step."""

    def __init__(self, content: Tensor, regions: Sequence[Region], settings: PhotorealSettings) -> None:
        if settings.route == "global":
            regions = [Region(tuple(style for region in regions for style in region.styles))]
        super().__init__(content.cpu(), regions, settings)
        self.schedule = [(self.size, 1)]
        self.maps: list[Tensor] = []

    def only(self) -> Tensor:
        """The map (3, 4) of the first region, as far as the settings' strength goes."""
        own = self._maps()[0]
        return torch.eye(3, 4).lerp(own, self.settings.strength)

    def _maps(self) -> list[Tensor]:
        """A map (3, 4) each region."""
        if not self.maps:
            small = resize(self.content, fit(self.content.shape[-2:], min(SMALL, self.size)))
            drawn = guides(self.regions, small)
            self.maps = [
                _map_of(region, small, guide, self.settings.gain) for region, guide in zip(self.regions, drawn, strict=True)
            ]
        return self.maps

    def drawn(self, photo: Tensor) -> Tensor:
        """How much each region is on ``photo`` (1, 3, h, w): (1, K, h, w), of sum one."""
        found = [photo.new_ones(1, 1, *photo.shape[-2:]) if guide is None else guide for guide in guides(self.regions, photo)]
        masks = torch.cat(found, 1)
        return masks / masks.sum(1, keepdim=True).clamp_min(1e-6)

    def fields(self, photo: Tensor) -> Tensor:
        """The regions' maps where they are on ``photo`` (1, 3, h, w), mixed where these overlap: (1, 3, 4, h, w)."""
        return torch.einsum("kcd,nkhw->ncdhw", torch.stack(self._maps()).to(photo), self.drawn(photo))

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """The photo."""
        return self.photo(scale)

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective:
        """Maps the colours of the picture, in place; how far they move."""

        def objective(picture: Tensor) -> dict[str, Tensor]:
            made = apply_affine(picture, self.fields(picture)).clamp_(0, 1)
            moved = (made - picture).square().mean()
            picture.copy_(made)
            return {"colours": moved}

        return objective

    def solver(self, scale: Scale) -> Solver:
        """It paints."""
        return InPlace()

    def affine(self, photo: Tensor, picture: Tensor) -> Tensor:
        """Inside regions their own maps; at edges what does to both sides what each one's map does, so that pixels that are a mix of both
        become the mix of what they are made of, and not a bright or dark line."""
        drawn, fields = self.drawn(photo), self.fields(photo)
        return local_affine(photo, apply_affine(photo, fields), EDGE, FAINT, fields[:, :, :3], certain(drawn) ** 4)

    def enlarge(self, picture: Tensor) -> Tensor:
        """With one region everywhere its map as it is: the same for every pixel of a colour."""
        if len(self.regions) > 1 or self.regions[0].guide is not None:
            return super().enlarge(picture)
        whole = resize(self.content, fit(self.content.shape[-2:], self.settings.size))
        return apply_affine(whole, self._maps()[0][None, :, :, None, None])


def one_map(content: Tensor, styles: Sequence[Style], settings: PhotorealSettings) -> Tensor:
    """The map of colours (3, 4) that the route ``global`` has for ``content`` (1, 3, H, W; sRGB in [0, 1])."""
    return Mapped(content, [Region(tuple(styles))], settings).only()


def _map_of(region: Region, photo: Tensor, guide: Tensor | None, gain: float) -> Tensor:
    """The map (3, 4) of a region's colours to its styles', weighted; the identity without styles or where nothing of the photo is in it."""
    total = sum(style.share for style in region.styles)
    if not total or (guide is not None and float(guide.sum()) < 1):
        return torch.eye(3, 4)
    found = torch.zeros(3, 4)
    for style in region.styles:
        picture, mask = style.seen(SMALL)
        if mask is not None and float(mask.sum()) < 1:
            mask = None
        found += style.share / total * colour_map(photo, picture.to(photo), guide, mask, most=gain)
    return found
