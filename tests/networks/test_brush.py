"""Strokes of a size that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage.data import chelsea

from stylespace.errors import InputError
from stylespace.networks.brush import brushed
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import read, resize
from stylespace.pipelines.paint import Painting, PaintSettings


@pytest.fixture(scope="module")
def network() -> StyleNetwork:
    return StyleNetwork.load("classics")


def fineness(picture: torch.Tensor) -> float:
    """Share of the variance that shrinking by four takes away."""
    small = torch.nn.functional.avg_pool2d(picture, 4)
    return 1 - float(small.var() / picture.var())


def test_larger_strokes_for_a_larger_style(network: StyleNetwork) -> None:
    photo = resize(read(chelsea()).pixels, (256, 384))
    fine, own, coarse = (brushed(network, photo, "great_wave", size) for size in (192, 384, 1152))
    assert fine.shape == own.shape == coarse.shape == photo.shape
    torch.testing.assert_close(own, network.pixels(photo, "great_wave"), atol=1e-5, rtol=0)
    assert fineness(fine) > fineness(coarse)
    with pytest.raises(InputError, match="38 to 3840"):
        brushed(network, photo, "great_wave", 5)


def test_painted_with_a_style_size(tmp_path: Path) -> None:
    Image.fromarray(chelsea()[:96, :128]).save(tmp_path / "photo.png")
    result = Painting(PaintSettings({"udnie": 1.0}, style_size=640)).run(tmp_path / "photo.png")
    assert result.settings["style_size"] == 640
    assert result.picture.size == (128, 96)
    with pytest.raises(InputError, match="--style-size"):
        Painting(PaintSettings({"udnie": 1.0}, style_size=640, tiles="exact")).run(tmp_path / "photo.png")
