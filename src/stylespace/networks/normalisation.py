"""Normalisations whose gains and offsets come from outside: over one picture (instance), over a batch, or over nothing (affine)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class ConditionalInstanceNorm(nn.Module):
    """Dumoulin, Shlens & Kudlur 2017, eq. 5: z = gamma_s (x - mu) / sigma + beta_s.

    Mean and deviation are over each map's positions, gamma and beta are the style's.

    Has no parameters of its own: a style is one row of numbers outside the body (:class:`~stylespace.networks.conditioning.Conditioning`).
    """

    def __init__(self, channels: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.epsilon = channels, epsilon

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """``x`` (N, C, H, W); ``gamma`` and ``beta`` (N, C, 1, 1) or (N, C, H, W). A map of one position gives beta."""
        variance, mean = torch.var_mean(_precise(x), (2, 3), correction=0, keepdim=True)
        return _scaled(x, mean, gamma * torch.rsqrt(variance + self.epsilon), beta)


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015) with gamma and beta from outside.

    In training with mean and deviation over the batch; afterwards with their running averages, which are buffers: pictures then do
    not depend on each other.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, epsilon: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.channels, self.epsilon, self.momentum = channels, epsilon, momentum
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("variance", torch.ones(1, channels, 1, 1))

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """As :meth:`ConditionalInstanceNorm.forward`."""
        mean, variance = self.mean, self.variance
        if self.training:
            variance, mean = torch.var_mean(_precise(x), (0, 2, 3), correction=0, keepdim=True)
            count = x.numel() // x.shape[1]
            with torch.no_grad():
                self.mean.lerp_(mean.to(self.mean), self.momentum)
                self.variance.lerp_((variance * count / max(count - 1, 1)).to(self.variance), self.momentum)
        return _scaled(x, mean, gamma * torch.rsqrt(variance + self.epsilon), beta)


class AffineNorm(nn.Module):
    """What is left of a normalisation whose statistics are in its gains and offsets (:mod:`stylespace.networks.steady`)."""

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """As :meth:`ConditionalInstanceNorm.forward`; a position depends on those around it alone."""
        return torch.addcmul(beta.to(x.dtype), x, gamma.to(x.dtype))


NORMALISATIONS: dict[str, Callable[[int], nn.Module]] = {"instance": ConditionalInstanceNorm, "batch": ConditionalBatchNorm}


def _precise(x: Tensor) -> Tensor:
    """``x`` in float32 at least."""
    return x if x.dtype == torch.float64 else x.float()


def _scaled(x: Tensor, mean: Tensor, scale: Tensor, beta: Tensor) -> Tensor:
    # The mean goes first: on nearly flat maps the scale is hundreds, and would enlarge rounding.
    return torch.addcmul(beta.to(x.dtype), x - mean.to(x.dtype), scale.to(x.dtype))
