"""Photorealism: a picture may differ from the photo by local affine maps of its colours only (Luan et al. 2017, eq. 2)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from stylespace.pictures.float64 import onto


def matting_energy(picture: Tensor, laplacian: Tensor) -> Tensor:
    """sum_c V_c^T M V_c over the channels of ``picture`` (1, C, h, w); ``laplacian``: M of the photo (h w, h w), sparse, symmetric.

    Zero where every window of the picture is an affine function of the photo's. The gradient is exact, 2 M V (eq. 2).
    """
    v = picture[0].flatten(1).T.to(laplacian.device, laplacian.dtype)  # (n, C)
    energy: Tensor = _Energy.apply(v, laplacian)  # type: ignore[no-untyped-call]
    return onto(energy, picture.device).to(picture.dtype)


class _Energy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, laplacian: Tensor) -> Tensor:
        product = torch.sparse.mm(laplacian, v)  # M V
        ctx.save_for_backward(product)
        # The products cancel: they are added up in float64.
        return (v.double() * product.double()).sum().to(v)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (product,) = ctx.saved_tensors
        return 2 * gradient * product, None
