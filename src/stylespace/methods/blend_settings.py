"""Settings of ``method="blend"``: those of gatys, and how the blend is fitted. Loads without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial

from stylespace.methods.gatys_settings import PRESETS as GATYS_PRESETS
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.settings import option

_READING = "ours: the document leaves it open"


@dataclass(frozen=True)
class BlendSettings(GatysSettings):
    """Style from the blend of many references nearest to the photo, then optimisation as with gatys."""

    references: int | None = option(None, "most references that a blend uses", source=_READING, least=1)
    layerwise: bool = option(False, "fit a separate blend at each style layer", source=_READING)
    refit: bool = option(False, "fit the blend again at each size, to the result so far, not once to the photo", source=_READING)
    blend_scale: str = option(
        "photo",
        "what a layer's distance to the photo is divided by: the photo's energy there, or nothing",
        ("photo", "equal"),
        _READING,
    )

    @classmethod
    def of(cls, settings: GatysSettings) -> BlendSettings:
        """These settings of gatys with the blend's defaults."""
        return cls(**{f.name: getattr(settings, f.name) for f in fields(settings)})


def _blended(preset: Callable[[], GatysSettings]) -> BlendSettings:
    return BlendSettings.of(preset())


PRESETS: dict[str, Callable[[], BlendSettings]] = {name: partial(_blended, preset) for name, preset in GATYS_PRESETS.items()}
