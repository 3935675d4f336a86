"""Colour of pictures as tensors: luminance and chroma, and affine matching of one picture's colours to another's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.pictures.float64 import float64, onto

# NTSC YIQ, as in Gatys et al. 2017 (sec. 5.1).
_YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))
# OKLab (bottosson.github.io/posts/oklab): linear sRGB to cones, cones to lightness and opponent colours.
_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
MATCHES = ("cholesky", "root", "transport")


def to_yiq(pixels: Tensor) -> Tensor:
    """sRGB (N, 3, H, W) to luminance Y and chroma I, Q, same shape."""
    return torch.einsum("rc,nchw->nrhw", pixels.new_tensor(_YIQ), pixels)


def from_yiq(pixels: Tensor) -> Tensor:
    """The inverse of :func:`to_yiq`, not clamped."""
    return torch.einsum("rc,nchw->nrhw", _inverse(_YIQ).to(pixels), pixels)


def with_luminance(pixels: Tensor, like: Tensor) -> Tensor:
    """The chroma of ``pixels`` with the luminance of ``like``, both (N, 3, H, W), clamped to [0, 1]."""
    return from_yiq(torch.cat([to_yiq(like)[:, :1], to_yiq(pixels)[:, 1:]], 1)).clamp(0, 1)


def grey(pixels: Tensor) -> Tensor:
    """Luminance of sRGB (N, 3, H, W) in all three channels."""
    return to_yiq(pixels)[:, :1].expand(-1, 3, -1, -1)


def match_luminance(pixels: Tensor, like: Tensor) -> Tensor:
    """``pixels`` in grey with the mean and deviation of luminance of ``like`` (Gatys et al. 2017, eq. 10); (N, 3, H, W) in [0, 1]."""
    own, wanted = grey(pixels), grey(like)
    deviation = own[:, 0].std().clamp_min(1e-5)
    return ((own - own[:, 0].mean()) * (wanted[:, 0].std() / deviation) + wanted[:, 0].mean()).clamp(0, 1)


def to_oklab(pixels: Tensor) -> Tensor:
    """sRGB (N, 3, H, W) to lightness and the two opponent colours of OKLab (Ottosson 2020), same shape."""
    light = torch.where(pixels <= 0.04045, pixels / 12.92, ((pixels.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)
    cones = torch.einsum("rc,nchw->nrhw", pixels.new_tensor(_CONES), light).clamp_min(0) ** (1 / 3)
    return torch.einsum("rc,nchw->nrhw", pixels.new_tensor(_OKLAB), cones)


def from_oklab(pixels: Tensor) -> Tensor:
    """The inverse of :func:`to_oklab`, clamped to sRGB in [0, 1]."""
    back = [_inverse(m).to(pixels) for m in (_OKLAB, _CONES)]
    light = torch.einsum("rc,nchw->nrhw", back[1], torch.einsum("rc,nchw->nrhw", back[0], pixels) ** 3).clamp(0, 1)
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def chroma_by_moments(pixels: Tensor, photo: Tensor, style: Tensor, epsilon: float = 1e-6) -> Tensor:
    """The lightness of ``pixels`` with the chroma of ``photo``, which gets the mean and covariance of the ``style``'s chroma, in OKLab.

    All sRGB (1, 3, h, w); ``pixels`` and ``photo`` of one size. The colour step of Kolkin et al. 2022; which perceptual space they
    use is not established, and OKLab is our choice.
    """
    lightness = to_oklab(pixels)[:, :1]
    own, wanted = (float64(to_oklab(p)[0, 1:].flatten(1)) for p in (photo, style.to(photo)))
    identity = epsilon * torch.eye(2, dtype=own.dtype, device=own.device)
    covariances = [x.cov() + identity for x in (own, wanted)]
    root, inverse = _power(covariances[0], 0.5), _power(covariances[0], -0.5)
    matrix = inverse @ _power(root @ covariances[1] @ root, 0.5) @ inverse
    chroma = matrix @ (own - own.mean(1, keepdim=True)) + wanted.mean(1, keepdim=True)
    return from_oklab(torch.cat([lightness, chroma.to(pixels).reshape(1, 2, *pixels.shape[-2:])], 1))


def match_colours(pixels: Tensor, like: Tensor, method: str = "transport", epsilon: float = 1e-5) -> Tensor:
    """``pixels`` with mean and covariance of the colours of ``like``, both sRGB (1, 3, H, W); clamped to [0, 1].

    ``method``: ``cholesky``, ``root`` (symmetric square roots; both Gatys et al. 2017, sec. 5.2) or ``transport`` (the linear optimal
    transport map, which moves colours least: Pitie & Kokaram 2007). ``epsilon`` is added to the variances.
    """
    if method not in MATCHES:
        raise InputError(f"The colour match '{method}' is unknown: choose among {', '.join(MATCHES)}.")
    own, own_mean, own_cov = _moments(pixels, epsilon)
    _, mean, cov = _moments(like, epsilon)
    if method == "cholesky":
        matrix = torch.linalg.cholesky(cov) @ torch.linalg.inv(torch.linalg.cholesky(own_cov))
    elif method == "root":
        matrix = _power(cov, 0.5) @ _power(own_cov, -0.5)
    else:
        root, inverse = _power(own_cov, 0.5), _power(own_cov, -0.5)
        matrix = inverse @ _power(root @ cov @ root, 0.5) @ inverse
    matched = matrix @ (own - own_mean) + mean
    return matched.reshape(pixels.shape[1:])[None].to(pixels).clamp(0, 1)


def colour_map(
    pixels: Tensor,
    like: Tensor,
    where: Tensor | None = None,
    there: Tensor | None = None,
    *,
    most: float = 3.0,
    epsilon: float = 1e-4,
) -> Tensor:
    """The affine map (3, 4) of colours, matrix and shift, from ``pixels`` to ``like``, both sRGB (1, 3, h, w): the linear optimal
    transport between their means and covariances (Pitie & Kokaram 2007).

    ``where``, ``there``: (1, 1, h, w) in [0, 1], how much each pixel of the two counts. ``most``: contrast along any axis of colour is
    raised at most so many times and lowered as much, so that noise is not made visible. ``epsilon`` is added to the variances.
    """
    _, own_mean, own_cov = _moments(pixels, epsilon, where)
    _, mean, cov = _moments(like, epsilon, there)
    root, inverse = _power(own_cov, 0.5), _power(own_cov, -0.5)
    values, vectors = torch.linalg.eigh(inverse @ _power(root @ cov @ root, 0.5) @ inverse)
    matrix = (vectors * values.clamp(1 / most, most)) @ vectors.T
    return onto(torch.cat([matrix, mean - matrix @ own_mean], 1).float(), pixels.device)


def _moments(pixels: Tensor, epsilon: float, where: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    x = float64(pixels[0].flatten(1))
    weight = x.new_ones(1, x.shape[1]) if where is None else float64(where).flatten()[None].to(x)
    weight = weight / weight.sum().clamp_min(1e-12)
    mean = (x * weight).sum(1, keepdim=True)
    return x, mean, ((x - mean) * weight) @ (x - mean).T + epsilon * torch.eye(3, dtype=x.dtype, device=x.device)


def _inverse(matrix: Sequence[Sequence[float]]) -> Tensor:
    return torch.linalg.inv(torch.tensor(matrix, dtype=torch.float64))


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(1e-12) ** exponent) @ vectors.T
