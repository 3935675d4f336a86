"""A painting carried along with what it was painted from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from films import moving

pytest.importorskip("cv2")
pytest.importorskip("numba")

from stylespace.film.frame import as_tensor
from stylespace.video.carrying import Carried, Carrier, joined, recoloured

SIZE = (64, 96)


def painting(number: int) -> np.ndarray:
    """What a frame would be painted as: its negative."""
    return 1 - moving(number, SIZE).astype(np.float32) / 255


def test_strokes_move_with_what_they_are_on() -> None:
    """Five frames on the ground has moved ten pixels; a strip has come in that the key frame does not show."""
    carrier = Carrier(moving(0, SIZE), painting(0))
    for number in range(1, 6):
        made = carrier.next(moving(number, SIZE))
    wanted = painting(5)
    assert np.abs(made.pixels - wanted)[:, :-14].mean() < 0.04
    assert np.abs(made.pixels - wanted)[:, -10:].mean() < 0.12  # made of patches
    assert np.abs(painting(0) - wanted).mean() > 0.15


def test_it_goes_on_where_it_was() -> None:
    one, other = (Carrier(moving(0, SIZE), painting(0)) for _ in range(2))
    for number in (1, 2):
        one.next(moving(number, SIZE))
    other.restore({name: tensor.clone() for name, tensor in one.state().items()})
    assert np.array_equal(one.next(moving(3, SIZE)).pixels, other.next(moving(3, SIZE)).pixels)


def test_another_shot_is_painted_by_its_colours() -> None:
    key, painted, other = (as_tensor(moving(0, SIZE)), _picture(painting(0)), as_tensor(moving(20, SIZE)))
    assert float((recoloured(key, painted, other) - _picture(painting(20))).abs().mean()) < 0.12


def test_frames_too_small_for_flow() -> None:
    carrier = Carrier(moving(0, (8, 12)), 1 - moving(0, (8, 12)).astype(np.float32) / 255)
    assert carrier.next(moving(1, (8, 12))).pixels.shape == (8, 12, 3)


def _picture(rows: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(rows.transpose(2, 0, 1).copy())[None].float()


def test_two_sides_meet() -> None:
    """At each end the frame is that side's; between, what fits badly does not count."""
    flat = np.zeros(SIZE, np.float32)
    one, other = Carried(painting(0), flat), Carried(painting(9), flat)
    for share, side in ((1e-6, one), (1 - 1e-6, other)):
        assert np.abs(joined(one, other, share) - side.pixels).mean() < 0.01
    wrong = Carried(painting(9), flat + 60)
    assert np.abs(joined(one, wrong, 0.5) - one.pixels).mean() < 0.02
