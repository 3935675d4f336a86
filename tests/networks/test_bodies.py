"""The bodies: published counts, sizes, folding, conditioning."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from stylespace.errors import InputError
from stylespace.networks.builds import BUILDS
from stylespace.networks.conditional import Conditional
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.fast import Fast, Up, multiplications
from stylespace.networks.johnson import Johnson
from stylespace.networks.normalisation import ConditionalBatchNorm, ConditionalInstanceNorm
from stylespace.networks.padding import pad, pad_to_multiple


def test_published_counts() -> None:
    """Dumoulin et al. 2017: 3,206 numbers a style, 1.68 million parameters in all with one style."""
    body = Conditional()
    weights = sum(p.numel() for p in body.parameters())
    assert body.row_size == 3206
    assert round((weights + body.row_size) / 1e6, 2) == 1.68


def test_fast_counts() -> None:
    body = Fast()
    assert sum(p.numel() for p in body.parameters()) + 32 * body.row_size <= 1_500_000
    assert multiplications(body, 512, 512) < 3.2e9


def test_multiplications() -> None:
    """Counted by hand: outputs of each convolution times its weights, at full, half and a quarter of 64 x 32 pixels."""
    full, half, quarter = 64 * 32, 32 * 16, 16 * 8
    by_hand = full * 3 * 32 * 81 + half * 32 * 64 * 9 + quarter * 64 * 128 * 9 + 10 * quarter * 128 * 128 * 9
    by_hand += half * 128 * 64 * 9 + full * 64 * 32 * 9 + full * 32 * 3 * 81
    assert multiplications(Conditional(), 64, 32) == by_hand
    body = Johnson((2, 3, 4), blocks=0)
    by_hand = full * 3 * 2 * 81 + half * 2 * 3 * 9 + quarter * 3 * 4 * 9
    by_hand += quarter * 4 * 3 * 9 + half * 3 * 2 * 9 + full * 2 * 3 * 81  # a transposed kernel is laid on the smaller map
    assert multiplications(body, 64, 32) == by_hand


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("size", [(1, 1), (2, 9), (16, 16), (33, 47)])
def test_any_size(build: str, size: tuple[int, int]) -> None:
    body = BUILDS[build]().eval()
    with torch.no_grad():
        painted = body(torch.rand(1, 3, *size), body.initial_row())
    assert painted.shape == (1, 3, *size)
    assert torch.isfinite(painted).all()
    assert painted.min() >= 0
    assert painted.max() <= 1


@pytest.mark.parametrize("size", [(16, 16), (50, 37)])
def test_folded_is_equal(size: tuple[int, int]) -> None:
    body = BUILDS["tiny"]().eval()
    assert isinstance(body, Fast)
    row = body.initial_row() + 0.3 * torch.randn(body.row_size)
    picture = torch.rand(1, 3, *size)
    with torch.no_grad():
        painted, folded = body(picture, row), body.folded()(picture, row)
        assert torch.allclose(painted, folded, atol=1e-4)
        exact, same = body.double()(picture.double(), row.double()), body.folded()(picture.double(), row.double())
    assert torch.allclose(exact, same, rtol=0, atol=1e-10)
    assert not torch.equal(exact, same)  # they do compute differently
    folded = body.folded()
    assert folded.folded() is folded
    with pytest.raises(InputError, match="can only paint"):
        folded.settings()


@pytest.mark.parametrize("bias", [False, True])
def test_up_is_a_resize_convolution(bias: bool) -> None:
    up = Up(5, 3, bias=bias)
    x = torch.randn(2, 5, 4, 7)
    doubled = F.pad(F.interpolate(x, scale_factor=2, mode="nearest"), (1, 1, 1, 1), mode="replicate")
    expected = F.conv2d(doubled, up.convolution.weight, up.convolution.bias)
    assert torch.allclose(up(x), expected, atol=1e-5)
    up.fold()
    assert torch.allclose(up(x), expected, atol=1e-5)


def test_normalisation() -> None:
    x = torch.randn(2, 4, 6, 5) * 3 + 7
    gamma, beta = torch.randn(2, 2, 4, 1, 1)
    y = ConditionalInstanceNorm(4)(x, gamma, beta)
    assert torch.allclose(y.mean((2, 3), keepdim=True), beta, atol=1e-4)
    assert torch.allclose(y.std((2, 3), correction=0, keepdim=True), gamma.abs(), atol=1e-3)
    assert torch.equal(ConditionalInstanceNorm(4)(x[..., :1, :1], gamma, beta), beta)
    expected = F.instance_norm(x) * gamma + beta
    assert torch.allclose(y, expected, atol=1e-4)


def test_batch_normalisation() -> None:
    """Against torch's own, in training and afterwards."""
    ours, theirs = ConditionalBatchNorm(4), torch.nn.BatchNorm2d(4)
    gamma, beta = theirs.weight.data.uniform_().view(1, 4, 1, 1), theirs.bias.data.uniform_().view(1, 4, 1, 1)
    for _ in range(3):
        x = torch.randn(2, 4, 6, 5) * 3 + 7
        assert torch.allclose(ours(x, gamma, beta), theirs(x), atol=1e-5)
    ours.eval()
    theirs.eval()
    assert torch.allclose(ours(x, gamma, beta), theirs(x), atol=1e-5)
    assert torch.allclose(ours(x, gamma, beta)[:1], ours(x[:1], gamma, beta), atol=1e-6)
    assert torch.equal(ConditionalBatchNorm(4)(x[:1, :, :1, :1], gamma, beta), beta)


@pytest.mark.parametrize("norm", [ConditionalInstanceNorm(2), ConditionalBatchNorm(2).double()])
def test_normalisation_gradients(norm: torch.nn.Module) -> None:
    x = torch.randn(2, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    gamma, beta = torch.randn(2, 2, 2, 1, 1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(norm, (x, gamma, beta))


def test_half_precision_keeps_statistics() -> None:
    """Far from zero bfloat16 has steps of half a unit: statistics in it would be lost."""
    x = (torch.randn(1, 2, 32, 32) + 100).bfloat16()
    gamma, beta = torch.ones(1, 2, 1, 1), torch.zeros(1, 2, 1, 1)
    y = ConditionalInstanceNorm(2)(x, gamma, beta)
    assert y.dtype == torch.bfloat16
    assert torch.allclose(y.float(), F.instance_norm(x.float()), atol=0.6)
    assert abs(float(y.float().std()) - 1) < 0.1


def test_conditioning() -> None:
    channels = (2, 3)
    rows = torch.arange(20.0).reshape(2, 10)
    gamma, beta = Conditioning.of(rows, channels).at(1, (4, 4))
    assert gamma[1, :, 0, 0].tolist() == [14, 15, 16]
    assert beta[0, :, 0, 0].tolist() == [7, 8, 9]
    left = torch.zeros(1, 1, 4, 4)
    left[..., :2] = 1
    mixed = Conditioning.of(rows, channels, torch.cat([left, 1 - left], 1))
    gamma, _ = mixed.at(0, (2, 2))
    assert gamma[0, 0].tolist() == [[0, 10], [0, 10]]
    with pytest.raises(ValueError, match="10 numbers"):
        Conditioning.of(rows[:, :9], channels)
    with pytest.raises(ValueError, match="Maps"):
        Conditioning.of(rows, channels, left)


@pytest.mark.parametrize("build", ["tiny", "johnson", "texture"])
def test_one_style_everywhere_is_that_style(build: str) -> None:
    body = BUILDS[build]().eval()
    rows = body.initial_row() + 0.3 * torch.randn(2, body.row_size)
    picture = torch.rand(1, 3, 20, 30)
    maps = torch.zeros(1, 2, 20, 30)
    maps[:, 1] = 1
    with torch.no_grad():
        everywhere = body(picture, Conditioning.of(rows, body.channels, maps))
        assert torch.allclose(everywhere, body(picture, rows[1]), atol=1e-5)


def test_borders() -> None:
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert pad(x, 2, 0, 0, 0)[0, 0, 0].tolist() == [2, 1, 0, 1, 2]
    assert pad(x, 3, 0, 0, 0)[0, 0, 0].tolist() == [0, 0, 0, 0, 1, 2]
    assert pad_to_multiple(x, 4).shape == (1, 1, 4, 4)


def test_framed_maps() -> None:
    """Weights beyond the border are those at the border."""
    maps = torch.rand(1, 2, 4, 6).softmax(1)
    framed = Conditioning.of(torch.rand(2, 4), (2,), maps).framed(3).maps
    assert framed is not None
    assert framed.shape == (1, 2, 10, 12)
    assert torch.equal(framed[..., 3:-3, 3:-3], maps)
    assert torch.equal(framed[..., 0, 0], maps[..., 0, 0])


def test_gradients() -> None:
    body = BUILDS["tiny"](stem=4, mid=4, deep=4, up=4, blocks=1, fine=4, last=4).double()
    row = body.initial_row().double().requires_grad_()
    picture = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    body(picture, row[None]).sum().backward()
    assert row.grad is not None
    assert (row.grad != 0).any()
    assert all(p.grad is not None for p in body.parameters())
