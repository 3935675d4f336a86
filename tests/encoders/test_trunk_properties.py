"""What holds for the convolution stack whatever its weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stylespace.encoders.trunk import PADDINGS, POOLINGS, Trunk
from stylespace.errors import InputError

DEPTHS, WIDTHS = (2, 2, 4, 4, 4), (4, 4, 5, 5, *[6] * 4, *[7] * 4, *[8] * 4)
DEEP = [f"relu{block}_1" for block in range(1, 6)]


def trunk(padding: str = "reflect", pooling: str = "max") -> Trunk:
    torch.manual_seed(0)
    made = Trunk(DEPTHS, WIDTHS, pooling=pooling, padding=padding)
    for convolution in made.convolutions.values():
        torch.nn.init.normal_(convolution.weight, 0, math.sqrt(2 / math.prod(convolution.weight.shape[1:])))
    return made.requires_grad_(False)


def test_layers_are_vggs() -> None:
    assert trunk().layers == tuple(f"relu{b}_{i}" for b, depth in enumerate(DEPTHS, 1) for i in range(1, depth + 1))
    found = trunk()(torch.rand(1, 3, 64, 48), trunk().layers)
    assert list(found) == list(trunk().layers)
    for (name, features), width in zip(found.items(), WIDTHS, strict=True):
        scale = 2 ** (int(name[4]) - 1)
        assert features.shape == (1, width, 64 // scale, 48 // scale)
        assert features.min() >= 0
        assert features.max() > 0


@pytest.mark.parametrize("size", [(64, 48), (33, 50), (17, 16), (2, 2), (1, 9)])
def test_shapes_are_known_beforehand(size: tuple[int, int]) -> None:
    network = trunk()
    for name, features in network(torch.rand(1, 3, *size), network.layers).items():
        assert network.shape(name, size) == features.shape[1:]


def test_other_layers_do_not_change_a_layer() -> None:
    """ReLUs work in place: features given out must not be written to by deeper layers."""
    network, picture = trunk(), torch.rand(1, 3, 32, 32)
    kept = picture.clone()
    together = network(picture, network.layers)
    for name, features in together.items():
        assert torch.equal(network(picture, [name])[name], features)
    assert torch.equal(picture, kept)
    assert network(picture, []) == {}


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_pictures_of_a_batch_do_not_meet(padding: str, pooling: str) -> None:
    network, pictures = trunk(padding, pooling), torch.rand(2, 3, 33, 40)
    together = network(pictures, DEEP)
    for index in range(2):
        for name, features in network(pictures[index : index + 1], DEEP).items():
            torch.testing.assert_close(together[name][index : index + 1], features, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_features_move_with_the_picture(pooling: str) -> None:
    """Moved by 16 pixels, features of block 5 move by one position, away from the frame."""
    network, wide = trunk(pooling=pooling), torch.rand(1, 3, 192, 208)
    left, right = network(wide[..., :192], ["relu5_1"])["relu5_1"], network(wide[..., 16:], ["relu5_1"])["relu5_1"]
    margin = 5  # positions the frame reaches
    torch.testing.assert_close(left[..., margin:-margin, margin + 1 : -margin], right[..., margin:-margin, margin : -margin - 1])
    assert left[..., margin:-margin, margin + 1 : -margin].shape[-1] > 0


@pytest.mark.parametrize("padding", PADDINGS)
def test_flat_pictures_have_flat_features_unless_padded_with_zeros(padding: str) -> None:
    network = trunk(padding)
    found = network(torch.full((1, 3, 40, 40), 0.7), ["relu1_1", "relu3_1"])

    def spread(features: Tensor) -> float:
        return (features.amax((2, 3)) - features.amin((2, 3))).max().item()

    framed = {"zero": {"relu1_1", "relu3_1"}, "replicate-first": {"relu3_1"}}.get(padding, set())
    for name, features in found.items():
        assert (spread(features) > 1e-3) == (name in framed)


@pytest.mark.parametrize("size", [(8, 320), (320, 8), (1, 40), (2, 80), (3, 5), (17, 17)])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_narrow_pictures_reach_every_layer(size: tuple[int, int], padding: str, pooling: str) -> None:
    network = trunk(padding, pooling)
    picture = torch.rand(1, 3, *size, requires_grad=True)
    found = network(picture, network.layers)
    assert list(found) == list(network.layers)
    assert all(min(features.shape) > 0 and torch.isfinite(features).all() for features in found.values())
    sum(features.sum() for features in found.values()).backward()
    assert torch.isfinite(picture.grad).all()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_of_one_pixel_high_maps(pooling: str) -> None:
    """A lone row is pooled along itself only: constant features stay what they are."""
    network = trunk("replicate", pooling)
    high, flat = torch.full((1, 3, 32, 32), 0.4), torch.full((1, 3, 1, 32), 0.4)
    for name, features in network(flat, DEEP).items():
        torch.testing.assert_close(features, network(high, [name])[name][..., :1, : features.shape[-1]], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients(pooling: str) -> None:
    network = trunk(pooling=pooling).double()
    picture = torch.rand(1, 3, 9, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: network(x, ["relu3_1"])["relu3_1"].sum((2, 3)), picture)


def test_folded_twice_is_folded_once() -> None:
    network = trunk()
    picture = torch.rand(1, 3, 16, 16)
    before = network(picture, ["relu2_1"])["relu2_1"]
    for _ in range(2):
        network.fold_input()
        torch.testing.assert_close(network(picture, ["relu2_1"])["relu2_1"], before, rtol=1e-4, atol=1e-5)


def test_unknown_options() -> None:
    with pytest.raises(InputError, match="max, average"):
        trunk(pooling="median")
    with pytest.raises(InputError, match="reflect, replicate, zero"):
        trunk("wrap")
