"""Parts of pictures that belong together: joint clustering of features over all of them, so that part 1 means the same in each."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.errors import InputError

LAYERS = ("relu3_1", "relu4_1")
SAMPLES = 2000  # positions of each picture that the centres are found from
SMALL = 0.02  # share of a picture below which a part counts as absent


def signature(features: dict[str, Tensor], layers: Collection[str] = LAYERS) -> Tensor:
    """Features of every position (1, D, h, w) at the size of the deepest layer, each channel standardised within the picture.

    A part is then what stands out from the rest of its picture, photo or painting, whatever its palette.
    """
    maps = [features[name].float() for name in layers]
    size = min((f.shape[-2:] for f in maps), key=lambda s: s[0] * s[1])
    found = []
    for f in maps:
        small = F.adaptive_avg_pool2d(f, (size[0], size[1]))
        mean, deviation = small.mean((2, 3), keepdim=True), small.std((2, 3), keepdim=True)
        standard = (small - mean) / (deviation + 1e-4 * deviation.amax() + 1e-8)
        found.append(standard / standard.shape[1] ** 0.5)
    return torch.cat(found, 1)


def centres(signatures: Iterable[Tensor], count: int, *, seed: int = 0) -> Tensor:
    """``count`` centres (count, D) of the positions of all ``signatures`` (1, D, h, w), by k-means (k-means++ start, seeded).

    At most 2,000 positions of each picture are used. Raises ``InputError`` for fewer positions than centres.
    """
    from scipy.cluster.vq import kmeans2

    if count < 1:
        raise InputError(f"{count} regions are asked for: give 1 or more.")
    generator = np.random.default_rng(seed)
    rows = []
    for each in signatures:
        points = each[0].flatten(1).T.cpu().numpy()
        rows.append(points[generator.permutation(len(points))[:SAMPLES]])
    data = np.concatenate(rows).astype(np.float64)
    if len(np.unique(data, axis=0)) < count:
        raise InputError(f"The references are too plain for {count} regions: ask for fewer.")
    best, least = None, np.inf
    for attempt in range(3):
        found, labels = kmeans2(data, count, iter=30, minit="++", seed=np.random.default_rng(seed + attempt), missing="warn")
        spread = float(((data - found[labels]) ** 2).sum())
        if spread < least:
            best, least = found, spread
    assert best is not None
    return torch.from_numpy(best[np.argsort(best[:, 0], kind="stable")]).float()


def parts(sign: Tensor, centre: Tensor, *, among: Collection[int] | None = None) -> Tensor:
    """Maps (N, 1, h, w) in [0, 1], one a centre, summing to 1 at each position of ``sign`` (1, D, h, w).

    A position belongs to the nearest centre (of ``among``); the maps are smoothed, so that isolated positions join their
    neighbours.
    """
    points = sign[0].flatten(1).T
    far = torch.cdist(points, centre.to(points))
    if among is not None:
        left_out = [i for i in range(len(centre)) if i not in among]
        far[:, left_out] = float("inf")
    one_hot = F.one_hot(far.argmin(1), len(centre)).T.reshape(1, len(centre), *sign.shape[-2:]).float()
    padded = F.pad(one_hot, (1, 1, 1, 1), mode="replicate")
    smooth = F.avg_pool2d(padded, 3, 1)
    chosen = F.one_hot(smooth.argmax(1), len(centre)).permute(0, 3, 1, 2).float()
    return chosen[0][:, None]


def present(maps: Tensor) -> list[int]:
    """Indices of the parts (N, 1, h, w) that cover more than 2 % of the picture; at least the largest."""
    share = maps.mean((1, 2, 3))
    found = [i for i, s in enumerate(share.tolist()) if s > SMALL]
    return found or [int(share.argmax())]
