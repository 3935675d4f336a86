"""Cuts are found; movement, fades and flashes of a camera are none."""

from __future__ import annotations

import numpy as np
from films import moving

from stylespace.video.shots import Cuts, shrunk


def cuts(frames: list[np.ndarray]) -> list[int]:
    told = Cuts()
    return [number for number, frame in enumerate(frames) if told.next(frame)]


def test_a_cut_is_found() -> None:
    frames = [moving(i) for i in range(10)] + [moving(i, shot=1) for i in range(10)]
    assert cuts(frames) == [10]
    assert cuts([frame.astype(np.uint16) * 257 for frame in frames]) == [10]


def test_movement_is_no_cut() -> None:
    assert cuts([moving(8 * i) for i in range(30)]) == []
    assert cuts([moving(0)] * 5) == []


def test_a_fade_is_no_cut() -> None:
    assert cuts([(moving(i) * (1 - i / 40)).astype(np.uint8) for i in range(40)]) == []


def test_goes_on_where_it_was() -> None:
    frames = [moving(i) for i in range(6)] + [moving(i, shot=1) for i in range(6)]
    first, second = Cuts(), Cuts()
    for frame in frames[:6]:
        first.next(frame)
    second.restore(first.state())
    assert second.next(frames[6])


def test_any_size() -> None:
    for size in ((1, 1), (1, 300), (7, 5), (480, 854), (47, 1000)):
        small = shrunk(np.full((*size, 3), 51, np.uint8))
        assert np.allclose(small, 0.2)
        assert max(small.shape) <= 48
