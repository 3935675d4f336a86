"""A picture rebuilt from one layer's features alone: what that layer keeps (Mahendran & Vedaldi 2015, doi:10.1109/CVPR.2015.7299155).

minimise over x   || F_l(x) - F_l(p) ||^2 / || F_l(p) ||^2  +  lambda TV(x),   from noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.methods.inversion_settings import InversionSettings
from stylespace.objectives.content import feature_distance
from stylespace.objectives.smoothness import squared_variation
from stylespace.pictures.resizing import resize
from stylespace.solvers import pyramid
from stylespace.solvers.coarse_to_fine import Problem, Scale, minimise
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution
from stylespace.solvers.solver import Adam, Solver
from stylespace.styles.region import Region

__all__ = ["InversionSettings", "inversion"]


def inversion(
    content: Tensor, regions: Sequence[Region], settings: InversionSettings, encoder: Encoder, run: Run | None = None
) -> Solution:
    """Rebuild ``content`` (1, 3, H, W; sRGB in [0, 1]) from the features of ``settings.layer``, coarse to fine from white noise.

    No regions are looked at.
    """
    return minimise(Inversion(content, settings, encoder), run)


class Inversion(Problem):
    """What :func:`inversion` minimises."""

    def __init__(self, content: Tensor, settings: InversionSettings, encoder: Encoder) -> None:
        encoder.check([settings.layer])
        self.settings, self.encoder = settings, encoder
        self.content = content.to(next(encoder.parameters()).device)
        sizes = pyramid.sizes(settings.size, settings.smallest, 2.0)
        self.schedule = list(zip(sizes, pyramid.share(settings.steps, sizes, settings.fall), strict=True))

    def start(self, scale: Scale, picture: Tensor | None) -> Tensor:
        """White noise, then the result so far."""
        if picture is not None:
            return resize(picture, self.shape(scale)).clamp(0, 1)
        generator = torch.Generator().manual_seed(self.settings.seed)
        noise = torch.randn((1, 3, *self.shape(scale)), generator=generator).to(self.content)
        return (0.5 + 0.1 * noise).clamp(0, 1)

    def loss(self, scale: Scale, start: Callable[[], Tensor], core: int | None, turn: int = 0) -> Objective:
        """|| F_l(x) - F_l(p) ||^2 / || F_l(p) ||^2 + lambda TV(x)."""
        layer = self.settings.layer
        with torch.no_grad():
            target = self.encoder(self.photo(scale), [layer])[layer]  # F_l(p), (1, C, h, w)
            energy = target.float().square().sum().clamp_min(1e-12)

        def objective(picture: Tensor) -> dict[str, Tensor]:
            return {
                f"content {layer}": feature_distance(self.encoder(picture, [layer])[layer], target) / energy,
                "smoothness": self.settings.smoothness_weight * squared_variation(picture),
            }

        return objective

    def solver(self, scale: Scale) -> Solver:
        """Adam."""
        return Adam(self.settings.rate, self.settings.rate / 10)
