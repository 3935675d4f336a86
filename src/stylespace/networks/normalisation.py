"""Conditional instance normalisation (Dumoulin, Shlens & Kudlur 2017, eq. 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConditionalInstanceNorm(nn.Module):
    """z = gamma_s (x - mu) / sigma + beta_s, with mean and deviation over each map's positions and gamma, beta from the style.

    Has no parameters of its own: a style is one row of numbers outside the body (:class:`~stylespace.networks.conditioning.Conditioning`).
    """

    def __init__(self, channels: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.epsilon = channels, epsilon

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """``x`` (N, C, H, W); ``gamma`` and ``beta`` (N, C, 1, 1) or (N, C, H, W). A map of one position gives beta."""
        variance, mean = torch.var_mean(x.float(), (2, 3), correction=0, keepdim=True)
        scale = gamma * torch.rsqrt(variance + self.epsilon)
        # The mean goes first: on nearly flat maps the scale is hundreds, and would enlarge rounding.
        return torch.addcmul(beta.to(x.dtype), x - mean.to(x.dtype), scale.to(x.dtype))
