"""Settings of STROTSS: our defaults, and the published ones as a preset. Loads without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stylespace.settings import EncoderSettings, option

STROTSS = "Kolkin, Salavon & Shakhnarovich 2019"
VGG_LAYERS = "relu1_1,relu1_2,relu2_1,relu2_2,relu3_1,relu3_2,relu3_3,relu4_3,relu5_3"


@dataclass(frozen=True)
class StrotssSettings(EncoderSettings):
    """What ``method="strotss"`` minimises and how. Defaults are ours, for the compact encoder; :meth:`paper` gives the published ones."""

    layers: Any = option("relu1_1,relu2_1,relu3_1,relu4_1,relu5_1", "layers of the hypercolumns")
    size: int = option(512, "long side of the result in pixels", source=STROTSS, least=1)
    smallest: int = option(64, "long side of the first, coarsest size", source=STROTSS, least=1)
    steps: int = option(400, "steps in all, shared out over the sizes", least=0)
    fall: float = option(0.35, "how fast the share of steps falls with size: (smallest / size) ** fall")
    steps_each: tuple[int, ...] = option((), "steps of each size, instead of steps and fall", least=0)
    content_weight: float = option(12.0, "weight of the content at the last size; doubled at each smaller one", least=0)
    moments_weight: float = option(2.0, "weight of means and covariances, relative to transport", least=0)
    palette_weight: float = option(2.0, "least weight of the palette; published: one over the content's", least=0)
    samples: int = option(1024, "places of the picture sampled at each step", source=STROTSS, least=1)
    style_samples: int = option(2560, "places of the style sampled for the comparison", least=1)
    levels: int = option(5, "levels of the Laplacian pyramid", source=STROTSS, least=1)
    rate: float = option(2e-3, "learning rate of RMSprop, in units of the pixel range", source=STROTSS, least=0)
    final_rate: float = option(1e-3, "learning rate at the last size", source=STROTSS, least=0)
    smoothness_weight: float = option(3.0, "weight of total variation (mean of squares)", least=0)
    shifted: bool = option(True, "look at the picture at random offsets, against a grid of the pooling's period")
    style_scale: float = option(
        1.0, "size of the style's strokes; at 1 the style picture is seen as large as the result", least=0.01
    )
    memory: str | None = option(
        None, "memory limit, such as 2GB; features of larger pictures are computed tile by tile (none: what is free)"
    )
    seed: int = option(0, "seed of the sampled places")

    @classmethod
    def paper(cls) -> StrotssSettings:
        """The authors' code: VGG-16, 250 steps at 64, 128, 256 and 512 px, content weight 16, halved at each."""
        return cls(
            encoder="vgg16", layers=VGG_LAYERS, padding="zero", steps_each=(250, 250, 250, 250), content_weight=2.0,
            smoothness_weight=0.0, style_samples=5000, moments_weight=1.0, palette_weight=0.0, shifted=False,
        )  # fmt: skip


PRESETS = {"default": StrotssSettings, "strotss-2019": StrotssSettings.paper}
