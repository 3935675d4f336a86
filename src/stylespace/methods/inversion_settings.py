"""Settings of inversion. Loads without torch."""

from __future__ import annotations

from dataclasses import dataclass

from stylespace.settings import EncoderSettings, option

MAHENDRAN = "Mahendran & Vedaldi 2015"


@dataclass(frozen=True)
class InversionSettings(EncoderSettings):
    """Settings of inversion; the defaults are ours (the paper's regularisers are scaled to AlexNet's features)."""

    layer: str = option("relu4_2", "layer to rebuild the picture from")
    size: int = option(384, "long side of the result in pixels", least=1)
    smallest: int = option(96, "long side of the first, coarsest size", least=1)
    steps: int = option(400, "steps in all, shared out over the sizes", least=0)
    fall: float = option(1.2, "how fast the share of steps falls with size")
    rate: float = option(0.03, "learning rate of Adam, in units of the pixel range", least=0)
    smoothness_weight: float = option(
        0.5, "weight of total variation (mean of squares)", source=MAHENDRAN + " (exponent 2)", least=0
    )
    seed: int = option(0, "seed of the initial noise")
