"""Structure: whether the photo's subject can still be read in the result.

Range of both figures: -1 to 1; 1 is the photo itself, 0 no relation. Higher is more readable.
``luminance``: mean structural similarity (Wang et al. 2004, doi:10.1109/TIP.2003.819861; scikit-image, Gaussian windows) of the
luminances at a quarter of the size, after giving the result's the mean and deviation of the photo's: a darker palette costs
nothing.
``self_similarity``: which places look alike in the photo and which in the result: correlation between the two pictures'
matrices of cosine similarities between centred ``relu4_1`` features, all pairs of positions (as in representational similarity
analysis, Kriegeskorte et al. 2008, doi:10.3389/neuro.06.004.2008; the matrices are STROTSS's content term). Colours, tones and
strokes may change, as long as sky differs from house as before.
Neither measures beauty, nor small features such as eyes; both fall where a style rightly redraws outlines.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.metrics.seen import Seen
from stylespace.pictures.colour import match_luminance
from stylespace.statistics.guides import follow

LAYER = "relu4_1"
_POSITIONS = 32
_WINDOW = 11


def luminance_similarity(out: Seen, content: Seen) -> float:
    """Structural similarity of luminance at a quarter of the size of ``out``; ``content`` has the same size."""
    from skimage.metrics import structural_similarity

    scale = max(0.25, _WINDOW / min(out.size))  # the window must fit
    size = (max(_WINDOW, round(out.size[0] * scale)), max(_WINDOW, round(out.size[1] * scale)))
    small, wanted = out.at(size), content.at(size)
    like = wanted.pixels
    one = match_luminance(small.pixels, like)[0, 0].cpu().double().numpy()
    other = match_luminance(like, like)[0, 0].cpu().double().numpy()
    _, similarity = structural_similarity(
        one, other, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    weights = None if wanted.guide is None else wanted.guide[0, 0].cpu().double().numpy()
    if weights is not None and weights.sum() <= 0:
        weights = None
    return float(np.average(similarity, weights=weights))


def self_similarity(features: Tensor, target: Tensor, guide: Tensor | None = None) -> float:
    """Correlation of the cosine similarities between positions of ``features`` with those of ``target``; both (1, C, h, w).

    ``guide``: (1, 1, H, W) in [0, 1]; positions that are more transparent than not are left out. Two pictures without any
    structure give 1, one without and one with 0.
    """
    size = _coarse(target)
    kept = None if guide is None else follow(guide, size).flatten() >= 0.5
    one, other = _similarities(features, size, kept), _similarities(target, size, kept)
    if one is None or other is None:
        return 1.0 if one is other else 0.0
    return float((one * other).sum() / (one.norm() * other.norm()).clamp_min(1e-12))


def _coarse(features: Tensor) -> tuple[int, int]:
    height, width = features.shape[-2:]
    scale = min(1.0, _POSITIONS / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _similarities(features: Tensor, size: tuple[int, int], kept: Tensor | None) -> Tensor | None:
    """Cosine similarities of all pairs of positions, less their mean; None where all positions are alike."""
    vectors = F.interpolate(features.float(), size=size, mode="area")[0].flatten(1).T.cpu().double()
    if kept is not None:
        vectors = vectors[kept.cpu()]
    scale = vectors.norm()
    if vectors.shape[0] < 3:
        return None
    centred = vectors - vectors.mean(0)
    if centred.norm() <= 1e-4 * scale:
        return None
    centred = F.normalize(centred, dim=1, eps=float(1e-6 * scale))
    cosines = centred @ centred.T
    count = len(cosines)
    above = torch.triu_indices(count, count, offset=1)
    pairs = cosines[above[0], above[1]]
    pairs = pairs - pairs.mean()
    return pairs if float(pairs.norm()) > 0 else None
