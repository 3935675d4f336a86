"""Local affine maps of colours: fitted to a pair of small pictures, applied at any size.

A photo redrawn without changing its shapes is, around each pixel, an affine function of its colours (the colour lines of Levin,
Lischinski & Weiss 2008). So a change of colours can be worked out small and applied large, keeping every edge of the large photo: the
guided filter of He, Sun & Tang 2013 (doi:10.1109/TPAMI.2012.213), in its fast form (He & Sun 2015, arXiv 1505.00996).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.pictures.float64 import float64, onto
from stylespace.pictures.resizing import resize

BAND = 16  # rows that are worked on at a time


def local_affine(
    photo: Tensor, target: Tensor, radius: int, epsilon: float, prior: Tensor | None = None, weight: Tensor | None = None
) -> Tensor:
    """Maps (1, C, 4, h, w) of ``photo`` (1, 3, h, w) to ``target`` (1, C, h, w): in each window the matrix A and shift b of least

        sum w |A I + b - T|^2 / sum w + epsilon |A - prior|^2,

    averaged over the windows that a pixel is in (He, Sun & Tang 2013, eqs. 14 to 16, whose prior is zero and w one). Windows have
    ``radius`` pixels around their middle. ``prior``: (C, 3), or a field of them (1, C, 3, h, w): with the identity, details too faint to be
    fitted stay as they are instead of being blurred. ``weight``: w (1, 1, h, w), positive; pixels that are a mix of two things, whose
    target is in doubt, are left to what is fitted to both beside them.
    """
    i, t = float64(photo)[0], float64(target)[0]  # (3, h, w), (C, h, w)
    known = i.new_zeros(len(t), 3) if prior is None else prior.to(i)
    mean = _weighted_mean(None if weight is None else float64(weight)[0], radius)
    if known.ndim == 5:
        known = mean(known[0].flatten(0, 1)).reshape(known.shape[1:]).permute(2, 3, 0, 1)  # (h, w, C, 3)
    mean_i, mean_t = mean(i), mean(t)
    own = mean(torch.einsum("ahw,bhw->abhw", i, i).flatten(0, 1)).reshape(3, 3, *i.shape[1:])
    own = (own - torch.einsum("ahw,bhw->abhw", mean_i, mean_i)).permute(2, 3, 0, 1)  # (h, w, 3, 3)
    both = mean(torch.einsum("chw,bhw->cbhw", t, i).flatten(0, 1)).reshape(len(t), 3, *i.shape[1:])
    both = (both - torch.einsum("chw,bhw->cbhw", mean_t, mean_i)).permute(2, 3, 0, 1)  # (h, w, C, 3)
    inverse = torch.linalg.inv(own + epsilon * torch.eye(3, dtype=own.dtype, device=own.device))
    a = known + (both - known @ own) @ inverse
    b = mean_t.permute(1, 2, 0) - (a @ mean_i.permute(1, 2, 0)[..., None])[..., 0]
    maps = torch.cat([a, b[..., None]], 3).permute(2, 3, 0, 1)  # (C, 4, h, w)
    smooth = _mean(maps.flatten(0, 1), radius).reshape(maps.shape)[None]
    return onto(smooth.float(), photo.device)


def apply_affine(photo: Tensor, maps: Tensor) -> Tensor:
    """``photo`` (1, 3, H, W) with each pixel mapped by ``maps`` (1, C, 4, h, w), which are enlarged bilinearly; (1, C, H, W), not clamped.

    The work is done in bands of rows, so that beside both pictures little memory is used.
    """
    (high, wide), (count, h) = photo.shape[-2:], (maps.shape[1], maps.shape[3])
    columns = F.interpolate(maps.flatten(1, 2), size=(h, wide), mode="bilinear", align_corners=False)[0]  # (4C, h, W)
    at = ((torch.arange(high, device=photo.device) + 0.5) * (h / high) - 0.5).clamp(0, h - 1)
    low = at.long().clamp_max(max(h - 2, 0))
    share = (at - low).to(maps)[:, None]
    made = photo.new_empty(1, count, high, wide)
    for top in range(0, high, BAND):
        rows = slice(top, top + BAND)
        first = columns[:, low[rows]]
        here = first.lerp(columns[:, (low[rows] + 1).clamp_max(h - 1)], share[rows]).reshape(count, 4, -1, wide)
        made[0, :, rows] = (here[:, :3] * photo[0, None, :, rows]).sum(1) + here[:, 3]
    return made


def feathered(mask: Tensor, photo: Tensor, radius: int, epsilon: float = 1e-4) -> Tensor:
    """``mask`` (1, N, h, w) with edges that follow those of ``photo`` (1, 3, H, W), at its size: hair and leaves become soft. In [0, 1].

    The guided filter, a step towards the closed-form matte of Levin et al. (He, Sun & Tang 2013, sec. 4.1).
    """
    there = resize(mask, photo.shape[-2:])
    return apply_affine(photo, local_affine(photo, there, radius, epsilon)).clamp(0, 1)


def divided(masks: Tensor, photo: Tensor, radius: int, epsilon: float = 1e-4) -> Tensor:
    """``masks`` (1, K, h, w), whose sum is one, with borders moved to where ``photo`` (1, 3, h, w) has them; sharp, of sum one.

    Around each pixel, as far as ``radius``, the colours of each mask are taken to be normally distributed: the pixel is each mask's by the
    odds of its own colour and of their areas there (Bayes; the step from a rough trimap of Chuang et al. 2001). ``epsilon`` is added
    to variances.
    """
    own, i = float64(masks)[0], float64(photo)[0]  # (K, h, w), (3, h, w)
    odds = []
    for mask in own:
        mean = _weighted_mean(mask[None] + 1e-9, radius)
        middle = mean(i)
        spread = mean(torch.einsum("ahw,bhw->abhw", i, i).flatten(0, 1)).reshape(3, 3, *i.shape[1:])
        spread = (spread - torch.einsum("ahw,bhw->abhw", middle, middle)).permute(2, 3, 0, 1)  # (h, w, 3, 3)
        root = torch.linalg.cholesky(spread + epsilon * torch.eye(3, dtype=i.dtype, device=i.device))
        away = torch.linalg.solve_triangular(root, (i - middle).permute(1, 2, 0)[..., None], upper=False)
        area = _mean(mask[None], radius)[0].clamp_min(1e-9).log()
        odds.append(area - root.diagonal(dim1=-2, dim2=-1).log().sum(-1) - 0.5 * away.square().sum((-1, -2)))
    return onto(torch.stack(odds).softmax(0)[None].float(), photo.device)


def certain(masks: Tensor) -> Tensor:
    """(1, 1, h, w) in (0, 1]: how surely a pixel and those beside it belong to one of ``masks`` (1, K, h, w)."""
    least = -F.max_pool2d(-masks, 3, 1, 1)
    return least.amax(1, keepdim=True).clamp(1e-3, 1)


def _weighted_mean(weight: Tensor | None, radius: int) -> Callable[[Tensor], Tensor]:
    """Means of maps (C, h, w) over windows, each pixel counting by ``weight`` (1, h, w)."""
    if weight is None:
        return lambda maps: _mean(maps, radius)
    total = _mean(weight, radius)
    return lambda maps: _mean(weight * maps, radius) / total


def _mean(maps: Tensor, radius: int) -> Tensor:
    """Mean of ``maps`` (C, h, w) over windows, which end at the border."""
    side = 2 * radius + 1
    down = F.avg_pool2d(maps[None], (side, 1), 1, (radius, 0), count_include_pad=False)
    return F.avg_pool2d(down, (1, side), 1, (0, radius), count_include_pad=False)[0]
