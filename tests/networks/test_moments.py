"""Statistics that frames share: measured, pooled, fixed, running."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from stylespace.networks.body import Body
from stylespace.networks.builds import tiny
from stylespace.networks.conditional import Conditional
from stylespace.networks.johnson import Johnson
from stylespace.networks.moments import Moments, Running, fixed, measured
from stylespace.networks.multimodal import Multimodal
from stylespace.networks.texture import Texture

BODIES = {
    "fast": tiny,
    "published": lambda: Conditional(widths=(4, 6, 8), blocks=1),
    "johnson": lambda: Johnson(widths=(4, 6, 8), blocks=1),
    "multimodal": Multimodal,
    "texture": Texture,
}


@pytest.fixture(params=BODIES)
def body(request: pytest.FixtureRequest) -> Body:
    return BODIES[request.param]().eval().requires_grad_(False)  # type: ignore[no-any-return, operator]


def test_any_body_takes_what_was_measured_of_it(body: Body) -> None:
    """The same picture gives the same bits; with another picture's statistics it gives another one."""
    one, other = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64) ** 2
    row = body.initial_row()
    with measured() as found:
        plain = body(one, row)
    with measured() as of_other:
        body(other, row)
    assert len(found[0].means) == len(body.channels) or not found[0].means  # by batch there is nothing to measure
    if found[0].means:
        with fixed(found[0]):
            assert torch.equal(body(one, row), plain)
        with fixed(of_other[0]):
            assert not torch.allclose(body(one, row), plain, atol=1e-4)
    assert torch.equal(body(one, row), plain)


def test_pooled_moments_are_those_of_all_positions() -> None:
    maps = [torch.randn(1, 5, 6, 7) * (i + 1) + i for i in range(3)]
    each = [Moments((m.mean((2, 3), keepdim=True),), (m.var((2, 3), correction=0, keepdim=True),)) for m in maps]
    whole = torch.cat(maps, 3)
    made = Moments.pooled(each)
    assert_close(made.means[0], whole.mean((2, 3), keepdim=True))
    assert_close(made.variances[0], whole.var((2, 3), correction=0, keepdim=True))
    alone = Moments.pooled(each, [0.0, 1.0, 0.0])
    assert_close(alone.variances, each[1].variances)
    again = Moments.of(made.tensors())
    assert torch.equal(again.means[0], made.means[0])


def test_running_averages_know_the_past_only() -> None:
    body, row = tiny().eval().requires_grad_(False), tiny().initial_row()
    frames = [torch.rand(1, 3, 32, 32) for _ in range(4)]
    running = Running(0.25)
    with running.next():
        assert torch.equal(body(frames[0], row), body(frames[0], row))  # nothing before it: as by itself
    first = running.moments
    assert first is not None
    for frame in frames[1:]:
        with running.next():
            body(frame, row)
    assert running.moments is not None
    with measured() as last:
        body(frames[-1], row)
    distance = [(m.means[0] - last[0].means[0]).abs().mean() for m in (first, running.moments)]
    assert distance[1] > 0
    running.restart()
    with running.next():
        made = body(frames[2], row)
    assert torch.equal(made, body(frames[2], row))
