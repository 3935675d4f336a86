"""The two teachers and the pictures: real VGG-19 up to conv3_1, a 16 times compressed VGG-19 below."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from stylespace.encoders.compact import READOUTS
from stylespace.encoders.trunk import Trunk

# Held back from training, to measure on: ten paintings of ten manners.
HELD_OUT_PAINTINGS = 10


def held_out(data: Path) -> set[str]:
    """Every eighteenth painting of the index (179 -> 10)."""
    with (data / "paintings" / "index.csv").open(newline="") as rows:
        names = [row["file"] for row in csv.DictReader(rows)]
    return set(names[9::18][:HELD_OUT_PAINTINGS])


def training_pictures(data: Path) -> tuple[list[Path], list[Path]]:
    hidden = held_out(data)
    photos = sorted((data / "photos" / "train").glob("*.*"))
    paintings = sorted(p for p in (data / "paintings").glob("*.jpg") if p.name not in hidden)
    return photos, paintings


def test_pictures(data: Path) -> list[Path]:
    hidden = held_out(data)
    return sorted((data / "photos" / "val").glob("*.*")) + sorted(data / "paintings" / name for name in hidden)


def _trunk(depths: tuple[int, ...], state: dict[str, Tensor]) -> Trunk:
    convolutions = {k: v for k, v in state.items() if k.startswith("conv")}
    widths = [v.shape[0] for k, v in sorted(convolutions.items()) if k.endswith("weight")]
    trunk = Trunk(depths, widths)
    trunk.load_state_dict(
        {f"convolutions.{k}": v for k, v in convolutions.items()} | {k: state[k] for k in ("input.weight", "input.bias")}
    )
    trunk.fold_input()
    return trunk.eval().requires_grad_(False).to(memory_format=torch.channels_last)


class Compressed(nn.Module):
    """The 16x network with its read-outs, clamped at zero."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        state = load_file(weights / "vgg19_compressed16x.safetensors")
        self.trunk = _trunk((2, 2, 4, 4, 1), state)
        self.to_vgg19 = nn.ModuleDict()
        for name, channels in READOUTS.items():
            weight, bias = state[f"to_vgg19.{name}.weight"], state[f"to_vgg19.{name}.bias"]
            readout = nn.Conv2d(weight.shape[1], channels, 1)
            readout.load_state_dict({"weight": weight, "bias": bias})
            self.to_vgg19[name] = readout.requires_grad_(False)

    def wide(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {k: self.to_vgg19[k](v).relu_() for k, v in features.items()}


def real_vgg19(weights: Path) -> Trunk:
    """Normalised VGG-19, relu1_1 to relu3_1."""
    return _trunk((2, 2, 1), load_file(weights / "vgg19_normalised_to_conv3_1.safetensors"))
