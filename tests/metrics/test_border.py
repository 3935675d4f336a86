from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stylespace.metrics.border import border
from stylespace.metrics.seen import Seen
from stylespace.pictures import resize


def framed(picture: Tensor, width: int, inside: Tensor) -> Tensor:
    """``picture`` with ``inside`` within a frame of ``width`` pixels."""
    result = picture.clone()
    result[..., width:-width, width:-width] = inside[..., width:-width, width:-width]
    return result


def figures(picture: Tensor) -> tuple[float, float]:
    found = border(Seen(picture))
    assert found["colour"] is not None
    assert found["detail"] is not None
    return found["colour"], found["detail"]


def texture(size: tuple[int, int] = (400, 500)) -> Tensor:
    """The same everywhere: soft blobs of 4 pixels."""
    large = resize(torch.rand(1, 3, 150, 150, generator=torch.Generator().manual_seed(5)), (600, 600))
    return (0.4 + 0.3 * large[..., 50 : 50 + size[0], 50 : 50 + size[1]]).contiguous()


def test_a_clean_texture_is_near_one() -> None:
    assert figures(texture()) == pytest.approx((1, 1), abs=0.5)


def test_photographs_are_below_two(photo: Tensor, portrait: Tensor) -> None:
    assert max(*figures(photo), *figures(portrait)) < 2.3


def test_a_dark_frame() -> None:
    clean = texture()
    colours = [figures(framed(strength * clean, 8, clean))[0] for strength in (1, 0.9, 0.8, 0.5)]
    assert colours == sorted(colours)
    assert colours[2] > 3
    assert figures(framed(0.8 * clean, 8, clean))[0] > 1.5 * colours[0]


def test_one_dark_side_is_seen() -> None:
    clean = texture()
    dark = clean.clone()
    dark[..., -8:] *= 0.6
    assert figures(dark)[0] > 2 * figures(clean)[0]


def test_a_blurred_and_a_busy_frame() -> None:
    clean = texture()
    blurred = resize(resize(clean, (100, 125)), (400, 500))
    busy = (clean + 0.2 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    assert figures(framed(blurred, 8, clean))[1] > 5
    assert figures(framed(busy, 8, clean))[1] > 5


def test_slopes_are_not_borders() -> None:
    """A vignette over a texture: its slope goes on inside."""
    clean = texture((400, 400))
    across = torch.linspace(-1, 1, 400)
    vignette = 1 - 0.25 * (across[:, None] ** 2 + across[None] ** 2)
    assert figures(clean * vignette)[0] < 1.7


@pytest.mark.parametrize("size", [(16, 16), (17, 95), (97, 33), (128, 500)])
def test_small_and_odd_sizes(photo: Tensor, size: tuple[int, int]) -> None:
    assert all(0 <= figure < 10 for figure in figures(resize(photo, size)))


def test_constant_and_tiny(grey: Seen) -> None:
    assert border(grey) == {"colour": pytest.approx(1), "detail": pytest.approx(1)}
    assert border(Seen(torch.rand(1, 3, 15, 200))) == {"colour": None, "detail": None}
