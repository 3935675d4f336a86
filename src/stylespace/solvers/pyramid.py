"""Coarse to fine: the sizes of a run and the steps at each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stylespace.errors import InputError


def sizes(size: int, smallest: int = 128, factor: float = 2**0.5) -> tuple[int, ...]:
    """Long sides in pixels, each ``factor`` times the one before, ending at ``size`` and starting at ``smallest`` or above."""
    if size < 1 or smallest < 1:
        raise InputError(f"A size of {min(size, smallest)} pixels cannot be made: sizes are 1 or more.")
    if factor <= 1:
        raise InputError(f"Sizes cannot grow by a factor of {factor}: give more than 1.")
    levels = math.floor(math.log(max(size / smallest, 1)) / math.log(factor) + 1e-9)
    return tuple(sorted({round(size / factor**level) for level in range(levels + 1)}))


def share(steps: int, sizes: Sequence[int], fall: float) -> tuple[int, ...]:
    """``steps`` shared out over ``sizes``: in proportion to ``(smallest / size) ** fall``, at least one each.

    With ``fall`` 2 every size takes the same time; large shapes are settled at small sizes, where steps are cheap.
    """
    weights = [(sizes[0] / s) ** fall for s in sizes]
    return tuple(max(1, round(steps * weight / sum(weights))) for weight in weights)
