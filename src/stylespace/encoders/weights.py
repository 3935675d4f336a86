"""Weight files in every form they come in -> the state dict of a :class:`~stylespace.encoders.trunk.Trunk`.

Convolutions are recognised by their names:

- ``features.0.weight`` or ``0.weight``: torchvision's numbering (``features.classifier`` and the like are ignored);
- ``conv1_1.weight``: Caffe's names, as in Gatys' files;
- ``0.weight`` of a 1x1 convolution, then ``2.weight``, ``5.weight``, ...: normalised VGG as AdaIN's authors published it.

The input that the first convolution expects cannot be told from its weights. A file that brings its own affine map from RGB in [0, 1]
(``input.weight``, ``input.bias``, or that 1x1 convolution) is trusted; ``conv1_1`` names mean Caffe's BGR in 0..255 less the
mean; torchvision's numbering means its mean and deviation, unless the file carries the published name of a conversion that kept
Caffe's (``vgg19-d01eb7cb``, ``vgg16-00b39a1b``, ``vgg16_features-amdegroot-88682ab5``): do not rename those.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from stylespace.errors import WeightsError
from stylespace.storage.plain import reason

TORCHVISION_MEAN, TORCHVISION_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in [0, 1]
CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR in 0..255
AMDEGROOT_MEAN = (0.48235, 0.45882, 0.40784)  # RGB in [0, 1], deviation 1 / 255

_NUMBERED = re.compile(r"(?:features\.)?(\d+)\.(weight|bias)")
_NAMED = re.compile(r"(?:convolutions\.)?(conv\d+_\d+)\.(weight|bias)")
_WANTED = "a safetensors or PyTorch (.pth) file with VGG's convolutions"


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a weights file into the names of :class:`~stylespace.encoders.trunk.Trunk`.

    Returns ``convolutions.conv1_1.weight`` (C_out, C_in, 3, 3), ``convolutions.conv1_1.bias`` (C_out,), ... for as many layers as
    the file has, and the map from sRGB in [0, 1] to what they were trained on, ``input.weight`` (3, 3, 1, 1) and ``input.bias``
    (3,); all float32 on the CPU. A pickle is read for tensors only; code in it is never run.

    Raises
    ------
    WeightsError
        The file is missing, empty, cut short, not a weights file, holds code, lacks layers, or has wrong shapes or values that
        are not finite.
    """
    return trunk_state(_load(path), f"'{path}'", input_map=_published_input(path.name))


def trunk_state(state: Mapping[str, object], origin: str, input_map: tuple[Tensor, Tensor] | None = None) -> dict[str, Tensor]:
    """``read_weights`` for tensors already in memory; ``origin`` names them in errors.

    ``input_map``: the affine map (3, 3, 1, 1) and (3,) to use where the tensors bring none and their names do not settle it.
    """
    if any(name.endswith("running_mean") for name in state):
        raise WeightsError(f"{origin} holds a VGG with batch normalisation: give the weights of plain VGG-16 or VGG-19.")
    named = {match[1]: {} for name in state if (match := _NAMED.fullmatch(name))}  # type: dict[str, dict[str, object]]
    if named:
        for name, value in state.items():
            if match := _NAMED.fullmatch(name):
                named[match[1]][match[2]] = value
        own = _own_input(state.get("input.weight"), state.get("input.bias"), origin)
        return _checked(named, own or caffe_input(), origin)
    numbered: dict[int, dict[str, object]] = {}
    for name, value in state.items():
        if match := _NUMBERED.fullmatch(name):
            numbered.setdefault(int(match[1]), {})[match[2]] = value
    if not numbered:
        raise WeightsError(f"{origin} holds no convolution of a VGG: give {_WANTED}.")
    first = numbered.get(0, {}).get("weight")
    if isinstance(first, Tensor) and first.shape == (3, 3, 1, 1):
        brought = numbered.pop(0)
        layers = _layers_by_number(sorted(numbered), start=2, step=3, origin=origin)
        own = _own_input(brought.get("weight"), brought.get("bias"), origin)
    else:
        layers = _layers_by_number(sorted(numbered), start=0, step=2, origin=origin)
        own = _own_input(state.get("input.weight"), state.get("input.bias"), origin)
    convolutions = {layer: numbered[number] for layer, number in zip(layers, sorted(numbered), strict=True)}
    return _checked(convolutions, own or input_map or torchvision_input(), origin)


def torchvision_input() -> tuple[Tensor, Tensor]:
    """RGB in [0, 1] -> RGB less ImageNet's mean, divided by its deviation: weight (3, 3, 1, 1) and bias (3,)."""
    mean = torch.tensor(TORCHVISION_MEAN, dtype=torch.float64)
    deviation = torch.tensor(TORCHVISION_DEVIATION, dtype=torch.float64)
    return torch.diag(1 / deviation)[:, :, None, None].float(), (-mean / deviation).float()


def caffe_input() -> tuple[Tensor, Tensor]:
    """RGB in [0, 1] -> BGR in 0..255 less its mean: weight (3, 3, 1, 1) and bias (3,)."""
    return 255 * torch.eye(3).flip(0)[:, :, None, None], -torch.tensor(CAFFE_MEAN)


def amdegroot_input() -> tuple[Tensor, Tensor]:
    """RGB in [0, 1] -> RGB in 0..255 less its mean (torchvision's ``IMAGENET1K_FEATURES``): weight (3, 3, 1, 1) and bias (3,)."""
    return 255 * torch.eye(3)[:, :, None, None], -255 * torch.tensor(AMDEGROOT_MEAN)


def torchvision_shapes(depths: Sequence[int], widths: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Shapes of ``features.N.weight`` and ``features.N.bias`` for blocks of ``depths`` convolutions with ``widths`` channels."""
    shapes: dict[str, tuple[int, ...]] = {}
    number, c_in = 0, 3
    for depth, c_out in zip(depths, widths, strict=True):
        for _ in range(depth):
            shapes[f"features.{number}.weight"] = (c_out, c_in, 3, 3)
            shapes[f"features.{number}.bias"] = (c_out,)
            number, c_in = number + 2, c_out
        number += 1
    return shapes


def _published_input(file: str) -> tuple[Tensor, Tensor] | None:
    if "d01eb7cb" in file or "00b39a1b" in file:
        return caffe_input()
    return amdegroot_input() if "88682ab5" in file else None


def _load(path: Path) -> Mapping[str, object]:
    if not path.is_file():
        reason = "is a folder" if path.is_dir() else "does not exist"
        raise WeightsError(f"The weights file '{path}' {reason}: give {_WANTED}.")
    try:
        with path.open("rb") as file:
            head = file.read(9)
        if not head:
            raise WeightsError(f"The weights file '{path}' is empty: give {_WANTED}.")
        return _load_safetensors(path) if head[8:] == b"{" else _load_torch(path)
    except OSError as error:
        raise WeightsError(
            f"The weights file '{path}' cannot be read ({error.strerror or error}): check its permissions."
        ) from error


def _load_safetensors(path: Path) -> Mapping[str, object]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(f"The safetensors file '{path}' is damaged or cut short ({reason(error)}): get it again.") from error


def _load_torch(path: Path) -> Mapping[str, object]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except OSError:
        raise
    except Exception as error:  # Damaged pickles raise nearly anything.
        if isinstance(error, pickle.UnpicklingError) and re.search("Unsupported (global|class)", str(error)):
            reason = "holds more than tensors, and code in it could run when opened"
        else:
            reason = "is not a weights file, or it is damaged or cut short"
        raise WeightsError(f"'{path}' was not loaded, because it {reason}: give {_WANTED}.") from error
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise WeightsError(f"'{path}' holds a {type(state).__name__} where named tensors are expected: give {_WANTED}.")
    return state


def _layers_by_number(numbers: Sequence[int], start: int, step: int, origin: str) -> list[str]:
    """``[0, 2, 5, 7]`` -> ``conv1_1, conv1_2, conv2_1, conv2_2``: a pooling between blocks makes the number jump by one more."""
    block, place = 1, 1
    if not numbers or numbers[0] != start:
        raise WeightsError(f"{origin} lacks the first convolution of a VGG: give a complete file.")
    layers = ["conv1_1"]
    for before, number in pairwise(numbers):
        if number - before == step:
            place += 1
        elif number - before == step + 1:
            block, place = block + 1, 1
        else:
            raise WeightsError(
                f"{origin} lacks a convolution of a VGG between numbers {before} and {number}: give a complete file."
            )
        layers.append(f"conv{block}_{place}")
    return layers


def _own_input(weight: object, bias: object, origin: str) -> tuple[Tensor, Tensor] | None:
    if weight is None and bias is None:
        return None
    return _finite(weight, (3, 3, 1, 1), f"{origin}, input.weight"), _finite(bias, (3,), f"{origin}, input.bias")


def _checked(
    convolutions: Mapping[str, Mapping[str, object]], input_map: tuple[Tensor, Tensor], origin: str
) -> dict[str, Tensor]:
    """Trunk's names, shallow to deep, after checking that no layer is missing, that shapes fit together and values are finite."""
    state = {"input.weight": input_map[0], "input.bias": input_map[1]}
    places = sorted(tuple(int(n) for n in name[4:].split("_")) for name in convolutions)
    if places[0] != (1, 1):
        raise WeightsError(f"{origin} lacks conv1_1, the first convolution of a VGG: give a complete file.")
    for (block, place), found in pairwise(places):
        if found not in ((block, place + 1), (block + 1, 1)):
            between = f"between conv{block}_{place} and conv{found[0]}_{found[1]}"
            raise WeightsError(f"{origin} lacks a convolution of a VGG {between}: give a complete file.")
    c_in = 3
    for block, place in places:
        name = f"conv{block}_{place}"
        weight, bias = convolutions[name].get("weight"), convolutions[name].get("bias")
        c_out = weight.shape[0] if isinstance(weight, Tensor) and weight.ndim else 0
        state[f"convolutions.{name}.weight"] = _finite(weight, (c_out, c_in, 3, 3), f"{origin}, {name}.weight")
        state[f"convolutions.{name}.bias"] = _finite(bias, (c_out,), f"{origin}, {name}.bias")
        c_in = c_out
    return state


def _finite(value: object, shape: tuple[int, ...], what: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise WeightsError(f"{what} is missing: give a complete file.")
    if tuple(value.shape) != shape or 0 in shape:
        raise WeightsError(f"{what} has shape {tuple(value.shape)} where {shape} is expected: give the weights of a VGG.")
    if not value.dtype.is_floating_point or value.layout != torch.strided:
        raise WeightsError(f"{what} is of type {value.dtype} where plain floating-point numbers are expected.")
    value = value.detach().to(torch.float32, copy=True).contiguous()
    if not torch.isfinite(value).all():
        raise WeightsError(f"{what} holds values that are not finite: the file is damaged, get it again.")
    return value
