"""The convolution stack that VGG-16, VGG-19 and the compact encoder share (Simonyan & Zisserman 2015)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylespace.encoders.convolution import PaddedConvolution, convolved
from stylespace.encoders.factored import FactoredConvolution, factored
from stylespace.encoders.layers import block, layer_names
from stylespace.errors import InputError

PADDINGS = ("reflect", "replicate", "zero", "replicate-first")
POOLINGS = ("max", "average")


class Trunk(nn.Module):
    """3x3 convolutions with ReLU in five blocks, a 2x2 pooling between blocks.

    ``depths``: convolutions a block, for VGG-19 ``(2, 2, 4, 4, 4)``. ``widths``: output channels of each convolution.
    ``pooling``: ``max`` as trained, or ``average`` as in Gatys et al. 2016. ``padding``: ``zero`` as trained, ``reflect`` or
    ``replicate``, which leave no frame around optimised pictures, or ``replicate-first``: the first convolution replicates, the
    others pad with zeros (style-transfer-pytorch). Before the first convolution the affine map ``input`` takes
    RGB in [0, 1] to what the weights were trained on.
    """

    def __init__(self, depths: Sequence[int], widths: Sequence[int], pooling: str = "max", padding: str = "reflect") -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise InputError(f"Pooling '{pooling}' is unknown: choose among {', '.join(POOLINGS)}.")
        if padding not in PADDINGS:
            raise InputError(f"Padding '{padding}' is unknown: choose among {', '.join(PADDINGS)}.")
        self.layers = layer_names(depths)
        self.pooling = pooling
        self.padding = padding
        self.input = nn.Conv2d(3, 3, 1)
        inputs = (3, *widths[:-1])
        self.convolutions = nn.ModuleDict(
            {
                name.replace("relu", "conv"): nn.Conv2d(c_in, c_out, 3)
                for name, c_in, c_out in zip(self.layers, inputs, widths, strict=True)
            }
        )

    def fold_input(self) -> None:
        """Fold the affine map ``input`` into the first convolution (exact unless padding is zero: padding commutes with it)."""
        if self.padding == "zero":
            return
        first = self.convolutions["conv1_1"]
        assert isinstance(first, nn.Conv2d)
        with torch.no_grad():
            matrix, offset = self.input.weight[:, :, 0, 0], _bias(self.input)
            _bias(first).add_(torch.einsum("ocij,c->o", first.weight, offset))
            first.weight.copy_(torch.einsum("ocij,cd->odij", first.weight, matrix))
            self.input.weight.copy_(torch.eye(3)[:, :, None, None])
            offset.zero_()
        self._identity_input = True

    _identity_input = False

    def forward(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Features of ``picture`` (N, 3, H, W; sRGB in [0, 1]) after the ReLU of each of ``layers``, stopping at the deepest.

        They have the weights' precision.
        """
        features: dict[str, Tensor] = {}
        wanted = set(layers)
        x = picture.to(next(self.parameters()).dtype).contiguous(memory_format=torch.channels_last)
        x = x if self._identity_input else self.input(x)
        previous = "1"
        for name in self.layers:
            if name[4] != previous:
                x = self._pool(x)
                previous = name[4]
            x = self._convolve(x, self.convolutions[name.replace("relu", "conv")])
            if name in wanted:
                features[name] = x
                wanted.discard(name)
            if not wanted:
                break
        return features

    def shape(self, layer: str, size: Sequence[int]) -> tuple[int, int, int]:
        """See :meth:`stylespace.encoders.encoder.Encoder.shape`."""
        high, wide = size
        for _ in range(1, block(layer)):
            rest = 1 if min(high, wide) < 2 else 0  # as _pool
            high, wide = (high + rest) // 2, (wide + rest) // 2
        convolution = self.convolutions[layer.replace("relu", "conv")]
        assert isinstance(convolution, nn.Conv2d | FactoredConvolution)
        return convolution.out_channels, high, wide

    def reach(self, layers: Collection[str]) -> tuple[int, int]:
        """See :meth:`stylespace.encoders.encoder.Encoder.reach`."""
        deepest = max(layers, key=self.layers.index)
        scale, far, previous = 1, 0, "1"
        for name in self.layers:
            if name[4] != previous:
                scale, previous = 2 * scale, name[4]
                far = -(-far // scale) * scale  # a pooled position is wrong if any of its four is
            far += scale
            if name == deepest:
                break
        return scale, -(-far // scale) * scale

    def bytes_a_pixel(self, layers: Collection[str]) -> float:
        """See :meth:`stylespace.encoders.encoder.Encoder.bytes_a_pixel`: every map is stored once, plus three of the largest."""
        deepest = max(layers, key=self.layers.index)
        each = next(iter(self.convolutions.parameters())).element_size()
        numbers: list[float] = []
        for name in self.layers[: self.layers.index(deepest) + 1]:
            convolution = self.convolutions[name.replace("relu", "conv")]
            assert isinstance(convolution, nn.Conv2d | FactoredConvolution)
            numbers.append(convolution.out_channels / 4 ** (int(name[4]) - 1))
        return 1.5 * each * (sum(numbers) + 3 * max(numbers))  # half as much again was measured

    def _convolve(self, x: Tensor, convolution: nn.Module) -> Tensor:
        first = convolution is self.convolutions["conv1_1"]
        if self.padding == "zero" or (self.padding == "replicate-first" and not first):
            mode = "zero"
        else:
            # One-pixel maps cannot be reflected; replicating gives them the same neighbour.
            mode = "reflect" if self.padding == "reflect" and min(x.shape[-2:]) > 1 else "replicate"
        if isinstance(convolution, FactoredConvolution):
            return F.relu_(factored(x, convolution, mode))
        assert isinstance(convolution, nn.Conv2d)
        if convolution.weight.requires_grad or not x.requires_grad:
            return F.relu_(convolved(x, convolution.weight, convolution.bias, mode))
        return F.relu_(PaddedConvolution.apply(x, convolution.weight, convolution.bias, mode))  # type: ignore[no-untyped-call]

    def _pool(self, x: Tensor) -> Tensor:
        # ceil_mode keeps a map of odd or one-pixel size alive; even sizes are pooled as published.
        pool = F.max_pool2d if self.pooling == "max" else F.avg_pool2d
        small = min(x.shape[-2:]) < 2
        return pool(x, 2, ceil_mode=small)


def _bias(convolution: nn.Conv2d) -> Tensor:
    assert convolution.bias is not None
    return convolution.bias
