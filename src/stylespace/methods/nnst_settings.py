"""Settings of Neural Neighbor Style Transfer: our defaults, and the published ones as a preset. Loads without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stylespace.settings import EncoderSettings, option

NNST = "Kolkin, Kucera, Paris, Sykora, Shechtman & Shakhnarovich 2022"
VGG_LAYERS = "relu1_1,relu1_2,relu2_1,relu2_2,relu3_1,relu3_2,relu3_3,relu4_1,relu4_2,relu4_3"


@dataclass(frozen=True)
class NnstSettings(EncoderSettings):
    """What ``method="nnst"`` minimises and how. Defaults are ours, for the compact encoder; :meth:`paper` gives the published ones."""

    layers: Any = option("relu1_1,relu2_1,relu3_1,relu4_1", "layers of the hypercolumns")
    size: int = option(512, "long side of the result in pixels", source=NNST, least=1)
    smallest: int = option(64, "long side of the first, coarsest size", source=NNST, least=1)
    steps: int = option(400, "steps in all, shared out over the sizes, before the last pass", least=0)
    fall: float = option(0.35, "how fast the share of steps falls with size: (smallest / size) ** fall")
    steps_each: tuple[int, ...] = option((), "steps of each size, instead of steps and fall", least=0)
    last_steps: int = option(80, "steps of the last pass, at the last size, with matches found layer by layer", least=0)
    renewed: int = option(20, "steps of the last pass after which matches are found again", least=1)
    content_weight: float = option(
        0.4, "share of the photo, against the result so far, in the features that are matched to the style", least=0, most=1
    )
    layer_divisor: str = option(
        "spread", "what a layer is divided by: the style's spread there, or its number of channels", ("spread", "channels")
    )
    distance: str = option(
        "euclidean", "distance between a place's features and their match; cosine does not fix contrast", ("euclidean", "cosine")
    )
    rotations: int = option(
        4, "rotations of the style, by quarter turns, that matches are sought in", source=NNST, least=1, most=4
    )
    colour: str = option("style", "colours: as optimised, or the photo's chroma with the style's moments", ("style", "moments"))
    rate: float = option(2e-3, "learning rate of Adam, in units of the pixel range", source=NNST, least=0)
    levels: int = option(8, "levels of the Laplacian pyramid", source=NNST, least=1)
    smoothness_weight: float = option(0.5, "weight of total variation (mean of squares)", least=0)
    style_scale: float = option(
        1.0, "size of the style's strokes; at 1 the style picture is seen as large as the result", least=0.01
    )
    memory: str | None = option(
        None, "memory limit, such as 2GB; features of larger pictures are computed tile by tile (none: what is free)"
    )
    seed: int = option(0, "seed (nothing is random here)")

    @classmethod
    def paper(cls) -> NnstSettings:
        """The authors' code: VGG-16 without its fifth block, 200 steps at 64, 128, 256 and 512 px and 200 more, colours by moments.

        How often matches are renewed in the last pass is our choice."""
        return cls(
            encoder="vgg16", layers=VGG_LAYERS, padding="zero", steps_each=(200, 200, 200, 200), last_steps=200, colour="moments",
            smoothness_weight=0.0, content_weight=0.75, layer_divisor="channels", distance="cosine",
        )  # fmt: skip


PRESETS = {"default": NnstSettings, "nnst-2022": NnstSettings.paper}
