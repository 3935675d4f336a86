"""The loops of :mod:`stylespace.statistics.patchmatch`, compiled when first called and cached on disk by numba."""

from __future__ import annotations

import numba
import numpy as np


def _compiled(function):  # type: ignore[no-untyped-def]
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder to keep the result in
        return numba.njit(nogil=True)(function)


@_compiled
def _distance(wide, there, weights, y, x, v, u, reach, limit):  # type: ignore[no-untyped-def]
    """Between the patch of ``wide`` around (y, x), not counting its margin, and that of ``there`` around (v, u); exact up to ``limit``."""
    total = np.int64(0)
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            for c in range(weights.shape[0]):
                d = np.int64(wide[y + reach + i, x + reach + j, c]) - np.int64(there[v + i, u + j, c])
                total += weights[c] * d * d
        if total > limit:
            return total
    return total


@_compiled
def _drawn(state):  # type: ignore[no-untyped-def]
    """The next of a series of pseudo-random numbers (splitmix64, Steele et al. 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state, z ^ (z >> np.uint64(31))


@_compiled
def improve(wide, there, weights, allowed, settled, price, before, found, errors, top, bottom, reach, kappa, back, seed):  # type: ignore[no-untyped-def]
    """One round over the rows ``top`` to ``bottom``: what neighbours suggest, then random places ever closer to the best."""
    high, across = allowed.shape
    rows, columns = found.shape[0], found.shape[1]
    step = -1 if back else 1
    endless = np.int64(1) << np.int64(62)
    for n in range(bottom - top):
        y = bottom - 1 - n if back else top + n
        for m in range(columns):
            x = columns - 1 - m if back else m
            v, u = before[y, x, 0], before[y, x, 1]
            best = _distance(wide, there, weights, y, x, v, u, reach, endless) + price[v, u]
            if settled[y, x]:
                errors[y, x] = best
                continue
            alone = True  # whether it continues no neighbour's patch
            for k in range(2):
                b, a = (y - step, x) if k == 0 else (y, x - step)
                if b < 0 or b >= rows or a < 0 or a >= columns:
                    continue
                inside = top <= b < bottom
                s = (found[b, a, 0] if inside else before[b, a, 0]) + (y - b)
                t = (found[b, a, 1] if inside else before[b, a, 1]) + (x - a)
                if s < 0 or s >= high or t < 0 or t >= across or not allowed[s, t]:
                    continue
                if s == v and t == u:
                    alone = False
                    continue
                bound = best * (1024 + kappa) // 1024 if alone else best
                error = _distance(wide, there, weights, y, x, s, t, reach, bound) + price[s, t]
                if error < bound or (alone and error <= bound):
                    v, u, best, alone = s, t, error, False
            state = np.uint64(seed) * np.uint64(0x2545F4914F6CDD1D) + np.uint64(y) * np.uint64(1000003) + np.uint64(x)
            radius = max(high, across)
            while radius >= 1:
                state, chance = _drawn(state)
                span = np.uint64(2 * radius + 1)
                s = v + np.int64(chance % span) - radius
                t = u + np.int64((chance >> np.uint64(32)) % span) - radius
                radius //= 2
                if s < 0 or s >= high or t < 0 or t >= across or not allowed[s, t]:
                    continue
                # What goes on with a neighbour is left only for what is nearer by kappa.
                bound = best if alone else best * 1024 // (1024 + kappa)
                error = _distance(wide, there, weights, y, x, s, t, reach, bound) + price[s, t]
                if error < bound:
                    v, u, best, alone = s, t, error, True
            found[y, x, 0], found[y, x, 1] = v, u
            errors[y, x] = best


@_compiled
def average(colours, places, errors, settled, middle, made, top, bottom, reach):  # type: ignore[no-untyped-def]
    """Rows ``top`` to ``bottom`` of the picture that patches make; a patch counts by middle / (middle + its error), in 4096ths."""
    rows, columns, channels = made.shape
    total = np.zeros(channels, np.int64)
    for y in range(top, bottom):
        for x in range(columns):
            if settled[y, x]:
                continue
            total[:] = 0
            weight = np.int64(0)
            for i in range(-reach, reach + 1):
                for j in range(-reach, reach + 1):
                    b, a = y + i, x + j
                    if b < 0 or b >= rows or a < 0 or a >= columns:
                        continue
                    w = np.int64(1) + np.int64(4095) * middle // (middle + errors[b, a])
                    v, u = places[b, a, 0] - i, places[b, a, 1] - j
                    weight += w
                    for c in range(channels):
                        total[c] += w * colours[v, u, c]
            for c in range(channels):
                made[y, x, c] = (total[c] + weight // 2) // weight
