"""The matting Laplacian."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import Tensor

from stylespace.errors import MissingExtraError
from stylespace.objectives.photorealism import matting_energy
from stylespace.statistics.matting import matting_laplacian


def by_windows(photo: Tensor, channel: Tensor, epsilon: float) -> float:
    """Eq. 9 of Levin et al. 2008 as it is written: the least sum of squares in each window, by ridge regression."""
    total = 0.0
    for top in range(photo.shape[-2] - 2):
        for left in range(photo.shape[-1] - 2):
            colours = photo[0, :, top : top + 3, left : left + 3].flatten(1).T.double()
            wanted = channel[top : top + 3, left : left + 3].flatten().double()
            design = torch.cat([colours, torch.ones(9, 1)], 1)
            ridge = torch.cat([epsilon**0.5 * torch.eye(3), torch.zeros(3, 1)], 1).double()
            rows, right = torch.cat([design, ridge]), torch.cat([wanted, torch.zeros(3).double()])
            found = torch.linalg.lstsq(rows, right[:, None]).solution[:, 0]
            total += float((rows @ found - right).square().sum())
    return total


@pytest.mark.parametrize("epsilon", [1e-7, 1e-2])
def test_it_is_the_least_sum_of_squares_of_all_windows(epsilon: float) -> None:
    pytest.importorskip("pymatting")
    generator = torch.Generator().manual_seed(0)
    photo, picture = (torch.rand(1, 3, 6, 7, generator=generator) for _ in range(2))
    energy = matting_energy(picture, matting_laplacian(photo, epsilon))
    assert float(energy) == pytest.approx(sum(by_windows(photo, c, epsilon) for c in picture[0]), rel=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (2, 9)])
def test_without_windows(size: tuple[int, int]) -> None:
    assert float(matting_energy(torch.rand(1, 3, *size), matting_laplacian(torch.rand(1, 3, *size)))) == 0


def test_a_constant_photo() -> None:
    pytest.importorskip("pymatting")
    laplacian = matting_laplacian(torch.full((1, 3, 8, 8), 0.5))
    assert float(matting_energy(torch.full((1, 3, 8, 8), 0.2), laplacian)) == pytest.approx(0, abs=1e-4)
    assert float(matting_energy(torch.rand(1, 3, 8, 8), laplacian)) > 1


def test_without_pymatting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pymatting"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pymatting", None)
    with pytest.raises(MissingExtraError, match=r"stylespace\[matting\]"):
        matting_laplacian(torch.rand(1, 3, 8, 8))
