"""One step's record, and the result of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from stylespace.pictures.warp import Warp

# Raised by eigenvalue routines when their input is not finite.
LinAlgError: type[Exception] = torch.linalg.LinAlgError  # type: ignore[attr-defined]

# From a picture to its weighted loss terms, whose sum is minimised.
Objective = Callable[[Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class Step:
    """One evaluation: its number within the size (from 1), the long side, the total and its terms, and the picture evaluated."""

    index: int
    of: int
    size: int
    total: float
    terms: dict[str, float]
    picture: Tensor = field(repr=False)
    cut: bool = False  # the step diverged and was undone


Watch = Callable[[Step], None]


@dataclass
class Solution:
    """The picture (1, 3, H, W) a solver ends with, and its state for the next size.

    Of a whole run also: ``beside``, intermediate pictures by name; ``facts`` for the result's record; the ``warp`` that was applied to the
    picture.
    """

    picture: Tensor
    moments: tuple[Tensor, Tensor] | None = None
    steps: int = 0
    interrupted: bool = False
    beside: dict[str, Tensor] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    warp: Warp | None = None
