"""Many styles in real time on a processor: our build of the conditional network.

Most work is done at a sixteenth of the size, where large motifs fit into a few convolutions; two skip connections restore the layout, and
the photo itself, seen again at the end, its fine edges. Every step up is a resize-convolution (nearest neighbour, then 3x3), which leaves
no grid; for inference it is folded into one equal transposed convolution (:func:`folded`).
"""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylespace.errors import InputError
from stylespace.networks import initial
from stylespace.networks.body import Body
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.normalisation import ConditionalInstanceNorm


class Fast(Body):
    """Our build. Widths: ``stem`` at a quarter of the size, ``mid`` at an eighth, ``deep`` at a sixteenth with ``blocks`` residual
    blocks, ``up``, ``fine`` and ``last`` on the way back."""

    multiple = 16

    def __init__(
        self, stem: int = 48, mid: int = 96, deep: int = 112, up: int = 64, blocks: int = 4, fine: int = 32, last: int = 16
    ) -> None:
        super().__init__()
        self._settings = {"stem": stem, "mid": mid, "deep": deep, "up": up, "blocks": blocks, "fine": fine, "last": last}
        self.enter = _convolution(48, stem)
        self.down = nn.ModuleList([_convolution(stem, mid, 2), _convolution(mid, deep, 2)])
        self.body = nn.ModuleList(_convolution(deep, deep, dilation=1 + i // 2 % 2) for i in range(2 * blocks))
        self.up = nn.ModuleList([Up(deep, up), Up(up, fine), Up(fine, last)])
        self.skips = nn.ModuleList([nn.Conv2d(mid, up, 1, bias=False), nn.Conv2d(stem, fine, 1, bias=False)])
        self.middle = nn.ModuleList(_convolution(up, up) for _ in range(2))
        self.look = _convolution(last + 12, last)
        self.leave = Up(last, 3, bias=True)
        self.channels = (stem, mid, deep, *[deep] * (2 * blocks), up, up, up, fine, last, last)
        self.norms = nn.ModuleList(ConditionalInstanceNorm(c) for c in self.channels)

    def settings(self) -> dict[str, Any]:
        """See :meth:`Body.settings`. Raises ``InputError`` for a folded network, whose weights are not those that files hold."""
        if self.is_folded:
            raise InputError("A folded network can only paint: save, merge or train the original.")
        return dict(self._settings)

    def paint(self, x: Tensor, conditioning: Conditioning) -> Tensor:
        """See :meth:`Body.paint`."""
        number = 0

        def normalise(y: Tensor) -> Tensor:
            nonlocal number
            y = self.norms[number](y, *conditioning.at(number, y.shape[-2:]))
            number += 1
            return y

        a = F.relu(normalise(self.enter(F.pixel_unshuffle(x, 4))))
        b = F.relu(normalise(self.down[0](a)))
        y = F.relu(normalise(self.down[1](b)))
        for first, second in zip(self.body[::2], self.body[1::2], strict=True):
            y = y + normalise(second(F.relu(normalise(first(y)))))
        y = F.relu(normalise(self.up[0](y)) + self.skips[0](b))
        y = y + normalise(self.middle[1](F.relu(normalise(self.middle[0](y)))))
        y = F.relu(normalise(self.up[1](y)) + self.skips[1](a))
        y = F.relu(normalise(self.up[2](y)))
        y = F.relu(normalise(self.look(torch.cat([y, F.pixel_unshuffle(x, 2)], 1))))
        return torch.sigmoid(self.leave(y))

    @property
    def is_folded(self) -> bool:
        """Whether this is a folded network (:meth:`folded`)."""
        return self.leave.is_folded

    def folded(self) -> Fast:
        """An equal network for inference: every resize-convolution is one transposed convolution of fewer multiplications."""
        if self.is_folded:
            return self
        made = copy.deepcopy(self)
        for module in made.modules():
            if isinstance(module, Up):
                module.fold()
        return made.eval().requires_grad_(False)


class Up(nn.Module):
    """Nearest-neighbour doubling, then a 3x3 convolution with replicated borders (Odena et al. 2016: no checkerboard)."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__()
        self.convolution: nn.Conv2d | nn.ConvTranspose2d = nn.Conv2d(
            inputs, outputs, 3, padding=1, padding_mode="replicate", bias=bias
        )
        initial.kaiming_normal(self.convolution.weight)
        self.is_folded = False

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, D, 2H, 2W)."""
        if self.is_folded:
            return self.convolution(F.pad(x, (1, 1, 1, 1), mode="replicate"))
        return self.convolution(F.interpolate(x, scale_factor=2, mode="nearest"))

    @torch.no_grad()
    def fold(self) -> None:
        """One transposed convolution of side 4 and stride 2: on doubled pixels three taps fall on two neighbours.

        So an even pixel sees [w0, w1 + w2] of its neighbour to the left and itself along a side, an odd one [w0 + w1, w2] of itself and
        its neighbour to the right: four ninths of the multiplications. Replicating a border and doubling commute, so borders agree.
        """
        weight = self.convolution.weight
        taps = weight.new_tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]])  # new tap, old tap
        outputs, inputs = weight.shape[:2]
        bias = self.convolution.bias
        small = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=3, bias=bias is not None).to(weight)
        small.weight.copy_(torch.einsum("ka,lb,oiab->iokl", taps, taps, weight))
        if small.bias is not None and bias is not None:
            small.bias.copy_(bias)
        self.convolution = small
        self.is_folded = True


def _convolution(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    convolution = nn.Conv2d(
        inputs, outputs, 3, stride=stride, padding=dilation, dilation=dilation, padding_mode="replicate", bias=False
    )
    initial.kaiming_normal(convolution.weight)
    return convolution


def multiplications(body: Body, high: int, wide: int) -> int:
    """Multiply-adds of one picture of this size, counted on its convolutions."""
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor], made: Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
        # A kernel is laid on every position of the result, or, transposed, on every position of what is given.
        positions = made if isinstance(module, nn.Conv2d) else inputs[0]
        total += positions.shape[2] * positions.shape[3] * module.weight.numel()

    hooks = [m.register_forward_hook(count) for m in body.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    try:
        with torch.no_grad():
            body(torch.zeros(1, 3, high, wide), body.initial_row()[None])
    finally:
        for hook in hooks:
            hook.remove()
    return total
