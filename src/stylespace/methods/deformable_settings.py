"""Settings of deformable transfer. Loads without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stylespace.settings import EncoderSettings, option

KIM = "Kim, Kolkin, Salavon & Shakhnarovich 2020"


@dataclass(frozen=True)
class DeformableSettings(EncoderSettings):
    """What ``method="deformable"`` adds to its base method. Defaults are ours; the published ones disagree with each other."""

    base: str = option("strotss", "base method, whose content and style losses are used", ("strotss", "gatys"), KIM)
    size: int = option(512, "long side of the result in pixels", least=1)
    steps: int = option(280, "steps in all, shared out over the sizes", least=0)
    steps_each: tuple[int, ...] = option((), "steps of each size, instead of steps", least=0)
    content_weight: float | None = option(None, "weight of the content (none: the base's own default)", least=0)
    warped_weight: float = option(
        1.0, "weight of the warped picture's style loss, relative to the unwarped one's", source=KIM, least=0
    )
    points_weight: float = option(
        4.0, "beta: weight of the distance between moved points and their targets, in units of the long side", least=0
    )
    flow_weight: float = option(0.3, "gamma: weight of the flow's total variation, in pixels per pixel", least=0)
    fold_weight: float = option(10.0, "weight of the penalty where a part shrinks below 0.3 of its area", least=0)
    warp_rate: float = option(2e-3, "learning rate of the points, in units of the long side", least=0)
    strength: float = option(1.0, "how far points are moved towards their targets, 0 to 1", least=0, most=1)
    most_pairs: int = option(80, "largest number of pairs of points", source=KIM, least=1)
    smoothing: float = option(0.02, "smoothing of the target movements by a thin-plate spline", least=0)
    furthest: float = option(0.2, "movement, in units of the long side, above which a pair is dropped", least=0)
    fewest: int = option(8, "fewest pairs; with fewer, nothing is warped", least=1)
    memory: str | None = option(
        None, "memory limit, such as 2GB; features of larger pictures are computed tile by tile (none: what is free)"
    )
    seed: int = option(0, "seed of everything random")

    def of_base(self) -> dict[str, Any]:
        """Settings for the base method; the others keep their defaults."""
        shared = {name: getattr(self, name) for name in ("size", "steps", "steps_each", "seed", "memory")}
        return shared if self.content_weight is None else shared | {"content_weight": self.content_weight}


PRESETS = {"default": DeformableSettings}
