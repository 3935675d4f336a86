"""The loss of a batch, each picture with a style of its own: the terms of optimisation, picture by picture."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.objectives.content import feature_distance, own_energy
from stylespace.objectives.repetition import autocorrelation, repetition
from stylespace.objectives.smoothness import squared_variation
from stylespace.objectives.style import STATISTICS, Measurement, weighted_mean


def combined(references: Sequence[tuple[Tensor, float]], statistic: str) -> Measurement:
    """The target of several references' features (1, C, H, W), each with its weight: the statistic of all their positions together."""
    chosen = STATISTICS[statistic]
    sums = weighted_mean([chosen.sums(features, None, 0.0) for features, _ in references], [weight for _, weight in references])
    return chosen.prepare(chosen.finish(sums))


def style_share(features: Tensor, target: Measurement, statistic: str) -> Tensor:
    """Distance of one picture's ``features`` (1, C, H, W) to ``target``, as a share of the style's own energy."""
    chosen = STATISTICS[statistic]
    return chosen.distance(chosen.measure(features, None, 0.0), target) / chosen.energy(target).clamp_min(1e-12)


def content_share(features: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance of one picture's ``features`` to the photo's (1, C, H, W), as a share of the photo's own variance there."""
    return feature_distance(features, wanted) / own_energy(wanted)


REPEATING = ("relu2_1", "relu3_1")  # layers whose patterns are compared


@dataclass(frozen=True)
class Goal:
    """A style at one size: its measurements, level by level, and the autocorrelations of its features at full size."""

    levels: Sequence[Mapping[str, Measurement]]
    patterns: Mapping[str, Tensor]


@dataclass(frozen=True)
class TrainingLoss:
    """What a batch is judged by. ``content`` and ``style``: layer to weight, style's summing to 1.

    ``targets``: a goal for each style and size; of its levels each is half as large as the one before, and style counts as their mean.
    ``balance`` (styles,): what each style's distance is multiplied by.
    """

    encoder: Encoder
    content: Mapping[str, float]
    style: Mapping[str, float]
    statistic: str
    content_weight: float
    smoothness_weight: float
    repetition_weight: float
    targets: Sequence[Sequence[Goal]]
    balance: Tensor

    def __call__(self, painted: Tensor, photos: Tensor, styles: Sequence[int], sizes: Sequence[int]) -> dict[str, Tensor]:
        """Terms of ``painted`` (N, 3, H, W), redrawn from ``photos`` in ``styles``, each seen at one of the ``sizes``.

        Content, style, smoothness and repetition, (N,) each.
        """
        goals = [self.targets[style][size] for style, size in zip(styles, sizes, strict=True)]
        return self.against(painted, photos, goals, self.balance[list(styles)])

    def against(self, painted: Tensor, photos: Tensor, goals: Sequence[Goal], balance: Tensor) -> dict[str, Tensor]:
        """The same for a goal and a balance (N,) a picture."""
        with torch.no_grad():
            wanted = self._seen(photos, self.content)
        seen = self._seen(painted, {*self.content, *self.style})
        levels = [seen, *(self._seen(F.avg_pool2d(painted, 2**level), self.style) for level in range(1, len(goals[0].levels)))]
        content, style, repeated = [], [], []
        for number, goal in enumerate(goals):
            contents = [w * content_share(seen[n][number], wanted[n][number]) for n, w in self.content.items()]
            distances = [
                w * style_share(level[n][number], target[n], self.statistic)
                for level, target in zip(levels, goal.levels, strict=True)
                for n, w in self.style.items()
            ]
            content.append(torch.stack(contents).sum())
            style.append(torch.stack(distances).sum() / len(levels))
            more = [repetition(autocorrelation(seen[n][number]), pattern) for n, pattern in goal.patterns.items()]
            repeated.append(torch.cat(more).sum() if more else painted.new_zeros(()))
        return {
            "content": self.content_weight * torch.stack(content),
            "style": torch.stack(style) * balance,
            "smoothness": self.smoothness_weight * torch.stack([squared_variation(each) for each in torch.split(painted, 1)]),
            "repetition": self.repetition_weight * torch.stack(repeated),
        }

    def _seen(self, pictures: Tensor, layers: Collection[str]) -> dict[str, tuple[Tensor, ...]]:
        """Features at ``layers``, picture by picture."""
        return {name: torch.split(features, 1) for name, features in self.encoder(pictures, layers).items()}
