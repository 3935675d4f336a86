"""The compact encoder's file and form, with random weights; test_shipped.py holds the shipped ones."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from stylespace import encoders
from stylespace.encoders.compact import AXES, DEPTHS, RANKS, WIDTHS, CompactEncoder, CompactTrunk, compact
from stylespace.encoders.factored import FactoredConvolution
from stylespace.encoders.layers import layer_names
from stylespace.encoders.trunk import PADDINGS, POOLINGS
from stylespace.errors import InputError, WeightsError

VGG16 = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random, of sizes that keep the features' size (He et al. 2015), with biases and scales that matter."""
    torch.manual_seed(0)
    trunk = CompactTrunk()
    with torch.no_grad():
        for module in trunk.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.normal_(0, 1 / math.sqrt(module.weight[0].numel()))
                if module.bias is not None:
                    module.bias.uniform_(-0.1, 0.3)
        for scale in trunk.scale.values():
            scale.uniform_(0.5, 20)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file({name: value.half().contiguous() for name, value in trunk.state_dict().items()}, path)
    return path


def double(weights: Path, **options: str) -> CompactEncoder:
    return compact(weights, **options).double()


def plain(trunk: CompactTrunk, picture: Tensor) -> dict[str, Tensor]:
    """Features after ReLU by separate operations that know nothing of the trunk's: for sides from 32 on."""

    def padded(x: Tensor, name: str) -> Tensor:
        first = name == "conv1_1"
        mode = {"zero": "constant", "replicate-first": "replicate" if first else "constant"}.get(trunk.padding, trunk.padding)
        return F.pad(x, (1, 1, 1, 1), mode=mode)

    x, found = trunk.input(picture), {}
    for layer in trunk.layers:
        name = layer.replace("relu", "conv")
        if layer.endswith("_1") and layer != "relu1_1":
            x = F.max_pool2d(x, 2) if trunk.pooling == "max" else F.avg_pool2d(x, 2)
        convolution = trunk.convolutions[name]
        if isinstance(convolution, FactoredConvolution):
            x = convolution.reduce(x)
            x = F.conv2d(padded(x, name), convolution.middle.weight)
            x = convolution.expand(x)
        else:
            assert name == "conv1_1"
            x = F.conv2d(padded(x, name), convolution.weight, convolution.bias)
        x = found[layer] = F.relu(x)
    return found


def summed(features: dict[str, Tensor]) -> Tensor:
    """Something that depends on every feature, unevenly."""
    generator = torch.Generator().manual_seed(5)
    return torch.stack([(f * torch.randn(f.shape, generator=generator, dtype=f.dtype)).sum() for f in features.values()]).sum()


def test_is_as_small_as_promised(weights: Path) -> None:
    assert sum(parameter.numel() for parameter in CompactTrunk().parameters()) <= 4_000_000
    assert weights.stat().st_size <= 8_000_000


def test_shapes_are_known_beforehand(weights: Path) -> None:
    encoder = compact(weights)
    for name, features in encoder(torch.rand(1, 3, 33, 50), encoder.layers).items():
        assert encoder.shape(name, (33, 50)) == features.shape[1:]


def test_has_vgg16s_layers_with_every_rank_below_full() -> None:
    assert CompactTrunk().layers == layer_names((2, 2, 3, 3, 3))[:11]
    assert (DEPTHS, WIDTHS) == ((2, 2, 3, 3, 1), VGG16)
    for (narrow, middle), c_in, c_out in zip(RANKS, VGG16, VGG16[1:], strict=False):
        assert narrow < c_in
        assert middle < min(c_out, 9 * narrow)
    assert all(count < width for count, width in zip(AXES, VGG16, strict=True))


def test_every_layer_is_usable(weights: Path) -> None:
    encoder = compact(weights)
    assert (encoder.name, len(encoder.layers), encoder.layers[-1]) == ("compact", 11, "relu5_1")
    picture = torch.rand(1, 3, 32, 48)
    for found, widths in ((encoder(picture, encoder.layers), AXES), (encoder.estimates(picture, encoder.layers), VGG16)):
        assert list(found) == list(encoder.layers)
        for (name, features), width in zip(found.items(), widths, strict=True):
            scale = 2 ** (int(name[4]) - 1)
            assert features.shape == (1, width, 32 // scale, 48 // scale)
            assert features.std() > 0


def test_features_are_estimates_on_the_axes(weights: Path) -> None:
    """``estimates`` are in VGG-16's units; divided by its mean, on the axes, they are the features."""
    encoder, picture = double(weights), torch.rand(1, 3, 40, 40, dtype=torch.float64)
    estimates, features = (ask(picture, encoder.layers) for ask in (encoder.estimates, encoder))
    for name in encoder.layers:
        axes = encoder.trunk.axes[name].weight[:, :, 0, 0]
        expected = torch.einsum("dc,nchw->ndhw", axes, estimates[name] / encoder.trunk.scale[name])
        torch.testing.assert_close(features[name], expected)
        assert estimates[name].min() >= 0


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradient_is_that_of_the_plain_graph(weights: Path, padding: str, pooling: str) -> None:
    encoder = double(weights, padding=padding, pooling=pooling)
    one, other = (torch.rand(1, 3, 36, 33, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    found, expected = encoder(one.requires_grad_(), encoder.layers), plain(encoder.trunk, other.requires_grad_())
    on_axes = {name: encoder.trunk.axes[name](features) for name, features in expected.items()}
    for name, features in found.items():
        torch.testing.assert_close(features, on_axes[name])
    summed(found).backward()
    summed(on_axes).backward()
    assert one.grad is not None
    torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("padding", PADDINGS)
def test_frozen_and_trained_paths_agree(weights: Path, padding: str) -> None:
    encoder = double(weights, padding=padding)
    gradients, values = [], []
    for trained in (False, True):
        encoder.trunk.requires_grad_(trained)
        picture = torch.rand(1, 3, 34, 35, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
        features = encoder(picture, encoder.layers)
        summed(features).backward()
        gradients.append(picture.grad)
        values.append(features)
        reached = {name for name, parameter in encoder.trunk.convolutions.named_parameters() if parameter.grad is not None}
        assert len(reached) == (len(list(encoder.trunk.convolutions.parameters())) if trained else 0)
    for name in encoder.layers:
        torch.testing.assert_close(values[0][name], values[1][name])
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (2, 3), (17, 33), (8, 100)])
@pytest.mark.parametrize("padding", PADDINGS)
def test_odd_and_one_pixel_sizes(weights: Path, size: tuple[int, int], padding: str) -> None:
    encoder = compact(weights, padding=padding)
    picture = torch.rand(1, 3, *size, requires_grad=True)
    found = encoder(picture, encoder.layers)
    assert list(found) == list(encoder.layers)
    assert all(min(features.shape) > 0 and torch.isfinite(features).all() for features in found.values())
    summed(found).backward()
    assert picture.grad is not None
    assert torch.isfinite(picture.grad).all()
    assert picture.grad.abs().max() > 0


def test_other_ranks() -> None:
    """What the recipe compares."""
    trunk = CompactTrunk(ranks=[(4, 5)] * 10)
    assert trunk(torch.rand(1, 3, 16, 16), ["relu5_1"])["relu5_1"].shape == (1, 512, 1, 1)
    assert trunk.convolutions["conv5_1"].middle.weight.shape == (5, 4, 3, 3)


@pytest.mark.parametrize(("layer", "near"), [("relu3_4", "relu3_3"), ("relu4_4", "relu4_3"), ("relu5_2", "relu5_1")])
def test_layers_that_are_not_there_say_what_to_use(weights: Path, layer: str, near: str) -> None:
    with pytest.raises(InputError, match=rf"no layer '{layer}': use {near} instead, .*or --encoder vgg19"):
        compact(weights)(torch.rand(1, 3, 16, 16), [layer])


def test_options_reach_the_trunk(weights: Path) -> None:
    encoder = encoders.load("compact", weights=weights, pooling="average", padding="zero", precision="bf16")
    assert (encoder.trunk.pooling, encoder.trunk.padding) == ("average", "zero")
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.bfloat16}
    assert encoders.load("compact", weights=str(weights), precision="fp32").trunk.padding == "reflect"
    with pytest.raises(InputError, match="Pooling"):
        encoders.load("compact", weights=weights, pooling="median")


@pytest.mark.parametrize(
    "damage", ["missing", "empty", "cut", "text", "folder", "other names", "other widths", "more", "the encoder before"]
)
def test_wrong_files(weights: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "wrong.safetensors"
    state = CompactTrunk().state_dict()
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
        save_file(state | {"convolutions.conv1_1.weight": torch.zeros(8, 3, 3, 3)}, path)
    elif damage == "more":
        save_file(state | {"convolutions.conv3_4.expand.weight": torch.zeros(256, 96, 1, 1)}, path)
    elif damage == "the encoder before":
        save_file(
            {"to_vgg19.relu1_1.weight": torch.zeros(64, 32, 1, 1), "convolutions.conv1_1.weight": torch.zeros(32, 3, 3, 3)}, path
        )
    with pytest.raises(WeightsError, match=r"wrong\.safetensors.*compact encoder") as raised:
        compact(path)
    assert "\n" not in str(raised.value)
