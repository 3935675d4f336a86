"""Settings of the learned style picture. Loads without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stylespace.settings import EncoderSettings, option

DOCUMENT = "animated style learning: the document"
KERNELS = ("gram", "moments", "mmd-linear", "mmd-poly", "mmd-gaussian", "wasserstein")


@dataclass(frozen=True)
class LearnedStyleSettings(EncoderSettings):
    """How one picture is learned from many references; the defaults are ours, :meth:`document` gives the published way."""

    size: int = option(512, "long side of the style picture in pixels", least=16)
    proportions: float = option(1.0, "width divided by height")
    smallest: int = option(128, "long side of the first, coarsest size; the same as size: only that size", least=1)
    steps: int = option(1500, "steps in all, shared out over the sizes", source=DOCUMENT, least=1)
    fall: float = option(1.5, "how fast the share of steps falls with size: (smallest / size) ** fall")
    route: str = option(
        "exact",
        "target: all references at once, or one drawn at each step, as in the document",
        ("exact", "stochastic"),
        "derived: the same up to a constant",
    )
    style_layers: Any = option("all", "layers whose statistics are learned, with weights; all; all:geometric", source=DOCUMENT)
    statistic: str = option("wasserstein", "statistic that style is measured by (the document: gram)", KERNELS)
    kernel_offset: float = option(0.0, "c of the kernel (x.y + c)^2 of mmd-poly", source="Li et al. 2017")
    kernel_features: int = option(4, "random Fourier features per channel that approximate the kernel of mmd-gaussian")
    smoothness_weight: float = option(0.3, "weight of total variation (mean of squares)", least=0)
    rate: float = option(0.05, "learning rate of Adam, in units of the pixel range", least=0)
    final_rate: float = option(0.002, "learning rate that each size ends with", least=0)
    style_scale: float = option(1.0, "size of the references' strokes relative to the picture", least=0.01)
    tileable: bool = option(False, "make a picture that tiles: opposite borders match")
    margin: int = option(
        8, "margin in pixels, reflected around the picture while it is learned, against odd colours at its border", least=0
    )
    regions: int = option(1, "number of parts the references are divided into, each with its own style picture", least=1)
    seed: int = option(0, "seed of the initial noise, the draws and the parts")

    @classmethod
    def document(cls) -> LearnedStyleSettings:
        """As the document: one size, VGG-19, Gram matrices of all layers, a reference drawn at each step. Its rate is not given: ours."""
        return cls(
            encoder="vgg19", padding="zero", smallest=512, route="stochastic", statistic="gram", smoothness_weight=0.0,
            margin=0,
        )  # fmt: skip


PRESETS: dict[str, Callable[[], LearnedStyleSettings]] = {
    "default": LearnedStyleSettings,
    "document": LearnedStyleSettings.document,
}
