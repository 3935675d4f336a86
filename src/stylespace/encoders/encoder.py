"""The interface of all encoders: a picture in, named features out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from stylespace.encoders import layers as names
from stylespace.encoders.trunk import Trunk
from stylespace.storage.checksum import of_tensors


class Encoder(nn.Module):
    """Frozen convolutions that turn a picture into features after each ReLU asked for.

    ``trunk``: the convolutions; ``name``: what users call it; ``checksum``: SHA-256 of its weights, independent of the precision.
    Weights are frozen; gradients reach the picture only.
    """

    def __init__(self, trunk: Trunk, name: str) -> None:
        super().__init__()
        self.name = name
        self.trunk = trunk
        state = trunk.state_dict()
        self.checksum = of_tensors(*(state[key] for key in sorted(state)))  # before weights are folded or moved
        self.trunk.fold_input()
        self.requires_grad_(False)
        self.eval()

    @property
    def identity(self) -> dict[str, str]:
        """How a record names it: ``name`` and ``sha256``."""
        return {"name": self.name, "sha256": self.checksum}

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that can be asked for, shallow to deep."""
        return self.trunk.layers

    def check(self, layers: Collection[str]) -> None:
        """Raise :class:`~stylespace.errors.InputError` when the encoder does not have a layer."""
        names.check(layers, self.layers, self.name)

    def prepare(self, device: torch.device, dtype: torch.dtype) -> Encoder:
        """Move to ``device`` in ``dtype``, channels last; returns itself."""
        return self.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Features of ``picture`` (N, 3, H, W; sRGB in [0, 1]): layer name to (N, C, h, w), in the encoder's dtype.

        Block b is 2**(b - 1) times smaller than the picture. Raises ``InputError`` for a layer the encoder does not have.
        """
        self.check(layers)
        return self.trunk(picture, layers)

    def shape(self, layer: str, size: Sequence[int]) -> tuple[int, int, int]:
        """Channels, height and width of a layer's features of a picture of ``size`` (h, w)."""
        return self.trunk.shape(layer, size)

    def reach(self, layers: Collection[str]) -> tuple[int, int]:
        """The period of the poolings before the deepest of ``layers``, and how far its features see in pixels, rounded up to the period.

        A tile whose edges are multiples of the first, with a halo of the second, has exactly the whole picture's features inside.
        """
        return self.trunk.reach(layers)

    def bytes_a_pixel(self, layers: Collection[str]) -> float:
        """Approximate memory that features of ``layers`` and their gradient take per pixel of the picture."""
        return self.trunk.bytes_a_pixel(layers)
