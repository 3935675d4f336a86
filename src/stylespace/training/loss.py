"""The loss of a batch, each picture with a style of its own: statistics of Gatys-style optimisation, batched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder

EPSILON = 1e-4


@dataclass(frozen=True)
class Target:
    """A style at one layer: ``mean`` (C,), ``second`` (C, C) moment, ``covariance``, its ``root`` (float64), and the style's ``energy``."""

    mean: Tensor
    second: Tensor
    covariance: Tensor
    root: Tensor
    energy: float


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (N, C) and mean product (N, C, C) over positions of ``features`` (N, C, H, W), float32."""
    f = features.permute(0, 2, 3, 1).flatten(1, 2).float()
    return f.mean(1), torch.bmm(f.transpose(1, 2), f) / f.shape[1]


def target(features: Tensor, statistic: str) -> Target:
    """The target of one style's ``features`` (1, C, H, W)."""
    return combined([(features, 1.0)], statistic)


def combined(references: Sequence[tuple[Tensor, float]], statistic: str) -> Target:
    """The target of several references' features (1, C, H, W), each with its weight: moments of all their positions together."""
    whole = sum(weight for _, weight in references)
    measured = [(*moments(features), weight / whole) for features, weight in references]
    mean = torch.stack([m[0] * w for m, _, w in measured]).sum(0).detach()
    second = torch.stack([s[0] * w for _, s, w in measured]).sum(0).detach()
    covariance = second - torch.outer(mean, mean)
    eye = torch.eye(len(mean), dtype=torch.float64, device=mean.device)
    values, vectors = torch.linalg.eigh(covariance.double() + EPSILON * eye)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    energy = second.square().sum() if statistic == "gram" else mean.square().sum() + covariance.trace()
    return Target(mean, second, covariance, root, max(float(energy), 1e-12))


def style_distance(features: Tensor, targets: Sequence[Target], statistic: str) -> Tensor:
    """Distance (N,) of each picture's ``features`` (N, C, H, W) to its own target, as a share of the target's energy.

    ``wasserstein``: squared 2-Wasserstein distance of normal distributions (as objectives.style, batched); ``gram``: squared difference
    of Gram matrices.
    """
    mean, second = moments(features)
    energy = mean.new_tensor([t.energy for t in targets])
    if statistic == "gram":
        wanted = torch.stack([t.second for t in targets])
        return (second - wanted).square().sum((1, 2)) / energy
    wanted_mean = torch.stack([t.mean for t in targets]).double()
    covariances = torch.stack([t.covariance for t in targets]).double()
    roots = torch.stack([t.root for t in targets])
    mean, second = mean.double(), second.double()
    eye = EPSILON * torch.eye(mean.shape[1], dtype=torch.float64, device=mean.device)
    covariance = second - mean[:, :, None] * mean[:, None, :] + eye
    inner = roots @ covariance @ roots
    values = torch.linalg.eigvalsh((inner + inner.transpose(1, 2)) / 2)
    cross = values.clamp_min(EPSILON * EPSILON).sqrt().sum(1)
    trace = (covariance.diagonal(dim1=1, dim2=2) + covariances.diagonal(dim1=1, dim2=2)).sum(1) + EPSILON * mean.shape[1]
    return ((mean - wanted_mean).square().sum(1) + trace - 2 * cross).float() / energy


def content_distance(features: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance (N,) of ``features`` to the photos' (N, C, H, W), as a share of each photo's own variance there."""
    wanted = wanted.float()
    own = (wanted - wanted.mean((2, 3), keepdim=True)).square().sum((1, 2, 3))
    floor = 1e-3 * wanted.square().sum((1, 2, 3))
    return (features.float() - wanted).square().sum((1, 2, 3)) / torch.maximum(own, floor).clamp_min(1e-12)


@dataclass(frozen=True)
class Loss:
    """What a batch is judged by. ``content`` and ``style``: layer to weight, style's summing to 1.

    ``targets``: style, then size, then layer.
    """

    encoder: Encoder
    content: Mapping[str, float]
    style: Mapping[str, float]
    statistic: str
    content_weight: float
    smoothness_weight: float
    targets: Sequence[Sequence[Mapping[str, Target]]]
    balance: Tensor

    def __call__(self, painted: Tensor, photos: Tensor, styles: Sequence[int], sizes: Sequence[int]) -> dict[str, Tensor]:
        """Terms of ``painted`` (N, 3, H, W), redrawn from ``photos`` in ``styles``, each seen at one of the ``sizes``.

        Content, style and smoothness, (N,) each.
        """
        with torch.no_grad():
            wanted = self.encoder(photos, self.content)
        given = self.encoder(painted, {*self.content, *self.style})
        content = sum(w * content_distance(given[name], wanted[name]) for name, w in self.content.items())
        style = sum(
            w
            * style_distance(given[name], [self.targets[s][k][name] for s, k in zip(styles, sizes, strict=True)], self.statistic)
            for name, w in self.style.items()
        )
        assert isinstance(content, Tensor)
        assert isinstance(style, Tensor)
        down = (painted[..., 1:, :] - painted[..., :-1, :]).square().sum((1, 2, 3))
        right = (painted[..., 1:] - painted[..., :-1]).square().sum((1, 2, 3))
        variation = (down + right) / painted[0].numel()
        return {
            "content": self.content_weight * content,
            "style": style * self.balance[list(styles)],
            "smoothness": self.smoothness_weight * variation,
        }
