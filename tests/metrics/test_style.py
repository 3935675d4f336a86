from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.metrics.seen import Seen
from stylespace.metrics.style import LAYERS, WeightedStyle, at_scale, style_distance
from stylespace.pictures import resize


def alone(picture: Tensor, guide: Tensor | None = None) -> list[WeightedStyle]:
    return [WeightedStyle(Seen(picture, guide), 1.0)]


def shuffled(picture: Tensor, block: int) -> Tensor:
    """``picture`` cut into squares that change places: strokes stay, shapes larger than ``block`` go."""
    height, width = (side // block for side in picture.shape[-2:])
    squares = picture[..., : height * block, : width * block].reshape(3, height, block, width, block).permute(1, 3, 0, 2, 4)
    order = torch.randperm(height * width, generator=torch.Generator().manual_seed(0))
    squares = squares.flatten(0, 1)[order].reshape(height, width, 3, block, block)
    return squares.permute(2, 0, 3, 1, 4).reshape(1, 3, height * block, width * block).contiguous()


def test_the_style_itself(encoder: Encoder, painting: Tensor) -> None:
    found = style_distance(encoder, Seen(painting), alone(painting))
    assert found["distance"] < 1e-6
    assert found["scale"] == 1
    assert found["half"]["distance"] < 1e-6
    assert found["quarter"]["distance"] < 1e-6
    assert tuple(found["layers"]) == tuple(found["quarter"]["layers"]) == LAYERS


def test_an_empty_picture_has_one() -> None:
    """Black gives no features here (no biases): its distance is the style's whole energy."""

    class Nothing(Encoder):
        def __init__(self) -> None:
            torch.nn.Module.__init__(self)

        def forward(self, picture: Tensor, layers: object) -> dict[str, Tensor]:
            return {name: picture.repeat(1, 2, 1, 1) for name in LAYERS}

    style = torch.rand(1, 3, 64, 64)
    found = style_distance(Nothing(), Seen(torch.zeros(1, 3, 64, 64)), alone(style))
    assert found["distance"] == pytest.approx(1, abs=0.02)  # 1e-4 is added to the variances


def test_against_the_formula(encoder: Encoder, painting: Tensor, other_painting: Tensor) -> None:
    """|m - n|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2), by SciPy's matrix root; 1e-4 is added to the diagonals."""
    found = style_distance(encoder, Seen(painting), alone(other_painting))
    style = at_scale(alone(other_painting)[0], Seen(painting), found["scale"])
    with torch.no_grad():
        given, target = (encoder(x, LAYERS)["relu2_1"][0].flatten(1).double().numpy() for x in (painting, style.pixels))
    a, b = (np.cov(features, bias=True) + 1e-4 * np.eye(len(features)) for features in (given, target))
    root = scipy.linalg.sqrtm(a).real
    cross = np.trace(scipy.linalg.sqrtm(root @ b @ root).real)
    means = given.mean(1), target.mean(1)
    distance = np.sum((means[0] - means[1]) ** 2) + np.trace(a) + np.trace(b) - 2 * cross
    energy = np.sum(means[1] ** 2) + np.trace(b) - 1e-4 * len(b)
    assert found["layers"]["relu2_1"] == pytest.approx(distance / energy, rel=1e-4)


@pytest.mark.parametrize("scale", [0.5, 1, 2])
def test_finds_the_scale(encoder: Encoder, scale: float) -> None:
    """A texture's blobs are 8 pixels in the style picture, which is 384 long: in a result of 192, 8 * scale / 2."""
    texture = resize(torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(3)), (768, 768))
    style = texture[..., 384:, 384:].contiguous()
    side = round(768 * scale / 2)
    out = resize(texture, (side, side))[..., :192, :192].contiguous()
    found = style_distance(encoder, Seen(out), alone(style))
    assert found["scale"] == pytest.approx(scale, rel=0.01)


def test_small_styles_are_not_enlarged(encoder: Encoder, painting: Tensor) -> None:
    small = resize(painting, (64, 80))
    found = style_distance(encoder, Seen(painting), alone(small))
    assert found["scale"] <= 80 / 320
    assert at_scale(alone(small)[0], Seen(painting), 2).size == (64, 80)


def test_shapes_count_more_from_far(encoder: Encoder, painting: Tensor) -> None:
    """Squares that changed places keep the strokes: from near less is lost than from far."""
    large = resize(painting, (512, 640))
    found = style_distance(encoder, Seen(shuffled(large, 16)), alone(large))
    assert found["quarter"]["layers"]["relu2_1"] > 3 * found["layers"]["relu2_1"]
    near = style_distance(encoder, Seen(shuffled(large, 128)), alone(large))
    assert near["quarter"]["distance"] < found["quarter"]["distance"]


def test_closer_mixtures_score_lower(encoder: Encoder, painting: Tensor, portrait: Tensor) -> None:
    """Between photo and style the distance falls all the way."""
    style = resize(painting, (256, 256))
    distances = [
        style_distance(encoder, Seen(portrait.lerp(style, share)), alone(style))["distance"] for share in (0, 0.5, 0.8, 1)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.01 * distances[0]


def test_several_styles_are_blended(encoder: Encoder, painting: Tensor, other_painting: Tensor) -> None:
    one, other = Seen(painting), Seen(other_painting)
    out = Seen(resize(painting, (128, 160)))
    twice = style_distance(encoder, out, [WeightedStyle(one, 0.3), WeightedStyle(one, 0.7)])
    assert twice["distance"] == pytest.approx(style_distance(encoder, out, [WeightedStyle(one, 1)])["distance"], rel=1e-3)
    by_share = [
        style_distance(encoder, out, [WeightedStyle(one, share), WeightedStyle(other, 1 - share)])["distance"]
        for share in (0.9, 0.5, 0.1)
    ]
    assert by_share == sorted(by_share)


def test_transparent_parts_of_the_style_do_not_count(encoder: Encoder, painting: Tensor) -> None:
    """The same painting beside transparent nothing has nearly the same statistics; beside opaque grey it has not."""
    size = painting.shape[-2:]
    wide = torch.cat([painting, torch.full_like(painting, 0.5)], 3)
    guide = torch.cat([torch.ones(1, 1, *size), torch.zeros(1, 1, *size)], 3)
    out = Seen(painting)
    masked = style_distance(encoder, out, alone(wide, guide))
    opaque = style_distance(encoder, out, alone(wide))
    assert masked["scale"] == 2
    assert masked["distance"] < 0.2 * opaque["distance"]


@pytest.mark.parametrize("size", [(2, 2), (16, 16), (17, 33), (16, 200)])
def test_small_results(encoder: Encoder, painting: Tensor, size: tuple[int, int]) -> None:
    found = style_distance(encoder, Seen(resize(painting, size)), alone(painting))
    assert np.isfinite([found["distance"], found["half"]["distance"], found["quarter"]["distance"]]).all()


def test_only_layers_with_room_enter_the_average(encoder: Encoder, painting: Tensor, other_painting: Tensor) -> None:
    """At 384 px relu5_1's map is 24 long and counts, at half and quarter one and two layers fewer do."""
    found = style_distance(encoder, Seen(resize(other_painting, (384, 300))), alone(painting))
    for figures, count in ((found, 5), (found["half"], 4), (found["quarter"], 3)):
        assert figures["distance"] == pytest.approx(np.mean(list(figures["layers"].values())[:count]))


def test_constant_pictures(encoder: Encoder) -> None:
    grey = torch.full((1, 3, 64, 64), 0.5)
    found = style_distance(encoder, Seen(grey), alone(grey))
    assert found["distance"] < 1e-6
    assert np.isfinite(style_distance(encoder, Seen(grey), alone(grey * 0))["distance"])
