"""Tensors to Pillow pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stylespace.errors import PictureError
from stylespace.pictures import Picture, read, to_pil


def test_to_pil(photo: np.ndarray) -> None:
    picture = read(np.dstack([photo, photo[:, :, 0]]))
    for image in (to_pil(picture.pixels), to_pil(picture.pixels[0]), to_pil(picture.pixels.requires_grad_())):
        assert image.mode == "RGB"
        assert np.array_equal(np.asarray(image), photo)
    for image in (to_pil(picture), to_pil(picture.pixels, picture.alpha), to_pil(picture.pixels[0], picture.alpha[0, 0])):
        assert image.mode == "RGBA"
        assert np.array_equal(np.asarray(image), np.dstack([photo, photo[:, :, 0]]))
    assert torch.equal(read(to_pil(picture)).pixels, picture.pixels)


def test_values_outside_are_clipped() -> None:
    assert np.asarray(to_pil(torch.tensor([-1.0, 0.5, 2.0]).expand(3, 2, 3)))[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    "pixels", [torch.zeros(1, 4, 5, 5), torch.zeros(5, 5), torch.zeros(2, 3, 5, 5), torch.full((3, 5, 5), torch.nan)]
)
def test_what_is_not_a_picture(pixels: torch.Tensor) -> None:
    with pytest.raises(PictureError):
        to_pil(pixels)


def test_alpha_of_another_size() -> None:
    with pytest.raises(PictureError, match="alpha"):
        to_pil(Picture(torch.zeros(1, 3, 5, 5)), torch.zeros(4, 4))
