"""The matting Laplacian: how far a picture is from being, in every small window, an affine function of a photo's colours.

Levin, Lischinski & Weiss 2008 (doi:10.1109/TPAMI.2007.1177, eq. 11); computed by PyMatting (extra ``matting``): a sparse matrix of 25
numbers a pixel.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from stylespace.errors import MissingExtraError
from stylespace.pictures.float64 import home

EPSILON = 1e-7  # Luan et al. 2017
RADIUS = 1  # windows of 3 x 3 pixels


def library() -> Any:
    """PyMatting's module of Laplacians. Raises ``MissingExtraError`` where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of code that it compiles
            return import_module("pymatting.laplacian.cf_laplacian")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pymatting", "numba", "llvmlite"):
            raise
        raise MissingExtraError(
            "Photorealistic optimisation wants PyMatting, an extra: pip install 'stylespace[matting]' (or give --route fast)."
        ) from error


def matting_laplacian(photo: Tensor, epsilon: float = EPSILON) -> Tensor:
    """M (n, n), sparse and symmetric, of ``photo`` (1, 3, h, w; in [0, 1]) with n = h w pixels, row by row; on its
    device, or on the processor where that knows no sparse matrices (Apple's).

    v^T M v, for one channel v of a picture, is the sum over all 3 x 3 windows inside the photo of the least
    |a I + b - v|^2 + epsilon |a|^2. A photo narrower than a window has none, and M is zero.
    """
    high, wide = photo.shape[-2:]
    if min(high, wide) < 2 * RADIUS + 1:
        found = csr_matrix((high * wide, high * wide))
    else:
        picture = photo[0].permute(1, 2, 0).cpu().double().contiguous().numpy()
        found = csr_matrix(library().cf_laplacian(picture, epsilon, RADIUS))
        found.sum_duplicates()
    rows, columns, values = (torch.from_numpy(part) for part in (found.indptr, found.indices, found.data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rows are multiplied four times as fast as pairs of places, and called beta
        made = torch.sparse_csr_tensor(rows, columns, values.float(), found.shape, check_invariants=False)
    return made.to(home(photo.device))
