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


def network(styles: int = 3) -> Any:
    """A small network of random weights, whose styles differ."""
    import torch

    from stylespace.networks.builds import tiny
    from stylespace.networks.style_network import StyleNetwork

    with torch.random.fork_rng():
        torch.manual_seed(1)
        body = tiny().eval().requires_grad_(False)
        rows = body.initial_row() + 0.4 * torch.randn(styles, body.row_size)
    return StyleNetwork(body, "tiny", rows, [f"style_{i}" for i in range(styles)])


def moving(number: int, size: tuple[int, int] = (64, 96), shot: int = 0) -> Any:
    """A textured ground that moves two pixels to the left a frame, and of shot 1 other colours; (H, W, 3) uint8."""
    down, right = np.mgrid[: size[0], : size[1]].astype(np.float64)
    right = right + 2 * number
    waves = [np.sin(right / 5 + down / 9 + k) + np.sin(right / 17 - down / 6 + 2 * k) for k in range(3)]
    whole = 0.5 + 0.2 * np.stack(waves, 2)
    return ((1 - whole[..., ::-1] ** 3 if shot else whole) * 255).clip(0, 255).astype(np.uint8)
