"""Films that tests write themselves: what is in their frames, and how far two frames are apart."""

from __future__ import annotations

from typing import Any

import numpy as np


def picture(number: int, size: tuple[int, int] = (64, 96), channels: int = 3, deep: bool = False) -> Any:
    """Soft ramps, bluer with every frame; with four channels the right half is half transparent."""
    high, wide = size
    down, right = np.mgrid[:high, :wide].astype(np.float64)
    alpha = np.where(right < wide // 2, 1.0, 0.4)
    parts = [right / max(1, wide - 1), down / max(1, high - 1), np.full(size, 0.2 + 0.02 * number), alpha]
    whole = np.stack(parts[:channels], 2)
    return (whole * 65535 + 0.5).astype(np.uint16) if deep else (whole * 255 + 0.5).astype(np.uint8)


def apart(one: Any, other: Any) -> float:
    """Mean absolute difference in 8-bit steps."""
    scaled = [each.astype(np.float64) / (257 if each.dtype == np.uint16 else 1) for each in (one, other)]
    return float(np.abs(scaled[0] - scaled[1]).mean())
