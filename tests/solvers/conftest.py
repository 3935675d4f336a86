"""Objectives whose minimum is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from stylespace.solvers.solution import Objective


class Quadratic:
    """Convex, its minimum 0 at ``goal``; curvatures from 1 to 9; two terms. ``spoil(n, terms)`` may change the n-th evaluation."""

    def __init__(self, goal: Tensor, spoil: Callable[[int, dict[str, Tensor]], dict[str, Tensor]] | None = None) -> None:
        self.goal, self.spoil = goal, spoil
        self.curvature = torch.linspace(1, 9, goal.numel(), dtype=goal.dtype).reshape(goal.shape)
        self.calls = 0

    def __call__(self, picture: Tensor) -> dict[str, Tensor]:
        self.calls += 1
        squares = self.curvature * (picture - self.goal).square()
        terms = {"left": squares[..., :2].sum(), "right": squares[..., 2:].sum()}
        return self.spoil(self.calls, terms) if self.spoil else terms


@pytest.fixture
def goal() -> Tensor:
    return 0.2 + 0.6 * torch.rand(1, 3, 4, 5)


@pytest.fixture
def start() -> Tensor:
    return torch.rand(1, 3, 4, 5)


@pytest.fixture
def quadratic(goal: Tensor) -> Objective:
    return Quadratic(goal)


@pytest.fixture
def spoiled(goal: Tensor) -> Callable[..., Objective]:
    """A quadratic whose evaluations named (from 1) give ``value``; with ``raising``, no eigenvalues are found there instead."""

    def make(calls: range | set[int], value: float = math.nan, raising: bool = False) -> Objective:
        def spoil(number: int, terms: dict[str, Tensor]) -> dict[str, Tensor]:
            if number not in calls:
                return terms
            if raising:
                raise torch.linalg.LinAlgError("The algorithm failed to converge")
            return {name: term * value for name, term in terms.items()}

        return Quadratic(goal, spoil)

    return make
