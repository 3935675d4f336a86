"""Style terms: what is measured of a layer's features, and how far apart two measurements are.

Every distance is zero for equal measurements and differentiable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.statistics.gram import gram
from stylespace.statistics.moments import mean_and_covariance, mean_and_deviation

Measurement = tuple[Tensor, ...]


def gram_distance(given: Measurement, target: Measurement) -> Tensor:
    """Sum of squared differences of two Gram matrices (Gatys et al. 2016, eq. 4 without its divisor)."""
    return (given[0] - target[0]).square().sum()


def moments_distance(given: Measurement, target: Measurement) -> Tensor:
    """Squared differences of means and of deviations, summed (Li et al. 2017, eq. 12 without its divisor)."""
    return (given[0] - target[0]).square().sum() + (given[1] - target[1]).square().sum()


def root(covariance: Tensor, epsilon: float = 1e-4) -> Tensor:
    """Symmetric square root of ``covariance + epsilon I`` (C, C), in float64; what :func:`wasserstein_distance` wants of its target."""
    identity = torch.eye(covariance.shape[0], dtype=torch.float64, device=covariance.device)
    values, vectors = torch.linalg.eigh((covariance + covariance.T).double() / 2 + epsilon * identity)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


def wasserstein_distance(given: Measurement, target: Measurement, epsilon: float = 1e-4) -> Tensor:
    """Squared 2-Wasserstein distance of two normal distributions (Dowson & Landau 1982, eq. 4).

    ``given``: mean, covariance. ``target``: mean, covariance, and ``root(covariance)``, computed once. ``epsilon`` is added
    to both covariances' diagonals, as in style-transfer-pytorch.
    """
    mean, covariance = given
    target_mean, target_covariance, target_root = (part.double() for part in target)
    # In float64: with fewer positions than channels the traces below cancel to less than float32 holds.
    mean, covariance = mean.double(), covariance.double()
    identity = torch.eye(covariance.shape[0], dtype=torch.float64, device=covariance.device)
    covariance = (covariance + covariance.T) / 2 + epsilon * identity
    inner = target_root @ covariance @ target_root
    # tr sqrt(inner): eigenvalues are real and not negative but for rounding.
    values = torch.linalg.eigvalsh((inner + inner.T) / 2)
    cross = values.clamp_min(epsilon * epsilon).sqrt().sum()
    trace = covariance.trace() + target_covariance.trace() + epsilon * covariance.shape[0]
    return ((mean - target_mean).square().sum() + trace - 2 * cross).to(given[0].dtype)


@dataclass(frozen=True)
class Statistic:
    """How style is measured at a layer and compared.

    ``measure(features, guide, shift)``; ``distance(given, target)``; ``energy(target)``, what a distance is divided by to be a share
    of the style itself; ``prepare(target)`` computes once what each distance needs; ``size(channels)``: numbers a
    mean over the distance divides by.
    """

    measure: Callable[[Tensor, Tensor | None, float], Measurement]
    distance: Callable[[Measurement, Measurement], Tensor]
    energy: Callable[[Measurement], Tensor]
    size: Callable[[int], int]
    prepare: Callable[[Measurement], Measurement] = lambda target: target

    def blend(self, measurements: Sequence[Measurement], weights: Sequence[float]) -> Measurement:
        """The weighted mean of several styles' measurements, prepared as a target. Weights are made to sum to one."""
        total = sum(weights)
        parts = zip(*measurements, strict=True)
        return self.prepare(
            tuple(torch.stack([w / total * m for w, m in zip(weights, part, strict=True)]).sum(0) for part in parts)
        )


STATISTICS = {
    "gram": Statistic(
        measure=lambda features, guide, shift: (gram(features, guide, shift),),
        distance=gram_distance,
        energy=lambda target: target[0].square().sum(),
        size=lambda channels: channels * channels,
    ),
    "moments": Statistic(
        measure=lambda features, guide, shift: mean_and_deviation(features, guide),
        distance=moments_distance,
        energy=lambda target: target[0].square().sum() + target[1].square().sum(),
        size=lambda channels: channels,
    ),
    "wasserstein": Statistic(
        measure=lambda features, guide, shift: mean_and_covariance(features, guide),
        distance=wasserstein_distance,
        energy=lambda target: target[0].square().sum() + target[1].trace(),
        size=lambda channels: channels,
        prepare=lambda target: (*target, root(target[1])),
    ),
}
