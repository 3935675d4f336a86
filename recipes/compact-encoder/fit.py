"""Fit the compact encoder to VGG-16 without a gradient step: one layer after the other, each on what the fitted ones before give it.

    python recipes/compact-encoder/fit.py --data DATA --vgg16 vgg16_conv.safetensors -o fitted.safetensors [--shape shipped]

A layer's 3x3 convolution becomes three. The 1x1 one in front keeps the directions of the layer's input that the teacher's convolution
reads most; the other two are a reduced-rank regression of the teacher's responses on them, and the regression minds the ReLU behind
(Zhang et al. 2015, arXiv:1505.06798, sec. 3.2). Run again, it goes on after the last layer that the file has.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from students import LAYERS, SHAPES, Ranks, Teacher, save_trunk
from torch import Tensor, nn

from pictures import FITTING, PAINTINGS_SHARE, TRAINING, Crops, training_pictures
from stylespace.encoders.compact import AXES, CompactTrunk
from stylespace.encoders.convolution import convolved
from stylespace.encoders.factored import FactoredConvolution, factored

SIDE = 192
TRUST = (0.03, 0.1, 0.3, 1.0)  # how much the responses so far count beside the ReLU's result, round after round
Pictures = list[Tensor]


def reduction(inputs: Sequence[Tensor], weight: Tensor, narrow: int) -> Tensor:
    """Rows (narrow, C_in) that span what the convolution ``weight`` (C_out, C_in, 3, 3) reads of ``inputs``, (1, C_in, H, W) each.

    With S the inputs' second moment and K the weight as (C_in, 9 C_out), the loss in the responses (as if the nine places were
    independent) is least for the leading eigenvectors of A = S^1/2 K K^T S^1/2, taken back by S^-1/2. The rows are orthonormal,
    scaled so that what they give has a mean square of one.
    """
    flat = [x[0].flatten(1) for x in inputs]
    moment = sum((f @ f.T).double() for f in flat) / sum(f.shape[1] for f in flat)
    values, vectors = torch.linalg.eigh(moment)
    values = values.clamp_min(1e-6 * values.max())
    root, inverse = (vectors * values.sqrt()) @ vectors.T, (vectors / values.sqrt()) @ vectors.T
    kernels = weight.double().transpose(0, 1).flatten(1)
    leading = torch.linalg.eigh(root @ kernels @ kernels.T @ root).eigenvectors[:, -narrow:]
    rows = torch.linalg.qr(inverse @ leading).Q.T
    return (rows / (rows @ moment @ rows.T).diagonal().mean().sqrt()).float()


class Regression:
    """Reduced-rank regression of responses on ``x`` (k, M), with offset: ``(A, B, b)`` such that B (A^T [x; 1]) + b is near them."""

    def __init__(self, x: Tensor, rank: int) -> None:
        self.x = torch.cat([x, torch.ones(1, x.shape[1])])
        self.rank = rank
        products = (self.x @ self.x.T).double()
        self.mean = products[-1] / x.shape[1]
        self.covariance = products / x.shape[1] - torch.outer(self.mean, self.mean)
        products.diagonal()[:-1].add_(1e-5 * products.diagonal()[:-1].mean())
        self.factor = torch.linalg.cholesky(products)

    def __call__(self, responses: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``responses`` (C, M): A (k + 1, rank), B (C, rank) with orthonormal columns, b (C,)."""
        full = torch.cholesky_solve((self.x @ responses.T).double(), self.factor)
        spread = full.T @ self.covariance @ full
        basis = torch.linalg.eigh((spread + spread.T) / 2).eigenvectors[:, -self.rank :]
        mean = full.T @ self.mean
        return full @ basis, basis, mean - basis @ (basis.T @ mean)

    def predicted(self, found: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The responses (C, M) that a result gives."""
        a, b, offset = (part.float() for part in found)
        return b @ (a.T @ self.x) + offset[:, None]


def relu_aware(regression: Regression, responses: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], list[float]]:
    """The regression whose result *after ReLU* is nearest to that of ``responses``, and the explained shares, round after round.

    Zhang et al. 2015, eq. 7 to 10: in turn the regression, on responses z, and each z, which may be anything negative where ReLU is off.
    """
    wanted = F.relu(responses)
    total = float((wanted - wanted.mean()).square().sum())

    def explained(predicted: Tensor) -> float:
        return 1 - float((F.relu(predicted) - wanted).square().sum()) / total

    best = regression(responses)
    predicted = regression.predicted(best)
    shares = [explained(predicted)]
    for trust in TRUST:
        off = predicted.clamp_max(0)
        on = F.relu((trust * predicted + wanted) / (trust + 1))
        cost_off = wanted.square() + trust * (off - predicted).square()
        cost_on = (on - wanted).square() + trust * (on - predicted).square()
        found = regression(torch.where(cost_off < cost_on, off, on))
        predicted = regression.predicted(found)
        shares.append(explained(predicted))
        if shares[-1] >= max(shares):
            best = found
    return best, shares


@torch.no_grad()
def fit_layer(convolution: nn.Module, inputs: Pictures, responses: Pictures, rank: int, weight: Tensor, seed: int) -> list[float]:
    """Fill ``convolution`` in place, so that it takes ``inputs`` to ``responses``; explained shares of the rounds."""
    reduced = inputs
    if isinstance(convolution, FactoredConvolution):
        rows = reduction(inputs[::2], weight, convolution.reduce.out_channels)
        convolution.reduce.weight.copy_(rows[:, :, None, None])
        reduced = [F.conv2d(x, convolution.reduce.weight) for x in inputs]
    generator = torch.Generator().manual_seed(seed)
    places = responses[0][0, 0].numel()
    unknowns = 9 * reduced[0].shape[1]
    count = min(places, max(300, 40 * unknowns // len(inputs)))
    xs, ys = [], []
    for x, y in zip(reduced, responses, strict=True):
        chosen = torch.randperm(places, generator=generator)[:count]
        xs.append(F.unfold(F.pad(x, (1, 1, 1, 1), mode="reflect"), 3)[0][:, chosen])
        ys.append(y[0].flatten(1)[:, chosen])
    regression = Regression(torch.cat(xs, 1), rank)
    (a, b, offset), shares = relu_aware(regression, torch.cat(ys, 1))
    bias = (offset + b @ a[-1]).float()
    if isinstance(convolution, FactoredConvolution):
        # Both parts of like size: what the 3x3 one gives has a mean variance of one.
        size = (a[:-1].T @ regression.covariance[:-1, :-1] @ a[:-1]).diagonal().mean().sqrt()
        convolution.middle.weight.copy_((a[:-1].T / size).reshape(convolution.middle.weight.shape))
        convolution.expand.weight.copy_((b * size)[:, :, None, None])
        convolution.expand.bias.copy_(bias)
    else:
        assert isinstance(convolution, nn.Conv2d)
        convolution.weight.copy_((b @ a[:-1].T).reshape(convolution.weight.shape))
        convolution.bias.copy_(bias)
    return shares


def applied(convolution: nn.Module, x: Tensor) -> Tensor:
    """After ReLU."""
    if isinstance(convolution, FactoredConvolution):
        return F.relu(factored(x, convolution, "reflect"))
    assert isinstance(convolution, nn.Conv2d)
    return F.relu(convolved(x, convolution.weight, convolution.bias, "reflect"))


def explained(given: Pictures, wanted: Pictures) -> float:
    """Share of the variance of ``wanted`` (about its mean over all channels, places and pictures) that ``given`` explains."""
    flat = torch.cat([each[0].flatten() for each in wanted])
    rest = sum(float((a - b).square().sum()) for a, b in zip(given, wanted, strict=True))
    return 1 - rest / float((flat - flat.mean()).square().sum())


@torch.no_grad()
def principal_axes(teacher: Teacher, crops: Crops) -> dict[str, Tensor]:
    """Of each layer's features, about zero: (D, C, 1, 1), the strongest last."""
    moments: dict[str, Tensor] = {}
    for _ in range(60):
        for name, features in teacher(crops.any(SIDE)).items():
            f = features[0].flatten(1)
            moments[name] = moments.get(name, torch.zeros(())) + f @ f.T / f.shape[1]
    return {
        name: torch.linalg.eigh(moment.double()).eigenvectors[:, -count:].T.float()[:, :, None, None]
        for (name, moment), count in zip(moments.items(), AXES, strict=True)
    }


def crops_of(data: Path, count: int, seed: int) -> Pictures:
    """About ``count`` crops, each of another picture, shuffled."""
    chosen = []
    for paths, share in zip(training_pictures(data), (1 - PAINTINGS_SHARE, PAINTINGS_SHARE), strict=True):
        chosen += paths[:: max(1, int(len(paths) / (count * share)))]
    random.Random(seed).shuffle(chosen)
    crops = Crops(chosen, (), FITTING, seed)
    return [crops.crop(picture, SIDE) for picture in crops.photos]


@torch.no_grad()
def fit(trunk: CompactTrunk, ranks: tuple[int, Ranks], teacher: Teacher, crops: Pictures, out: Path, seed: int) -> None:
    """Fill ``trunk``, layer by layer; ``out`` holds what is done."""
    done = load_file(out) if out.exists() else {}
    last = [ranks[0], *(middle for _, middle in ranks[1])]
    given, wanted = crops, [teacher.input(crop) for crop in crops]
    training = len(crops) * 9 // 10
    started = time.time()
    for index, (layer, rank) in enumerate(zip(LAYERS, last, strict=True)):
        name = layer.replace("relu", "conv")
        if layer.endswith("_1") and index:
            given, wanted = ([F.max_pool2d(x, 2) for x in pictures] for pictures in (given, wanted))
        real, convolution = teacher.trunk.convolutions[name], trunk.convolutions[name]
        responses = [convolved(x, real.weight, real.bias, "reflect") for x in wanted]
        wanted = [F.relu(y) for y in responses]
        scale = sum(float(x.mean()) for x in wanted) / len(wanted)
        prefix = f"convolutions.{name}."
        before = {key.removeprefix(prefix): tensor for key, tensor in done.items() if key.startswith(prefix)}
        shares: list[float] = []
        if before:
            convolution.load_state_dict(before)
        else:
            scaled = [y / scale for y in responses[:training]]
            shares = fit_layer(convolution, given[:training], scaled, rank, real.weight, seed + index)
        trunk.scale[layer].fill_(scale)
        given = [applied(convolution, x) for x in given]
        done |= {prefix + key: tensor for key, tensor in convolution.state_dict().items()}
        done[f"scale.{layer}"] = trunk.scale[layer]
        save_trunk(done, out)
        held = explained(given[training:], [x / scale for x in wanted[training:]])
        record = {"layer": layer, "rounds": [round(share, 4) for share in shares], "held_back": round(held, 4)}
        print(json.dumps(record | {"seconds": round(time.time() - started)}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vgg16", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--shape", choices=SHAPES, default="shipped")
    parser.add_argument("--pictures", type=int, default=240, help="about as many; nine tenths are fitted on, the others measured")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    ranks = SHAPES[options.shape]
    trunk = CompactTrunk(ranks=ranks[1])
    with torch.no_grad():  # pictures are seen as they are: the first convolution takes RGB in [0, 1]
        trunk.input.weight.copy_(torch.eye(3)[:, :, None, None])
        trunk.input.bias.zero_()
    teacher = Teacher(options.vgg16, "fp32")
    fit(trunk, ranks, teacher, crops_of(options.data, options.pictures, options.seed), options.out, options.seed)
    photos, paintings = training_pictures(options.data)
    found = principal_axes(teacher, Crops(photos[::10], paintings[::2], TRAINING, options.seed))
    trunk.axes.load_state_dict({f"{name}.weight": axes for name, axes in found.items()})
    save_trunk(trunk.state_dict(), options.out)
    print(json.dumps({"out": str(options.out), "numbers": sum(tensor.numel() for tensor in trunk.state_dict().values())}))


if __name__ == "__main__":
    main()
