"""A network without its styles: the convolutions that all styles share."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stylespace.errors import InputError
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.normalisation import AffineNorm, ConditionalInstanceNorm
from stylespace.networks.padding import pad_to_multiple


class Body(nn.Module, ABC):
    """Convolutions whose normalisations take their gains and offsets from outside.

    ``channels``: of each normalisation, in order. ``multiple``: what sides are padded to a multiple of; any size is accepted and returned.
    ``stage_weights``: the weight of each of the :meth:`stages` in training. ``is_affine``: see :meth:`affine`.
    """

    channels: tuple[int, ...]
    multiple: int = 1
    stage_weights: tuple[float, ...] = (1.0,)
    is_affine: bool = False

    @property
    def row_size(self) -> int:
        """The number of parameters of a style."""
        return 2 * sum(self.channels)

    def initial_row(self) -> Tensor:
        """A style that changes nothing: gamma 1, beta 0; (P,)."""
        return torch.cat([torch.cat([torch.ones(c), torch.zeros(c)]) for c in self.channels])

    def affine(self) -> Body:
        """A copy whose instance normalisations measure nothing: the rows' gains and offsets apply to the maps as they are."""
        made = copy.deepcopy(self)
        for module in list(made.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, ConditionalInstanceNorm):
                    setattr(module, name, AffineNorm())
        made.is_affine = True
        return made

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The constructor's arguments, as plain JSON."""

    @abstractmethod
    def paint(self, x: Tensor, conditioning: Conditioning) -> Tensor:
        """Apply the network to a picture whose sides are multiples of ``multiple``."""

    def stages(self, x: Tensor, conditioning: Conditioning | Tensor) -> list[Tensor]:
        """The picture of each stage; training compares each with the styles at its own size. The last is the result."""
        return [self(x, conditioning)]

    def stage(self, picture: Tensor, conditioning: Conditioning | Tensor, number: int) -> Tensor:
        """The picture of stage ``number`` for ``picture`` (N, 3, H, W), of any size; smaller if the stage is."""
        return self(picture, conditioning)

    def joined(self, rows: Sequence[Tensor]) -> Tensor:
        """One row (P,), with the part for each stage from another style. Raises ``InputError`` where there is one stage."""
        raise InputError("This network has one stage: give one style at a time, or a mix of them.")

    def forward(self, picture: Tensor, conditioning: Conditioning | Tensor) -> Tensor:
        """``picture`` (N, 3, H, W; sRGB in [0, 1]) redrawn: (N, 3, H, W) in [0, 1]. ``conditioning``: rows (N, P), or more than rows."""
        if isinstance(conditioning, Tensor):
            conditioning = Conditioning.of(conditioning, self.channels)
        high, wide = picture.shape[-2:]
        x = pad_to_multiple(picture, self.multiple)
        conditioning = conditioning.padded(x.shape[-2] - high, x.shape[-1] - wide)
        return self.paint(x, conditioning)[..., :high, :wide]
