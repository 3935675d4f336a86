"""Textures, or photos redrawn, from noise at several scales (Ulyanov, Lebedev, Vedaldi & Lempitsky 2016, "Texture Networks", ICML, fig. 2).

At the coarsest scale a block of convolutions turns noise into features. They are doubled by nearest neighbour, joined by channel with
those of the noise of the next scale, each side normalised first, and so on to full size. A block is 3x3, 3x3, 1x1, each normalised and
followed by a leaky ReLU; every scale adds ``width`` channels. For stylisation the photo, averaged to each scale, is joined to the noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylespace.errors import InputError
from stylespace.networks import initial
from stylespace.networks.body import Body
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.normalisation import NORMALISATIONS
from stylespace.networks.padding import pad


class Texture(Body):
    """The published generator. ``scales``: 5 for textures, 6 for photos in the paper. ``width``: channels a scale adds.

    ``noise``: its channels. ``photo``: whether it redraws a photo; if not, only the size of the picture it is given counts, borders are
    joined left to right and top to bottom, and textures whose sides ``multiple`` divides can be laid side by side. ``normalisation``:
    ``instance``, or ``batch`` as in the paper. ``seed``: of the noise where it does not learn; all pictures of a batch are given the
    same. In training noise is drawn from torch's generator. The sigmoid at the end, which keeps pixels in [0, 1], is ours.
    """

    def __init__(
        self, scales: int = 6, width: int = 8, noise: int = 3, photo: bool = True, normalisation: str = "instance", seed: int = 0
    ) -> None:
        super().__init__()
        if normalisation not in NORMALISATIONS:
            raise InputError(f"The normalisation '{normalisation}' is unknown: choose among {', '.join(NORMALISATIONS)}.")
        if min(scales, width) < 1 or noise < (0 if photo else 1):
            raise InputError("A texture network needs at least one scale, one channel a scale, and noise or a photo.")
        self._settings = {
            "scales": scales, "width": width, "noise": noise, "photo": photo, "normalisation": normalisation, "seed": seed,
        }  # fmt: skip
        self.scales, self.noise, self.photo, self.seed = scales, noise, photo, seed
        self.multiple = 2 ** (scales - 1)
        start = noise + 3 * photo
        shapes: list[tuple[int, int, int]] = []
        channels: list[int] = []
        for scale in range(scales):
            shapes += _block(start, width)
            channels += [width] * 3
            if scale:
                joined = (scale + 1) * width
                shapes += _block(joined, joined)
                channels += [scale * width, width, *[joined] * 3]  # both sides of the join, then its block
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, k, bias=False) for i, o, k in shapes)
        for convolution in self.convolutions:
            assert isinstance(convolution, nn.Conv2d)
            initial.kaiming_normal(convolution.weight, slope=0.01)
        self.leave = nn.Conv2d(scales * width, 3, 1)
        self.channels = tuple(channels)
        self.norms = nn.ModuleList(NORMALISATIONS[normalisation](o) for o in channels)

    def settings(self) -> dict[str, Any]:
        """See :meth:`Body.settings`."""
        return dict(self._settings)

    def paint(self, x: Tensor, conditioning: Conditioning) -> Tensor:
        """See :meth:`Body.paint`."""
        if self.training:
            noise = self.draw(x.shape[-2:], x.shape[0])
        else:
            noise = [z.expand(x.shape[0], -1, -1, -1) for z in self.draw(x.shape[-2:], 1, self.seed)]
        return self.grow(noise, x, conditioning)

    def draw(self, size: Sequence[int], count: int = 1, seed: int | None = None) -> list[Tensor]:
        """Noise (count, noise, h, w), uniform in [0, 1], of each scale for a picture of ``size`` (h, w), the coarsest first.

        The same on every device; without a ``seed`` from torch's generator.
        """
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        drawn = []
        for scale in range(self.scales):
            high, wide = (side >> (self.scales - 1 - scale) for side in size)
            drawn.append(torch.rand(count, self.noise, high, wide, generator=generator).to(self.leave.weight))
        return drawn

    def grow(self, noise: Sequence[Tensor], x: Tensor, conditioning: Conditioning) -> Tensor:
        """The picture (N, 3, H, W) in [0, 1] that comes of ``noise``, as :meth:`draw` gives it, and of the photo ``x`` if it redraws."""
        convolution = iter(self.convolutions)
        number = 0

        def normalise(y: Tensor) -> Tensor:
            nonlocal number
            y = self.norms[number](y, *conditioning.at(number, y.shape[-2:]))
            number += 1
            return y

        def block(y: Tensor) -> Tensor:
            for _ in range(3):
                layer = next(convolution)
                assert isinstance(layer, nn.Conv2d)
                edge = layer.kernel_size[0] // 2
                y = F.leaky_relu(normalise(layer(pad(y, edge, edge, edge, edge, "reflect" if self.photo else "circular"))))
            return y

        y = x[:, :0]  # nothing yet
        for scale, z in enumerate(noise):
            fresh = block(torch.cat([F.adaptive_avg_pool2d(x, (z.shape[2], z.shape[3])), z], 1) if self.photo else z)
            if not scale:
                y = fresh
                continue
            y = F.interpolate(y, scale_factor=2, mode="nearest")
            y = block(torch.cat([normalise(y), normalise(fresh)], 1))
        return torch.sigmoid(self.leave(y))

    @torch.no_grad()
    def texture(self, row: Tensor, size: tuple[int, int], seed: int = 0) -> Tensor:
        """A texture (1, 3, h, w) of ``size`` (h, w) in the style of ``row`` (P,). Other seeds give other samples of it."""
        if self.photo:
            raise InputError("This network redraws photos: textures need one with photo=False.")
        high, wide = (side + -side % self.multiple for side in size)
        conditioning = Conditioning.of(row, self.channels)
        return self.grow(self.draw((high, wide), 1, seed), row.new_empty(1, 3, high, wide), conditioning)[
            ..., : size[0], : size[1]
        ]


def _block(inputs: int, outputs: int) -> list[tuple[int, int, int]]:
    """Channels in and out and side of the convolutions of a block."""
    return [(inputs, outputs, 3), (outputs, outputs, 3), (outputs, outputs, 1)]
