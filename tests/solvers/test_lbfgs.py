"""L-BFGS on problems whose minimum is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from stylespace.errors import StylespaceError
from stylespace.solvers import lbfgs
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.solution import Objective, Solution, Step


def run(objective: Objective, start: Tensor, steps: int, keep: str = "best", **options: Any) -> tuple[Solution, list[Step]]:
    seen: list[Step] = []

    def watch(step: Step) -> None:
        seen.append(Step(step.index, step.of, step.size, step.total, step.terms, step.picture.clone(), step.cut))

    return lbfgs.minimise(objective, start, steps=steps, keeper=Keeper(keep), watch=watch, **options), seen


def test_reaches_the_minimum_of_a_quadratic(quadratic: Objective, start: Tensor, goal: Tensor) -> None:
    solution, seen = run(quadratic, start, 40)
    assert (solution.picture - goal).abs().max() < 1e-4
    totals = [step.total for step in seen]
    assert totals == sorted(totals, reverse=True)  # a strong-Wolfe search never goes up


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.parametrize("weight", [1e-6, 1e-3, 1e3, 1e6])
def test_weights_do_not_matter(goal: Tensor, start: Tensor, quadratic: Objective, weight: float, keep: str) -> None:
    """The minimum is the same when all weights are scaled together, as it is with Adam."""
    solution, _ = run(lambda x: {name: weight * term for name, term in quadratic(x).items()}, start, 60, keep)
    assert (solution.picture - goal).abs().max() < 1e-2


def test_a_valley(start: Tensor) -> None:
    """Rosenbrock's function in pairs of pixels, scaled into the picture's range: its minimum is 0 at (0.5, 0.5)."""

    def rosenbrock(picture: Tensor) -> dict[str, Tensor]:
        x, y = 2 * picture[..., :2], 2 * picture[..., 2:4]
        return {"valley": ((1 - x) ** 2 + 100 * (y - x**2) ** 2).sum()}

    solution, _ = run(rosenbrock, start, 200, limits=None)
    assert (solution.picture[..., :4] - 0.5).abs().max() < 1e-3


def test_records_belong_to_the_picture_shown(quadratic: Objective, start: Tensor) -> None:
    _, seen = run(quadratic, start, 8, limits=None)
    assert torch.equal(seen[0].picture, start)
    for index, step in enumerate(seen, 1):
        assert (step.index, step.of, step.size) == (index, 8, 5)
        assert step.total == pytest.approx(sum(quadratic(step.picture).values()).item(), rel=1e-4)
        assert step.terms == {name: pytest.approx(term.item(), rel=1e-4) for name, term in quadratic(step.picture).items()}


def test_what_is_kept_is_within_limits(start: Tensor) -> None:
    solution, seen = run(lambda x: {"far": (x - 3).square().sum()}, start, 20)
    assert all(0 <= step.picture.min() <= step.picture.max() <= 1 for step in seen)
    assert torch.equal(solution.picture, torch.ones_like(start))


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("calls", [{9}, {12, 13, 14}, {9, 20, 33}])
def test_recovers(spoiled: Callable[..., Objective], start: Tensor, goal: Tensor, value: float, calls: set[int]) -> None:
    solution, seen = run(spoiled(calls, value), start, 60)
    assert all(torch.isfinite(step.picture).all() for step in seen)
    assert (solution.picture - goal).abs().max() < 1e-3


def test_recovers_in_its_first_search(spoiled: Callable[..., Objective], start: Tensor, goal: Tensor) -> None:
    """The start is finite; only points tried after it are not."""
    solution, _ = run(spoiled({2, 3}), start, 60)
    assert (solution.picture - goal).abs().max() < 1e-3


def test_a_wall(start: Tensor, goal: Tensor) -> None:
    """Not finite wherever a pixel leaves [-0.5, 1.5]: longer steps run into it, shorter ones do not."""

    def objective(x: Tensor) -> dict[str, Tensor]:
        inside = ((x + 0.5) * (1.5 - x)).amin()
        return {"goal": 1e4 * (x - goal).square().sum(), "wall": torch.where(inside > 0, 0.0, math.nan)}

    solution, _ = run(objective, start, 60)
    assert (solution.picture - goal).abs().max() < 1e-2


@pytest.mark.parametrize("calls", [{9}, {2}])
def test_no_eigenvalues(spoiled: Callable[..., Objective], start: Tensor, goal: Tensor, calls: set[int]) -> None:
    solution, _ = run(spoiled(calls, raising=True), start, 60)
    assert (solution.picture - goal).abs().max() < 1e-3


def test_never_finite(spoiled: Callable[..., Objective], start: Tensor) -> None:
    with pytest.raises(StylespaceError, match="does not settle"):
        run(spoiled(range(1000)), start, 20)


def test_gives_up(spoiled: Callable[..., Objective], start: Tensor) -> None:
    with pytest.raises(StylespaceError, match="does not settle"):
        run(spoiled(range(9, 10_000)), start, 200)


def test_ends_at_a_minimum(goal: Tensor) -> None:
    objective = lambda x: {"all": (x - goal).square().sum()}  # noqa: E731
    solution, seen = run(objective, goal, 50)
    assert torch.equal(solution.picture, goal)
    assert len(seen) == 1


@pytest.mark.parametrize("keep", ["best", "last"])
def test_interrupted(quadratic: Objective, start: Tensor, keep: str) -> None:
    seen: list[Tensor] = []

    def watch(step: Step) -> None:
        seen.append(step.picture.clone())
        if step.index == 4:
            raise KeyboardInterrupt

    solution = lbfgs.minimise(quadratic, start, steps=50, keeper=Keeper(keep), watch=watch)
    assert solution.interrupted
    assert len(seen) == 4
    assert torch.equal(solution.picture, seen[-1])


def test_interrupted_within_a_search(start: Tensor, quadratic: Objective) -> None:
    calls = 0

    def objective(picture: Tensor) -> dict[str, Tensor]:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        return quadratic(picture)

    solution, seen = run(objective, start, 50)
    assert solution.interrupted
    assert torch.equal(solution.picture, seen[-1].picture if seen else start)


def test_start_is_left_alone(quadratic: Objective, start: Tensor) -> None:
    before = start.clone()
    run(quadratic, start, 3)
    assert torch.equal(start, before)
