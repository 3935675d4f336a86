"""Layer names of the VGG family: ``relu1_1 .. relu5_4``, and how deep each one lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from stylespace.errors import InputError


def layer_names(depths: Sequence[int]) -> tuple[str, ...]:
    """Names of all layers of a stack with ``depths[b]`` convolutions in block ``b``, shallow to deep."""
    return tuple(f"relu{b}_{i}" for b, depth in enumerate(depths, 1) for i in range(1, depth + 1))


VGG19 = layer_names((2, 2, 4, 4, 4))


def block(layer: str) -> int:
    """Block number of a layer: 4 for ``relu4_2``. Its features are ``2 ** (block - 1)`` times smaller than the picture."""
    return int(layer[4 : layer.index("_")])


def check(layers: Iterable[str], available: Sequence[str], encoder: str) -> None:
    """Raise :class:`InputError` when a layer asked for is not one the encoder has."""
    for layer in layers:
        if layer not in available:
            advice = f"choose among {', '.join(available)}."
            if encoder == "compact" and layer in VGG19:
                near = nearest(layer, available)
                advice = f"use {near} instead, the nearest it has, or --encoder vgg19, which has {VGG19[0]} to {VGG19[-1]}."
            raise InputError(f"The {encoder} encoder has no layer '{layer}': {advice}")


def nearest(layer: str, available: Sequence[str]) -> str:
    """The deepest of the ``available`` VGG layers that is no deeper than ``layer``: ``relu3_3`` for ``relu3_4`` in VGG-16."""
    return max((name for name in available if VGG19.index(name) <= VGG19.index(layer)), key=VGG19.index)


def scale(layer: str) -> int:
    """How many times smaller than the picture a layer's maps are."""
    return 2 ** (int(layer[4]) - 1)


def weights(spec: str | Mapping[str, float], available: Sequence[str]) -> dict[str, float]:
    """Layer weights from ``{"relu4_2": 1.0}`` or from text: ``relu1_1,relu2_1=0.5``, ``all``, ``all:geometric``.

    ``all:geometric`` weighs the d-th of D layers by ``2 ** (D - d)``, the shallowest most (Novak & Nikulin 2016).
    Raises ``InputError`` when the text cannot be read; whether an encoder has the layers is what :func:`check` tests.
    """
    if not isinstance(spec, str):
        return {name: float(weight) for name, weight in spec.items()}
    if spec in ("all", "all:geometric"):
        depth = len(available)
        return {name: 2.0 ** (depth - d) if spec != "all" else 1.0 for d, name in enumerate(available, 1)}
    found: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in spec.split(","))):
        name, _, weight = part.partition("=")
        try:
            found[name.strip()] = float(weight) if weight else 1.0
        except ValueError:
            raise InputError(
                f"'{part}' is not a layer with a weight: write relu4_2 or relu4_2=0.5, separated by commas."
            ) from None
    if not found:
        raise InputError("No layers were given: write relu4_2, relu1_1=0.5,relu2_1 or all.")
    return found
