"""Style terms: measurements of a layer's features, and distances between two measurements.

Every distance is zero for equal measurements and differentiable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.pictures.float64 import float64
from stylespace.statistics import kernels
from stylespace.statistics.gram import gram
from stylespace.statistics.moments import deviation_of, mean_and_covariance, mean_and_deviation, means_and_squares
from stylespace.statistics.positions import moments_of

Measurement = tuple[Tensor, ...]


def gram_distance(measured: Measurement, target: Measurement) -> Tensor:
    """Sum of squared differences of two Gram matrices (Gatys et al. 2016, eq. 4 without its divisor)."""
    return (measured[0] - target[0]).square().sum()


def moments_distance(measured: Measurement, target: Measurement) -> Tensor:
    """Squared differences of means and of deviations, summed (Li et al. 2017, eq. 12 without its divisor)."""
    return (measured[0] - target[0]).square().sum() + (measured[1] - target[1]).square().sum()


def mean_distance(measured: Measurement, target: Measurement) -> Tensor:
    """Squared difference of means: MMD^2 with the linear kernel x.y, or with any whose feature map was averaged (Li et al. 2017)."""
    return (measured[0] - target[0]).square().sum()


def quadratic_distance(measured: Measurement, target: Measurement, offset: float = 0.0) -> Tensor:
    """MMD^2 with the kernel (x.y + offset)^2 between means and Gram matrices; with offset 0 it is :func:`gram_distance`."""
    distance = (measured[1] - target[1]).square().sum()
    return distance + 2 * offset * mean_distance(measured, target) if offset else distance


def root(covariance: Tensor, epsilon: float = 1e-4) -> Tensor:
    """Symmetric square root of ``covariance + epsilon I`` (C, C), in float64; :func:`wasserstein_distance` needs that of its target."""
    symmetric = float64(covariance + covariance.T) / 2
    identity = torch.eye(len(symmetric), dtype=symmetric.dtype, device=symmetric.device)
    values, vectors = torch.linalg.eigh(symmetric + epsilon * identity)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


def wasserstein_distance(measured: Measurement, target: Measurement, epsilon: float = 1e-4) -> Tensor:
    """Squared 2-Wasserstein distance of two normal distributions (Dowson & Landau 1982, eq. 4).

    ``measured``: mean, covariance. ``target``: mean, covariance, and ``root(covariance)``, computed once. ``epsilon`` is added
    to both covariances' diagonals, as in style-transfer-pytorch.
    """
    mean, covariance = measured
    target_mean, target_covariance, target_root = (float64(part) for part in target)
    # In float64: with fewer positions than channels the traces below cancel beyond float32's digits.
    mean, covariance = float64(mean), float64(covariance)
    cross: Tensor = _CrossTrace.apply(covariance, target_root, epsilon)  # type: ignore[no-untyped-call]
    trace = covariance.trace() + target_covariance.trace() + 2 * epsilon * covariance.shape[0]
    return ((mean - target_mean).square().sum() + trace - 2 * cross).to(measured[0])


class _CrossTrace(torch.autograd.Function):
    """``tr sqrt(R S R)`` with ``S = covariance + epsilon I`` and ``R = target_root``; its gradient, ``R (R S R)^(-1/2) R / 2``,
    comes from the same eigenvalue problem."""

    @staticmethod
    def forward(ctx: Any, covariance: Tensor, target_root: Tensor, epsilon: float) -> Tensor:
        inner = target_root @ covariance @ target_root
        inner = (inner + inner.T) / 2 + epsilon * (target_root @ target_root)
        # Eigenvalues are real and, up to rounding, not negative.
        values, vectors = torch.linalg.eigh(inner)
        roots = values.clamp_min(epsilon * epsilon).sqrt()
        turned = target_root @ vectors
        ctx.save_for_backward((turned / (2 * roots)) @ turned.T)
        return roots.sum()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return gradient * slope, None, None


@dataclass(frozen=True)
class Statistic:
    """How style is measured at a layer and compared.

    ``measure(features, guide, shift)``: means over positions; ``distance(measured, target)``; ``energy(target)``: the target's distance
    from features that are all zero, the divisor that makes a distance a share of the style itself; ``prepare(target)`` computes
    once what every distance needs; ``size(channels)``: the number of values that a mean over the distance divides by. ``emphasis``: a
    factor on shares of the style's energy, so that one content weight suits every statistic; chosen by eye (docs/kernels.md).
    ``raw`` and ``finish``: where the measurement is not itself a mean over positions, ``raw`` gives the means it is made from, which add
    up over parts of a picture, and ``finish`` makes it from them. ``survey`` and ``fit``: where the measurement depends on the styles,
    ``survey`` measures what it depends on and ``fit`` makes the statistic from the blended survey; see :meth:`fitted`.
    """

    measure: Callable[[Tensor, Tensor | None, float], Measurement]
    distance: Callable[[Measurement, Measurement], Tensor]
    energy: Callable[[Measurement], Tensor]
    size: Callable[[int], int]
    prepare: Callable[[Measurement], Measurement] = lambda target: target
    emphasis: float = 1.0
    raw: Callable[[Tensor, Tensor | None, float], Measurement] | None = None
    finish: Callable[[Measurement], Measurement] = lambda means: means
    survey: Callable[[Tensor, Tensor | None], Measurement] | None = None
    fit: Callable[[Measurement], Statistic] | None = None

    def sums(self, features: Tensor, guide: Tensor | None, shift: float) -> Measurement:
        """The means over positions from which :attr:`finish` makes a measurement."""
        return (self.raw or self.measure)(features, guide, shift)

    def fitted(self, styles: Iterable[tuple[Tensor, Tensor | None]], weights: Sequence[float]) -> Statistic:
        """The statistic for one layer of weighted styles, to be used for styles and picture alike.

        ``styles``: features and guide of each, read one at a time, and only where the statistic depends on them.
        """
        if self.survey is None or self.fit is None:
            return self
        return self.fit(weighted_mean([self.survey(features, guide) for features, guide in styles], weights))

    def blend(self, measurements: Sequence[Measurement], weights: Sequence[float]) -> Measurement:
        """The weighted mean of several styles' measurements, prepared as a target. Weights are normalised to sum to one."""
        return self.prepare(weighted_mean(measurements, weights))


def weighted_mean(measurements: Sequence[Measurement], weights: Sequence[float]) -> Measurement:
    """The weighted mean of each part; weights are normalised to sum to one."""
    total = sum(weights)
    parts = zip(*measurements, strict=True)
    return tuple(torch.stack([w / total * m for w, m in zip(weights, part, strict=True)]).sum(0) for part in parts)


def mmd_poly(offset: float = 0.0) -> Statistic:
    """MMD^2 with the kernel (x.y + offset)^2; with offset 0, Gram matrices. Raises ``InputError`` for a negative offset."""
    if offset < 0:
        raise InputError(f"The offset of the polynomial kernel is {offset}: give 0 or more (below, it is no kernel).")
    return Statistic(
        measure=lambda features, guide, shift: kernels.mean_and_gram(features, guide, shift),
        distance=lambda measured, target: quadratic_distance(measured, target, offset),
        energy=lambda target: target[1].square().sum() + 2 * offset * target[0].square().sum(),
        size=lambda channels: channels * channels,
        emphasis=EMPHASIS["mmd-poly"],
    )


def mmd_gaussian(count: int = 4, seed: int = 0) -> Statistic:
    """MMD^2 with the Gaussian kernel, estimated with ``count`` random features a channel.

    They are drawn with ``seed``. The bandwidth comes from the styles, so :meth:`Statistic.fitted` is needed first. Raises ``InputError``
    for fewer than two random features a channel.
    """
    if count < 2:
        raise InputError(f"The Gaussian kernel cannot be estimated with {count} random features a channel: give 2 or more.")

    def unfitted(features: Tensor, guide: Tensor | None, shift: float) -> Measurement:
        raise TypeError("mmd-gaussian takes its bandwidth from the styles: measure with the statistic that fitted() returns.")

    def fit(survey: Measurement) -> Statistic:
        mean, square = survey
        mapped = kernels.RandomFeatures.drawn(len(mean), kernels.bandwidth(mean, square), count, seed).to(mean)
        return Statistic(
            # A shift moves both pictures alike and changes no distance.
            measure=lambda features, guide, shift: (mapped.mean_map(features, guide),),
            distance=mean_distance,
            energy=lambda target: mean_distance((mapped.of_zero(),), target),
            size=lambda channels: 1,
            emphasis=EMPHASIS["mmd-gaussian"],
        )

    return Statistic(
        measure=unfitted, distance=mean_distance, energy=lambda target: target[0].square().sum(), size=lambda channels: 1,
        emphasis=EMPHASIS["mmd-gaussian"], survey=kernels.mean_and_square, fit=fit,
    )  # fmt: skip


EMPHASIS = {"gram": 1.5, "moments": 4.0, "mmd-linear": 3.0, "mmd-poly": 1.5, "mmd-gaussian": 3.0, "wasserstein": 1.0}
"""Chosen by eye at the default content weight (docs/kernels.md); wasserstein, the default, is the reference."""

STATISTICS = {
    "gram": Statistic(
        measure=lambda features, guide, shift: (gram(features, guide, shift),),
        distance=gram_distance,
        energy=lambda target: target[0].square().sum(),
        size=lambda channels: channels * channels,
        emphasis=EMPHASIS["gram"],
    ),
    "moments": Statistic(
        measure=lambda features, guide, shift: mean_and_deviation(features, guide),
        raw=lambda features, guide, shift: means_and_squares(features, guide),
        finish=lambda means: deviation_of(means[0], means[1]),
        distance=moments_distance,
        energy=lambda target: target[0].square().sum() + target[1].square().sum(),
        size=lambda channels: channels,
        emphasis=EMPHASIS["moments"],
    ),
    "mmd-linear": Statistic(
        measure=lambda features, guide, shift: (kernels.mean(features, guide),),
        distance=mean_distance,
        energy=lambda target: target[0].square().sum(),
        size=lambda channels: channels,
        emphasis=EMPHASIS["mmd-linear"],
    ),
    "mmd-poly": mmd_poly(),
    "mmd-gaussian": mmd_gaussian(),
    "wasserstein": Statistic(
        measure=lambda features, guide, shift: mean_and_covariance(features, guide),
        raw=lambda features, guide, shift: moments_of(features, guide),
        finish=lambda means: (means[0], means[1] - torch.outer(means[0], means[0])),
        distance=wasserstein_distance,
        energy=lambda target: target[0].square().sum() + target[1].trace(),
        size=lambda channels: channels,
        prepare=lambda target: (*target, root(target[1])),
        emphasis=EMPHASIS["wasserstein"],
    ),
}


def statistic_named(name: str, *, offset: float = 0.0, count: int = 4, seed: int = 0) -> Statistic:
    """One of :data:`STATISTICS`, with the options of its kernel: ``offset`` as :func:`mmd_poly`, ``count`` and ``seed`` as
    :func:`mmd_gaussian`. Raises ``InputError`` for an unknown name."""
    if name not in STATISTICS:
        raise InputError(f"The statistic '{name}' is unknown: choose among {', '.join(STATISTICS)}.")
    made = {"mmd-poly": lambda: mmd_poly(offset), "mmd-gaussian": lambda: mmd_gaussian(count, seed)}
    return made[name]() if name in made else STATISTICS[name]
