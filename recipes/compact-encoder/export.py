"""Turn a training run into the shipped file: activations normalised, the input map folded in, half precision.

    python recipes/compact-encoder/export.py --data DATA --run RUN -o src/stylespace/models/compact.safetensors

Every channel group is rescaled so that a layer's mean activation over training pictures is 1, as Gatys et al. 2016 normalised VGG-19; ReLU
and max pooling let the factor through, and the next layer and the read-outs take it back: the function is the same.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from teachers import training_pictures
from torch import nn

from stylespace.encoders.compact import CompactTrunk
from stylespace.pictures import fit, read, resize


@torch.no_grad()
def normalise(trunk: CompactTrunk, paths: list[Path]) -> None:
    means = dict.fromkeys(trunk.layers, 0.0)
    for path in paths:
        pixels = read(path).pixels
        for name, features in trunk(resize(pixels, fit(pixels.shape[-2:], 384)), trunk.layers).items():
            means[name] += features.mean().item() / len(paths)
    before = 1.0
    for name in trunk.layers:
        convolution = trunk.convolutions[name.replace("relu", "conv")]
        assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
        convolution.weight.mul_(before / means[name])
        convolution.bias.div_(means[name])
        if name in trunk.to_vgg19:
            trunk.to_vgg19[name].weight.mul_(means[name])
        before = means[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    trunk = CompactTrunk()
    trunk.load_state_dict(load_file(options.run / "compact.safetensors"))
    trunk.fold_input()
    photos, paintings = training_pictures(options.data)
    normalise(trunk, photos[::40] + paintings[::10])
    state = {name: tensor.half().contiguous() for name, tensor in trunk.state_dict().items()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    temporary = options.out.with_suffix(".tmp")
    save_file(state, temporary, metadata={"format": "pt", "name": "stylespace compact encoder", "licence": "Apache-2.0"})
    os.replace(temporary, options.out)
    print(f"{options.out}: {options.out.stat().st_size} bytes, {sum(t.numel() for t in state.values())} numbers")


if __name__ == "__main__":
    main()
