"""The compact encoder's file and form, with random weights; test_shipped.py holds the shipped ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from stylespace import encoders
from stylespace.encoders.compact import DEPTHS, READOUTS, WIDTHS, CompactTrunk, compact
from stylespace.errors import InputError, WeightsError

VGG19 = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file({name: value.half() for name, value in CompactTrunk().state_dict().items()}, path)
    return path


def test_is_as_small_as_promised(weights: Path) -> None:
    assert sum(parameter.numel() for parameter in CompactTrunk().parameters()) <= 1_500_000
    assert weights.stat().st_size <= 3_000_000
    assert (DEPTHS, len(WIDTHS)) == ((2, 2, 4, 4, 1), 13)
    assert READOUTS == VGG19


def test_every_layer_is_usable(weights: Path) -> None:
    encoder = compact(weights)
    assert (encoder.name, len(encoder.layers), encoder.layers[-1]) == ("compact", 13, "relu5_1")
    found = encoder(torch.rand(1, 3, 32, 48), encoder.layers)
    for (name, features), width in zip(found.items(), WIDTHS, strict=True):
        channels = min(width + 1, VGG19[name]) if name in READOUTS else width
        assert features.shape == (1, channels, 32 // 2 ** (int(name[4]) - 1), 48 // 2 ** (int(name[4]) - 1))
    wide = encoder.read_out(torch.rand(1, 3, 32, 48), list(READOUTS))
    assert {name: features.shape[1] for name, features in wide.items()} == VGG19


def test_deeper_layers_say_what_to_use(weights: Path) -> None:
    with pytest.raises(InputError, match=r"no layer 'relu5_2'.*Use relu5_1 instead, or --encoder vgg19"):
        compact(weights)(torch.rand(1, 3, 16, 16), ["relu5_2"])


def test_options_reach_the_trunk(weights: Path) -> None:
    encoder = encoders.load("compact", weights=weights, pooling="average", padding="zero", precision="bf16")
    assert (encoder.trunk.pooling, encoder.trunk.padding) == ("average", "zero")
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.bfloat16}
    assert encoders.load("compact", weights=str(weights), precision="fp32").trunk.padding == "reflect"
    with pytest.raises(InputError, match="Pooling"):
        encoders.load("compact", weights=weights, pooling="median")


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text", "folder", "other names", "other widths"])
def test_wrong_files(weights: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "wrong.safetensors"
    if damage == "empty":
        path.touch()
    elif damage == "cut":
        path.write_bytes(weights.read_bytes()[:100_000])
    elif damage == "text":
        path.write_text("not weights " * 100)
    elif damage == "folder":
        path.mkdir()
    elif damage == "other names":
        save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path)
    elif damage == "other widths":
        state = CompactTrunk().state_dict()
        state["convolutions.conv1_1.weight"] = torch.zeros(8, 3, 3, 3)
        save_file(state, path)
    with pytest.raises(WeightsError, match=r"wrong\.safetensors.*compact encoder") as raised:
        compact(path)
    assert "\n" not in str(raised.value)
