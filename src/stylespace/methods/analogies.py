"""Image analogies: as A is to A', so is B to the result B' (Hertzmann et al. 2001, doi:10.1145/383259.383295).

Coarse to fine, each pixel q of B' is to come from the pixel p of A' whose surroundings are nearest,

    |A'(p) - B'(q)|^2 + sum_k w_k |G_k of A (p) - G_k of B (q)|^2        over patches,

G the luminance of A and B, remapped (sec. 3.4), and any maps that a user draws. The paper goes over the pixels once in scan order, with
approximate nearest neighbours and, beside them, what goes on with a neighbour (coherence, sec. 3.2). Here the whole of B' is searched at
once by PatchMatch, whose steps are those two, and made anew from the patches found, several times at each size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.analogies_settings import AnalogiesSettings
from stylespace.pictures.atlas import Atlas, stacked, to_bytes
from stylespace.pictures.colour import from_yiq, to_yiq
from stylespace.pictures.resizing import resize
from stylespace.solvers import pyramid
from stylespace.solvers.coarse_to_fine import Problem, Scale, minimise
from stylespace.solvers.copying import InPlace
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution
from stylespace.solvers.solver import Solver
from stylespace.statistics import patchmatch
from stylespace.statistics.patchmatch import Criteria, NearestField
from stylespace.styles.guide import Maps, colour_maps, drawn_maps, feature_maps, luminance_maps, region_maps, style_atlas
from stylespace.styles.region import Region, left_alone

__all__ = ["Analogies", "AnalogiesSettings", "analogies"]

WEIGHT = 256  # weights are whole numbers of these parts
STROKES = 90  # a stroke's width in shares of the long side: what smoothing takes away


def analogies(
    content: Tensor, regions: Sequence[Region], settings: AnalogiesSettings, encoder: Encoder, run: Run | None = None
) -> Solution:
    """B' for B, ``content`` (1, 3, H, W; sRGB in [0, 1]). A' are the regions' styles; A is ``run.source``, else made from A'.

    The same pixels for a seed, whatever the threads. Raises ``InputError`` without a style and where no patch fits into it,
    ``MissingExtraError`` without numba.
    """
    patchmatch.compiled()
    run = run or Run()
    return minimise(Analogies(content, regions, settings, encoder, run), run)


class Analogies(Problem):
    """What :func:`analogies` does; a step is a search and a vote."""

    def __init__(
        self, content: Tensor, regions: Sequence[Region], settings: AnalogiesSettings, encoder: Encoder, run: Run
    ) -> None:
        if settings.patch % 2 == 0:
            raise InputError(f"A patch of {settings.patch} pixels has no middle: give an odd number.")
        self.content, self.regions, self.settings, self.encoder = content.cpu(), regions, settings, encoder
        self.drawn, self.source = run.guides, run.source
        self.workers = torch.get_num_threads()
        sizes = pyramid.sizes(settings.size, min(settings.smallest, settings.size), 2.0)
        widest = max(min(size) for size in style_atlas(regions, settings.size * settings.style_scale).sizes)
        self.side = min(settings.patch, widest - (widest + 1) % 2)  # an odd number that fits into the style
        fitting = [size for size in sizes if widest * size // settings.size > self.side or size == sizes[-1]]
        self.schedule = [(size, settings.steps) for size in fitting]
        self.places: NDArray[np.int32] | None = None
        self.before: tuple[int, int] = (1, 1)  # size of the atlas that they are in
        self.made: NDArray[np.uint8] | None = None  # B' so far (H, W, C)

    def atlas(self, scale: Scale) -> tuple[Atlas, Atlas]:
        """A' and A at a size: each in the same proportion to the result as at the last."""
        s = self.settings
        painted = style_atlas(self.regions, s.size * s.style_scale, scale.size / s.size)
        pictures = [
            painted.pixels[None, :, top : top + high, :wide]
            for top, (high, wide) in zip(painted.tops, painted.sizes, strict=True)
        ]
        if self.source is not None:
            if len(pictures) > 1:
                raise InputError("A style's source belongs to one style picture: give one, or leave the source out.")
            plain = [resize(self.source.cpu(), painted.sizes[0])]
        elif s.source == "shrunk":
            share = max(self.content.shape[-2:]) / s.size
            plain = [_shrunk(picture, share) for picture in pictures]
        else:
            plain = [
                _smooth(picture, max(3, round(s.size * s.style_scale * scale.size / s.size / STROKES))) for picture in pictures
            ]
        return painted, replace(painted, pixels=stacked(plain, painted.owner.shape))

    def maps(self, scale: Scale, painted: Atlas, plain: Atlas) -> Maps:
        """What of A and B is compared, with weights."""
        s, photo = self.settings, self.photo(scale)
        maps = drawn_maps(self.drawn, self.shape(scale), painted) + region_maps(self.regions, photo, painted)
        if s.channels == "features":
            return maps + feature_maps(photo, plain, self.encoder, s.layer, s.content_weight)
        if s.channels == "colour":
            return maps + colour_maps(photo, plain, s.content_weight)
        return maps + luminance_maps(photo, plain, s.content_weight * 3, remap=s.remap)  # as much as three colours

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """The photo; then the result so far. Both are painted over in the first step."""
        return self.photo(scale) if picture is None else resize(picture, self.shape(scale))

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective:
        """Makes B' anew from the nearest patches of A'."""
        s = self.settings
        painted, plain = self.atlas(scale)
        maps = self.maps(scale, painted, plain)
        size = self.shape(scale)
        photo = self.photo(scale)
        pixels, wanted = (painted.pixels, None) if s.colour == "style" else self._luminances(photo, painted, plain)
        colours = np.ascontiguousarray(to_bytes(pixels).transpose(1, 2, 0))
        there, here = (np.ascontiguousarray(m.transpose(1, 2, 0)) for m in (maps.there, maps.here))
        both = np.ascontiguousarray(np.concatenate([colours, there], 2))
        count = colours.shape[2]
        weights = (WEIGHT * (3 // count),) * count + tuple(round(WEIGHT * weight) for weight in maps.weights)
        allowed = patchmatch.middles(painted.owner, self.side)
        kappa = s.coherence * 2.0 ** (scale.number - scale.of + 1)  # sec. 3.2
        criteria = Criteria(self.side, weights, s.uniformity, kappa)
        if self.places is None:
            guided = Criteria(self.side, weights[count:], s.uniformity) if len(weights) > count else criteria
            places = patchmatch.anywhere(size, allowed, s.seed)
            if len(weights) > count:
                places = patchmatch.search(here, there, places, allowed, guided, 2 * s.rounds, s.seed, self.workers).places
        else:
            places = patchmatch.enlarged(self.places, size, self.before, allowed)
        self.places, self.before = places, (allowed.shape[0], allowed.shape[1])
        self.made = patchmatch.vote(colours, NearestField(places, np.zeros(size, np.int64)), self.side, self.workers)
        self.done = 0

        def objective(picture: Tensor) -> dict[str, Tensor]:
            assert self.places is not None
            assert self.made is not None
            self.done += 1
            now = np.concatenate([self.made, here], 2)
            seed = s.seed + 7919 * scale.number + self.done
            field = patchmatch.search(now, both, self.places, allowed, criteria, s.rounds, seed, self.workers)
            self.places = field.places
            self.made = patchmatch.vote(colours, field, self.side, self.workers)
            made = torch.from_numpy(self.made).permute(2, 0, 1).to(picture) / 255
            if scale.last and s.finish == "copy":
                down, right = (torch.from_numpy(field.places[..., k]).long() for k in (0, 1))
                made = pixels[:, down, right].to(picture)
            picture[0] = made if wanted is None else from_yiq(torch.cat([made[None], wanted], 1)).clamp(0, 1)[0]
            near = float(field.errors.mean()) / (self.side**2 * sum(weights)) / 255**2
            return {"patches": torch.tensor(near)}

        return objective

    def _luminances(self, photo: Tensor, painted: Atlas, plain: Atlas) -> tuple[Tensor, Tensor]:
        """Luminance of A' (1, h, w), moved as A's is to the photo's mean and deviation (sec. 3.4); the photo's chroma (1, 2, H, W)."""
        yiq, own = to_yiq(photo), to_yiq(painted.pixels[None])[0, :1]
        if self.settings.remap:
            taken = torch.from_numpy(plain.owner >= 0)
            of_a, of_b = to_bytes(to_yiq(plain.pixels[None])[0, 0])[taken.numpy()], to_bytes(yiq[0, 0])
            ratio = float(of_b.std()) / max(float(of_a.std()), 1.0)
            own = (ratio * (own - float(of_a.mean()) / 255) + float(of_b.mean()) / 255).clamp(0, 1)
        return own, yiq[:, 1:]

    def solver(self, scale: Scale) -> Solver:
        """It paints."""
        return InPlace()

    def finish(self, picture: Tensor) -> Tensor:
        """The photo again where no style goes."""
        return left_alone(picture, resize(self.content, (picture.shape[-2], picture.shape[-1])), self.regions)

    def state(self) -> dict[str, Tensor]:
        """The places found, and B' so far."""
        if self.places is None or self.made is None:
            return {}
        return {
            "places": torch.from_numpy(self.places), "made": torch.from_numpy(self.made), "before": torch.tensor(self.before),
            "done": torch.tensor(self.done),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """As :meth:`state` had it."""
        self.places, self.made = (state[name].numpy().copy() for name in ("places", "made"))
        self.before, self.done = (int(state["before"][0]), int(state["before"][1])), int(state["done"])


def _shrunk(picture: Tensor, share: float) -> Tensor:
    """``picture`` (1, 3, h, w) with the detail of one ``share`` times as large."""
    size = (picture.shape[-2], picture.shape[-1])
    return resize(resize(picture, [max(1, round(share * side)) for side in size]), size) if share < 1 else picture


def _smooth(picture: Tensor, width: int) -> Tensor:
    """``picture`` without what is narrower than about ``width`` pixels; edges stay (a median)."""
    from scipy.ndimage import median_filter

    values = median_filter(to_bytes(picture[0]), size=(1, width, width), mode="nearest")
    return torch.from_numpy(values)[None].float() / 255
