"""The teacher, the real VGG-16, and the students: compact encoders of any ranks, and their files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stylespace.encoders.compact import DEPTHS, RANKS, CompactTrunk
from stylespace.encoders.factored import projected
from stylespace.encoders.layers import layer_names
from stylespace.encoders.precision import dtype
from stylespace.encoders.vgg import vgg
from stylespace.storage.atomic import write_whole

LAYERS = layer_names(DEPTHS)
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

Ranks = Sequence[tuple[int, int]]
# Of conv1_1, and of each other convolution the channels that its 3x3 part reads, and writes.
SHAPES: dict[str, tuple[int, Ranks]] = {
    "shipped": (16, RANKS),
    # More of the shallow layers, less of relu5_1.
    "shallow": (20, ((24, 32), (32, 48), (64, 56), (80, 96), (96, 96), (96, 96), (128, 160), (160, 192), (160, 192), (160, 256))),
    # As many channels read as there are: no 1x1 convolution before the 3x3 one (Zhang et al. 2015).
    "low-rank": (27, ((64, 22), (64, 32), (128, 44), (128, 72), (256, 72), (256, 80), (256, 112), (512, 128), (512, 128), (512, 128))),
}  # fmt: skip


class Teacher(nn.Module):
    """VGG-16's features after ReLU, frozen, padded by reflection as its students. ``precision``: as for :func:`stylespace.encoders.load`;
    the input's map is float32 always."""

    def __init__(self, weights: Path, precision: str = "auto") -> None:
        super().__init__()
        self.trunk = vgg("vgg16", weights=weights)
        self.input, self.trunk.input = self.trunk.input, nn.Identity()
        self.trunk.convolutions.to(dtype=dtype(precision, torch.device("cpu")), memory_format=torch.channels_last)

    @torch.no_grad()
    def forward(self, picture: Tensor, layers: Collection[str] = LAYERS) -> dict[str, Tensor]:
        """Features of ``picture`` (N, 3, H, W; sRGB in [0, 1]), float32."""
        x = self.input(picture).to(next(self.trunk.convolutions.parameters()).dtype)
        found = self.trunk(x.contiguous(memory_format=torch.channels_last), layers)
        return {name: features.float() for name, features in found.items()}


def on_axes(trunk: CompactTrunk, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Features on the principal axes of their layers, as the encoder gives them."""
    return {name: projected(f, trunk.axes.get_parameter(f"{name}.weight")) for name, f in features.items()}


def learned(trunk: CompactTrunk) -> dict[str, nn.Parameter]:
    """What training changes: the convolutions."""
    return dict(trunk.convolutions.named_parameters())


@contextmanager
def frozen(trunk: CompactTrunk) -> Iterator[None]:
    """While this lasts gradients reach pictures only, which takes less time and memory."""
    changing = [parameter for parameter in trunk.parameters() if parameter.requires_grad]
    for parameter in changing:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in changing:
            parameter.requires_grad_(True)


def load_trunk(path: Path) -> CompactTrunk:
    """The trunk in ``path``, of whatever ranks, float32, channels last; only its convolutions learn."""
    state = {name: tensor.float() for name, tensor in load_file(path).items()}
    trunk = CompactTrunk(ranks=ranks_of(state))
    trunk.load_state_dict(state)
    trunk.requires_grad_(False)
    trunk.convolutions.requires_grad_(True)
    return trunk.to(memory_format=torch.channels_last)


def ranks_of(state: Mapping[str, Tensor]) -> Ranks:
    """The ranks that a file's tensors have."""
    middles = [state[f"convolutions.{name.replace('relu', 'conv')}.middle.weight"] for name in LAYERS[1:]]
    return [(middle.shape[1], middle.shape[0]) for middle in middles]


def save_trunk(state: Mapping[str, Tensor], path: Path, about: Mapping[str, str] | None = None) -> Path:
    """Write a trunk's tensors to ``path``, whole or not at all."""
    plain = {name: tensor.detach().contiguous() for name, tensor in state.items()}
    return write_whole(path, lambda temporary: save_file(plain, temporary, dict(about or {}) or None))
