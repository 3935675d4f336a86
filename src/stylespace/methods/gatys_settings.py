"""Settings of Gatys-style optimisation: our defaults, and the published ones as presets. Loads without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stylespace.settings import EncoderSettings, option

GATYS = "Gatys, Ecker & Bethge 2016"
COURSE = "course project, Style transfer using VGG"
NEURAL_STYLE = "neural-style (Johnson 2015), default options"
CROWSON = "style-transfer-pytorch (Crowson 2021)"
NOVAK = "Novak & Nikulin 2016"
LI = "Li et al. 2017"


@dataclass(frozen=True)
class GatysSettings(EncoderSettings):
    """What ``method="gatys"`` minimises and how. The defaults are ours; :meth:`paper` gives those of the publication."""

    size: int = option(512, "long side of the result in pixels", least=1)
    smallest: int = option(128, "long side of the first, coarsest size", least=1)
    factor: float = option(2**0.5, "growth from size to size", source=CROWSON)
    sizes: tuple[int, ...] = option((), "all sizes, coarse to fine, instead of size, smallest and factor", least=1)
    steps: int = option(340, "steps in all, shared out over the sizes; 0: the start alone", least=0)
    fall: float = option(1.7, "how fast the share of steps falls with size: (smallest / size) ** fall")
    least_steps: int = option(20, "fewest steps of each size above 512 pixels, so that it gets its own brushwork", least=0)
    steps_each: tuple[int, ...] = option((), "steps of each size, instead of steps and fall", least=0)

    solver: str = option("adam", "optimiser", ("adam", "lbfgs"), CROWSON)
    rate: float = option(0.015, "learning rate of Adam, in units of the pixel range", least=0)
    final_rate: float | None = option(0.0012, "learning rate that each size ends with (none: constant)", least=0)
    history: int = option(100, "corrections that L-BFGS remembers", source=NEURAL_STYLE, least=1)
    clamped: bool = option(True, "clamp pixels to [0, 1] after each step of Adam, and in the result of L-BFGS")
    carry_moments: bool = option(False, "continue Adam's moments from size to size (style-transfer-pytorch does)")
    keep: str = option("best", "which iterate is the result of a size", ("best", "average", "last"), COURSE)
    average_decay: float = option(0.99, "decay of the moving average", source=CROWSON, least=0, most=0.999999)
    start: str = option(
        "palette",
        "picture to start from; palette: the photo in the style's colours; network: redrawn by a network that reads paintings",
        ("content", "palette", "noise", "mix", "style", "picture", "network"),
        "ours",
    )
    start_network: str = option("arbitrary", "network that draws the start 'network': a shipped name or a file", source="ours")
    noise_share: float = option(
        0.5, "share of white noise in the start 'mix'", source=COURSE + " (ratio not given; 0.5 is ours)", least=0, most=1
    )

    content_layers: Any = option(
        "relu4_2", "layers that hold the content, with weights: relu4_2 or relu3_1=0.5,relu4_2", source=GATYS
    )
    content_weight: float = option(0.15, "weight of the content", least=0)
    content_divisor: str = option(
        "own", "content distance: share of its own variance, mean of squares, or half the sum of squares", ("own", "mean", "half")
    )
    style_layers: Any = option(
        "relu1_1=0.5,relu2_1=0.7,relu3_1=1.2,relu4_1=1.3,relu5_1=1.3",
        "layers that hold the style, with weights; all; all:geometric",
        source=GATYS + " (layers; the weights are ours)",
    )
    style_weight: float = option(1.0, "weight of the style", least=0)
    statistic: str = option(
        "wasserstein",
        "statistic that style is measured by",
        ("gram", "moments", "mmd-linear", "mmd-poly", "mmd-gaussian", "wasserstein"),
        CROWSON,
    )
    kernel_offset: float = option(0.0, "c of the kernel (x.y + c)^2 of mmd-poly", source=LI)
    kernel_features: int = option(4, "random Fourier features per channel that approximate the kernel of mmd-gaussian")
    gram_divisor: str = option("positions", "what Gram matrices are divided by", ("positions", "all", "none"))
    style_divisor: str = option(
        "own",
        "style distance: share of the style's own energy, mean, sum, half the sum, or 1/(4 C^2 M^2)",
        ("own", "mean", "sum", "half", "gatys"),
    )
    activation_shift: float = option(0.0, "added to activations before Gram matrices", source=NOVAK + " takes -1")
    neighbours: str = option("none", "Gram matrices between neighbouring style layers", ("none", "also", "instead"), NOVAK)
    smoothness_weight: float = option(3.0, "weight of total variation", least=0)
    smoothness: str = option(
        "squared",
        "total variation: mean of squares, sum of absolutes, or half the sum of squares over 0..255",
        ("squared", "absolute", "neural-style"),
        CROWSON,
    )

    margin: int = option(
        8, "margin in pixels, reflected around the picture while it is optimised, against odd colours at its border", least=0
    )
    shifted: bool = option(
        True, "shift the picture by a few pixels from step to step, against patterns with the pooling's period"
    )
    style_scale: float = option(
        1.0, "size of the style's strokes; at 1 the style picture is seen as large as the result", source=NEURAL_STYLE, least=0.01
    )
    colour: str = option(
        "style",
        "colours: the style's, or the photo's, by luminance transfer or by an affine colour match of the style",
        ("style", "luminance", "cholesky", "root", "transport"),
        "Gatys et al. 2017, sec. 5",
    )
    colour_strength: float = option(1.0, "how far the photo's colours are kept, 0 to 1", least=0, most=1)
    seed: int = option(0, "seed of everything random")
    memory: str | None = option(
        None,
        "memory limit of the process, such as 2GB (none: what is free); sizes that need more are done tile by tile",
        source="ours",
    )

    @classmethod
    def paper(cls) -> GatysSettings:
        """As published by Gatys et al. 2016. Iterations, and the ratio within its published range, are ours."""
        return cls(
            margin=0, shifted=False, encoder="vgg19", pooling="average", padding="zero", sizes=(512,), steps_each=(1000,), solver="lbfgs",
            start="noise", keep="last", content_weight=1.0, content_divisor="half", style_weight=1000.0, statistic="gram",
            gram_divisor="none", style_divisor="gatys", smoothness_weight=0.0, style_layers={f"relu{b}_1": 0.2 for b in range(1, 6)},
        )  # fmt: skip


def course_project() -> GatysSettings:
    """The course project's: raw Grams, content relu5_2, content mixed with noise, smallest loss kept. Alpha, beta, solver: ours."""
    return replace(
        GatysSettings.paper(), pooling="max", sizes=(512,), steps_each=(3200,), solver="adam", final_rate=None, start="mix", keep="best",
        content_layers="relu5_2", content_weight=1.0, content_divisor="half", style_weight=1e-6, gram_divisor="none", style_divisor="half",
        style_layers={f"relu{b}_1": 1.0 for b in range(1, 6)},
    )  # fmt: skip


def neural_style() -> GatysSettings:
    """neural-style's default options: mean squares, Gram / (CHW), L-BFGS with history 100, 1000 iterations at 512 px.

    Its total variation of 1e-3 is over pixels in 0..255 beside Caffe's raw activations, some hundred times as large as those of the
    encoders here; used unchanged it would outweigh content and style a thousandfold and blur. Here pixels are in [0, 1].
    """
    return replace(
        GatysSettings.paper(), pooling="max", keep="last", content_weight=5.0, content_divisor="mean", style_weight=100.0,
        gram_divisor="all", style_divisor="mean", style_layers={f"relu{b}_1": 1.0 for b in range(1, 6)},
        clamped=False, smoothness_weight=1e-3 / 255**2, smoothness="neural-style",
    )  # fmt: skip


def style_transfer_pytorch() -> GatysSettings:
    """style-transfer-pytorch's defaults: Wasserstein-2, sizes 128 to 512 by sqrt 2, Adam with carried moments, moving average."""
    raw = {"relu1_1": 256.0, "relu2_1": 64.0, "relu3_1": 16.0, "relu4_1": 4.0, "relu5_1": 1.0}
    return GatysSettings(
        margin=0, shifted=False, start="content", encoder="vgg19", padding="replicate-first", sizes=(128, 181, 256, 362, 512),
        steps_each=(1000, 500, 500, 500, 500),
        rate=0.02,
        final_rate=None, keep="average", carry_moments=True, content_weight=0.015, content_divisor="mean", statistic="wasserstein",
        style_divisor="mean",
        style_layers={name: weight / 341 for name, weight in raw.items()}, smoothness_weight=2.0,
    )  # fmt: skip


def novak_nikulin() -> GatysSettings:
    """All layers with geometric weights, activations shifted by -1, correlations of neighbouring layers (weights: secondary source)."""
    return replace(
        GatysSettings.paper(), start="content", style_layers="all:geometric", activation_shift=-1.0, neighbours="instead"
    )  # fmt: skip


# What a quality is where the network is here that reads paintings: one pass; one pass and the sizes at which brushwork is drawn; all sizes.
LEVELS: dict[str, dict[str, Any]] = {
    "draft": {"start": "network", "steps": 0},
    "good": {"start": "network", "smallest": 256, "steps": 44},
    "best": {"start": "network", "steps": 1360},
}

PRESETS: dict[str, Callable[[], GatysSettings]] = {
    "default": GatysSettings,
    "gatys-2016": GatysSettings.paper,
    "course-project": course_project,
    "neural-style": neural_style,
    "style-transfer-pytorch": style_transfer_pytorch,
    "novak-nikulin": novak_nikulin,
}
