"""Settings of deformable transfer. Loads without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stylespace.settings import EncoderSettings, option

KIM = "Kim, Kolkin, Salavon & Shakhnarovich 2020"


@dataclass(frozen=True)
class DeformableSettings(EncoderSettings):
    """What ``method="deformable"`` adds to the method it stands on. Defaults are ours; published ones disagree among themselves."""

    base: str = option("strotss", "method of content and style losses", ("strotss", "gatys"), KIM)
    size: int = option(512, "long side of the result in pixels", least=1)
    steps: int = option(280, "steps in all, shared out over the sizes")
    steps_each: tuple[int, ...] = option((), "steps of each size, instead of steps")
    content_weight: float | None = option(None, "weight of the content (none: the base's own default)")
    warped_weight: float = option(1.0, "weight of the warped picture's style beside the unwarped one's", source=KIM)
    points_weight: float = option(
        4.0, "beta: weight of moved points' distance from where they are wanted, in shares of the long side"
    )
    flow_weight: float = option(0.3, "gamma: weight of the flow's total variation, in pixels a pixel")
    fold_weight: float = option(10.0, "weight of keeping every part of the picture at least 0.3 of its area")
    warp_rate: float = option(2e-3, "learning rate of the points, in shares of the long side")
    strength: float = option(1.0, "how far points are moved towards where they are wanted, 0 to 1")
    most_pairs: int = option(80, "pairs of points at most", source=KIM)
    smoothing: float = option(0.02, "how much wanted movements are evened out before (smoothing of a thin-plate spline)")
    furthest: float = option(0.2, "movement, in shares of the long side, above which a pair is dropped")
    fewest: int = option(8, "pairs below which nothing is warped")
    memory: str | None = option(
        None, "memory to stay within, such as 2GB: features are worked out tile by tile (none: what is free)"
    )
    seed: int = option(0, "seed of everything random")

    def of_base(self) -> dict[str, Any]:
        """What the method that this stands on is set to; the rest as it is by default there."""
        shared = {name: getattr(self, name) for name in ("size", "steps", "steps_each", "seed", "memory")}
        return shared if self.content_weight is None else shared | {"content_weight": self.content_weight}


PRESETS = {"default": DeformableSettings}
