"""Maximum mean discrepancy: means of features mapped by a kernel (Li et al. 2017).

    MMD^2 = mean k(x, x') + mean k(s, s') - 2 mean k(x, s) = |mean phi(x) - mean phi(s)|^2   for k(x, y) = <phi(x), phi(y)>,
with x and s the positions of two pictures (Li, Wang, Liu & Hou, IJCAI 2017, eq. 6). The linear kernel's phi(x) is x; the quadratic
kernel's is x x^T, whose mean is the Gram matrix. The Gaussian kernel's phi has infinitely many
dimensions; random Fourier features approximate it (Rahimi & Recht 2007), so all of these are means over positions: they blend, take
guides, and sum over tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stylespace.statistics.positions import moments_of, positions, weights

# Values held at a time while features are mapped: 16 MB in float32.
_CHUNK = 1 << 22


def mean(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """Mean over positions (C,), at least float32. ``features``: (1, C, H, W); ``guide``: (1, 1, H, W) or None."""
    f = positions(features)
    return (f * weights(guide, f)).sum(1)


def mean_and_gram(features: Tensor, guide: Tensor | None = None, shift: float = 0.0) -> tuple[Tensor, Tensor]:
    """Mean (C,) and Gram matrix (C, C) of ``features + shift``, at least float32; arguments as for ``gram.gram``."""
    return moments_of(features, guide, shift)


def mean_and_square(features: Tensor, guide: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean (C,) and mean squared length () over positions, from which :func:`bandwidth` follows. Several pictures' may be averaged."""
    f = positions(features)
    weight = weights(guide, f)
    return (f * weight).sum(1), (f.square() * weight).sum()


def bandwidth(mean: Tensor, square: Tensor) -> float:
    """sigma^2 of ``exp(-|x - y|^2 / (2 sigma^2))``: the mean of ``|x - y|^2`` over all pairs of positions, ``2 (E|x|^2 - |E x|^2)``.

    Li et al. take the mean over random disjoint pairs, which estimates the same number. At least a thousandth of the mean squared
    length, since a flat picture has no distances.
    """
    length = float(square)
    return max(2 * (length - float(mean.square().sum())), 1e-3 * length, 1e-12)


@dataclass(frozen=True)
class RandomFeatures:
    """``phi(x) = (cos w_1.x, .., sin w_1.x, ..) / sqrt(n)`` with ``w_i`` from N(0, I / sigma^2): ``<phi(x), phi(y)>`` estimates the
    Gaussian kernel without bias (Rahimi & Recht 2007). Each C of the w are orthogonal, which is still without bias and errs less
    (Yu et al. 2016, "Orthogonal random features"; docs/kernels.md has how much).

    ``frequencies``: (C, n), the w_i as columns.
    """

    frequencies: Tensor

    @classmethod
    def drawn(cls, channels: int, variance: float, count: int, seed: int) -> RandomFeatures:
        """``count`` features a channel, a cosine and a sine for each frequency; ``variance``: sigma^2. A seed gives the same directions."""
        generator = torch.Generator().manual_seed(seed)
        blocks = []
        for _ in range(-(-count // 2)):
            first, second = torch.randn(2, channels, channels, generator=generator, dtype=torch.float64)
            # Orthogonal directions with the lengths of independent ones. Signs do not matter to cosines and sines in pairs.
            blocks.append(torch.linalg.qr(first).Q * second.norm(dim=0))
        return cls(torch.cat(blocks, 1)[:, : channels * count // 2] / variance**0.5)

    def to(self, like: Tensor) -> RandomFeatures:
        """In the type and on the device of ``like``."""
        return RandomFeatures(self.frequencies.to(like))

    def mean_map(self, features: Tensor, guide: Tensor | None = None) -> Tensor:
        """Mean of phi over positions (2 n,), at least float32. ``features``: (1, C, H, W); ``guide``: (1, 1, H, W) or None."""
        f = positions(features)
        return _MeanMap.apply(f, weights(guide, f), self.frequencies.to(f))  # type: ignore[no-untyped-call]

    def of_zero(self) -> Tensor:
        """phi of features that are all zero (2 n,)."""
        count = self.frequencies.shape[1]
        ones = self.frequencies.new_ones(count) / count**0.5
        return torch.cat([ones, torch.zeros_like(ones)])


class _MeanMap(torch.autograd.Function):
    """In pieces, and computed again for the gradient: all mapped features at once would need many times the features' memory."""

    @staticmethod
    def forward(ctx: Any, f: Tensor, weight: Tensor, frequencies: Tensor) -> Tensor:
        ctx.save_for_backward(f, weight, frequencies)
        count = frequencies.shape[1]
        cosines, sines = f.new_zeros(count), f.new_zeros(count)
        for part in _pieces(f.shape[1], count):
            angles = f[:, part].T @ frequencies
            if weight.numel() == 1:
                cosines += angles.cos().sum(0) * weight[0]
                sines += angles.sin().sum(0) * weight[0]
            else:
                cosines += weight[0, part] @ angles.cos()
                sines += weight[0, part] @ angles.sin()
        return torch.cat([cosines, sines]) / count**0.5

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        f, weight, frequencies = ctx.saved_tensors
        count = frequencies.shape[1]
        of_cosines, of_sines = (gradients[0] / count**0.5).split(count)
        pulled = f.new_empty(f.shape[1], f.shape[0])
        for part in _pieces(f.shape[1], count):
            angles = f[:, part].T @ frequencies
            pull = angles.cos() * of_sines - angles.sin() * of_cosines
            torch.mm(pull, frequencies.T, out=pulled[part])
        # Transposed, so that the gradient has the features' own (channels-last) order.
        return pulled.mul_(weight.T).T, None, None


def _pieces(length: int, width: int) -> list[slice]:
    step = max(1, _CHUNK // width)
    return [slice(start, start + step) for start in range(0, length, step)]
