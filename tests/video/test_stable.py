"""Flow, where it is trusted, and what is kept of the frame before."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from films import moving

pytest.importorskip("cv2")

from stylespace.video.flow import Estimator, boundary, inconsistent, outside, warped
from stylespace.video.stable import Steadier

SIZE = (96, 128)


def constant(right: float, down: float) -> np.ndarray:
    return np.broadcast_to(np.float32([right, down]), (*SIZE, 2)).copy()


def test_warping_takes_what_lies_where_the_flow_leads() -> None:
    picture = np.random.default_rng(0).random((*SIZE, 3)).astype(np.float32)
    made = warped(picture, constant(3, -2))
    assert np.allclose(made[2:, :-3], picture[:-2, 3:], atol=1e-6)


def test_ruders_check() -> None:
    """Equations 5 and 6 with numbers worked out by hand: |w~ + w|^2 against .01 (|w~|^2 + |w|^2) + .5."""
    there, back = constant(4, 0), constant(-4, 0)
    inside = (slice(None), slice(0, 120))
    assert not inconsistent(there, back)[inside].any()
    assert inconsistent(there, constant(-3.1, 0))[inside].all()  # .81 > .01 (16 + 9.61) + .5 = .756
    assert not inconsistent(there, constant(-3.2, 0))[inside].any()  # .64 < .01 (16 + 10.24) + .5 = .762
    assert outside(there)[:, -4:].all()
    assert not outside(there)[:, :-4].any()
    step = constant(0, 0)
    step[:, 64:, 0] = 1.0  # gradient .5 over two columns: .25 > .01 + .002
    assert boundary(step)[:, 63:65].all()
    assert not boundary(step)[:, :62].any()


def test_the_flow_of_a_moving_ground() -> None:
    flow = Estimator(long_side=1024)
    for number in range(4):
        match = flow.next(moving(number, SIZE))
    assert match is not None
    inner = (slice(10, -10), slice(10, -10))
    assert (
        np.abs(match.flow[inner] - np.float32([2, 0])).mean() < 0.25
    )  # into the frame before, to the right of it... at x - (-2)
    assert match.trust[inner].mean() > 0.8


def test_a_static_clip_does_not_drift() -> None:
    """Ten seconds of one picture with noise, redrawn with noise of its own: the mean colour stays, the flicker goes."""
    random = np.random.default_rng(0)
    photo, painting = moving(0, SIZE), torch.rand(1, 3, *SIZE)
    steadier = Steadier("best")
    means, apart, last = [], [], None
    for _ in range(240):
        seen = (photo + random.normal(0, 2, photo.shape)).clip(0, 255).astype(np.uint8)
        made = steadier.next(seen, (painting + 0.05 * torch.randn(1, 3, *SIZE)).clamp(0, 1))
        means.append(made.mean((0, 2, 3)))
        apart.append(0.0 if last is None else float((made - last).square().mean().sqrt()))
        last = made
    assert float((means[-1] - means[0]).abs().max()) < 1 / 255
    assert float(torch.stack(means).std(0).max()) < 1 / 255
    assert np.mean(apart[20:]) < 0.3 * 0.05 * 2**0.5


def test_a_new_shot_knows_nothing_of_the_one_before() -> None:
    steadier = Steadier("fast")
    made = torch.rand(1, 3, *SIZE)
    steadier.next(moving(0, SIZE), made)
    steadier.cut()
    other = torch.rand(1, 3, *SIZE)
    assert torch.equal(steadier.next(moving(1, SIZE), other), other)


def test_flow_of_a_new_shot_does_not_begin_with_that_of_another() -> None:
    used, fresh = Estimator(long_side=1024), Estimator(long_side=1024)
    for number in range(4):
        used.next(moving(6 * number, SIZE))
    used.restart()
    for estimator in (used, fresh):
        estimator.next(moving(0, SIZE, shot=1))
    one, other = (estimator.next(moving(1, SIZE, shot=1)) for estimator in (used, fresh))
    assert one is not None
    assert other is not None
    assert np.array_equal(one.flow, other.flow)


def test_goes_on_where_it_was() -> None:
    frames = [(moving(i, SIZE), torch.rand(1, 3, *SIZE)) for i in range(6)]
    whole, first, second = Steadier(), Steadier(), Steadier()
    expected = [whole.next(*frame) for frame in frames]
    for frame in frames[:3]:
        first.next(*frame)
    second.restore({name: tensor.clone() for name, tensor in first.state().items()})
    assert all(torch.equal(second.next(*frame), made) for frame, made in zip(frames[3:], expected[3:], strict=True))


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (17, 17)])
def test_small_frames(size: tuple[int, int]) -> None:
    steadier = Steadier("best")
    for number in range(3):
        made = torch.rand(1, 3, *size)
        assert steadier.next(moving(number, size), made).shape == made.shape
