"""Loss terms of published settings, against plain loops over the same features."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.methods.gatys_loss import losses_at
from stylespace.methods.gatys_settings import PRESETS, GatysSettings
from stylespace.objectives.style import STATISTICS
from stylespace.solvers.solution import Objective
from stylespace.solvers.tiled import in_turn
from stylespace.statistics.kernels import RandomFeatures
from stylespace.styles.region import Region, Style

STYLE_LAYERS = [f"relu{block}_1" for block in range(1, 6)]


def objective_at(*arguments: Any) -> Objective:
    """The loss of a whole picture."""
    return in_turn(losses_at(*arguments))


@pytest.fixture
def content() -> Tensor:
    return torch.rand(1, 3, 32, 48)


@pytest.fixture
def style() -> Tensor:
    return torch.rand(1, 3, 32, 48) ** 2


@pytest.fixture
def picture() -> Tensor:
    return torch.rand(1, 3, 32, 48) ** 0.5


def preset_encoder(settings: GatysSettings, encoder_with: Callable[..., Encoder]) -> Encoder:
    return encoder_with(pooling=settings.pooling, padding=settings.padding)


def matrix(encoder: Encoder, picture: Tensor, layer: str) -> np.ndarray:
    """Features as (C, M), float64."""
    with torch.no_grad():
        return encoder(picture, [layer])[layer][0].flatten(1).double().numpy()


def raw_gram(features: np.ndarray) -> np.ndarray:
    channels = features.shape[0]
    return np.array([[np.dot(features[i], features[j]) for j in range(channels)] for i in range(channels)])


def values(settings: GatysSettings, encoder: Encoder, content: Tensor, style: Tensor, picture: Tensor) -> dict[str, float]:
    with torch.no_grad():
        terms = objective_at(content, [Region((Style(style),))], settings, encoder)(picture)
    return {name: term.item() for name, term in terms.items()}


def test_gatys_2016(encoder_with: Callable[..., Encoder], content: Tensor, style: Tensor, picture: Tensor) -> None:
    """Eq. 1 and 3 to 5 of the paper: raw Grams, E = sum (G - A)^2 / (4 N^2 M^2), w = 1/5; alpha/beta = 1e-3; no smoothness."""
    settings = PRESETS["gatys-2016"]()
    assert (settings.pooling, settings.start, settings.solver) == ("average", "noise", "lbfgs")
    encoder = preset_encoder(settings, encoder_with)
    found = values(settings, encoder, content, style, picture)
    difference = matrix(encoder, picture, "relu4_2") - matrix(encoder, content, "relu4_2")
    expected = {"content relu4_2": 0.5 * (difference**2).sum()}
    for layer in STYLE_LAYERS:
        f = matrix(encoder, picture, layer)
        energy = ((raw_gram(f) - raw_gram(matrix(encoder, style, layer))) ** 2).sum() / (4 * f.shape[0] ** 2 * f.shape[1] ** 2)
        expected[f"style {layer}"] = 1e3 * energy / 5
    assert found == {name: pytest.approx(value, rel=1e-3) for name, value in expected.items()}


def test_course_project(encoder_with: Callable[..., Encoder], content: Tensor, style: Tensor, picture: Tensor) -> None:
    """Half the sum of squares, of features of relu5_2 and of raw Grams; a start between content and noise; the best kept."""
    settings = PRESETS["course-project"]()
    assert (settings.pooling, settings.start, settings.keep) == ("max", "mix", "best")
    encoder = preset_encoder(settings, encoder_with)
    found = values(settings, encoder, content, style, picture)
    difference = matrix(encoder, picture, "relu5_2") - matrix(encoder, content, "relu5_2")
    expected = {"content relu5_2": settings.content_weight * 0.5 * (difference**2).sum()}
    for layer in STYLE_LAYERS:
        grams = raw_gram(matrix(encoder, picture, layer)) - raw_gram(matrix(encoder, style, layer))
        expected[f"style {layer}"] = settings.style_weight * 0.5 * (grams**2).sum()
    assert found == {name: pytest.approx(value, rel=1e-3) for name, value in expected.items()}


@pytest.mark.parametrize("size", [(32, 48), (20, 31)])
def test_neural_style(encoder_with: Callable[..., Encoder], content: Tensor, picture: Tensor, size: tuple[int, int]) -> None:
    """github.com/jcjohnson/neural-style at 053a6e3: mean squares, weights 5 and 100 a layer, each Gram by its own number of
    features C H W; so the style may have another size. Smoothness 1e-3, with pixels in [0, 1]:
    activations here are not Caffe's raw ones."""
    style = torch.rand(1, 3, *size)
    settings = PRESETS["neural-style"]()
    encoder = preset_encoder(settings, encoder_with)
    found = values(settings, encoder, content, style, picture)
    difference = matrix(encoder, picture, "relu4_2") - matrix(encoder, content, "relu4_2")
    expected = {"content relu4_2": 5 * (difference**2).mean()}
    for layer in STYLE_LAYERS:
        f, a = matrix(encoder, picture, layer), matrix(encoder, style, layer)
        expected[f"style {layer}"] = 100 * ((raw_gram(f) / f.size - raw_gram(a) / a.size) ** 2).mean()
    x = picture[0].double().numpy()
    squares = (np.diff(x, axis=1) ** 2).sum() + (np.diff(x, axis=2) ** 2).sum()
    expected["smoothness"] = 1e-3 * squares / 2
    assert found == {name: pytest.approx(value, rel=1e-3) for name, value in expected.items()}


def test_style_transfer_pytorch(encoder_with: Callable[..., Encoder], content: Tensor, style: Tensor, picture: Tensor) -> None:
    """github.com/crowsonkb/style-transfer-pytorch: means over channels of both parts of Wasserstein-2, epsilon 1e-4 in both
    covariances; 256, 64, 16, 4, 1 normalised; content 0.015; smoothness 2."""
    settings = PRESETS["style-transfer-pytorch"]()
    assert (settings.sizes, settings.steps_each) == ((128, 181, 256, 362, 512), (1000, 500, 500, 500, 500))
    assert (settings.rate, settings.final_rate, settings.keep, settings.average_decay) == (0.02, None, "average", 0.99)
    encoder = preset_encoder(settings, encoder_with)
    found = values(settings, encoder, content, style, picture)
    difference = matrix(encoder, picture, "relu4_2") - matrix(encoder, content, "relu4_2")
    expected = {"content relu4_2": 0.015 * (difference**2).mean()}
    for layer, weight in zip(STYLE_LAYERS, (256, 64, 16, 4, 1), strict=True):
        f, a = matrix(encoder, picture, layer), matrix(encoder, style, layer)
        covariance, target = (np.cov(m, ddof=0) + 1e-4 * np.eye(len(m)) for m in (f, a))
        root = scipy.linalg.sqrtm(target)
        cross = np.real(scipy.linalg.sqrtm(root @ covariance @ root))
        distance = ((f.mean(1) - a.mean(1)) ** 2).mean() + np.diag(target + covariance - 2 * cross).mean()
        expected[f"style {layer}"] = weight / 341 * distance
    x = picture[0].double().numpy()
    expected["smoothness"] = 2 * ((np.diff(x, axis=1) ** 2).sum() + (np.diff(x, axis=2) ** 2).sum()) / x.size
    assert found == {name: pytest.approx(value, rel=2e-3) for name, value in expected.items()}


def test_novak_nikulin(encoder_with: Callable[..., Encoder], content: Tensor, style: Tensor, picture: Tensor) -> None:
    """One term for every two neighbouring layers, of features less one, the deeper enlarged; squares of differences of raw sums.

    What the terms are divided by is only known second-hand, so ratios of two pictures' terms are compared.
    """
    settings = PRESETS["novak-nikulin"]()
    encoder = preset_encoder(settings, encoder_with)
    found, other = (values(settings, encoder, content, style, at) for at in (picture, content))
    pairs = list(zip(encoder.layers, encoder.layers[1:], strict=False))
    assert [name for name in found if name.startswith("style")] == [f"style {a}-{b}" for a, b in pairs]

    def products(at: Tensor, shallow: str, deep: str) -> np.ndarray:
        maps = encoder(at, [shallow, deep])
        f, g = (maps[name][0].double().numpy() for name in (shallow, deep))
        step = f.shape[1] // g.shape[1]
        return np.einsum("chw,dhw->cd", f - 1, g.repeat(step, axis=1).repeat(step, axis=2) - 1)

    for a, b in pairs:
        target = products(style, a, b)
        expected = ((products(picture, a, b) - target) ** 2).sum() / ((products(content, a, b) - target) ** 2).sum()
        assert found[f"style {a}-{b}"] / other[f"style {a}-{b}"] == pytest.approx(expected, rel=1e-3)


def test_geometric_weights(encoder: Encoder, content: Tensor, style: Tensor, picture: Tensor) -> None:
    plain = replace(PRESETS["gatys-2016"](), style_layers="all")
    even, geometric = (
        values(settings, encoder, content, style, picture) for settings in (plain, replace(plain, style_layers="all:geometric"))
    )
    for d, layer in enumerate(encoder.layers, 1):
        assert geometric[f"style {layer}"] == pytest.approx(2 ** (16 - d) * even[f"style {layer}"], rel=1e-5)


def test_activation_shift(encoder: Encoder, content: Tensor, style: Tensor, picture: Tensor) -> None:
    settings = replace(PRESETS["gatys-2016"](), style_layers="relu2_1", activation_shift=-1.0)
    f, a = matrix(encoder, picture, "relu2_1") - 1, matrix(encoder, style, "relu2_1") - 1
    expected = 1e3 * ((raw_gram(f) - raw_gram(a)) ** 2).sum() / (4 * f.size**2)
    assert values(settings, encoder, content, style, picture)["style relu2_1"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("statistic", list(STATISTICS))
def test_our_divisor_makes_shares(encoder: Encoder, content: Tensor, style: Tensor, picture: Tensor, statistic: str) -> None:
    """Distances as shares of the style's own energy: layer weights share out the style's, and units drop out. Emphasis is kept apart."""
    settings = GatysSettings(
        statistic=statistic, style_layers="relu1_1=3,relu3_1=1", style_weight=2.0, smoothness_weight=0.0, margin=0
    )
    found = values(settings, encoder, content, style, picture)
    for layer, weight in (("relu1_1", 0.75), ("relu3_1", 0.25)):
        f, a = matrix(encoder, picture, layer), matrix(encoder, style, layer)
        if statistic in ("gram", "mmd-poly"):
            share = ((raw_gram(f) / f.shape[1] - raw_gram(a) / a.shape[1]) ** 2).sum() / ((raw_gram(a) / a.shape[1]) ** 2).sum()
        elif statistic == "mmd-linear":
            share = ((f.mean(1) - a.mean(1)) ** 2).sum() / (a.mean(1) ** 2).sum()
        elif statistic == "mmd-gaussian":
            mapped = RandomFeatures.drawn(len(a), 2 * a.var(1).sum(), settings.kernel_features, settings.seed)
            x, s, nothing = (mapped.mean_map(torch.from_numpy(m)[None, ..., None]).numpy() for m in (f, a, 0 * a))
            share = ((x - s) ** 2).sum() / ((nothing - s) ** 2).sum()
        else:
            mean = ((f.mean(1) - a.mean(1)) ** 2).sum()
            own = (a.mean(1) ** 2).sum() + a.var(1).sum()
            if statistic == "moments":
                share = (mean + ((f.std(1) - a.std(1)) ** 2).sum()) / own
            else:
                covariance, target = np.cov(f, ddof=0), np.cov(a, ddof=0)
                share = (mean + np.trace(covariance + target - 2 * np.real(scipy.linalg.sqrtm(target @ covariance)))) / own
        assert found[f"style {layer}"] == pytest.approx(2 * weight * share * STATISTICS[statistic].emphasis, rel=0.01)
    f, p = matrix(encoder, picture, "relu4_2"), matrix(encoder, content, "relu4_2")
    variance = ((p - p.mean(1, keepdims=True)) ** 2).sum()
    assert found["content relu4_2"] == pytest.approx(settings.content_weight * ((f - p) ** 2).sum() / variance, rel=1e-3)


def test_content_and_style_are_zero_at_their_pictures(encoder: Encoder, content: Tensor, style: Tensor) -> None:
    for name, make in PRESETS.items():
        settings = replace(make(), margin=0)
        at_content, at_style = (values(settings, encoder, content, style, picture) for picture in (content, style))
        for term, value in at_content.items():
            if term.startswith("content"):
                assert value == pytest.approx(0, abs=1e-9 * max(1, at_style[term])), name
                assert at_style[term] > 0
            elif term.startswith("style"):
                assert abs(at_style[term]) < 1e-4 * value, name


def test_several_layers_of_content(encoder: Encoder, content: Tensor, style: Tensor, picture: Tensor) -> None:
    settings = GatysSettings(content_layers="relu2_2=0.25,relu4_2=0.75", content_divisor="mean", content_weight=8.0, margin=0)
    found = values(settings, encoder, content, style, picture)
    for layer, weight in (("relu2_2", 2.0), ("relu4_2", 6.0)):
        difference = matrix(encoder, picture, layer) - matrix(encoder, content, layer)
        assert found[f"content {layer}"] == pytest.approx(weight * (difference**2).mean(), rel=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"statistic": "gram"},
        {"statistic": "moments"},
        {"statistic": "mmd-linear"},
        {"statistic": "mmd-poly", "kernel_offset": 0.5},
        {"statistic": "mmd-gaussian", "kernel_features": 2},
        {"content_weight": 0.0},
    ],
)
@pytest.mark.parametrize("guided", [False, True])
def test_gradient_of_the_whole(encoder_with: Callable[..., Encoder], changes: dict[str, object], guided: bool) -> None:
    """From the pixels to the total, in float64, regions and all."""
    settings = GatysSettings(
        **{"style_layers": "relu1_1,relu2_1", "content_layers": "relu2_2", "margin": 2, "shifted": False} | changes
    )  # type: ignore[arg-type]
    encoder = deepcopy(encoder_with(pooling="average", padding="replicate")).double()  # it is shared
    try:
        content, first, second = (torch.rand(1, 3, 4, 5, dtype=torch.float64) for _ in range(3))
        guide = torch.rand(1, 1, 4, 5, dtype=torch.float64) if guided else None
        regions = [Region((Style(first),), guide), *([Region((Style(second, mask=guide),))] if guided else [])]
        objective = objective_at(content, regions, settings, encoder)
        picture = torch.rand(1, 3, 8, 9, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: torch.stack(list(objective(x).values())).sum(), picture)
    finally:
        encoder.float()


def test_kernel_options(encoder: Encoder, content: Tensor, style: Tensor, picture: Tensor) -> None:
    """c weighs the means in; features and seed choose another estimate of the same kernel."""

    def found(**changes: object) -> float:
        settings = GatysSettings(style_layers="relu3_1", style_divisor="sum", margin=0, **changes)  # type: ignore[arg-type]
        return values(settings, encoder, content, style, picture)["style relu3_1"]

    f, a = matrix(encoder, picture, "relu3_1"), matrix(encoder, style, "relu3_1")
    kernels = [((x.T @ y + 0.7) ** 2).mean() for x, y in ((f, f), (a, a), (f, a))]
    assert found(statistic="mmd-poly", kernel_offset=0.7) == pytest.approx(kernels[0] + kernels[1] - 2 * kernels[2], rel=1e-3)
    assert found(statistic="mmd-poly") == pytest.approx(found(statistic="gram"), rel=1e-6)
    squares = [((x[:, :, None] - y[:, None]) ** 2).sum(0) for x, y in ((f, f), (a, a), (f, a))]
    kernels = [np.exp(-s / (2 * squares[1].mean())).mean() for s in squares]
    expected = kernels[0] + kernels[1] - 2 * kernels[2]
    many = {"statistic": "mmd-gaussian", "kernel_features": 800}
    assert found(**many) == pytest.approx(expected, rel=0.05)
    assert found(**many, seed=1) == pytest.approx(expected, rel=0.05)
    assert found(**many) != found(**many, seed=1)
