"""The dataclass and the room's door."""

from __future__ import annotations

import pytest
import torch

import stylespace.pictures
from stylespace.errors import PictureError
from stylespace.pictures import Picture


def test_shapes_are_checked() -> None:
    for shape in [(3, 4, 4), (1, 4, 4, 4), (2, 3, 4, 4)]:
        with pytest.raises(PictureError, match="shape"):
            Picture(torch.zeros(shape))
    with pytest.raises(PictureError, match="alpha"):
        Picture(torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 5))


def test_with_pixels_keeps_the_rest_and_resizes_alpha() -> None:
    alpha = torch.zeros(1, 1, 8, 8)
    alpha[..., 4:] = 1
    picture = Picture(torch.zeros(1, 3, 8, 8), alpha, 16, b"exif", b"profile", "a.png")
    same = picture.with_pixels(torch.ones(1, 3, 8, 8, dtype=torch.float64, requires_grad=True))
    assert same.alpha is alpha
    assert (same.pixels.dtype, same.pixels.requires_grad) == (torch.float32, False)
    other = picture.with_pixels(torch.ones(1, 3, 16, 24))
    assert other.size == (16, 24)
    assert other.alpha.shape == (1, 1, 16, 24)
    assert (float(other.alpha.min()), float(other.alpha.max())) == (0, 1)
    assert (other.bits, other.exif, other.profile, other.name) == (16, b"exif", b"profile", "a.png")


def test_every_public_name_is_there() -> None:
    for name in stylespace.pictures.__all__:
        assert getattr(stylespace.pictures, name) is not None
        assert name in dir(stylespace.pictures)
    with pytest.raises(AttributeError):
        stylespace.pictures.nothing_of_the_kind  # noqa: B018
