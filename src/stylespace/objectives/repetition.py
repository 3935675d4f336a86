"""Against one motif in rows: no feature may return at a distance more alike than it does in the style.

A feature's autocorrelation at a lag says how alike it is to itself that far away (spectrum constraints: Liu, Gousseau & Xia 2016,
arXiv 1605.01141; shifted Gram matrices: Berger & Memisevic 2017, arXiv 1606.01286). Only what exceeds the style's counts here, so that a
photo's own structure costs little, and slow changes are taken out first.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

NEAR, FAR = 3, 20  # lags that count, in positions
SMOOTH = 9  # side of the window whose mean is taken out
SLACK = 0.03


def autocorrelation(features: Tensor) -> Tensor:
    """Of ``features`` (N, C, h, w): the mean over the channels, weighed by their variance; lags (N, 2 FAR + 1, 2 FAR + 1), 1 at none."""
    inner = F.pad(features.float(), [SMOOTH // 2] * 4, mode="replicate")
    x = features.float() - F.avg_pool2d(inner, SMOOTH, 1)
    high, wide = x.shape[-2:]
    size = (high + FAR, wide + FAR)  # far enough that lags do not meet from the other side
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
    """How much more alike ``found`` is to itself at a distance than ``style``: two autocorrelations, (N, L, L) each; (N,)."""
    lags = torch.arange(-FAR, FAR + 1, device=found.device)
    far = torch.maximum(lags.abs()[:, None], lags.abs()[None]) >= NEAR
    return (found - style.clamp_min(0) - SLACK).clamp_min(0).square()[:, far].mean(1)
