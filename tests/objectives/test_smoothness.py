"""Total variation against plain loops and against the gradient that neural-style writes down."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from stylespace.objectives.smoothness import SMOOTHNESS, neural_style_variation, squared_variation, total_variation


def test_by_loops() -> None:
    picture = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    absolute = squared = 0.0
    for n in range(2):
        for c in range(3):
            for y in range(4):
                for x in range(5):
                    here = picture[n, c, y, x].item()
                    for there in ([(y + 1, x)] if y < 3 else []) + ([(y, x + 1)] if x < 4 else []):
                        difference = here - picture[n, c, *there].item()
                        absolute += abs(difference)
                        squared += difference**2
    assert total_variation(picture).item() == pytest.approx(absolute, rel=1e-12)
    assert squared_variation(picture).item() == pytest.approx(squared / 120, rel=1e-12)
    assert neural_style_variation(picture).item() == pytest.approx(255**2 * squared / 2, rel=1e-12)


def test_squared_as_published() -> None:
    """Squared differences of the picture with its last row and column repeated, averaged over pixels and channels, as
    style-transfer-pytorch's ``TVLoss`` is defined at commit 015afe1 (github.com/crowsonkb/style-transfer-pytorch)."""
    picture = torch.rand(1, 3, 9, 7, dtype=torch.float64)
    padded = F.pad(picture, (0, 1, 0, 1), "replicate")
    right, down = padded.diff(dim=3)[..., :-1, :], padded.diff(dim=2)[..., :-1]
    assert squared_variation(picture).item() == pytest.approx((right**2 + down**2).mean().item(), rel=1e-12)


def test_gradient_as_neural_style_writes_it() -> None:
    """``TVLoss:updateGradInput`` (github.com/jcjohnson/neural-style at 053a6e3) by loops, on pixels in 0..255.

    It leaves out differences along the last row and column, so these are not compared.
    """
    picture = torch.rand(1, 3, 6, 7, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(neural_style_variation(picture), picture)
    x = 255 * picture.detach()[0]
    expected = torch.zeros_like(x)
    for row in range(5):
        for column in range(6):
            across, down = x[:, row, column] - x[:, row, column + 1], x[:, row, column] - x[:, row + 1, column]
            expected[:, row, column] += across + down
            expected[:, row, column + 1] -= across
            expected[:, row + 1, column] -= down
    expected *= 255  # pixels are in 0..1 here
    assert torch.allclose(found[0, :, :-1, :-1], expected[:, :-1, :-1], rtol=1e-12)


@pytest.mark.parametrize("name", list(SMOOTHNESS))
def test_flat_and_one_pixel_pictures_are_smooth(name: str) -> None:
    assert SMOOTHNESS[name](torch.full((1, 3, 5, 5), 0.4)) == 0
    assert SMOOTHNESS[name](torch.rand(1, 3, 1, 1)) == 0
    assert SMOOTHNESS[name](torch.rand(1, 3, 1, 9)) > 0


@pytest.mark.parametrize("name", list(SMOOTHNESS))
def test_gradients(name: str) -> None:
    picture = torch.rand(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(SMOOTHNESS[name], picture, rtol=1e-3 if name == "neural-style" else 1e-5)
