"""VGG-16 and VGG-19 (Simonyan & Zisserman 2015, arXiv:1409.1556), configurations D and E, as far as their last convolution."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stylespace.encoders import store
from stylespace.encoders.layers import check, layer_names
from stylespace.encoders.trunk import Trunk
from stylespace.encoders.weights import read_weights, torchvision_input
from stylespace.errors import InputError, WeightsError

if TYPE_CHECKING:
    from stylespace.encoders.server import Progress


class VGG(Trunk):
    """A :class:`Trunk` with VGG's layers. Weights that end early make one that has only the layers they reach."""

    def __init__(self, name: str, depths: tuple[int, ...], pooling: str = "max", padding: str = "reflect") -> None:
        published = store.PUBLISHED[name]
        channels = zip(depths, published.widths, strict=False)
        super().__init__(depths, [width for depth, width in channels for _ in range(depth)], pooling=pooling, padding=padding)
        self.name = name
        self.published = published

    def forward(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """As :meth:`Trunk.forward`; a layer VGG has not is an InputError, one these weights do not reach a WeightsError."""
        check(layers, layer_names(self.published.depths), self.name)
        beyond = [layer for layer in layers if layer not in self.layers]
        if beyond:
            raise WeightsError(
                f"These {self.published.title} weights end at {self.layers[-1]}, so there is no {beyond[0]}: "
                f"choose among {self.layers[0]} to {self.layers[-1]}, or give complete weights with --weights FILE."
            )
        return super().forward(picture, layers)


def vgg(
    name: str,
    *,
    weights: Path | None = None,
    pooling: str = "max",
    padding: str = "reflect",
    random_seed: int | None = None,
    progress: Progress | None = None,
) -> Trunk:
    """VGG-16 or VGG-19 (``name``: ``vgg16`` or ``vgg19``), in evaluation mode, parameters frozen, float32 on the CPU.

    Weights come from the file ``weights``, else from ``STYLESPACE_WEIGHTS`` or an earlier download, else they are downloaded
    (``progress(received, total)`` is called with bytes). With ``random_seed`` they are random instead, scaled so that activations
    keep their size (He et al. 2015, arXiv:1502.01852), for benchmarks and tests.

    Raises
    ------
    InputError
        The name, pooling or padding is unknown, or both ``weights`` and ``random_seed`` are given.
    WeightsError
        The weights cannot be had or read, or are those of another network.
    """
    if name not in store.PUBLISHED:
        raise InputError(f"There is no VGG encoder '{name}': choose among {', '.join(store.PUBLISHED)}.")
    if weights is not None and random_seed is not None:
        raise InputError("Both a weights file and random weights are asked for: give one of 'weights' and 'random_seed'.")
    if random_seed is None:
        path = Path(weights) if weights is not None else store.find(name) or _download(name, progress)
        state = read_weights(path)
        depths = _depths(state, name, path)
    else:
        state, depths = {}, store.PUBLISHED[name].depths
    with torch.device("meta"):
        trunk = VGG(name, depths, pooling, padding)
    if random_seed is not None:
        state = _random(trunk.state_dict(), random_seed)
    trunk.load_state_dict(state, assign=True)
    return trunk.eval().requires_grad_(False)


def _download(name: str, progress: Progress | None) -> Path:
    from stylespace.encoders.download import fetch

    return fetch(name, progress=progress)


def _depths(state: Mapping[str, Tensor], name: str, path: Path) -> tuple[int, ...]:
    """Convolutions in each block of the file, after checking that it holds the encoder asked for, or its beginning."""
    wanted = store.PUBLISHED[name]
    layers = [key.split(".")[1] for key in state if key.startswith("convolutions.") and key.endswith(".weight")]
    blocks = [int(layer[4:].split("_")[0]) for layer in layers]
    depths = tuple(blocks.count(block) for block in range(1, max(blocks) + 1))
    for layer, block in zip(layers, blocks, strict=True):
        channels, expected = state[f"convolutions.{layer}.weight"].shape[0], wanted.widths[min(block, len(wanted.widths)) - 1]
        if channels != expected:
            raise WeightsError(
                f"'{path}' has {channels} channels at {layer} where {wanted.title} has {expected}: "
                f"give the weights of {wanted.title}."
            )
    if not _begins(depths, wanted.depths):
        other = next((source for source in store.PUBLISHED.values() if _begins(depths, source.depths)), None)
        if other is not None:
            raise WeightsError(
                f"'{path}' holds {other.title}, but {wanted.title} was asked for: use --encoder {other.name}, "
                f"or give the weights of {wanted.title}."
            )
        raise WeightsError(
            f"'{path}' has blocks of {', '.join(map(str, depths))} convolutions where {wanted.title} has "
            f"{', '.join(map(str, wanted.depths))}: give the weights of {wanted.title}."
        )
    return depths


def _begins(depths: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether a file with blocks of ``depths`` is ``whole``, or ``whole`` cut off somewhere."""
    last = len(depths) - 1
    return len(depths) <= len(whole) and depths[:last] == whole[:last] and depths[last] <= whole[last]


def _random(shapes: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, like in shapes.items():
        if name.endswith("weight"):
            deviation = math.sqrt(2 / math.prod(like.shape[1:]))
            state[name] = torch.empty(like.shape).normal_(0, deviation, generator=generator)
        else:
            state[name] = torch.zeros(like.shape)
    state["input.weight"], state["input.bias"] = torchvision_input()
    return state
