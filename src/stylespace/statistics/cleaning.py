"""Which of many pairs of places to keep: strong pairs, far from each other, that do not cross; or one for each of k clusters.

Aberman et al. 2018, sec. 4.3; Kim et al. 2020 (Deformable Style Transfer), the authors' code.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylespace.statistics.buddies import Buddies

LEAST, APART, MOST = 1.0, 10 / 256, 80
AROUND, APART_FROM_OTHERS = 5, 0.12  # shares of the sides


def strongest(buddies: Buddies, count: int, seed: int = 0) -> Buddies:
    """The strongest pair of each of ``count`` clusters of places in the first picture (k-means, seeded); all if there are no more."""
    from scipy.cluster.vq import kmeans2

    if len(buddies) <= count:
        return buddies
    data = buddies.a.double().numpy()
    centres = kmeans2(data, count, iter=50, minit="++", seed=np.random.default_rng(seed), missing="warn")[0]
    label = ((data[:, None] - centres[None]) ** 2).sum(2).argmin(1)
    kept = [int(np.flatnonzero(label == i)[0]) for i in range(count) if (label == i).any()]  # sorted by strength already
    return buddies.at(torch.tensor(sorted(kept)))


def cleaned(buddies: Buddies, least: float = LEAST, apart: float = APART, most: int = MOST) -> Buddies:
    """Pairs with an activation of ``least``, greedily the strongest first, at least ``apart`` in both pictures (a share of the sides).

    At most ``most`` are kept. Then pairs that move quite differently from their neighbours are dropped (ours), since a warp could only
    follow them by folding; and, once the second picture's places are aligned by a similarity, the weaker of every two segments that cross.
    """
    buddies = buddies.at(buddies.activation >= least)
    kept: list[int] = []
    for i in range(len(buddies)):
        if len(kept) == most:
            break
        near = [min(float((side[i] - side[j]).norm()) for side in (buddies.a, buddies.b)) for j in kept]
        if not near or min(near) >= apart:
            kept.append(i)
    buddies = _agreeing(buddies.at(torch.tensor(kept, dtype=torch.long)))
    if len(buddies) < 2:
        return buddies
    starts, ends = buddies.a.double().numpy(), aligned(buddies.b, buddies.a).double().numpy()
    apart_from: list[int] = []
    for i in range(len(buddies)):
        if not any(_cross(starts[i], ends[i], starts[j], ends[j]) for j in apart_from):
            apart_from.append(i)
    return buddies.at(torch.tensor(apart_from))


def _agreeing(buddies: Buddies) -> Buddies:
    """Drop pairs one by one until each moves within ``APART_FROM_OTHERS`` of the median of its five nearest."""
    while len(buddies) > AROUND:
        moves = aligned(buddies.b, buddies.a) - buddies.a
        far = torch.cdist(buddies.a, buddies.a)
        far.fill_diagonal_(float("inf"))
        around = moves[far.topk(AROUND, largest=False).indices].median(1).values
        off = (moves - around).norm(dim=1)
        if float(off.max()) <= APART_FROM_OTHERS:
            break
        buddies = buddies.at(torch.arange(len(buddies)) != off.argmax())
    return buddies


def aligned(points: Tensor, to: Tensor) -> Tensor:
    """``points`` (n, 2) after the rotation, scaling and translation that bring them nearest to ``to`` (n, 2) (Umeyama 1991)."""
    p, q = points.double(), to.double()
    centre, goal = p.mean(0), q.mean(0)
    u, s, v = torch.linalg.svd((q - goal).T @ (p - centre))
    sign = torch.ones(2, dtype=torch.float64)
    sign[1] = torch.sign(torch.linalg.det(u) * torch.linalg.det(v))
    turn = u @ torch.diag(sign) @ v
    spread = (p - centre).square().sum()
    scale = (s * sign).sum() / spread if spread > 1e-12 else p.new_ones(())
    return ((p - centre) @ turn.T * scale + goal).to(points)


def _cross(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]) -> bool:
    """Whether the segments a-b and c-d cross inside."""

    def side(p: NDArray[np.float64], q: NDArray[np.float64], r: NDArray[np.float64]) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
