"""Coarse to fine: the sizes of a run and the steps at each."""

from __future__ import annotations

from collections.abc import Sequence

from stylespace.errors import InputError

SMALL, LARGE = 512, 1000


def sizes(size: int, smallest: int = 128, factor: float = 2**0.5) -> tuple[int, ...]:
    """Long sides in pixels, each ``factor`` times the one before, ending at ``size`` and starting at ``smallest`` or above.

    Above a thousand pixels every size is twice the one before: only fine detail is added there, and steps are expensive.
    """
    if size < 1 or smallest < 1:
        raise InputError(f"A size of {min(size, smallest)} pixels is not possible: give 1 or more.")
    if factor <= 1:
        raise InputError(f"Sizes cannot grow by a factor of {factor}: give more than 1.")
    found: list[float] = []
    now = float(size)
    while now * (1 + 1e-9) >= smallest or not found:
        found.append(now)
        now /= max(2.0, factor) if now >= 2 * LARGE else factor
    return tuple(sorted({round(side) for side in found}))


def paired(sizes: Sequence[int], steps: Sequence[int]) -> list[tuple[int, int]]:
    """Long side and steps of each size. Raises ``InputError`` when their numbers differ."""
    if len(steps) != len(sizes):
        raise InputError(f"{len(steps)} numbers of steps were given for {len(sizes)} sizes: give one for each.")
    return list(zip(sizes, steps, strict=True))


def share(steps: int, sizes: Sequence[int], fall: float, least: int = 1) -> tuple[int, ...]:
    """``steps`` divided among ``sizes``: in proportion to ``(smallest / size) ** fall``, at least one each, ``least`` above 512 px.

    With ``fall`` 2 every size takes the same time; large shapes are settled at small sizes, where steps are cheap.
    """
    weights = [(sizes[0] / s) ** fall for s in sizes]
    return tuple(
        max(1, min(least, steps) if size > SMALL else 1, round(steps * weight / sum(weights)))
        for size, weight in zip(sizes, weights, strict=True)
    )
