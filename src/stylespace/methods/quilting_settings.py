"""Settings of quilting. Loads without torch."""

from __future__ import annotations

from dataclasses import dataclass

from stylespace.settings import EncoderSettings, option

EFROS = "Efros & Freeman 2001"


@dataclass(frozen=True)
class QuiltingSettings(EncoderSettings):
    """What ``method="quilting"`` does: texture transfer. The defaults are ours where the source does not say otherwise."""

    size: int = option(512, "long side of the result in pixels", least=1)
    steps: int = option(3, "passes; each has smaller blocks and trusts the one before more", source=EFROS, least=1)
    block: int | None = option(
        None, "side of the first pass's blocks in pixels (none: a twelfth of the result's long side)", least=2
    )  # fmt: skip
    shrink: float = option(2 / 3, "side of a pass's blocks, as a share of the pass before's", source=EFROS, least=0.1, most=1)
    overlap: float = option(0.25, "what neighbouring blocks share, as a share of their side", least=0.05, most=0.5)
    tolerance: float = option(
        0.1, "blocks whose error is above the least by at most this share are drawn from", source=EFROS, least=0
    )
    correspondence: str = option(
        "blur", "what photo and style are compared by: luminance, blurred luminance, the encoder's features",
        ("luminance", "blur", "features", "none"), EFROS,
    )  # fmt: skip
    content_weight: float = option(4.0, "weight of that correspondence beside the colours of overlaps", least=0)
    layer: str = option("relu3_1", "layer of the features")
    variety: float = option(
        0.0, "how far blocks are from what goes on with a neighbour, in blocks; 0: anything goes", source=EFROS, least=0, most=2
    )
    style_scale: float = option(1.0, "size of the style picture relative to the result", least=0.01)
    colour: str = option("style", "colours: the style's, or the photo's with the style's luminance", ("style", "luminance"))
    seed: int = option(0, "seed of everything random", least=0)


PRESETS = {"default": QuiltingSettings}
