"""How far straight edges of a photo have moved or bent in a picture made from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]
REACH = 6.0  # pixels within which an edge is searched
TEMPLATE = 4.0  # to either side of an edge that is compared
STEP = 0.25  # of a pixel
PIECE = 6  # pixels of a line that are looked at together
FAINT = 0.01  # of an edge's gradient
ALIKE = 0.6  # correlation below which the edge is no longer there
NEARER = 0.02  # of correlation that a pixel less is worth, so that a parallel edge is not taken for this one


def line_deviation(photo: Tensor, made: Tensor) -> float | None:
    """Pixels by which the straight edges of ``photo`` have left their places in ``made``, both (1, 3, H, W) in [0, 1]: of each the
    farthest, and of all their mean by length. None where the photo has no straight edge that is still seen.

    Edges are found by Canny and the probabilistic Hough transform. Along each, piece by piece, the strength of the gradient across
    it is compared, by correlation, with that of ``made`` shifted: it is the place of an edge that counts, neither colours nor contrast.
    """
    lines = _lines(photo)
    pictures = [picture[0].detach().cpu().double().numpy() for picture in (photo, made)]
    farthest, lengths = [], []
    for start, end in lines:
        found = _shifts(pictures, start, end)
        if len(found):
            farthest.append(float(np.abs(found).max()))
            lengths.append(float(np.hypot(*(end - start))))
    return float(np.average(farthest, weights=lengths)) if farthest else None


def _lines(photo: Tensor) -> list[tuple[Floats, Floats]]:
    """Ends, (down, right), of straight edges; the longest hundred."""
    from skimage.feature import canny
    from skimage.transform import probabilistic_hough_line

    y = photo[0].detach().cpu().double().mean(0).numpy()
    found: Any = probabilistic_hough_line(canny(y, 1.5), threshold=10, line_length=max(12, max(y.shape) // 10), line_gap=2, rng=0)
    ends = [(np.array([a[1], a[0]], float), np.array([b[1], b[0]], float)) for a, b in found]
    return sorted(ends, key=lambda pair: -float(np.hypot(*(pair[1] - pair[0]))))[:100]


def _shifts(pictures: list[Floats], start: Floats, end: Floats) -> Floats:
    """By how much the edge from ``start`` to ``end`` of the first picture has moved in the second, across it, piece by piece."""
    length = float(np.hypot(*(end - start)))
    along = (end - start) / length
    across = np.array([along[1], -along[0]])
    count = int(length) // PIECE
    if count < 3:
        return np.zeros(0)
    offsets = np.arange(-REACH - TEMPLATE, REACH + TEMPLATE + STEP / 2, STEP)
    at = (np.arange(count * PIECE) + 0.5) * (length / (count * PIECE))
    places = start[:, None, None] + along[:, None, None] * at[:, None] + across[:, None, None] * offsets  # (2, n, offsets)
    strengths = [_strength(picture, places).reshape(count, PIECE, -1).mean(1) for picture in pictures]  # (pieces, offsets)
    half, most = round(TEMPLATE / STEP), round(REACH / STEP)
    middle = len(offsets) // 2
    own = strengths[0][:, middle - half : middle + half + 1]
    moves = np.arange(-most, most + 1)
    alike = np.stack([_correlation(own, strengths[1][:, middle + m - half : middle + m + half + 1]) for m in moves], 1)
    best = (alike - NEARER * np.abs(moves) * STEP).argmax(1)
    seen = (own.max(1) > FAINT) & (alike[np.arange(count), best] > ALIKE)
    found = moves[best] * STEP
    if int(seen.sum()) < 3:
        return np.zeros(0)
    kept = found[seen]
    return np.array([np.median(kept[max(0, k - 1) : k + 2]) for k in range(1, len(kept) - 1)])


def _strength(picture: Floats, places: Floats) -> Floats:
    """Of the gradient across a line, over all channels: (n, offsets)."""
    from scipy.ndimage import map_coordinates

    profiles = [map_coordinates(channel, places, order=1, mode="nearest") for channel in picture]
    found: Floats = np.sqrt(sum(np.gradient(profile, STEP, axis=1) ** 2 for profile in profiles))
    return found


def _correlation(one: Floats, other: Floats) -> Floats:
    """Row by row; 0 where a row does not change."""
    a, b = (each - each.mean(1, keepdims=True) for each in (one, other))
    found: Floats = (a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1)).clip(1e-12)
    return found
