"""The fastest number format on this machine: bfloat16 where a probe proves it, float32 otherwise."""

from __future__ import annotations

import time
from functools import cache

import torch
import torch.nn.functional as F

PRECISIONS = ("auto", "fp32", "bf16")


def _seconds(dtype: torch.dtype, device: torch.device) -> float:
    x = torch.full((1, 64, 96, 96), 0.5, dtype=dtype, device=device).contiguous(memory_format=torch.channels_last)
    weight = torch.full((64, 64, 3, 3), 0.1, dtype=dtype, device=device).contiguous(memory_format=torch.channels_last)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        F.conv2d(x, weight, padding=1).sum().item()
        best = min(best, time.perf_counter() - start)
    return best


@cache
def fastest(device: torch.device) -> torch.dtype:
    """bfloat16 or float32, by timing one convolution of a typical layer in each (about 20 ms, once a process).

    Processors with AMX or AVX512-BF16 in hardware gain two to four times; without, bfloat16 is emulated and slower.
    """
    if device.type == "mps":
        return torch.float32
    with torch.no_grad():
        half, full = _seconds(torch.bfloat16, device), _seconds(torch.float32, device)
    return torch.bfloat16 if half < 0.8 * full else torch.float32


def dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype that ``precision`` (``auto``, ``fp32``, ``bf16``) means on ``device``."""
    return {"auto": lambda: fastest(device), "fp32": lambda: torch.float32, "bf16": lambda: torch.bfloat16}[precision]()
