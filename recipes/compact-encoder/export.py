"""Turn a training run into the shipped file: activations normalised, the input map folded in, the metric added, half precision.

    python recipes/compact-encoder/export.py --data DATA --weights WEIGHTS --run RUN -o src/stylespace/models/compact.safetensors

Normalised: a layer's mean activation over training pictures is 1, as Gatys et al. 2016 normalised VGG-19. ReLU and max pooling let
the factor through, and the next layer and the read-outs take it back: the function is the same.

Metric: a read-out, being a regression, shrinks what it cannot predict well, and a style loss on it hardly sees those directions. The
linear map of optimal transport, T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2 from the read-outs' covariance A to the teacher's B over
training pictures, moves the read-outs least while giving them the teacher's mean and covariance; then an isometry makes them narrow.
Only at relu4_1 and relu5_1: shallower read-outs are good already, and gain there paints grain (docs/defaults.md).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
from measure import REAL, picture
from safetensors.torch import load_file, save_file
from teachers import Compressed, real_vgg19, training_pictures
from torch import Tensor, nn

from stylespace.encoders.compact import READOUTS, CompactTrunk
from stylespace.encoders.readout import ReadoutEncoder, isometry
from stylespace.encoders.trunk import Trunk
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
        assert isinstance(convolution, nn.Conv2d)
        assert convolution.bias is not None
        convolution.weight.mul_(before / means[name])
        convolution.bias.div_(means[name])
        if name in trunk.to_vgg19:
            trunk.to_vgg19[name].weight.mul_(means[name])
        before = means[name]


SPREAD = ("relu4_1", "relu5_1")


def power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp_min(values.max() * 1e-9) ** exponent) @ vectors.T


@torch.no_grad()
def metric(
    encoder: ReadoutEncoder, real: Trunk, compressed: Compressed, paths: list[Path], floor: float = 1e-3
) -> dict[str, nn.Conv2d]:
    """Narrow maps to read-outs that have the teacher's mean and covariance. ``floor``: directions whose variance is below this share of
    the mean one are noise of the regression and gain no more than it allows."""
    sums: dict[str, list[Tensor]] = {}
    for path in paths:
        x = picture(path)
        teacher = real(x, REAL) | compressed.wide(compressed.trunk(x, ("relu4_1", "relu5_1")))
        for name, features in encoder.trunk(x, tuple(READOUTS)).items():
            a = encoder.readouts[name](features)[0].flatten(1).double()
            b = teacher[name][0].flatten(1).double()
            found = [torch.tensor(float(a.shape[1])), a.sum(1), b.sum(1), a @ a.T, b @ b.T]
            sums[name] = [s + f for s, f in zip(sums[name], found, strict=True)] if name in sums else found
    maps = {}
    for name, (count, a, b, aa, bb) in sums.items():
        mean, wanted = a / count, b / count
        readout = encoder.readouts[name]
        weight, bias = readout.weight[:, :, 0, 0].double(), readout.bias.double()
        basis = torch.linalg.qr(weight).Q
        own = basis.T @ (aa / count - torch.outer(mean, mean)) @ basis
        target = basis.T @ (bb / count - torch.outer(wanted, wanted)) @ basis
        own = own + floor * own.diagonal().mean() * torch.eye(len(own), dtype=own.dtype)
        root, inverse = power(own, 0.5), power(own, -0.5)
        transport = basis @ inverse @ power(root @ target @ root, 0.5) @ inverse @ basis.T
        wide = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
        wide.weight.copy_((transport @ weight)[:, :, None, None])
        wide.bias.copy_(transport @ (bias - mean) + wanted)
        maps[name] = isometry(wide if name in SPREAD else readout)
        gain = torch.linalg.eigvalsh(inverse @ power(root @ target @ root, 0.5) @ inverse)
        print(f"{name}: gain {gain.min():.2f} to {gain.max():.2f}, median {gain.median():.2f}")
    return maps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    trunk = CompactTrunk()
    trunk.load_state_dict(load_file(options.run / "compact.safetensors"), strict=False)  # a run has no metric
    trunk.fold_input()
    photos, paintings = training_pictures(options.data)
    normalise(trunk, photos[::40] + paintings[::10])
    encoder = ReadoutEncoder(trunk, "compact", dict(trunk.to_vgg19))
    maps = metric(encoder, real_vgg19(options.weights), Compressed(options.weights), photos[::60] + paintings[::7])
    for name, narrow in maps.items():
        trunk.metric[name].load_state_dict(narrow.state_dict())
    state = {name: tensor.half().contiguous() for name, tensor in trunk.state_dict().items()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    temporary = options.out.with_suffix(".tmp")
    save_file(state, temporary, metadata={"format": "pt", "name": "stylespace compact encoder", "licence": "Apache-2.0"})
    os.replace(temporary, options.out)
    print(f"{options.out}: {options.out.stat().st_size} bytes, {sum(t.numel() for t in state.values())} numbers")


if __name__ == "__main__":
    main()
