"""The compact encoder: VGG-16 to relu5_1 with a quarter of its parameters and of its work, fitted by us and shipped inside the package.

Every convolution is factored; all numbers are fitted to the real VGG-16's responses, on photographs, paintings and pictures that were
being optimised through the encoder itself (recipe: ``recipes/compact-encoder``; model card: ``models/compact.md``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from stylespace.encoders.encoder import Encoder
from stylespace.encoders.factored import FactoredConvolution, projected
from stylespace.encoders.trunk import Trunk
from stylespace.errors import WeightsError
from stylespace.storage.plain import reason

DEPTHS = (2, 2, 3, 3, 1)
WIDTHS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512)  # VGG-16's
# Of every convolution but the first: channels its 3x3 part reads, and writes.
RANKS = ((20, 24), (28, 40), (48, 48), (72, 80), (88, 88), (88, 96), (128, 144), (160, 192), (160, 192), (176, 256))
# Principal axes that features are given on; fewer would leave deep layers unconstrained.
AXES = (24, 32, 64, 64, 112, 96, 96, 192, 128, 128, 256)
SHIPPED = Path(__file__).parent.parent / "models" / "compact.safetensors"


class CompactTrunk(Trunk):
    """The factored stack, with each layer's principal ``axes`` and its ``scale``: VGG-16's mean activation, by which all are divided."""

    def __init__(self, padding: str = "reflect", pooling: str = "max", ranks: Sequence[tuple[int, int]] = RANKS) -> None:
        super().__init__(DEPTHS, WIDTHS, pooling=pooling, padding=padding)
        inputs = WIDTHS[:-1]
        for name, c_in, (narrow, middle), c_out in zip(self.layers[1:], inputs, ranks, WIDTHS[1:], strict=True):
            self.convolutions[name.replace("relu", "conv")] = FactoredConvolution(c_in, narrow, middle, c_out)
        self.axes = nn.ModuleDict(
            {name: nn.Conv2d(width, count, 1, bias=False) for name, width, count in zip(self.layers, WIDTHS, AXES, strict=True)}
        )
        self.scale = nn.ParameterDict({name: nn.Parameter(self.input.weight.new_ones(())) for name in self.layers})


class CompactEncoder(Encoder):
    """Features are VGG-16's estimated channels, divided by their mean, on the principal axes of each layer.

    The axes are orthonormal: inner products of features, and with them Gram matrices, covariances and distances, are those of the
    channels, except for what the axes leave out.
    """

    trunk: CompactTrunk

    def forward(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """See :meth:`Encoder.forward`."""
        self.check(layers)
        features = self.trunk(picture, layers)
        return {name: projected(f, self.trunk.axes.get_parameter(f"{name}.weight")) for name, f in features.items()}

    def shape(self, layer: str, size: Sequence[int]) -> tuple[int, int, int]:
        """See :meth:`Encoder.shape`; channels are axes."""
        return len(self.trunk.axes.get_parameter(f"{layer}.weight")), *super().shape(layer, size)[1:]

    def estimates(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Estimates of the real VGG-16's channels after ReLU, in its own units (N, C, h, w)."""
        self.check(layers)
        return {name: f * self.trunk.scale[name] for name, f in self.trunk(picture, layers).items()}


def compact(weights: Path | None = None, *, pooling: str = "max", padding: str = "reflect") -> CompactEncoder:
    """The shipped compact encoder, or one with the weights in ``weights`` (safetensors).

    Raises :class:`~stylespace.errors.WeightsError` when the file is missing or is not a compact encoder.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = weights or SHIPPED
    with torch.device("meta"):
        trunk = CompactTrunk(padding=padding, pooling=pooling)
    try:
        # A copy: numbers of the file would be mapped from it.
        state = {name: tensor.to(torch.float32, copy=True) for name, tensor in load_file(path).items()}
        trunk.load_state_dict(state, assign=True)
    except (OSError, SafetensorError, RuntimeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"'{path}' does not hold the compact encoder's weights ({reason(error)}): "
            "reinstall stylespace, or give --weights a file made by recipes/compact-encoder."
        ) from error
    return CompactEncoder(trunk, "compact")
