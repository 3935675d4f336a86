"""Style distance: how far the statistics of the result's features are from the style's, from fine strokes to large shapes.

Range: 0 (the same statistics) upwards; 1 is what an empty picture would get. Lower is closer to the style.
Definition: squared 2-Wasserstein distance of mean and covariance at ``relu1_1`` .. ``relu5_1``, each as a share of the style's
own energy, averaged with equal weights. The style is looked at in several sizes (:data:`SCALES`, its long side in units of the
result's; never enlarged beyond its own), and the one is taken at which the layers together are closest *in proportion* (least
geometric mean): deep layers are far at any size and would decide alone otherwise. ``half`` and ``quarter`` repeat it, at that
relation of sizes, with the result seen from twice and four times as far: there grain has gone and large shapes count. A layer
enters the average where its map is at least :data:`POSITIONS` long, since on smaller maps padding and chance outweigh style;
all layers are listed.
It does not measure where the strokes lie, whether they follow the subject, nor whether the photo can still be recognised. The
style picture itself scores 0. Figures compare at the same ``size`` and with the same encoder only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.encoders.layers import block
from stylespace.metrics.seen import Seen
from stylespace.objectives.style import STATISTICS, Measurement, root, wasserstein_distance
from stylespace.pictures.resizing import fit
from stylespace.statistics.guides import follow
from stylespace.statistics.moments import mean_and_covariance

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
SCALES = tuple(2 ** (step / 2) for step in range(-3, 3))  # 0.35 .. 2
POSITIONS = 24
_FAR = {"half": 2, "quarter": 4}


@dataclass(frozen=True)
class WeightedStyle:
    """A style picture and its share among others; shares sum to one."""

    picture: Seen
    share: float


def style_distance(encoder: Encoder, out: Seen, styles: Sequence[WeightedStyle]) -> dict[str, Any]:
    """``distance``, ``scale`` (long side of the best style size in units of the result's), ``layers`` (each one's share), and
    ``half`` and ``quarter``, each with ``distance`` and ``layers``."""
    long = max(out.size)
    measured = _prepared(_measure(encoder, out))
    tried: dict[tuple[tuple[int, int], ...], tuple[float, dict[str, float]]] = {}
    for scale in SCALES:
        resized = [_within(style, long * scale) for style in styles]
        sizes = tuple(style.picture.size for style in resized)
        if sizes not in tried:
            layers = _shares(encoder, measured, resized)
            tried[sizes] = (sum(math.log(share + 1e-6) for share in layers.values()), layers)
    best, (_, layers) = min(tried.items(), key=lambda found: found[1][0])
    longs = [max(size) for size in best]
    # The scale that was reached: a small style picture is not enlarged to the one asked for.
    figures = _figures(out, layers) | {"scale": max(longs) / long}
    for name, factor in _FAR.items():
        far = out.at(fit(out.size, max(1, round(long / factor))))
        seen_far = [_within(style, own / factor) for style, own in zip(styles, longs, strict=True)]
        figures[name] = _figures(far, _shares(encoder, _prepared(_measure(encoder, far)), seen_far))
    return figures


def at_scale(style: WeightedStyle, out: Seen, scale: float) -> Seen:
    """The style picture in the size that ``scale`` means beside ``out``."""
    return _within(style, max(out.size) * scale).picture


def _within(style: WeightedStyle, long_side: float) -> WeightedStyle:
    return WeightedStyle(style.picture.within(max(1, round(long_side))), style.share)


def _measure(encoder: Encoder, picture: Seen) -> dict[str, Measurement]:
    """Mean and covariance a layer, in float64 for the roots to come."""
    measured = {}
    for name, features in encoder(picture.pixels, LAYERS).items():
        at = None if picture.guide is None else follow(picture.guide, features.shape[-2:])
        measured[name] = tuple(_double(moment) for moment in mean_and_covariance(features, at))
    return measured


def _double(moment: Tensor) -> Tensor:
    return (moment.cpu() if moment.device.type == "mps" else moment).double()


def _prepared(measured: dict[str, Measurement]) -> dict[str, Measurement]:
    return {name: (mean, covariance, root(covariance)) for name, (mean, covariance) in measured.items()}


def _shares(encoder: Encoder, out: dict[str, Measurement], styles: Sequence[WeightedStyle]) -> dict[str, float]:
    measured = [_measure(encoder, style.picture) for style in styles]
    energy = STATISTICS["wasserstein"].energy
    shares = {}
    for name in LAYERS:
        parts = zip(*(each[name] for each in measured), strict=True)
        style = tuple(torch.stack([s.share * m for s, m in zip(styles, part, strict=True)]).sum(0) for part in parts)
        # The distance is symmetric; the root belongs to the result, for which it is computed once.
        distance = float(wasserstein_distance(style, out[name]))
        shares[name] = max(0.0, distance) / max(float(energy(style)), 1e-12)
    return shares


def _figures(out: Seen, layers: dict[str, float]) -> dict[str, Any]:
    counted = [share for name, share in layers.items() if max(out.size) >> (block(name) - 1) >= POSITIONS] or [layers["relu1_1"]]
    return {"distance": sum(counted) / len(counted), "layers": layers}
