from __future__ import annotations

import io

import numpy as np
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylespace.demo.drawings import draw
from stylespace.metrics.checkerboard import checkerboard
from stylespace.pictures import resize


def phases(picture: Tensor, period: int) -> tuple[Tensor, Tensor]:
    rows, columns = (torch.arange(side) % period for side in picture.shape[-2:])
    return rows[:, None], columns[None]


def gridded(picture: Tensor, period: int, strength: float = 0.05) -> Tensor:
    """Lines every ``period`` pixels, both ways."""
    rows, columns = phases(picture, period)
    return (picture + strength * ((rows == 0) | (columns == 0))).clamp(0, 1)


def worst(pixels: Tensor) -> float:
    figure = checkerboard(pixels)["worst"]
    assert figure is not None
    return figure


@pytest.fixture(scope="module", params=["photo", "resized photo", "portrait", "gravel", "waves", "halftone", "stained_glass"])
def clean(request: pytest.FixtureRequest, photo: Tensor, portrait: Tensor) -> Tensor:
    """Pictures that no upsampling network has made."""
    if request.param == "photo":
        return photo
    if request.param == "resized photo":
        return resize(photo, (283, 425))
    if request.param == "portrait":
        return portrait
    if request.param == "gravel":
        return torch.from_numpy(skimage.data.gravel().astype(np.float32) / 255)[None, None].expand(1, 3, -1, -1)
    return torch.from_numpy(draw(request.param, (240, 300)).astype(np.float32) / 255).permute(2, 0, 1)[None]


def test_clean_pictures_are_near_zero(clean: Tensor) -> None:
    assert worst(clean) < 0.08


@pytest.mark.parametrize("period", [2, 4, 8])
def test_grids_are_seen_and_told_apart(clean: Tensor, period: int) -> None:
    """At a fiftieth of the range, by their own period; shorter periods show less."""
    figures = checkerboard(gridded(clean, period, 0.02))
    before = checkerboard(clean)
    assert figures[str(period)] > 0.08
    assert figures[str(period)] > 1.7 * worst(clean)
    assert figures["worst"] == max(value for value in figures.values() if value is not None)
    for shorter in (p for p in (2, 4, 8) if p < period):
        assert (figures[str(shorter)] or 0) - (before[str(shorter)] or 0) < 0.8 * (figures[str(period)] or 0)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_stronger_grids_score_higher(portrait: Tensor, period: int) -> None:
    figures = [worst(gridded(portrait, period, strength)) for strength in (0, 0.01, 0.02, 0.05, 0.1)]
    assert figures == sorted(figures)
    assert figures[-1] > 0.4


def test_alternating_pixels(portrait: Tensor) -> None:
    """(-1)^(x + y): every gradient has the same size, only its sign alternates."""
    rows, columns = phases(portrait, 2)
    board = (portrait + 0.03 * ((rows + columns) % 2 * 2 - 1)).clamp(0, 1)
    figure = checkerboard(board)["2"]
    assert figure is not None
    assert figure > 0.4


def test_contrast_by_phase(portrait: Tensor) -> None:
    """Strokes that are stronger at some phases, with either sign: no pattern is laid over the picture."""
    rows, columns = phases(portrait, 4)
    coarse = resize(resize(portrait, (85, 85)), (256, 256))
    stronger = 1 + torch.cos(rows * torch.pi / 2) * torch.cos(columns * torch.pi / 2)
    assert worst((coarse + (portrait - coarse) * stronger).clamp(0, 1)) > 0.15 > 2 * worst(portrait)


def test_transposed_convolution() -> None:
    """What the figure is for (Odena et al. 2016): kernel 3, stride 2 overlaps unevenly, resize and convolve does not."""
    torch.manual_seed(0)
    features = resize(torch.rand(1, 3, 24, 24), (96, 96))
    kernel = torch.ones(3, 3, 3, 3) / 9
    deconvolved = F.conv_transpose2d(features, kernel, stride=2)[..., 2:-2, 2:-2]
    convolved = F.conv2d(resize(features, (190, 190)), kernel)
    assert worst(deconvolved / deconvolved.max()) > 5 * worst(convolved / convolved.max())


@pytest.mark.parametrize("origin", [(1, 0), (3, 2), (5, 7)])
def test_where_the_grid_begins_does_not_matter(portrait: Tensor, origin: tuple[int, int]) -> None:
    grid = gridded(portrait, 4)
    assert worst(grid[..., origin[0] :, origin[1] :]) == pytest.approx(worst(grid), rel=0.05)


def test_independent_of_content(photo: Tensor, portrait: Tensor) -> None:
    """A grid that only makes contrast uneven scores alike on different pictures, and at a third of the contrast."""

    def uneven(picture: Tensor) -> Tensor:
        _, columns = phases(picture, 4)
        return picture[..., (torch.arange(picture.shape[-1]) // 4 * 4).clamp_max(picture.shape[-1] - 1)].lerp(
            picture, 0.5 * (columns > 1).float()
        )

    scores = [worst(uneven(picture)) for picture in (photo, portrait, 0.4 + 0.33 * (portrait - 0.5))]
    assert max(scores) < 1.6 * min(scores)


def test_long_edges_do_not_deceive() -> None:
    """A window frame: few straight edges, all at one phase by chance or not."""
    generator = torch.Generator().manual_seed(1)
    picture = 0.5 + 0.02 * torch.randn(1, 3, 256, 256, generator=generator).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    picture = picture.clone()
    picture[..., 61:70] = 0.1
    picture[..., 187:] = 0.9
    picture[..., 101:110, :] = 0.1
    assert worst(picture) < 0.05


def test_jpeg_blocks_show_at_eight(portrait: Tensor) -> None:
    file = io.BytesIO()
    Image.fromarray((portrait[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)).save(file, "JPEG", quality=30)
    read = torch.from_numpy(np.asarray(Image.open(file), dtype=np.float32) / 255).permute(2, 0, 1)[None]
    figures = checkerboard(read)
    assert figures["8"] == figures["worst"]
    assert figures["8"] > 3 * worst(portrait)


def test_chance_in_small_pictures_averages_out() -> None:
    """White noise of 16 x 24 pixels: single figures scatter, but half of them are 0, as they would not be without the pairs."""
    figures = [worst(torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(seed))) for seed in range(60)]
    assert np.mean([figure < 0.15 for figure in figures]) > 0.25
    assert max(figures) < 0.9


def test_constant_and_tiny_pictures() -> None:
    assert checkerboard(torch.full((1, 3, 50, 41), 0.3)) == {"worst": 0, "2": 0, "4": 0, "8": 0}
    assert checkerboard(torch.rand(1, 3, 15, 100)) == {"worst": None, "2": None, "4": None, "8": None}
    assert checkerboard(torch.rand(1, 3, 2, 2))["worst"] is None
    assert checkerboard(torch.rand(1, 3, 16, 16))["worst"] is not None


def test_what_nobody_sees_counts_little() -> None:
    rows, columns = phases(torch.zeros(1, 3, 64, 64), 4)
    assert worst(0.5 + 1e-5 * ((rows == 0) | (columns == 0)).float().expand(1, 3, -1, -1)) < 0.1
