"""Seconds left against runs whose steps are known: near from the first steps on, though sizes differ and set-up takes its time."""

from __future__ import annotations

import pytest

from stylespace.pipelines.pace import Pace

SIZES = [(128, 60), (181, 40), (256, 30), (362, 20), (512, 15)]


def cost(size: int, fixed: float, area: float) -> float:
    return fixed + area * (size / 512) ** 2


@pytest.mark.parametrize(("fixed", "area"), [(0.0, 1.0), (0.02, 0.5), (0.1, 0.2), (0.05, 0.0)], ids=str)
@pytest.mark.parametrize("set_up", [0.5, 2.0, 6.0])
def test_near_what_is_left(fixed: float, area: float, set_up: float) -> None:
    """Within a factor of eight from the first step on, whatever grows with the area; of two in the second size; of a fifth in the last."""
    durations = [cost(size, fixed, area) * (1 + set_up * (number == 0)) for size, steps in SIZES for number in range(steps)]
    sizes = [size for size, steps in SIZES for _ in range(steps)]
    pace = Pace(SIZES)
    for done, (size, seconds) in enumerate(zip(sizes, durations, strict=True), 1):
        pace.step(size, seconds)
        truth, told = sum(durations[done:]), pace.left(done)
        if done == len(durations):
            assert told == 0
            continue
        bound = 8.0 if done < 62 else 2.0 if done < len(sizes) - 14 else 1.2
        assert truth / bound <= told <= truth * bound, (done, truth, told)


def test_a_step_that_was_held_up_changes_little() -> None:
    pace = Pace([(64, 20)])
    for number in range(10):
        pace.step(64, 50.0 if number == 5 else 1.0)
    assert pace.left(10) == pytest.approx(10)


def test_nothing_known() -> None:
    assert Pace([]).left(3) == 0
    assert Pace([(64, 5)]).left(0) == 0


def test_going_on() -> None:
    """Steps that another process took count as done."""
    pace = Pace([(64, 5), (128, 5)])
    pace.step(128, 3.0)
    pace.step(128, 1.0)
    assert pace.left(7) == pytest.approx(3.0)
