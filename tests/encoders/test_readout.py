"""Narrow features that keep the lengths of wide ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from stylespace.encoders.readout import ReadoutEncoder, isometry
from stylespace.encoders.trunk import Trunk
from stylespace.objectives.style import root, wasserstein_distance
from stylespace.statistics.gram import gram
from stylespace.statistics.moments import mean_and_covariance

NARROW = (6, 8)
WIDE = {"relu1_1": 24, "relu1_2": 5}  # wider, and narrower, than the student's channels and one


def encoder() -> ReadoutEncoder:
    torch.manual_seed(0)
    readouts = {name: nn.Conv2d(channels, WIDE[name], 1) for name, channels in zip(WIDE, NARROW, strict=True)}
    return ReadoutEncoder(Trunk((2, 1), (*NARROW, 4)), "student", readouts).double()


@pytest.fixture
def pictures() -> tuple[Tensor, Tensor]:
    return torch.rand(1, 3, 12, 15, dtype=torch.float64), torch.rand(1, 3, 12, 15, dtype=torch.float64)


@pytest.fixture(params=list(WIDE))
def features(request: pytest.FixtureRequest, pictures: tuple[Tensor, Tensor]) -> tuple[list[Tensor], list[Tensor], float]:
    """Of two pictures: narrow, wide and unclamped, and the square of the scale between them as documented."""
    layer, made = request.param, encoder()
    narrow = [made(picture, [layer])[layer] for picture in pictures]
    wide = [made.readouts[layer](made.trunk(picture, [layer])[layer]) for picture in pictures]
    return narrow, wide, narrow[0].shape[1] / wide[0].shape[1]


def test_how_many_channels(features: tuple[list[Tensor], list[Tensor], float]) -> None:
    narrow, wide, _ = features
    assert wide[0].shape[1] in (24, 5)
    assert narrow[0].shape[1] == {24: NARROW[0] + 1, 5: 5}[wide[0].shape[1]]


def test_mean_square_a_channel_is_kept(features: tuple[list[Tensor], list[Tensor], float]) -> None:
    narrow, wide, _ = features
    for a, b in zip(narrow, wide, strict=True):
        assert a.square().mean().item() == pytest.approx(b.square().mean().item(), rel=1e-6)


def test_inner_products_of_positions_are_kept(features: tuple[list[Tensor], list[Tensor], float]) -> None:
    narrow, wide, scale = features
    a, b = (torch.cat(maps)[:, :, ::3, ::3].movedim(1, 0).flatten(1) for maps in (narrow, wide))
    assert torch.allclose(a.T @ a, scale * b.T @ b, rtol=1e-5, atol=1e-7)


def test_differences_of_grams_are_kept(features: tuple[list[Tensor], list[Tensor], float]) -> None:
    narrow, wide, scale = features
    guide = torch.rand(1, 1, 12, 15, dtype=torch.float64)
    for at in (None, guide):
        a, b = ((gram(maps[0], at) - gram(maps[1])).norm().item() for maps in (narrow, wide))
        assert a == pytest.approx(scale * b, rel=1e-5)
        assert a > 1e-5


def test_wasserstein_is_kept(features: tuple[list[Tensor], list[Tensor], float]) -> None:
    narrow, wide, scale = features
    found = []
    for maps in (narrow, wide):
        target_mean, target_covariance = mean_and_covariance(maps[1])
        target = (target_mean, target_covariance, root(target_covariance, 0.0))
        found.append(wasserstein_distance(mean_and_covariance(maps[0]), target, 0.0).item())
    assert found[0] == pytest.approx(scale * found[1], rel=1e-4)


def test_content_distance_is_kept(features: tuple[list[Tensor], list[Tensor], float]) -> None:
    """As a mean over features, which content distances are."""
    narrow, wide, _ = features
    assert (narrow[0] - narrow[1]).square().mean().item() == pytest.approx((wide[0] - wide[1]).square().mean().item(), rel=1e-5)


def test_isometry_of_a_known_map() -> None:
    """R = 3 in one column, no bias: lengths of 3 |x| in four channels, one of them used."""
    readout = nn.Conv2d(1, 4, 1)
    with torch.no_grad():
        readout.weight.copy_(torch.tensor([3.0, 0, 0, 0])[:, None, None, None])
        readout.bias.copy_(torch.tensor([0.0, 2, 0, 0]))
    narrow = isometry(readout)
    length = narrow(torch.full((1, 1, 1, 1), 5.0)).square().sum().item()
    assert length == pytest.approx((15**2 + 2**2) * 2 / 4, rel=1e-5)


def test_read_out_is_the_teachers_estimate(pictures: tuple[Tensor, Tensor]) -> None:
    made = encoder()
    found = made.read_out(pictures[0], ["relu1_1"])["relu1_1"]
    wide = made.readouts["relu1_1"](made.trunk(pictures[0], ["relu1_1"])["relu1_1"])
    assert found.shape == (1, 24, 12, 15)
    assert torch.allclose(found, wide.clamp_min(0), atol=1e-12)
    assert (wide < 0).any()


def test_other_layers_are_the_narrow_stacks(pictures: tuple[Tensor, Tensor]) -> None:
    made = encoder()
    found = made(pictures[0], ["relu2_1"])["relu2_1"]
    assert torch.allclose(found, made.trunk(pictures[0], ["relu2_1"])["relu2_1"], atol=1e-12)


def test_a_metric_of_its_own(pictures: tuple[Tensor, Tensor]) -> None:
    torch.manual_seed(0)
    readouts, metric = {"relu1_1": nn.Conv2d(6, 24, 1)}, {"relu1_1": nn.Conv2d(6, 3, 1)}
    made = ReadoutEncoder(Trunk((2, 1), (*NARROW, 4)), "student", readouts, metric).double()
    narrow = made.trunk(pictures[0], ["relu1_1"])["relu1_1"]
    expected = torch.einsum("dc,nchw->ndhw", metric["relu1_1"].weight[:, :, 0, 0], narrow) + metric["relu1_1"].bias[:, None, None]
    assert torch.allclose(made(pictures[0], ["relu1_1"])["relu1_1"], expected, atol=1e-12)
    assert made.read_out(pictures[0], ["relu1_1"])["relu1_1"].shape[1] == 24


def test_a_read_out_without_offset() -> None:
    readout = nn.Conv2d(6, 24, 1, bias=False)
    x = torch.rand(1, 6, 4, 4)
    assert isometry(readout)(x).square().mean().item() == pytest.approx(readout(x).square().mean().item(), rel=1e-4)


def test_is_frozen_and_gradients_reach_the_picture(pictures: tuple[Tensor, Tensor]) -> None:
    made = encoder()
    assert not any(parameter.requires_grad for parameter in made.parameters())
    small = pictures[0][..., :4, :5].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: made(x, ["relu1_2"])["relu1_2"], small)
