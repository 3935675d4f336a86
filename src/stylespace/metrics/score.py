"""All figures of one result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.metrics.border import border
from stylespace.metrics.checkerboard import checkerboard
from stylespace.metrics.content import LAYER as CONTENT_LAYER
from stylespace.metrics.content import content_distance
from stylespace.metrics.noise import noise_level, noise_ratio
from stylespace.metrics.palette import mixed, palette, palette_distance
from stylespace.metrics.seen import Seen, seen
from stylespace.metrics.structure import LAYER as STRUCTURE_LAYER
from stylespace.metrics.structure import luminance_similarity, self_similarity
from stylespace.metrics.style import LAYERS, WeightedStyle, at_scale, style_distance
from stylespace.pictures.reading import Source

Styles = Source | Sequence[Source] | Mapping[Source, float]

# Which way each figure is better; those of ``palette`` depend on the purpose.
BETTER = {
    "content": "lower",
    "style.distance": "lower",
    "style.half.distance": "lower",
    "style.quarter.distance": "lower",
    "structure.luminance": "higher",
    "structure.self_similarity": "higher",
    "checkerboard.worst": "lower",
    "noise.ratio": "lower",
    "border.colour": "lower",
    "border.detail": "lower",
}


def score(
    content: Source,
    style: Styles,
    out: Source,
    *,
    encoder: str | Encoder = "compact",
    weights: str | Path | None = None,
    size: int = 512,
    device: str | torch.device = "cpu",
) -> dict[str, Any]:
    """How close ``out`` is to ``content`` and ``style``, and its defects, as plain JSON.

    ``content``, ``style``, ``out``: whatever :func:`~stylespace.pictures.reading.read` takes; ``style`` also several of them, or
    a mapping from picture to weight. ``encoder``: a name (:data:`stylespace.encoders.ENCODERS`, loaded in float32 with
    ``weights`` on ``device``) or one that is loaded, where it is. ``size``: long side in pixels at which pictures are compared;
    a smaller ``out`` is compared at its own.

    Keys (each one's module says range, definition, and what it does not measure; :data:`BETTER` says which way is better):
    ``size``, the long side used; ``encoder``; ``content``; ``style`` (``distance``, ``scale``, ``layers``, ``half``,
    ``quarter``); ``palette`` (Delta E: ``to_style``, ``to_content``, and ``style_to_content`` to compare them with);
    ``structure`` (``luminance``, ``self_similarity``); ``checkerboard`` (``worst``, ``2``, ``4``, ``8``) and ``border``
    (``colour``, ``detail``), both on the own pixels of ``out``, None where a side is below 16; ``noise`` (``ratio``, and the
    levels ``out``, ``style``, ``content``); ``notes``, sentences on what was done to compare. The same pictures give the same
    figures. Transparent parts do not count.

    Raises ``InputError``, ``PictureError`` and ``WeightsError``, each with one sentence that says what to do.
    """
    if size < 16:
        raise InputError(f"The size is {size}: give a long side of at least 16 pixels.")
    result = seen(out, "result")
    photo = seen(content, "content")
    styles = _weighted(style)
    network = _encoder(encoder, weights, device)
    place = next(network.parameters()).device
    judged = result.within(size).to(place)
    original = photo.at(judged.size).to(place)
    styles = [WeightedStyle(each.picture.to(place), each.share) for each in styles]

    with torch.inference_mode():
        wanted = (CONTENT_LAYER, STRUCTURE_LAYER)
        features, target = network(judged.pixels, wanted), network(original.pixels, wanted)
        found = style_distance(network, judged, styles)
        sources = [at_scale(each, judged, found["scale"]) for each in styles]
        palettes = {
            "out": palette(judged),
            "style": mixed([palette(each) for each in sources], [each.share for each in styles]),
            "content": palette(original),
        }
        levels = {"out": noise_level(judged), "style": max(map(noise_level, sources)), "content": noise_level(original)}
        return {
            "size": max(judged.size),
            "encoder": network.name,
            "content": content_distance(features[CONTENT_LAYER], target[CONTENT_LAYER], original.guide),
            "style": found,
            "palette": {
                "to_style": palette_distance(palettes["out"], palettes["style"]),
                "to_content": palette_distance(palettes["out"], palettes["content"]),
                "style_to_content": palette_distance(palettes["style"], palettes["content"]),
            },
            "structure": {
                "luminance": luminance_similarity(judged, original),
                "self_similarity": self_similarity(features[STRUCTURE_LAYER], target[STRUCTURE_LAYER], original.guide),
            },
            "checkerboard": checkerboard(result.pixels),
            "noise": {"ratio": noise_ratio(levels["out"], [levels["style"], levels["content"]])} | levels,
            "border": border(result),
            "notes": _notes(photo, result, judged, size),
        }


def _weighted(style: Styles) -> list[WeightedStyle]:
    if isinstance(style, Mapping):
        pairs: list[tuple[Any, float]] = list(style.items())
    elif isinstance(style, list | tuple):
        pairs = [(each, 1.0) for each in style]
    else:
        pairs = [(style, 1.0)]
    if any(weight < 0 for _, weight in pairs) or not any(weight > 0 for _, weight in pairs):
        raise InputError(
            "Style weights must not be negative, and at least one must be more than zero: give at least one style picture."
        )
    total = sum(weight for _, weight in pairs)
    return [WeightedStyle(seen(source, "style"), weight / total) for source, weight in pairs if weight > 0]


def _encoder(encoder: str | Encoder, weights: str | Path | None, device: str | torch.device) -> Encoder:
    if isinstance(encoder, Encoder):
        if weights is not None:
            raise InputError("Weights were given with an encoder that is loaded already: give the encoder's name, or no weights.")
        network = encoder
    else:
        network = encoders.load(encoder, weights=weights, device=_device(device), precision="fp32")
    network.check({*LAYERS, CONTENT_LAYER, STRUCTURE_LAYER})
    return network


def _device(device: str | torch.device) -> torch.device:
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:  # an unknown name; one that this torch was built without
        raise InputError(f"The device '{device}' is not available: give cpu, or cuda or mps where the machine has it.") from error


def _notes(content: Seen, out: Seen, judged: Seen, size: int) -> list[str]:
    notes = []
    (height, width), (out_height, out_width) = content.size, out.size
    # More than rounding to whole pixels explains.
    if abs(height * out_width - width * out_height) > 1.5 * max(*content.size, *out.size):
        notes.append(
            f"The content ({width} x {height}) was stretched to the proportions of the result ({out_width} x {out_height})."
        )
    if max(judged.size) < size:
        notes.append(
            f"The result was compared at its own {max(judged.size)} px: these figures do not compare with those at {size} px."
        )
    return notes
