"""Settings of photorealistic transfer. Loads without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stylespace.settings import EncoderSettings, option

LUAN = "Luan, Paris, Shechtman & Bala 2017"
ROUTES = ("optimise", "fast", "global")


@dataclass(frozen=True)
class PhotorealSettings(EncoderSettings):
    """What ``method="photoreal"`` does. The defaults are ours; :meth:`paper` gives the published ones."""

    route: str = option(
        "optimise", "optimise: by features (extra matting); fast: colours region by region; global: one map of colours", ROUTES
    )  # fmt: skip
    size: int = option(512, "long side of the result in pixels", least=1)
    work: int = option(
        512, "long side at which the change of colours is worked out; larger results have it applied to their own pixels", least=16
    )  # fmt: skip
    steps: int = option(200, "steps of the first stage, without the matting Laplacian, shared out over the sizes", least=1)
    second: float = option(0.5, "steps of the second stage, with it, as a share of the first's", least=0)
    photorealism_weight: float = option(1e4, "lambda: weight of the matting Laplacian's energy a pixel", least=0)
    content_weight: float = option(0.3, "weight of the content", least=0)
    content_divisor: str = option(
        "own", "content distance: share of its own variance, mean of squares, or half the sum of squares", ("own", "mean", "half")
    )  # fmt: skip
    style_weight: float = option(1.0, "Gamma: weight of the style", least=0)
    content_layers: Any = option("relu4_2", "layers that hold the content, with weights", source=LUAN)
    style_layers: Any = option("relu1_1,relu2_1,relu3_1,relu4_1,relu5_1", "layers that hold the style, with weights", source=LUAN)
    statistic: str = option(
        "gram", "statistic of each region's features", ("gram", "moments", "wasserstein"), LUAN
    )  # fmt: skip
    style_divisor: str = option("own", "style distance: share of the style's own energy, or 1/(4 C^2 M^2)", ("own", "gatys"))
    solver: str = option("adam", "optimiser", ("adam", "lbfgs"))
    rate: float = option(0.015, "learning rate of Adam, in units of the pixel range", least=0)
    smoothing: float | None = option(
        0.02, "radius of windows in which the result is made an affine function of the photo, in long sides (none: it is not)", least=0.002
    )  # fmt: skip
    detail: float = option(
        3e-3, "variance of colours in a window below which its detail is the photo's rather than fitted", least=1e-9
    )  # fmt: skip
    gain: float = option(3.0, "how many times contrast may rise or fall where colours are mapped", least=1)
    strength: float = option(1.0, "how far the result is from the photo, 0 to 1", least=0, most=1)
    memory: str | None = option(
        None, "memory limit, such as 2GB (none: what is free); sizes that need more are done tile by tile"
    )
    seed: int = option(0, "seed of everything random")

    @property
    def base(self) -> str | None:
        """The method whose content and style terms are used."""
        return "gatys" if self.route == "optimise" else None

    def of_base(self) -> dict[str, Any]:
        """Settings for it: region by region, without margin, shifts and smoothing of its own."""
        names = (
            "steps", "content_weight", "content_divisor", "style_weight", "content_layers", "style_layers", "statistic", "style_divisor",
            "solver", "rate", "seed", "memory", "encoder", "pooling", "padding", "precision",
        )  # fmt: skip
        size = min(self.size, self.work)
        own: dict[str, Any] = {
            "size": size, "smallest": min(128, size), "factor": 2.0, "margin": 0, "shifted": False, "smoothness_weight": 0.0,
        }  # fmt: skip
        if self.style_divisor == "gatys":
            own |= {"gram_divisor": "none", "sizes": (size,), "steps_each": (self.steps,)}
        return {name: getattr(self, name) for name in names} | own

    @classmethod
    def paper(cls) -> PhotorealSettings:
        """As published: two stages of 1,000 steps of L-BFGS at one size, Gram matrices, Gamma 100, lambda 10,000.

        Weights are the paper's over the divisors of its program: Gamma over the content's alone counts. Smoothing, which its program adds
        after, is ours.
        """
        return cls(
            encoder="vgg19", padding="zero", solver="lbfgs", steps=1000, second=1.0, style_divisor="gatys",
            content_divisor="half", content_weight=1.0, style_weight=100.0, photorealism_weight=1e4,
            style_layers={f"relu{b}_1": 0.2 for b in range(1, 6)},
        )  # fmt: skip


PRESETS = {"default": PhotorealSettings, "luan-2017": PhotorealSettings.paper}
