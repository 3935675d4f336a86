"""Painted key frames carried over to other frames."""

from __future__ import annotations

import pytest
import torch
from installed import needs
from torch import Tensor

from stylespace.demo.drawings import draw
from stylespace.errors import InputError
from stylespace.pictures.resizing import resize
from stylespace.statistics.propagation import Guidance, propagate

needs("numba")
SHIFT = (3, 7)  # down, right


def picture(name: str, side: int = 96) -> Tensor:
    return torch.from_numpy(draw(name, (side, side))).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def key() -> Tensor:
    return picture("waves")


@pytest.fixture(scope="module")
def painted(key: Tensor) -> Tensor:
    """Other colours, and strokes that the frame says nothing of."""
    noise = resize(torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(1)), (96, 96))
    return (0.6 * key.flip(1) + 0.4 * noise).clamp(0, 1)


def moved(picture: Tensor) -> Tensor:
    return picture.roll(SHIFT, (-2, -1))


def apart(a: Tensor, b: Tensor) -> float:
    """Mean difference in grey levels, without a margin."""
    return 255 * float((a - b)[..., 16:-16, 16:-16].abs().mean())


def test_the_same_frame_gives_the_painting(painted: Tensor, key: Tensor) -> None:
    assert apart(propagate(painted, key, key), painted) < 1


def test_the_painting_goes_with_what_moved(painted: Tensor, key: Tensor) -> None:
    down, right = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    places = torch.stack([right - SHIFT[1], down - SHIFT[0]])[None]
    made = propagate(painted, key, moved(key), places=places)
    assert apart(made, moved(painted)) < 1
    assert apart(made, painted) > 5


def test_colours_alone_find_it_too(painted: Tensor, key: Tensor) -> None:
    made = propagate(painted, key, moved(key), guidance=Guidance(colours=6.0, places=0.5))
    assert apart(made, moved(painted)) < 0.5 * apart(painted, moved(painted))


def test_a_frame_painted_before_is_gone_on_with(painted: Tensor, key: Tensor) -> None:
    """A flat frame says nothing of where to go: the frame before decides."""
    flat = torch.full_like(key, 0.5)
    guidance = Guidance(colours=1.0, places=0.0, before=8.0)
    made = propagate(painted, flat, flat, before=moved(painted), guidance=guidance)
    assert apart(made, moved(painted)) < apart(made, painted)


def test_the_same_pixels_at_any_number_of_threads(painted: Tensor, key: Tensor) -> None:
    first, second = (propagate(painted, key, moved(key), threads=threads, seed=3) for threads in (1, 3))
    assert torch.equal(first, second)


def test_a_frame_of_another_size(painted: Tensor, key: Tensor) -> None:
    frame = resize(key, (72, 72))
    made = propagate(painted, key, frame)
    assert made.shape == frame.shape
    assert apart(made, resize(painted, (72, 72))) < 12


def test_sizes_that_differ_are_told(painted: Tensor, key: Tensor) -> None:
    with pytest.raises(InputError, match="painted key frame has 48 x 96 pixels"):
        propagate(painted[..., :48], key, key)
    with pytest.raises(InputError, match="frame painted before"):
        propagate(painted, key, key, before=key[..., :50, :])
