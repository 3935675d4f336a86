"""The nearest point of a convex hull: the quadratic programme behind blends of references (Ikuta, Ogaki & Odagiri 2016).

    minimise over w   w' Q w - 2 b' w + c   with w >= 0, sum w = 1
is the squared distance of sum_i w_i a_i from p, with Q the inner products of the a_i, b those with p and c = <p, p>.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stylespace.errors import InputError, StylespaceError

Array = NDArray[np.float64]
# Relative to Q's largest diagonal: makes the minimum unique, so that equal references share equally.
_RIDGE = 1e-9


def nearest(products: Array, to_point: Array, *, limit: int | None = None) -> Array:
    """Weights (K,) of the point of the hull nearest to p. ``products``: Q (K, K); ``to_point``: b (K,).

    ``limit``: at most this many weights are not zero. The smallest are dropped, a quarter at a time, and the programme is solved again:
    a heuristic, since the best subset is a combinatorial problem. Equal references get equal weights. Raises ``InputError`` for a limit
    below 1, ``StylespaceError`` when the programme cannot be solved (features that are not finite).
    """
    count = len(to_point)
    if limit is not None and limit < 1:
        raise InputError(f"At most {limit} references are to be used: give 1 or more.")
    if not count:
        raise InputError("There are no references to blend: give at least one picture.")
    if not (np.isfinite(products).all() and np.isfinite(to_point).all()):
        raise StylespaceError("The references' features are not finite numbers: use --precision fp32.")
    active = np.arange(count)
    weights = _solve(products, to_point)
    while limit is not None and np.count_nonzero(weights) > limit:
        kept = np.flatnonzero(weights)
        dropped = min(max(1, len(kept) // 4), len(kept) - limit)
        # Stable: of equal weights the later reference goes.
        kept = np.sort(kept[np.argsort(-weights[kept], kind="stable")][: len(kept) - dropped])
        active = active[kept]
        weights = _solve(products[np.ix_(active, active)], to_point[active])
    whole = np.zeros(count)
    whole[active] = weights
    return whole


def distance(weights: Array, products: Array, to_point: Array, square: float) -> float:
    """Squared distance of the blend to p; ``square``: <p, p>."""
    return max(0.0, float(weights @ products @ weights - 2 * to_point @ weights + square))


def _solve(products: Array, to_point: Array) -> Array:
    import clarabel
    from scipy import sparse

    count = len(to_point)
    if count == 1:
        return np.ones(1)
    scale = max(float(np.abs(np.diag(products)).max()), np.finfo(float).tiny)
    quadratic = 2 * (products + products.T) / 2 / scale + 2 * _RIDGE * np.eye(count)
    constraints = sparse.vstack([np.ones((1, count)), -sparse.eye(count)], format="csc")
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    solver = clarabel.DefaultSolver(
        sparse.csc_matrix(np.triu(quadratic)),
        -2 * to_point / scale,
        constraints,
        np.concatenate([[1.0], np.zeros(count)]),
        [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(count)],
        settings,
    )
    found = np.asarray(solver.solve().x)
    if not np.isfinite(found).all() or abs(found.sum() - 1) > 1e-3:
        raise StylespaceError(
            "The blend's quadratic programme was not solved: leave out references that are not pictures of the style."
        )
    return polished(quadratic, 2 * to_point / scale, found)


def polished(quadratic: Array, linear: Array, weights: Array, *, floor: float = 1e-5) -> Array:
    """``weights`` with zeros exact: the equality-constrained minimum on the weights above ``floor``, where that is feasible."""
    active = np.flatnonzero(weights > floor)
    while len(active):
        size = len(active)
        system = np.zeros((size + 1, size + 1))
        system[:size, :size] = quadratic[np.ix_(active, active)]
        system[:size, size] = system[size, :size] = 1
        exact = np.linalg.lstsq(system, np.append(linear[active], 1.0), rcond=1e-13)[0][:size]
        if (exact >= -floor).all():
            whole = np.zeros(len(weights))
            whole[active] = np.where(exact > floor, exact, 0.0)
            return whole / whole.sum()
        active = active[exact >= -floor]
    return weights.clip(0) / weights.clip(0).sum()
