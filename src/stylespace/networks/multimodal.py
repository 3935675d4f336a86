"""Three networks in a row, for texture at high resolution (Wang, Oxholm, Zhang & Wang 2017, "Multimodal Transfer", arXiv 1612.01895).

The style network paints the picture at a quarter of its size, from its colours and separately its luminance: large shapes. The enhance
network repaints the result at twice the size, the refine network at twice that: brushwork. Every step up is a resize-convolution; all
convolutions but the last of each network are instance-normalised. Widths are open in the paper: 16, 32, 64 as published re-implementations
have them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylespace.errors import InputError
from stylespace.networks import initial
from stylespace.networks.body import Body
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.normalisation import ConditionalInstanceNorm
from stylespace.networks.padding import pad, pad_to_multiple
from stylespace.pictures.colour import grey

STAGES = (4, 2, 1)  # by how much each network's pictures are smaller than the result
Normalise = Callable[[Tensor], Tensor]


class Multimodal(Body):
    """The three networks as one body; every style's row has a part for each, so the networks may paint in different styles.

    ``widths``: channels at full, half and a quarter of the size of each of the two blocks of the style network; ``enhance`` and ``refine``:
    of those networks. ``blocks``: residual blocks of each part. ``looks``: enhance and refine also see the photo, which preserves its
    edges (ours; in the paper they only see the painted picture).
    """

    multiple = 16
    stage_weights = (1.0, 0.5, 0.25)  # lambda of eq. 6, as a re-implementation has it

    def __init__(
        self, widths: Sequence[int] = (16, 32, 64), enhance: Sequence[int] = (16, 32, 64), refine: Sequence[int] = (16, 32, 64),
        blocks: int = 3, looks: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self._settings = {
            "widths": list(widths), "enhance": list(enhance), "refine": list(refine), "blocks": blocks, "looks": looks,
        }  # fmt: skip
        channels = 6 if looks else 3
        self.networks = nn.ModuleList(
            [_Style(widths, blocks, 3), _Enhance(enhance, blocks, channels), _Refine(refine, blocks, channels)]
        )
        self.looks = looks
        self.parts = tuple(_channels(network) for network in self.networks)
        self.channels = tuple(c for part in self.parts for c in part)
        self.norms = nn.ModuleList(ConditionalInstanceNorm(c) for c in self.channels)

    def settings(self) -> dict[str, Any]:
        """See :meth:`Body.settings`."""
        return dict(self._settings)

    def paint(self, x: Tensor, conditioning: Conditioning) -> Tensor:
        """See :meth:`Body.paint`."""
        return self.stages(x, conditioning)[-1]

    def stages(self, x: Tensor, conditioning: Conditioning | Tensor) -> list[Tensor]:
        """The picture of each network for ``x`` (N, 3, H, W), sides divisible by 16: a quarter, half and all of its size."""
        if isinstance(conditioning, Tensor):
            conditioning = Conditioning.of(conditioning, self.channels)
        number = 0

        def normalise(y: Tensor) -> Tensor:
            nonlocal number
            number += 1
            return self.norms[number - 1](y, *conditioning.at(number - 1, y.shape[-2:]))

        made: list[Tensor] = []
        for network, smaller in zip(self.networks, STAGES, strict=True):
            photo = F.avg_pool2d(x, smaller) if smaller > 1 else x
            if not made:
                made.append(torch.sigmoid(network(photo, normalise)))
                continue
            before = F.interpolate(made[-1], scale_factor=2, mode="bilinear", align_corners=False).clamp(1e-3, 1 - 1e-3)
            change = network(torch.cat([before, photo], 1) if self.looks else before, normalise)
            # An identity path, as re-implementations have: each network adds to what the one before has painted.
            made.append(torch.sigmoid(torch.logit(before) + change))
        return made

    def stage(self, picture: Tensor, conditioning: Conditioning | Tensor, number: int) -> Tensor:
        """See :meth:`Body.stage`."""
        if isinstance(conditioning, Tensor):
            conditioning = Conditioning.of(conditioning, self.channels)
        high, wide = picture.shape[-2:]
        x = pad_to_multiple(picture, self.multiple)
        smaller = STAGES[number - 1]
        made = self.stages(x, conditioning.padded(x.shape[-2] - high, x.shape[-1] - wide))[number - 1]
        return made[..., : -(-high // smaller), : -(-wide // smaller)]

    def joined(self, rows: Sequence[Tensor]) -> Tensor:
        """See :meth:`Body.joined`: large shapes of one style, brushwork of another. The last row is used for all later networks."""
        if not 1 <= len(rows) <= len(self.parts):
            raise InputError(f"{len(rows)} styles were given for {len(self.parts)} networks: give one for each, or fewer.")
        rows = [*rows, *[rows[-1]] * (len(self.parts) - len(rows))]
        ends = [0]
        for part in self.parts:
            ends.append(ends[-1] + 2 * sum(part))
        return torch.cat([row[start:end] for row, start, end in zip(rows, ends, ends[1:], strict=False)])


class _Entrance(nn.Module):
    """Convolutions 9x9, 3x3/2, 3x3/2 and residual blocks."""

    def __init__(self, channels: int, widths: Sequence[int], blocks: int, first: int = 9) -> None:
        super().__init__()
        a, b, c = widths
        self.down = nn.ModuleList([_Convolution(channels, a, first), _Convolution(a, b, 3, 2), _Convolution(b, c, 3, 2)])
        self.residual = _Residual(c, blocks)

    def forward(self, x: Tensor, normalise: Normalise) -> Tensor:
        for convolution in self.down:
            x = F.relu(normalise(convolution(x)))
        return self.residual(x, normalise)


class _Residual(nn.Module):
    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(_Convolution(channels, channels, 3) for _ in range(2 * blocks))

    def forward(self, x: Tensor, normalise: Normalise) -> Tensor:
        for first, second in zip(self.convolutions[::2], self.convolutions[1::2], strict=True):
            x = x + normalise(second(F.relu(normalise(first(x)))))
        return x


class _Exit(nn.Module):
    """Two resize-convolutions and a last convolution."""

    def __init__(self, channels: int, widths: Sequence[int], last: int = 3) -> None:
        super().__init__()
        self.up = nn.ModuleList([_Convolution(channels, widths[1], 3), _Convolution(widths[1], widths[0], 3)])
        self.leave = _Convolution(widths[0], 3, last, bias=True)

    def forward(self, x: Tensor, normalise: Normalise) -> Tensor:
        for convolution in self.up:
            x = F.relu(normalise(convolution(F.interpolate(x, scale_factor=2, mode="nearest"))))
        return self.leave(x)


class _Style(nn.Module):
    """Blocks for colours and for luminance, put together."""

    def __init__(self, widths: Sequence[int], blocks: int, channels: int) -> None:
        super().__init__()
        self.colours, self.luminance = _Entrance(channels, widths, blocks), _Entrance(1, widths, blocks)
        self.residual = _Residual(2 * widths[2], blocks)
        self.exit = _Exit(2 * widths[2], widths)

    def forward(self, x: Tensor, normalise: Normalise) -> Tensor:
        both = [self.colours(x, normalise), self.luminance(grey(x[:, -3:])[:, :1], normalise)]
        return self.exit(self.residual(torch.cat(both, 1), normalise), normalise)


class _Enhance(nn.Module):
    """A convolution down, the style network's structure, a resize-convolution up."""

    def __init__(self, widths: Sequence[int], blocks: int, channels: int) -> None:
        super().__init__()
        self.down = _Convolution(channels, widths[0], 3, 2)
        self.entrance = _Entrance(widths[0], widths, blocks, 3)
        self.up = nn.ModuleList(
            _Convolution(i, o, 3) for i, o in ((widths[2], widths[1]), (widths[1], widths[0]), (widths[0], widths[0]))
        )
        self.leave = _Convolution(widths[0], 3, 3, bias=True)

    def forward(self, x: Tensor, normalise: Normalise) -> Tensor:
        y = F.relu(normalise(self.down(x)))
        y = self.entrance(y, normalise)
        for convolution in self.up:
            y = F.relu(normalise(convolution(F.interpolate(y, scale_factor=2, mode="nearest"))))
        return self.leave(y)


class _Refine(nn.Module):
    """Three convolutions, residual blocks, two resize-convolutions, a last convolution."""

    def __init__(self, widths: Sequence[int], blocks: int, channels: int) -> None:
        super().__init__()
        self.entrance = _Entrance(channels, widths, blocks, 3)
        self.exit = _Exit(widths[2], widths)

    def forward(self, x: Tensor, normalise: Normalise) -> Tensor:
        return self.exit(self.entrance(x, normalise), normalise)


class _Convolution(nn.Conv2d):
    """With mirrored borders; without a bias where a normalisation would take it away."""

    def __init__(self, inputs: int, outputs: int, side: int, stride: int = 1, bias: bool = False) -> None:
        super().__init__(inputs, outputs, side, stride, bias=bias)
        if bias:
            initial.normal(self.weight, std=0.01)
            nn.init.zeros_(self.bias)  # type: ignore[arg-type]
        else:
            initial.kaiming_normal(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        edge = self.kernel_size[0] // 2
        return super().forward(pad(x, edge, edge, edge, edge))


def _channels(network: nn.Module) -> tuple[int, ...]:
    """Channels of its normalised convolutions in the order they are met."""
    met: list[int] = []

    def note(y: Tensor) -> Tensor:
        met.append(y.shape[1])
        return y

    first = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
    with torch.no_grad():
        network(torch.zeros(1, 3 if isinstance(network, _Style) else first.in_channels, 16, 16), note)
    return tuple(met)
