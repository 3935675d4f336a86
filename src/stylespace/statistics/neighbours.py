"""Nearest neighbours between two sets of vectors by centred cosine, exact, in blocks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

QUERIES, POOL = 2048, 8192  # a block: 64 MB of float32


@torch.no_grad()
def nearest(queries: Tensor, pool: Tensor, centre: bool = True, mean: Tensor | None = None) -> Tensor:
    """For each of ``queries`` (n, D) the index of the vector of ``pool`` (m, D) with the largest cosine: (n,).

    ``centre``: after subtracting each set's own mean (Kolkin et al. 2022); ``mean`` (D,): that of all queries, where ``queries`` are only
    some of them. Memory does not grow with n times m.
    """
    own = queries.mean(0) if mean is None else mean
    here, there = (F.normalize(x - middle if centre else x, dim=1) for x, middle in ((queries, own), (pool, pool.mean(0))))
    found = torch.zeros(len(here), dtype=torch.long, device=here.device)
    best = here.new_full((len(here),), -float("inf"))
    for start in range(0, len(there), POOL):
        block = there[start : start + POOL].T
        for first in range(0, len(here), QUERIES):
            part = slice(first, first + QUERIES)
            like, where = (here[part] @ block).max(1)
            nearer = like > best[part]
            best[part] = torch.where(nearer, like, best[part])
            found[part] = torch.where(nearer, where + start, found[part])
    return found
