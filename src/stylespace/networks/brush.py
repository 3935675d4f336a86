"""The size of a network's strokes when it paints."""

from __future__ import annotations

from torch import Tensor

from stylespace.errors import InputError
from stylespace.networks.style_network import Mix, StyleNetwork
from stylespace.pictures.resizing import fit, resize

ENLARGED = 1.2  # above this factor the enlarged picture is painted again


def trained_size(network: StyleNetwork) -> float:
    """Mean long side in pixels of the style pictures that a network was trained on, whose strokes it paints."""
    sizes = network.provenance.get("settings", {}).get("style_sizes") or (320,)
    return float(sum(sizes) / len(sizes))


def brushed(network: StyleNetwork, pixels: Tensor, mix: Mix, style_size: float) -> Tensor:
    """``pixels`` (1, 3, H, W) redrawn with strokes as large as those of the style pictures at a long side of ``style_size`` pixels.

    A network's strokes have one size in pixels, that of the styles it was trained on. So the picture is painted at another size: smaller
    for larger strokes, then enlarged and painted once more, which gives them edges and finer strokes within. Raises ``InputError``.
    """
    mean = trained_size(network)
    factor = style_size / mean
    size = (pixels.shape[-2], pixels.shape[-1])
    if not 0.1 <= factor <= 10:
        raise InputError(f"A style size of {style_size:g} pixels is out of range: give {mean / 10:.0f} to {mean * 10:.0f}.")
    small = fit(size, max(16, round(max(size) / factor)))
    made = resize(network.pixels(resize(pixels, small), mix).clamp(0, 1), size)
    return network.pixels(made, mix) if factor >= ENLARGED else made
