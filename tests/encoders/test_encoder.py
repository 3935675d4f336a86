"""The encoder as the rooms above see it, and how one is asked for by name."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.trunk import Trunk
from stylespace.errors import InputError, WeightsError


def trunk(padding: str = "reflect") -> Trunk:
    torch.manual_seed(0)
    made = Trunk((2, 2, 1), (16, 16, 24, 24, 32), padding=padding)
    for convolution in made.convolutions.values():
        torch.nn.init.normal_(convolution.weight, 0, math.sqrt(2 / math.prod(convolution.weight.shape[1:])))
    return made


@pytest.mark.parametrize("padding", ["reflect", "zero"])
def test_is_the_trunk(padding: str) -> None:
    picture = torch.rand(1, 3, 20, 24)
    expected = trunk(padding)(picture, ["relu1_2", "relu3_1"])
    found = Encoder(trunk(padding), "small")(picture, ["relu1_2", "relu3_1"])
    assert list(found) == list(expected)
    for name, features in found.items():
        torch.testing.assert_close(features, expected[name], rtol=1e-4, atol=1e-5)


def test_is_frozen() -> None:
    encoder = Encoder(trunk(), "small")
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    picture = torch.rand(1, 3, 16, 16, requires_grad=True)
    encoder(picture, ["relu3_1"])["relu3_1"].sum().backward()
    assert picture.grad is not None
    assert picture.grad.abs().max() > 0


def test_names_what_it_has() -> None:
    encoder = Encoder(trunk(), "small")
    assert encoder.layers == ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1")
    encoder.check(["relu3_1"])
    for ask in (encoder.check, lambda layers: encoder(torch.rand(1, 3, 8, 8), layers)):
        with pytest.raises(InputError, match="small encoder has no layer 'relu4_1'"):
            ask(["relu1_1", "relu4_1"])


def test_prepared_in_bfloat16() -> None:
    """Eight bits of mantissa, 2^-8 a rounding: features within 3 % of their root mean square after five layers."""
    encoder, picture = Encoder(trunk(), "small"), torch.rand(1, 3, 32, 32)
    full = encoder(picture, encoder.layers)
    assert encoder.prepare(torch.device("cpu"), torch.bfloat16) is encoder
    half = encoder(picture, encoder.layers)
    for name, features in half.items():
        assert features.dtype == torch.bfloat16
        error = (features.float() - full[name]).square().mean().sqrt() / full[name].square().mean().sqrt()
        assert 0 < error < 0.03


def test_channels_last() -> None:
    encoder = Encoder(trunk(), "small").prepare(torch.device("cpu"), torch.float32)
    features = encoder(torch.rand(1, 3, 32, 32), ["relu2_1"])["relu2_1"]
    assert features.is_contiguous(memory_format=torch.channels_last)


def test_loading_by_name() -> None:
    for options, message in [
        ({"name": "resnet"}, "compact, vgg16, vgg19"),
        ({"precision": "fp8"}, "auto, fp32, bf16"),
        ({"name": ""}, "unknown"),
    ]:
        with pytest.raises(InputError, match=message):
            encoders.load(**options)


@pytest.mark.parametrize("name", encoders.ENCODERS)
def test_loading_from_a_file_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        encoders.load(name, weights=tmp_path / "none.safetensors")
