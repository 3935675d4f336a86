"""Neural best buddies: places of two pictures that are each other's nearest neighbours, found from deep to shallow layers.

Aberman, Liao, Shi, Lischinski, Chen & Cohen-Or 2018, "Neural Best-Buddies: Sparse Cross-Domain Correspondence",
doi:10.1145/3197517.3201332.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# From level 5 to level 1: sides of the patches that are compared, and radii of the regions searched around a pair of the level before.
PATCHES, RADII = {5: 3, 4: 3, 3: 3, 2: 5, 1: 5}, {4: 2, 3: 2, 2: 3, 1: 3}
RESPONSE = 0.05
CHUNK = 64  # regions at a time


@dataclass(frozen=True)
class Buddies:
    """Pairs of places, the strongest first.

    ``a`` and ``b`` (n, 2): down and right, in shares of the sides, in the first and the second picture. ``activation`` (n,): how strongly
    features respond there, summed over the levels (at most one per level). ``likeness`` (n,): the correlation at the last level.
    """

    a: Tensor
    b: Tensor
    activation: Tensor
    likeness: Tensor

    def __len__(self) -> int:
        return len(self.a)

    def at(self, index: Tensor) -> Buddies:
        """The pairs of ``index``, a mask or indices."""
        return Buddies(self.a[index], self.b[index], self.activation[index], self.likeness[index])


@torch.no_grad()
def best_buddies(first: Sequence[Tensor], second: Sequence[Tensor], response: float = RESPONSE) -> Buddies:
    """Best buddies of two pictures by their features at levels 5, 4, ... (relu5_1, relu4_1, ...), each (1, C, h, w), of equal sizes.

    At each level both regions of a pair are given a common appearance, the mean of their means and deviations (eq. 4); buddies are
    mutual nearest neighbours of patches by normalised correlation (eq. 2, 3) whose response is above ``response`` (eq. 6); the next level
    searches around each. Deterministic.
    """
    levels = [5 - i for i in range(len(first))]
    pairs: Tensor | None = None  # (n, 4): down and right in the first and in the second, at the level before
    activation = likeness = torch.zeros(0)
    for level, one, other in zip(levels, first, second, strict=True):
        heats = [_response(f) for f in (one, other)]
        if pairs is None:
            side = max(one.shape[-2:])
            regions, radius, before = torch.tensor([[(side - 1) // 2] * 4]), side // 2, torch.zeros(1)
        else:
            regions, radius, before = 2 * pairs, RADII[level], activation
        found, like, parent = _search(one, other, regions, radius, PATCHES[level])
        heat = torch.stack([h[tuple(found[:, 2 * i : 2 * i + 2].T)] for i, h in enumerate(heats)], 1)
        kept = (heat > response).all(1)
        if not kept.any():
            if pairs is not None:  # nothing finer: the pairs of the level before are the result
                return _shares(pairs, first[levels.index(level) - 1].shape, activation, likeness)
            return Buddies(torch.zeros(0, 2), torch.zeros(0, 2), torch.zeros(0), torch.zeros(0))
        found, like = found[kept], like[kept]
        strength = before[parent[kept]] + heat[kept].mean(1)
        pairs, activation, likeness = _once(found, strength, like)
    assert pairs is not None
    return _shares(pairs, first[-1].shape, activation, likeness)


def mutual_neighbours(one: Tensor, other: Tensor) -> Buddies:
    """Plain mutual nearest neighbours of the positions of two maps (1, C, h, w), by cosine: the baseline for best buddies."""
    x, y = (F.normalize(f[0].flatten(1).T.float(), dim=1) for f in (one, other))
    like = x @ y.T
    forth, back = like.argmax(1), like.argmax(0)
    mine = torch.arange(len(x))
    both = back[forth] == mine
    wide = (one.shape[-1], other.shape[-1])
    pairs = torch.stack([mine // wide[0], mine % wide[0], forth // wide[1], forth % wide[1]], 1)[both]
    return _shares(pairs, one.shape, torch.ones(int(both.sum())), like[mine, forth][both])


def _search(one: Tensor, other: Tensor, regions: Tensor, radius: int, patch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mutual nearest neighbours inside each pair of regions: pairs (n, 4), their likeness, and the index of their region."""
    found, likeness, parents = [], [], []
    for start in range(0, len(regions), CHUNK):
        part = regions[start : start + CHUNK]
        a, inside_a = _windows(one, part[:, :2], radius, patch)
        b, inside_b = _windows(other, part[:, 2:], radius, patch)
        a, b = _common_appearance(a, b, inside_a, inside_b, patch)
        pixel = torch.einsum("nhwc,nijc->nhwij", F.normalize(a, dim=-1), F.normalize(b, dim=-1))
        side = 2 * radius + 1
        like = pixel.new_zeros(len(part), side, side, side, side)
        for down in range(patch):
            for right in range(patch):
                like += pixel[:, down : down + side, right : right + side, down : down + side, right : right + side]
        like = like.flatten(3).flatten(1, 2) / patch**2
        like = like.masked_fill(~inside_a.flatten(1)[:, :, None] | ~inside_b.flatten(1)[:, None], -2)
        forth, back = like.argmax(2), like.argmax(1)
        mine = torch.arange(side * side).expand_as(forth)
        best = like.gather(2, forth[:, :, None])[..., 0]
        mutual = (back.gather(1, forth) == mine) & (best > -2)
        number, p = mutual.nonzero(as_tuple=True)
        q = forth[number, p]
        corner = part[number] - radius
        found.append(corner + torch.stack([p // side, p % side, q // side, q % side], 1))
        likeness.append(best[number, p])
        parents.append(number + start)
    return torch.cat(found), torch.cat(likeness), torch.cat(parents)


def _windows(features: Tensor, centres: Tensor, radius: int, patch: int) -> tuple[Tensor, Tensor]:
    """Features around ``centres`` (n, 2), with a margin for patches (n, e, e, C), and which of their positions lie on the map (n, s, s)."""
    high, wide = features.shape[-2:]
    reach = radius + patch // 2
    steps = torch.arange(-reach, reach + 1)
    rows, columns = centres[:, :1] + steps, centres[:, 1:] + steps
    taken = features[0].permute(1, 2, 0).float()[rows.clamp(0, high - 1)[:, :, None], columns.clamp(0, wide - 1)[:, None]]
    inner = slice(patch // 2, len(steps) - patch // 2)
    on_rows, on_columns = ((0 <= x[:, inner]) & (x[:, inner] < limit) for x, limit in ((rows, high), (columns, wide)))
    return taken, on_rows[:, :, None] & on_columns[:, None]


def _common_appearance(a: Tensor, b: Tensor, inside_a: Tensor, inside_b: Tensor, patch: int) -> tuple[Tensor, Tensor]:
    """Both regions with the mean of their means and deviations (eq. 4)."""
    edge = patch // 2
    measured = []
    for window, inside in ((a, inside_a), (b, inside_b)):
        inner = window[:, edge : window.shape[1] - edge, edge : window.shape[2] - edge]
        weight = inside[..., None].float()
        count = weight.sum((1, 2), keepdim=True).clamp_min(1)
        mean = (inner * weight).sum((1, 2), keepdim=True) / count
        measured.append((mean, (((inner - mean) * weight).square().sum((1, 2), keepdim=True) / count).sqrt()))
    middle = [(x + y) / 2 for x, y in zip(*measured, strict=True)]
    small = 1e-3 * middle[1].amax(-1, keepdim=True) + 1e-8
    done = [
        (w - mean) / (deviation + small) * middle[1] + middle[0] for w, (mean, deviation) in zip((a, b), measured, strict=True)
    ]
    return done[0], done[1]


def _response(features: Tensor) -> Tensor:
    """Strength of the features at each place, from 0, the least, to 1, the most (eq. 6): (h, w)."""
    strength = features[0].float().square().sum(0)
    return (strength - strength.min()) / (strength.max() - strength.min()).clamp_min(1e-12)


def _once(pairs: Tensor, activation: Tensor, likeness: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """At most one pair for each place: overlapping regions find the same places, and the pair that correlates most stays."""
    order = likeness.argsort(descending=True, stable=True).tolist()
    listed = pairs.tolist()
    taken_a: set[tuple[int, int]] = set()
    taken_b: set[tuple[int, int]] = set()
    kept = []
    for i in order:
        p, q = (listed[i][0], listed[i][1]), (listed[i][2], listed[i][3])
        if p not in taken_a and q not in taken_b:
            taken_a.add(p)
            taken_b.add(q)
            kept.append(i)
    chosen = torch.tensor(sorted(kept))
    return pairs[chosen], activation[chosen], likeness[chosen]


def _shares(pairs: Tensor, shape: Sequence[int], activation: Tensor, likeness: Tensor) -> Buddies:
    """Places as shares of the sides, the strongest first."""
    order = activation.argsort(descending=True, stable=True)
    sides = torch.tensor(shape[-2:])
    middles = pairs[order] + 0.5
    return Buddies(middles[:, :2] / sides, middles[:, 2:] / sides, activation[order], likeness[order])
