"""Texture transfer by image quilting (Efros & Freeman 2001, doi:10.1145/383259.383296, sec. 3).

The photo is covered with blocks of the style. At each place that block is taken for which

    alpha (|overlap - block|^2 + |pass before - block|^2) + (1 - alpha) |correspondence there - the block's|^2

is least, up to a tolerance, and is cut along the path where it agrees most with what lies there (sec. 2.1). Of N passes the i-th has
alpha = 0.8 (i - 1) / (N - 1) + 0.1 and smaller blocks than the one before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.methods.quilting_settings import QuiltingSettings
from stylespace.pictures.atlas import to_bytes
from stylespace.pictures.colour import with_luminance
from stylespace.pictures.resizing import resize
from stylespace.solvers.coarse_to_fine import Scale, minimise
from stylespace.solvers.copying import Copying, Layout
from stylespace.solvers.quilt import THOUSANDTHS, Quilt, Terms, positions
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Solution
from stylespace.styles.guide import Drawn, Maps, drawn_maps, feature_maps, luminance_maps, region_maps, style_atlas
from stylespace.styles.region import Region, left_alone

__all__ = ["Quilting", "QuiltingSettings", "quilting"]


def quilting(
    content: Tensor, regions: Sequence[Region], settings: QuiltingSettings, encoder: Encoder, run: Run | None = None
) -> Solution:
    """Redraw ``content`` (1, 3, H, W; sRGB in [0, 1]) with blocks of the regions' styles. The same pixels for a seed, whatever the threads.

    Raises ``InputError`` without a style, and where no block of it is large enough.
    """
    run = run or Run()
    return minimise(Quilting(content, regions, settings, encoder, run), run)


class Quilting(Copying):
    """What :func:`quilting` does: a size of the schedule is a pass, a step a row of blocks."""

    def __init__(
        self, content: Tensor, regions: Sequence[Region], settings: QuiltingSettings, encoder: Encoder, run: Run
    ) -> None:
        self.content, self.regions, self.settings = content.cpu(), regions, settings
        self.atlas = style_atlas(regions, settings.size * settings.style_scale)
        self.drawn: Sequence[Drawn] = run.guides
        self.encoder = encoder
        self.workers = torch.get_num_threads()
        self.quilt: Quilt | None = None
        passes = [Scale(number, settings.size, 1, settings.steps) for number in range(settings.steps)]
        self.schedule = [(settings.size, len(self._rows(scale))) for scale in passes]

    def _rows(self, scale: Scale) -> list[int]:
        side = self._side(scale)
        return positions(self.shape(scale)[0], side, self._overlap(side), False)

    def _side(self, scale: Scale) -> int:
        """Of the blocks of a pass, in pixels."""
        first = (self.settings.block or self.settings.size / 12) * scale.size / self.settings.size
        narrowest = min(*self.shape(scale), *(side for size in self.atlas.sizes for side in size))
        return max(2, min(round(first * self.settings.shrink**scale.number), narrowest))

    def _overlap(self, side: int) -> int:
        return min(max(1, round(self.settings.overlap * side)), side - 1)

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """The photo, which blocks cover, then the pass before."""
        return self.photo(scale) if picture is None else picture

    def begun(self, scale: Scale) -> Layout:
        """Its terms, with alpha of this pass (sec. 3)."""
        s, side, size = self.settings, self._side(scale), self.shape(scale)
        alpha = 0.1 + 0.8 * scale.number / max(scale.of - 1, 1)
        maps = self._maps(scale, side)
        weights = tuple(round((1 - alpha) * weight * THOUSANDTHS) for weight in maps.weights)
        terms = Terms(to_bytes(self.atlas.pixels), maps.there, maps.here, weights, round(alpha * THOUSANDTHS))
        self.quilt = Quilt(
            size, self.atlas.owner, terms, side=side, overlap=self._overlap(side), tolerance=s.tolerance, variety=s.variety,
            seed=s.seed + scale.number, workers=self.workers,
        )  # fmt: skip
        return Layout.empty(size)

    def _maps(self, scale: Scale, side: int) -> Maps:
        s, photo = self.settings, self.photo(scale)
        maps = drawn_maps(self.drawn, self.shape(scale), self.atlas) + region_maps(self.regions, photo, self.atlas)
        if s.correspondence == "features":
            return maps + feature_maps(photo, self.atlas, self.encoder, s.layer, s.content_weight)
        if s.correspondence == "none":
            return maps
        blur = side / 8 if s.correspondence == "blur" else 0.0
        return maps + luminance_maps(photo, self.atlas, s.content_weight, blur=blur)

    def lay(self, number: int) -> tuple[float, NDArray[np.int64]]:
        """A row of blocks."""
        assert self.quilt is not None
        assert self.canvas is not None
        return self.quilt.row(number % self.quilt.rows, self.canvas, self.before)

    def finish(self, picture: Tensor) -> Tensor:
        """The photo again where no style goes, and its colours where they are to be kept."""
        photo = resize(self.content, (picture.shape[-2], picture.shape[-1]))
        if self.settings.colour == "luminance":
            picture = with_luminance(photo, picture)
        return left_alone(picture, photo, self.regions)
