"""For every patch of one picture a similar one of another: PatchMatch (Barnes et al. 2009, doi:10.1145/1531326.1531330), and votes.

Pictures have 8-bit integers in any number of channels, each with a weight, so distances are exact. Bands of rows are searched
independently, rows beyond a band are read as they were before the round, and random numbers depend only on seed, round and pixel: any
number of threads gives the same result. Compiled by numba (extra ``patches``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylespace.errors import InputError, MissingExtraError

Bytes = NDArray[np.uint8]
Places = NDArray[np.int32]
BAND = 32  # rows
PARTS = 1024  # the denominator of shares, which are integers


@dataclass(frozen=True)
class NearestField:
    """``places`` (H, W, 2): the centre of the source's patch, down and right; ``errors`` (H, W) int64: its distance."""

    places: Places
    errors: NDArray[np.int64]


@dataclass(frozen=True)
class Criteria:
    """``side`` of patches, an odd number of pixels. ``weights``: of the channels, integers. ``uniformity``: the extra cost of a patch
    that has been used as often as the average, in grey levels a channel, squared (0: none). ``coherence``: kappa; a patch that continues a
    neighbour's is taken unless another is nearer by this share (Hertzmann et al. 2001, sec. 3.2)."""

    side: int
    weights: tuple[int, ...]
    uniformity: float = 0.0
    coherence: float = 0.0


def compiled() -> Any:
    """The compiled loops. Raises ``MissingExtraError`` where numba is not installed."""
    try:
        return import_module("stylespace.statistics.patchmatch_loops")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("numba", "llvmlite"):
            raise
        raise MissingExtraError("Matching patches needs numba, an extra: pip install 'stylespace[patches]'.") from error


def middles(owner: NDArray[np.int64], side: int) -> NDArray[np.bool_]:
    """Where patches of ``side`` pixels of an atlas may have their centres: within one picture (one ``owner``, not -1).

    Raises ``InputError`` where there is no such place.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    # Beyond the border nobody is the owner.
    low, high = (f(owner, size=side, mode="constant", cval=-1) for f in (minimum_filter, maximum_filter))
    found: NDArray[np.bool_] = (low == high) & (low >= 0)
    if not found.any():
        raise InputError(
            f"No patch of {side} pixels fits into the style or its mask: give a larger picture, or a smaller --patch."
        )
    return found


def anywhere(size: tuple[int, int], allowed: NDArray[np.bool_], seed: int) -> Places:
    """Places drawn at random, (H, W, 2)."""
    among = np.argwhere(allowed).astype(np.int32)
    return among[np.random.default_rng(seed).integers(len(among), size=size)]


def enlarged(places: Places, size: tuple[int, int], before: Sequence[int], allowed: NDArray[np.bool_]) -> Places:
    """Places found at a smaller size, at ``size`` (H, W). ``before``: the size of the source then; it has the size of ``allowed`` now.

    Neighbours that came from one patch stay neighbours; a place outside moves to the nearest one that is allowed.
    """
    from scipy.ndimage import distance_transform_edt

    rows, columns = (np.arange(new) * old // new for new, old in zip(size, places.shape[:2], strict=True))
    inside = [
        (np.arange(new) * old % new) // old if old <= new else np.zeros(new, np.int64)
        for new, old in zip(size, places.shape[:2], strict=True)
    ]
    small = places[rows][:, columns].astype(np.int64)
    down = small[..., 0] * allowed.shape[0] // before[0] + inside[0][:, None]
    right = small[..., 1] * allowed.shape[1] // before[1] + inside[1][None]
    down, right = np.clip(down, 0, allowed.shape[0] - 1), np.clip(right, 0, allowed.shape[1] - 1)
    nearest = distance_transform_edt(~allowed, return_distances=False, return_indices=True)
    return np.stack([nearest[0][down, right], nearest[1][down, right]], -1).astype(np.int32)


def search(
    here: Bytes,
    there: Bytes,
    places: Places,
    allowed: NDArray[np.bool_],
    criteria: Criteria,
    rounds: int,
    seed: int,
    workers: int = 1,
    settled: NDArray[np.bool_] | None = None,
) -> NearestField:
    """Better places than ``places`` (H, W, 2) for the patches of ``here`` (H, W, C) in ``there`` (h, w, C), after ``rounds`` rounds.

    ``allowed`` (h, w): where patches may have their centres. At the border of ``here`` its edge pixels are repeated. ``settled`` (H, W):
    whose places stay as they are.
    """
    loops = compiled()
    reach = criteria.side // 2
    wide = np.pad(here, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    weights = np.asarray(criteria.weights, np.int64)
    settled = np.zeros(places.shape[:2], np.bool_) if settled is None else settled
    unit = criteria.side**2 * int(weights.sum())  # the distance of a patch that is off by one grey level
    kappa = round(criteria.coherence * PARTS)
    field = NearestField(np.ascontiguousarray(places), np.zeros(places.shape[:2], np.int64))
    for number in range(rounds):
        price = _prices(field.places, allowed, round(criteria.uniformity * unit), criteria.side)
        before = field.places.copy()
        errors = np.empty_like(field.errors)
        found = before.copy()

        def band(
            top: int, before: Places = before, found: Places = found, errors: Any = errors, price: Any = price, n: int = number
        ) -> None:
            loops.improve(
                wide, there, weights, allowed, settled, price, before, found, errors, top, min(top + BAND, found.shape[0]), reach, kappa,
                n % 2 == 1, (seed * 1000003 + n) % 2**62,
            )  # fmt: skip

        _each(range(0, found.shape[0], BAND), band, workers)
        field = NearestField(found, errors)
    return field


def vote(colours: Bytes, field: NearestField, side: int, workers: int = 1, settled: NDArray[np.bool_] | None = None) -> Bytes:
    """The picture (H, W, C) that overlapping patches of ``colours`` (h, w, C) make: their mean, in which nearer ones count more.

    Pixels that are ``settled`` (H, W) are left out: 0.
    """
    loops = compiled()
    made = np.zeros((*field.places.shape[:2], colours.shape[2]), np.uint8)
    settled = np.zeros(made.shape[:2], np.bool_) if settled is None else settled
    middle = max(int(np.median(field.errors)), 1)

    def band(top: int) -> None:
        loops.average(colours, field.places, field.errors, settled, middle, made, top, min(top + BAND, made.shape[0]), side // 2)

    _each(range(0, made.shape[0], BAND), band, workers)
    return made


def uses(places: Places, size: tuple[int, int], side: int) -> NDArray[np.int64]:
    """How many patches of ``side`` pixels cover each pixel of a source of ``size`` (h, w)."""
    counts = np.zeros(size, np.int64)
    np.add.at(counts, (places[..., 0].ravel(), places[..., 1].ravel()), 1)
    reach = side // 2
    sums = np.pad(counts, ((reach + 1, reach), (reach + 1, reach))).cumsum(0).cumsum(1)
    return sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]


def _prices(places: Places, allowed: NDArray[np.bool_], cost: int, side: int) -> NDArray[np.int64]:
    """The cost of using each patch of the source again: ``cost`` where it has been used as often as the average."""
    if not cost:
        return np.zeros(allowed.shape, np.int64)
    size = (allowed.shape[0], allowed.shape[1])
    used = uses(places, size, side)
    average = max(places.shape[0] * places.shape[1] * side**2, 1)
    return used * cost * int(allowed.sum()) // average


def _each(tops: range, work: Callable[[int], None], workers: int) -> None:
    if workers <= 1 or len(tops) == 1:
        for top in tops:
            work(top)
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, tops))


@cache
def ready() -> bool:
    """Whether numba is installed."""
    try:
        compiled()
    except MissingExtraError:
        return False
    return True
