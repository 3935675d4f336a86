"""The size of a network's strokes when it paints."""

from __future__ import annotations

from torch import Tensor

from stylespace.errors import InputError
from stylespace.networks.style_network import Mix, StyleNetwork
from stylespace.pictures.resizing import fit, resize

ENLARGED = 1.2  # above this factor the enlarged picture is painted again


def brushed(network: StyleNetwork, pixels: Tensor, mix: Mix, style_size: float) -> Tensor:
    """``pixels`` (1, 3, H, W) redrawn with strokes as large as those of the style pictures at a long side of ``style_size`` pixels.

    A network's strokes have one size in pixels, that of the styles it was trained on. So the picture is painted at another size: smaller
    for larger strokes, then enlarged and painted once more, which gives them edges and finer strokes within. Raises ``InputError``.
    """
    trained = network.provenance.get("settings", {}).get("style_sizes") or (320,)
    factor = style_size * len(trained) / sum(trained)
    size = (pixels.shape[-2], pixels.shape[-1])
    if not 0.1 <= factor <= 10:
        mean = sum(trained) / len(trained)
        raise InputError(f"A style size of {style_size:g} pixels is out of range: give {mean / 10:.0f} to {mean * 10:.0f}.")
    small = fit(size, max(16, round(max(size) / factor)))
    made = resize(network.pixels(resize(pixels, small), mix).clamp(0, 1), size)
    return network.pixels(made, mix) if factor >= ENLARGED else made
