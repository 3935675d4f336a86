"""A penalty on one motif in rows: features may not resemble themselves at a distance more than the style's do.

A feature's autocorrelation at a lag says how similar it is to itself that far away (spectrum constraints: Liu, Gousseau & Xia 2016,
arXiv 1605.01141; shifted Gram matrices: Berger & Memisevic 2017, arXiv 1606.01286). Only what exceeds the style's counts here, so that the
photo's own structure costs little; slow changes are subtracted first.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

NEAR, FAR = 3, 20  # lags that count, in positions
SMOOTH = 9  # side of the window whose mean is subtracted
SLACK = 0.03


def autocorrelation(features: Tensor) -> Tensor:
    """The autocorrelation of ``features`` (N, C, h, w), channels weighted by their variance: (N, 2 FAR + 1, 2 FAR + 1), 1 at lag zero."""
    inner = F.pad(features.float(), [SMOOTH // 2] * 4, mode="replicate")
    x = features.float() - F.avg_pool2d(inner, SMOOTH, 1)
    high, wide = x.shape[-2:]
    size = (high + FAR, wide + FAR)  # padded, so that lags do not wrap around
    spectrum = torch.fft.rfft2(x, size)
    power = spectrum.real.square() + spectrum.imag.square()
    found = torch.fft.irfft2(power.sum(1), size)
    found = torch.cat([found[:, -FAR:], found[:, : FAR + 1]], 1)
    found = torch.cat([found[:, :, -FAR:], found[:, :, : FAR + 1]], 2)
    lags = torch.arange(-FAR, FAR + 1, device=x.device).abs()
    overlap = ((high - lags).clamp_min(1)[:, None] * (wide - lags).clamp_min(1)[None]) / (high * wide)
    found = found / overlap
    return found / found[:, FAR, FAR].clamp_min(1e-12)[:, None, None]


def repetition(found: Tensor, style: Tensor) -> Tensor:
    """Mean squared excess (N,) of the autocorrelation ``found`` over the style's, both (N, L, L), at lags of ``NEAR`` and more."""
    lags = torch.arange(-FAR, FAR + 1, device=found.device)
    far = torch.maximum(lags.abs()[:, None], lags.abs()[None]) >= NEAR
    return (found - style.clamp_min(0) - SLACK).clamp_min(0).square()[:, far].mean(1)
