"""A picture rebuilt from one layer's features alone: what that layer keeps (Mahendran & Vedaldi 2015, doi:10.1109/CVPR.2015.7299155).

minimise over x   || F_l(x) - F_l(p) ||^2 / || F_l(p) ||^2  +  lambda TV(x),   from noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.methods.inversion_settings import InversionSettings
from stylespace.objectives.content import feature_distance
from stylespace.objectives.smoothness import squared_variation
from stylespace.pictures.resizing import fit, resize
from stylespace.solvers import adam, pyramid
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Solution
from stylespace.styles.region import Region

__all__ = ["InversionSettings", "inversion"]


def inversion(
    content: Tensor, regions: Sequence[Region], settings: InversionSettings, encoder: Encoder, run: Run | None = None
) -> Solution:
    """Rebuild ``content`` (1, 3, H, W; sRGB in [0, 1]) from the features of ``settings.layer``, coarse to fine from white noise.

    No regions are looked at.
    """
    run = run or Run()
    encoder.check([settings.layer])
    sizes = pyramid.sizes(settings.size, settings.smallest, 2.0)
    steps = pyramid.share(settings.steps, sizes, settings.fall)
    run.plan(list(zip(sizes, steps, strict=True)))
    generator = torch.Generator().manual_seed(settings.seed)
    solution = Solution(content)
    for level, (size, count) in enumerate(zip(sizes, steps, strict=True)):
        height_width = fit(content.shape[-2:], size)
        photo = resize(content.to(next(encoder.parameters()).device), height_width)
        with torch.no_grad():
            target = encoder(photo, [settings.layer])[settings.layer]
            energy = target.float().square().sum().clamp_min(1e-12)

        def objective(picture: Tensor, target: Tensor = target, energy: Tensor = energy) -> dict[str, Tensor]:
            given = encoder(picture, [settings.layer])[settings.layer]
            return {
                f"content {settings.layer}": feature_distance(given, target) / energy,
                "smoothness": settings.smoothness_weight * squared_variation(picture),
            }

        start = (
            resize(solution.picture, height_width)
            if level
            else 0.5 + 0.1 * torch.randn(photo.shape, generator=generator).to(photo)
        )
        solution = adam.minimise(
            objective,
            start.clamp(0, 1),
            steps=count,
            rate=settings.rate,
            final_rate=settings.rate / 10,
            keeper=Keeper("best"),
            watch=run.watch,
        )
        if solution.interrupted:
            break
    return solution
