"""Many styles in one network, as published (Dumoulin, Shlens & Kudlur 2017, "A Learned Representation for Artistic Style", ICLR; table 1).

Convolutions 9x9 (32), 3x3/2 (64), 3x3/2 (128), five residual blocks (128), two of nearest-neighbour upsampling and 3x3 convolution (64,
32), 9x9 (3), sigmoid; mirror padding; conditional instance normalisation after every convolution, the last included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylespace.networks import initial
from stylespace.networks.body import Body
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.normalisation import ConditionalInstanceNorm
from stylespace.networks.padding import pad


class Conditional(Body):
    """The published body. ``widths``: channels at full, half and a quarter of the size; ``blocks``: residual blocks.

    With the published widths a style has 3,206 numbers, gamma and beta of 1,603 channels.
    """

    multiple = 4

    def __init__(self, widths: Sequence[int] = (32, 64, 128), blocks: int = 5) -> None:
        super().__init__()
        self.widths, self.blocks = tuple(widths), blocks
        a, b, c = self.widths
        shapes = [
            (3, a, 9, 1),
            (a, b, 3, 2),
            (b, c, 3, 2),
            *[(c, c, 3, 1)] * (2 * blocks),
            (c, b, 3, 1),
            (b, a, 3, 1),
            (a, 3, 9, 1),
        ]
        # No bias: the normalisation that follows takes any away.
        made = [nn.Conv2d(i, o, k, stride, bias=False) for i, o, k, stride in shapes]
        for convolution in made:
            initial.kaiming_normal(convolution.weight)
        self.convolutions = nn.ModuleList(made)
        self.channels = tuple(o for _, o, _, _ in shapes)
        self.norms = nn.ModuleList(ConditionalInstanceNorm(o) for o in self.channels)

    def settings(self) -> dict[str, Any]:
        """See :meth:`Body.settings`."""
        return {"widths": list(self.widths), "blocks": self.blocks}

    def paint(self, x: Tensor, conditioning: Conditioning) -> Tensor:
        """See :meth:`Body.paint`."""
        number = 0

        def convolve(x: Tensor) -> Tensor:
            nonlocal number
            convolution = self.convolutions[number]
            assert isinstance(convolution, nn.Conv2d)
            edge = convolution.kernel_size[0] // 2
            y = convolution(pad(x, edge, edge, edge, edge))
            y = self.norms[number](y, *conditioning.at(number, y.shape[-2:]))
            number += 1
            return y

        for _ in range(3):
            x = F.relu(convolve(x))
        for _ in range(self.blocks):
            x = x + convolve(F.relu(convolve(x)))
        for _ in range(2):
            x = F.relu(convolve(F.interpolate(x, scale_factor=2, mode="nearest")))
        return torch.sigmoid(convolve(x))
