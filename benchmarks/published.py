"""A plain loop as published tools write it: float32, contiguous, all terms of neural-style, zero padding, max pooling.

    python benchmarks/published.py --encoder vgg19|16x --steps N [--solver adam|lbfgs]

The yardstick for step.py and convergence.py; written from the published formulas, with none of the project's objectives.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common import SHARED, figure, page_faults, parser, peak_megabytes

CONTENT, STYLE = "relu4_2", ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT = 5.0, 100.0, 1e-3


def vgg19(widths: tuple[int, ...], depths: tuple[int, ...] = (2, 2, 4, 4, 1)) -> tuple[nn.Sequential, dict[int, str]]:
    """Layers as every published re-implementation builds them, and the names of the ReLUs."""
    layers: list[nn.Module] = []
    names: dict[int, str] = {}
    channels, index = 3, 0
    for block, depth in enumerate(depths, 1):
        if block > 1:
            layers.append(nn.MaxPool2d(2))
        for i in range(1, depth + 1):
            layers += [nn.Conv2d(channels, widths[index], 3, padding=1), nn.ReLU(inplace=True)]
            names[len(layers) - 1] = f"relu{block}_{i}"
            channels, index = widths[index], index + 1
    return nn.Sequential(*layers).requires_grad_(False), names


def features(network: nn.Sequential, names: dict[int, str], picture: Tensor) -> dict[str, Tensor]:
    found = {}
    for index, layer in enumerate(network):
        picture = layer(picture)
        if index in names:
            found[names[index]] = picture
    return found


def gram(f: Tensor) -> Tensor:
    flat = f.flatten(2)[0]
    return flat @ flat.T / f.numel()


def objective(network: nn.Sequential, names: dict[int, str], content: Tensor, style: Tensor) -> Callable[[Tensor], Tensor]:
    """neural-style's loss of a picture (1, 3, H, W; RGB in [0, 1]).

    Total variation counts pixels in [0, 1]: in 0..255 it belongs to Caffe's raw activations, and beside the reference network's, a hundred
    times smaller, it would be all of the loss.
    """
    with torch.no_grad():
        wanted = features(network, names, content)[CONTENT].clone()
        given = features(network, names, style)
        grams = {name: gram(given[name]) for name in STYLE}

    def loss(picture: Tensor) -> Tensor:
        given = features(network, names, picture)
        total = CONTENT_WEIGHT * F.mse_loss(given[CONTENT], wanted)
        for name in STYLE:
            total = total + STYLE_WEIGHT * F.mse_loss(gram(given[name]), grams[name])
        down, right = picture[..., 1:, :] - picture[..., :-1, :], picture[..., 1:] - picture[..., :-1]
        return total + TV_WEIGHT * 0.5 * (down.square().sum() + right.square().sum())

    return loss


def load(name: str) -> tuple[nn.Sequential, dict[int, str]]:
    """``vgg19`` with random weights (weights do not change the time), or the compressed reference network, ``16x``."""
    torch.manual_seed(0)
    if name == "vgg19":
        return vgg19((64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512))
    from safetensors.torch import load_file

    state = load_file(SHARED / "weights" / "vgg19_compressed16x.safetensors")
    network, names = vgg19((16, 16, 32, 32, 64, 64, 64, 64, 128, 128, 128, 128, 128))
    for index, relu in names.items():
        layer = relu.replace("relu", "conv")
        network[index - 1].load_state_dict({"weight": state[f"{layer}.weight"], "bias": state[f"{layer}.bias"]})
    first = nn.Conv2d(3, 3, 1)
    first.load_state_dict({"weight": state["input.weight"], "bias": state["input.bias"]})
    network = nn.Sequential(first, *network).requires_grad_(False)
    return network, {index + 1: relu for index, relu in names.items()}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--encoder", choices=("vgg19", "16x"), default="vgg19")
    options.add_argument("--steps", type=int, default=5)
    options.add_argument("--size", type=int, default=512)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    network, names = load(chosen.encoder)
    torch.manual_seed(1)
    content, style = torch.rand(2, 1, 3, chosen.size, chosen.size)
    loss = objective(network, names, content, style)
    picture = torch.rand_like(content).requires_grad_()
    optimiser = torch.optim.Adam([picture], lr=0.02)
    seconds = []
    for step in range(chosen.steps + 1):
        if step == 1:
            faults = page_faults()
        start = time.perf_counter()
        optimiser.zero_grad()
        loss(picture).backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    seconds = sorted(seconds[1:])
    figure(
        f"plain-step-{chosen.encoder}-{chosen.size}", seconds[len(seconds) // 2], "", unit="s", spread=(seconds[0], seconds[-1]),
        page_faults_a_step=(page_faults() - faults) / chosen.steps, peak_megabytes=peak_megabytes(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
