"""One style, or a few, in a network (Johnson, Alahi & Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
ECCV; its supplement, table 1; and the authors' code).

The picture is mirrored by 40 pixels on each side. Then convolutions 9x9 (32), 3x3/2 (64), 3x3/2 (128), five residual blocks (128) without
borders, each of which removes two positions per side, two transposed convolutions 3x3/2 (64, 32), 9x9 (3), and a tanh that is scaled to
the range of pixels. Every convolution but the last is normalised: over the batch in the paper, over each picture in Ulyanov, Vedaldi &
Lempitsky 2016 ("Instance Normalization", arXiv 1607.08022), which gives better pictures.
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

UPSAMPLINGS = ("transposed", "nearest")


class Johnson(Body):
    """The published body. ``widths``: channels at full, half and a quarter of the size; ``blocks``: residual blocks.

    ``normalisation``: ``instance``, or ``batch`` as in the paper. ``upsampling``: ``transposed`` convolutions as in the paper, or
    ``nearest`` neighbour and a convolution, which has no grid. The gains and offsets of the style are its row, as in every body.
    Borders outside the residual blocks, which the paper leaves open, are mirrored.
    """

    multiple = 4

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128),
        blocks: int = 5,
        normalisation: str = "instance",
        upsampling: str = "transposed",
    ) -> None:
        super().__init__()
        if normalisation not in NORMALISATIONS:
            raise InputError(f"The normalisation '{normalisation}' is unknown: choose among {', '.join(NORMALISATIONS)}.")
        if upsampling not in UPSAMPLINGS:
            raise InputError(f"The upsampling '{upsampling}' is unknown: choose among {', '.join(UPSAMPLINGS)}.")
        self.widths, self.blocks, self.normalisation, self.upsampling = tuple(widths), blocks, normalisation, upsampling
        a, b, c = self.widths
        self.down = nn.ModuleList([_convolution(3, a, 9), _convolution(a, b, 3, 2), _convolution(b, c, 3, 2)])
        self.residual = nn.ModuleList(_convolution(c, c, 3) for _ in range(2 * blocks))
        self.up = nn.ModuleList(self._up(inputs, outputs) for inputs, outputs in ((c, b), (b, a)))
        self.leave = nn.Conv2d(a, 3, 9)
        self.channels = (a, b, c, *[c] * (2 * blocks), b, a)
        self.norms = nn.ModuleList(NORMALISATIONS[normalisation](o) for o in self.channels)

    def settings(self) -> dict[str, Any]:
        """See :meth:`Body.settings`."""
        return {
            "widths": list(self.widths),
            "blocks": self.blocks,
            "normalisation": self.normalisation,
            "upsampling": self.upsampling,
        }

    def paint(self, x: Tensor, conditioning: Conditioning) -> Tensor:
        """See :meth:`Body.paint`."""
        number = 0
        margin = 8 * self.blocks  # pixels that the residual blocks remove on each side

        def normalise(y: Tensor) -> Tensor:
            nonlocal number
            gamma, beta = conditioning.framed(margin).at(number, y.shape[-2:])
            number += 1
            return self.norms[number - 1](y, gamma, beta)

        x = pad(x, margin, margin, margin, margin)
        for convolution in self.down:
            x = F.relu(normalise(convolution(_mirrored(x, convolution))))
        for first, second in zip(self.residual[::2], self.residual[1::2], strict=True):
            margin -= 4
            y = F.relu(normalise(first(x)))
            margin -= 4
            x = x[..., 2:-2, 2:-2] + normalise(second(y))
        for convolution in self.up:
            if self.upsampling == "nearest":
                x = _mirrored(F.interpolate(x, scale_factor=2, mode="nearest"), convolution)
            x = F.relu(normalise(convolution(x)))
        return (1 + torch.tanh(self.leave(_mirrored(x, self.leave)))) / 2

    def _up(self, inputs: int, outputs: int) -> nn.Module:
        if self.upsampling == "nearest":
            return _convolution(inputs, outputs, 3)
        up = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=False)
        initial.normal(up.weight, std=(2 / (inputs * 9 / 4)) ** 0.5)  # a result sees 9/4 positions on average
        return up


def _convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    # No bias: the normalisation that follows takes any away.
    convolution = nn.Conv2d(inputs, outputs, side, stride=stride, bias=False)
    initial.kaiming_normal(convolution.weight)
    return convolution


def _mirrored(x: Tensor, convolution: nn.Module) -> Tensor:
    assert isinstance(convolution, nn.Conv2d)
    edge = convolution.kernel_size[0] // 2
    return pad(x, edge, edge, edge, edge)
