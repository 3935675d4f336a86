"""Settings of training. Loads without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stylespace.settings import EncoderSettings, option

DUMOULIN = "Dumoulin, Shlens & Kudlur 2017"
_OURS = "ours: tuned by eye"
BUILDS = ("fast", "published", "johnson", "texture", "multimodal", "tiny")  # as networks.builds has them, without torch


@dataclass(frozen=True)
class TrainingSettings(EncoderSettings):
    """How a network of many styles is trained. Defaults are ours, for two processor cores. The encoder is the loss network."""

    build: str = option("fast", "network body: ours for real time, or a published one", BUILDS, _OURS)
    steps: int = option(8000, "steps in all", source=_OURS, least=0)
    batch: int = option(4, "photos per step, each with a different style", source=_OURS, least=1)
    crop: int = option(256, "side of the crops in pixels", source=DUMOULIN, least=1)
    rate: float = option(1e-3, "learning rate of Adam", source=DUMOULIN, least=0)
    final_rate: float = option(1e-4, "learning rate at the end; it falls by a cosine", source=_OURS, least=0)
    row_rate: float = option(5.0, "learning rate of the styles' rows, as a multiple of the body's", source=_OURS, least=0)
    warm_up: int = option(100, "steps over which the learning rate rises", source=_OURS, least=0)
    clip: float = option(1.0, "largest norm of the gradient", source=_OURS, least=0)
    average_decay: float = option(
        0.999, "decay of the moving average of the weights, which is the result", source=_OURS, least=0, most=1
    )
    content_layers: Any = option("relu4_2", "layers that hold the content, with weights", source=_OURS)
    content_weight: float = option(0.1, "weight of the content, as a share of its own variance", source=_OURS, least=0)
    style_layers: Any = option(
        "relu1_1=0.5,relu2_1=0.7,relu3_1=1.2,relu4_1=1.3,relu5_1", "layers that hold the style, with weights", source=_OURS
    )
    statistic: str = option("wasserstein", "statistic that style is measured by", ("wasserstein", "gram"), _OURS)
    smoothness_weight: float = option(1.0, "weight of total variation (mean of squares)", source=_OURS, least=0)
    grid_weight: float = option(
        400.0, "weight of the penalty on patterns with the period of the network's strides", source=_OURS, least=0
    )
    repetition_weight: float = option(
        40.0,
        "weight of features that return at a distance more alike than the style's: of one motif in rows",
        source=_OURS,
        least=0,
    )
    stability_weight: float = option(
        0.0,
        "weight of what differs between a moved photo's painting and the moved painting: how still films hold",
        source=_OURS,
        least=0,
    )
    noise: float = option(
        0.02, "largest standard deviation of the noise added to photos, from which strokes can grow", source=_OURS, least=0
    )
    style_sizes: tuple[int, ...] = option((384,), "long sides at which style pictures are seen, in turn", source=_OURS, least=1)
    style_levels: int = option(
        2,
        "scales at which styles are compared, each half as large as the one before, so that large shapes count",
        source=_OURS,
        least=1,
    )
    balance: bool = option(True, "weight styles so that all start equally far from the photos", source=_OURS)
    seed: int = option(0, "seed of weights, crops and order", source=_OURS)


@dataclass(frozen=True)
class AddStyleSettings(TrainingSettings):
    """How a trained network learns one more style, by training only the style's row. ``build`` is the network's."""

    steps: int = option(600, "steps in all", source=_OURS, least=0)
    rate: float = option(1e-2, "learning rate of Adam", source=_OURS, least=0)
    final_rate: float = option(1e-3, "learning rate at the end; it falls by a cosine", source=_OURS, least=0)
    row_rate: float = option(1.0, "learning rate of the styles' rows, as a multiple of the body's", source=_OURS, least=0)
    warm_up: int = option(10, "steps over which the learning rate rises", source=_OURS, least=0)
