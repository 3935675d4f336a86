"""Settings of image analogies. Loads without torch."""

from __future__ import annotations

from dataclasses import dataclass

from stylespace.settings import EncoderSettings, option

HERTZMANN = "Hertzmann, Jacobs, Oliver, Curless & Salesin 2001"


@dataclass(frozen=True)
class AnalogiesSettings(EncoderSettings):
    """What ``method="analogies"`` compares and how. Defaults are ours where the source does not say otherwise."""

    size: int = option(512, "long side of the result in pixels", least=1)
    smallest: int = option(64, "long side of the first, coarsest size", least=1)
    steps: int = option(3, "at each size: how often patches are searched anew for the result so far", least=1)
    patch: int = option(5, "side of the patches that are compared, an odd number of pixels", source=HERTZMANN, least=1, most=31)
    content_weight: float = option(6.0, "weight of the likeness of A and B beside that of A' and the result", least=0)
    channels: str = option(
        "luminance", "what A and B are compared by; features: the encoder's", ("luminance", "colour", "features"), HERTZMANN
    )
    remap: bool = option(True, "give luminance of A and B one mean and deviation before", source=HERTZMANN)
    source: str = option(
        "smooth", "A, where none is given: A' without its strokes, or as a picture as small as the photo", ("smooth", "shrunk"), HERTZMANN
    )  # fmt: skip
    coherence: float = option(
        4.0, "kappa: neighbours go on together unless something else is nearer by this share, halved at each finer size", least=0
    )  # fmt: skip
    uniformity: float = option(
        50.0, "what a patch that is used as often as the average costs more, in grey levels squared", least=0
    )  # fmt: skip
    rounds: int = option(4, "rounds of the search each time", least=1)
    finish: str = option("mix", "last size: patches' weighted mean, or each pixel copied", ("mix", "copy"))
    layer: str = option("relu3_1", "layer of the features")
    style_scale: float = option(1.0, "size of the style picture relative to the result", least=0.01)
    colour: str = option("style", "colours: the style's, or the photo's with the style's luminance", ("style", "luminance"))
    seed: int = option(0, "seed of everything random", least=0)

    @classmethod
    def numbers(cls) -> AnalogiesSettings:
        """Texture by numbers (sec. 4.4): A and B are maps of colours that say what goes where."""
        return cls(channels="colour", remap=False, content_weight=2.0)

    @classmethod
    def super_resolution(cls) -> AnalogiesSettings:
        """Super-resolution (sec. 4.3): A' is a detailed picture of the same things, A the same as small as the photo."""
        return cls(source="shrunk", remap=False, colour="luminance", content_weight=4.0, uniformity=0.0, coherence=0.5)


PRESETS = {
    "default": AnalogiesSettings, "texture-by-numbers": AnalogiesSettings.numbers,
    "super-resolution": AnalogiesSettings.super_resolution,
}  # fmt: skip
