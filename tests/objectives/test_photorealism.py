"""The matting energy."""

from __future__ import annotations

import pytest
import torch

from stylespace.objectives.photorealism import matting_energy
from stylespace.statistics.matting import matting_laplacian


def test_affine_changes_cost_nothing() -> None:
    pytest.importorskip("pymatting")
    generator = torch.Generator().manual_seed(1)
    photo = torch.rand(1, 3, 12, 10, generator=generator)
    laplacian = matting_laplacian(photo)
    matrix, shift = torch.rand(3, 3, generator=generator), torch.rand(3, 1, 1, generator=generator)
    mapped = torch.einsum("ca,nahw->nchw", matrix, photo) + shift
    other = torch.rand(1, 3, 12, 10, generator=generator)
    assert float(matting_energy(mapped, laplacian)) < 1e-5 * float(matting_energy(other, laplacian))


def test_gradient_is_exact() -> None:
    pytest.importorskip("pymatting")
    generator = torch.Generator().manual_seed(2)
    laplacian = matting_laplacian(torch.rand(1, 3, 5, 6, generator=generator)).double()
    picture = torch.rand(1, 3, 5, 6, dtype=torch.float64, generator=generator).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: matting_energy(x, laplacian), [picture])
