"""Adam against PyTorch's, and what it does when losses are not finite."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.errors import StylespaceError
from stylespace.solvers import adam
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.solution import Objective, Solution, Step


def run(objective: Objective, start: Tensor, steps: int, keep: str = "best", **options: Any) -> tuple[Solution, list[Step]]:
    seen: list[Step] = []

    def watch(step: Step) -> None:
        seen.append(Step(step.index, step.of, step.size, step.total, step.terms, step.picture.clone(), step.cut))

    solution = adam.minimise(objective, start, steps=steps, **{"rate": 0.05, "keeper": Keeper(keep), "watch": watch} | options)
    return solution, seen


def torch_iterates(objective: Objective, start: Tensor, steps: int, rate: float, betas: tuple[float, float]) -> list[Tensor]:
    picture = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([picture], lr=rate, betas=betas, eps=1e-8)
    iterates = [picture.detach().clone()]
    for _ in range(steps):
        optimiser.zero_grad()
        sum(objective(picture).values()).backward()
        optimiser.step()
        iterates.append(picture.detach().clone())
    return iterates


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.5, 0.9)])
def test_steps_of_pytorchs_adam(quadratic: Objective, start: Tensor, betas: tuple[float, float]) -> None:
    expected = torch_iterates(quadratic, start, 30, 0.05, betas)
    solution, seen = run(quadratic, start, 30, "last", betas=betas, limits=None)
    assert [step.index for step in seen] == list(range(1, 31))
    for step, iterate in zip(seen, expected, strict=False):
        assert torch.allclose(step.picture, iterate, atol=2e-6)
        terms = quadratic(iterate)
        assert step.total == pytest.approx(sum(term.item() for term in terms.values()), rel=1e-4)
        assert step.terms == {name: pytest.approx(term.item(), rel=1e-4, abs=1e-6) for name, term in terms.items()}
        assert (step.of, step.size, step.cut) == (30, 5, False)
    assert torch.allclose(solution.picture, expected[-1], atol=2e-6)
    assert solution.steps == 30


def test_carried_moments_continue(quadratic: Objective, start: Tensor) -> None:
    whole, _ = run(quadratic, start, 20, "last", limits=None)
    half, _ = run(quadratic, start, 8, "last", limits=None)
    again, _ = run(quadratic, half.picture, 12, "last", limits=None, moments=half.moments, taken=half.steps)
    assert torch.allclose(again.picture, whole.picture, atol=1e-6)
    afresh, _ = run(quadratic, half.picture, 12, "last", limits=None)
    assert not torch.allclose(afresh.picture, whole.picture, atol=1e-3)


def test_rate_falls_by_a_cosine_over_the_last_two_fifths(start: Tensor) -> None:
    """On a slope every step of Adam has the length of its rate."""
    _, seen = run(lambda x: {"slope": 1000 + x.sum()}, start, 100, rate=0.01, final_rate=0.002, limits=None)
    lengths = [(a.picture - b.picture).mean().item() for a, b in pairwise(seen)]
    assert lengths[:60] == pytest.approx([0.01] * 60, rel=1e-3)
    assert lengths[79] == pytest.approx(0.006, rel=1e-2)
    assert lengths[98] == pytest.approx(0.002, rel=1e-2)
    assert all(later <= earlier * 1.001 for earlier, later in pairwise(lengths))


def test_limits(start: Tensor) -> None:
    away = start + 2
    solution, seen = run(lambda x: {"far": (x - away).square().sum()}, start, 60)
    assert all(0 <= step.picture.min() <= step.picture.max() <= 1 for step in seen)
    assert torch.equal(solution.picture, torch.ones_like(start))
    low, _ = run(lambda x: {"far": (x - away).square().sum()}, start, 60, limits=(0.0, 0.5))
    assert low.picture.max() == 0.5


def test_reaches_the_minimum(quadratic: Objective, start: Tensor, goal: Tensor) -> None:
    solution, _ = run(quadratic, start, 300, final_rate=1e-4)
    assert (solution.picture - goal).abs().max() < 1e-3


def test_start_is_left_alone(quadratic: Objective, start: Tensor) -> None:
    before = start.clone()
    run(quadratic, start, 3)
    assert torch.equal(start, before)


def test_best_and_last(goal: Tensor, start: Tensor) -> None:
    """A rate so high that losses go up and down."""
    objective = lambda x: {"all": (x - goal).square().sum()}  # noqa: E731
    iterates = torch_iterates(objective, start, 15, 0.5, (0.9, 0.99))
    losses = [objective(x)["all"].item() for x in iterates]
    smallest = losses.index(min(losses))
    assert 0 < smallest < 15
    options: dict[str, Any] = {"rate": 0.5, "limits": None}
    assert torch.allclose(run(objective, start, 15, "best", **options)[0].picture, iterates[smallest], atol=1e-5)
    assert torch.allclose(run(objective, start, 15, "last", **options)[0].picture, iterates[-1], atol=1e-5)


def test_last_step_counts(quadratic: Objective, start: Tensor) -> None:
    """One step leaves a picture that was never watched; it is the better one."""
    for keep in ("best", "last"):
        solution, _ = run(quadratic, start, 1, keep)
        assert sum(quadratic(solution.picture).values()) < sum(quadratic(start).values())


def test_average_of_start_and_every_iterate(quadratic: Objective, start: Tensor) -> None:
    """style-transfer-pytorch averages the start and the picture after each step, the last one too."""
    iterates = torch_iterates(quadratic, start, 12, 0.05, (0.9, 0.99))
    value = torch.zeros_like(start)
    for iterate in iterates:
        value = 0.9 * value + 0.1 * iterate
    solution, _ = run(quadratic, start, 12, keeper=Keeper("average", 0.9), limits=None)
    assert torch.allclose(solution.picture, value / (1 - 0.9 ** len(iterates)), atol=1e-5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e6])
@pytest.mark.parametrize("keep", ["best", "average", "last"])
def test_recovers(spoiled: Callable[..., Objective], start: Tensor, goal: Tensor, value: float, keep: str) -> None:
    """Three evaluations go wrong; the picture goes back to the best one and the run goes on."""
    solution, seen = run(spoiled({10, 11, 40}, value), start, 400, keep, final_rate=1e-4)
    assert [step.index for step in seen if step.cut] == [10, 11, 40]
    assert all(torch.isfinite(step.picture).all() for step in seen)
    best = min(seen[:9], key=lambda step: step.total)
    assert torch.equal(seen[9].picture, best.picture)
    assert torch.equal(seen[11].picture, best.picture)
    assert torch.isfinite(solution.picture).all()
    assert (solution.picture - goal).abs().max() < (0.02 if keep == "average" else 5e-3)


@pytest.mark.parametrize(("calls", "length"), [(set(), 0.01), ({3}, 0.005), ({3, 5}, 0.0025), ({3, 5, 7}, 0.00125)])
def test_steps_are_cut_by_half(spoiled: Callable[..., Objective], start: Tensor, calls: set[int], length: float) -> None:
    """Adam's first step after a cut, its moments forgotten, has the length of the rate."""
    _, seen = run(spoiled(calls), start, 9, rate=0.01, limits=None)
    after = max(calls, default=0)  # the evaluation of the best again, and the one after it
    assert (seen[after + 1].picture - seen[after].picture).abs().max().item() == pytest.approx(length, rel=1e-3)


def test_no_eigenvalues_is_a_cut(spoiled: Callable[..., Objective], start: Tensor, goal: Tensor) -> None:
    solution, seen = run(spoiled({5}, raising=True), start, 300, final_rate=1e-4)
    assert [step.index for step in seen if step.cut] == [5]
    assert (solution.picture - goal).abs().max() < 5e-3


@pytest.mark.parametrize("raising", [False, True])
@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_last_picture_goes_wrong(spoiled: Callable[..., Objective], start: Tensor, keep: str, raising: bool) -> None:
    """The sixth evaluation of five steps judges what the last step left."""
    solution, seen = run(spoiled({6}, raising=raising), start, 5, keep)
    assert torch.equal(solution.picture, seen[-1].picture)


def test_gradients_that_are_not_finite(start: Tensor) -> None:
    """A root's gradient at zero is infinite while its value is not."""

    def objective(x: Tensor) -> dict[str, Tensor]:
        return {"root": (x - 0.5).relu().sqrt().sum() + (x - 0.5).square().sum()}

    solution, _ = run(objective, start.clamp_min(0.55), 12)
    assert torch.isfinite(solution.picture).all()


def test_gives_up_after_twelve_cuts(spoiled: Callable[..., Objective], start: Tensor) -> None:
    objective = spoiled(range(5, 1000))
    with pytest.raises(StylespaceError, match="does not settle"):
        run(objective, start, 100)
    assert objective.calls == 4 + adam.MAX_CUTS + 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("steps", [3, 100])
def test_never_finite(spoiled: Callable[..., Objective], start: Tensor, steps: int) -> None:
    """With few steps too: the untouched start is no result."""
    with pytest.raises(StylespaceError, match="does not settle"):
        run(spoiled(range(1000)), start, steps)


def test_losses_below_zero(goal: Tensor, start: Tensor) -> None:
    """Rounding makes Wasserstein distances slightly negative: no reason to cut."""
    solution, seen = run(lambda x: {"shifted": (x - goal).square().sum() - 1}, start, 200, final_rate=1e-4)
    assert not any(step.cut for step in seen)
    assert (solution.picture - goal).abs().max() < 1e-2


def test_a_start_at_the_minimum(goal: Tensor) -> None:
    """Adam's first step has full length whatever the gradient; what follows must not count as failure."""
    solution, _ = run(lambda x: {"all": (x - goal - 1e-7).square().sum()}, goal, 50)
    assert (solution.picture - goal).abs().max() < 1e-3


@pytest.mark.parametrize("keep", ["best", "last"])
def test_interrupted(quadratic: Objective, start: Tensor, keep: str) -> None:
    seen: list[Tensor] = []

    def watch(step: Step) -> None:
        seen.append(step.picture.clone())
        if step.index == 7:
            raise KeyboardInterrupt

    solution = adam.minimise(quadratic, start, steps=100, rate=0.05, keeper=Keeper(keep), watch=watch)
    assert solution.interrupted
    assert len(seen) == 7
    assert torch.equal(
        solution.picture, min(seen, key=lambda x: sum(quadratic(x).values()).item()) if keep == "best" else seen[-1]
    )


def test_interrupted_before_the_first_step(start: Tensor) -> None:
    def objective(picture: Tensor) -> dict[str, Tensor]:
        raise KeyboardInterrupt

    solution, _ = run(objective, start, 10)
    assert solution.interrupted
    assert torch.equal(solution.picture, start)


def test_no_steps(quadratic: Objective, start: Tensor) -> None:
    assert torch.equal(run(quadratic, start, 0)[0].picture, start)


def test_carry() -> None:
    """As ``scale_adam`` of style-transfer-pytorch: means bicubic, squares bilinear and not negative."""
    assert adam.carry(None, (3, 4)) is None
    mean, square = torch.randn(1, 3, 6, 8), torch.rand(1, 3, 6, 8)
    carried = adam.carry((mean, square), (9, 12))
    assert carried is not None
    assert torch.equal(carried[0], F.interpolate(mean, size=(9, 12), mode="bicubic", align_corners=False))
    assert torch.equal(carried[1], F.interpolate(square, size=(9, 12), mode="bilinear", align_corners=False))
    assert carried[1].min() >= 0
    flat = adam.carry((torch.full((1, 3, 6, 8), -2.0), torch.full((1, 3, 6, 8), 4.0)), (11, 5))
    assert flat is not None
    assert torch.allclose(flat[0], torch.full((1, 3, 11, 5), -2.0))
    assert torch.allclose(flat[1], torch.full((1, 3, 11, 5), 4.0))
    same = adam.carry((mean, square), (6, 8))
    assert same is not None
    assert torch.allclose(same[0], mean, atol=1e-6)
