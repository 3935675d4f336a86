from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from stylespace.errors import InputError, PictureError
from stylespace.metrics.seen import seen
from stylespace.pictures import Picture


def test_opaque_pictures_have_no_guide(portrait: Tensor) -> None:
    assert seen(portrait, "content").guide is None
    assert seen(Picture(portrait, torch.ones(1, 1, 256, 256)), "content").guide is None


def test_transparent_parts_show_grey_paper(portrait: Tensor, half_transparent: Tensor) -> None:
    picture = seen(Picture(portrait, half_transparent), "content")
    assert picture.guide is not None
    assert picture.pixels[..., :128].unique().tolist() == [0.5]
    torch.testing.assert_close(picture.pixels[..., 128:], portrait[..., 128:])
    smaller = picture.within(64)
    assert smaller.size == (64, 64)
    assert smaller.guide is not None
    assert smaller.guide.shape == (1, 1, 64, 64)


def test_never_enlarged(portrait: Tensor) -> None:
    assert seen(portrait, "content").within(1000).size == (256, 256)


def test_nothing_to_see(portrait: Tensor) -> None:
    with pytest.raises(InputError, match="style is transparent everywhere"):
        seen(Picture(portrait, torch.zeros(1, 1, 256, 256)), "style")


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="does not exist"):
        seen(tmp_path / "none.png", "style")
