"""Double precision for devices without it (Apple's ``mps``): small computations move to the processor.

On other devices these functions leave tensors where they are.
"""

from __future__ import annotations

import torch
from torch import Tensor

WITHOUT = ("mps",)


def home(device: torch.device) -> torch.device:
    """The device for the float64 numbers of ``device``."""
    return torch.device("cpu") if device.type in WITHOUT else device


def float64(x: Tensor) -> Tensor:
    """``x`` in float64, on the processor if its own device has none; differentiable."""
    return x.to(home(x.device), torch.float64)


def onto(x: Tensor, device: torch.device) -> Tensor:
    """``x`` on ``device``, in float32 if the device has no float64; differentiable."""
    return x.to(device) if device.type not in WITHOUT or x.dtype != torch.float64 else x.float().to(device)
