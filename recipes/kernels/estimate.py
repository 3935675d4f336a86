"""How good estimates of the Gaussian kernel's MMD are: values and gradients against the sum over all pairs, layer by layer.

python recipes/kernels/estimate.py [--size 96] [--seeds 6]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from skimage.data import chelsea
from torch import Tensor

from stylespace import encoders
from stylespace.demo.drawings import draw
from stylespace.pictures import read
from stylespace.pictures.resizing import fit, resize
from stylespace.statistics.kernels import RandomFeatures, bandwidth, mean_and_square

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--seeds", type=int, default=6)
    options = parser.parse_args()
    encoder = encoders.load("compact")
    photo, style = (_features(encoder, source, options.size) for source in (chelsea(), draw("swirls", (512, 512))))
    for layer in LAYERS:
        x, s = (features[layer].double() for features in (photo, style))
        variance = bandwidth(*mean_and_square(s))
        exact = _value_and_gradient(lambda f, s=s, variance=variance: all_pairs(f, s, variance), x)
        print(f"{layer}: {x.shape[1]} channels, {x[0, 0].numel()} positions, mean |s|^2 {s.square().sum(1).mean():.0f}")
        estimates: dict[str, Callable[[Tensor, int], Tensor]] = {
            "random pairs": lambda f, seed, s=s, variance=variance: random_pairs(f, s, variance, seed)
        }
        for count in (4, 16):
            for name, drawn in (("independent", independent), ("orthogonal", RandomFeatures.drawn)):

                def estimate(
                    f: Tensor, seed: int, s: Tensor = s, variance: float = variance, count: int = count, drawn: Callable = drawn
                ) -> Tensor:
                    mapped = drawn(f.shape[1], variance, count, seed)
                    return (mapped.mean_map(f) - mapped.mean_map(s)).square().sum()

                estimates[f"{name}, {count} a channel"] = estimate
        for name, estimate in estimates.items():
            value, gradient = _errors(estimate, x, exact, 50 if name == "random pairs" else options.seeds)
            print(f"    {name}: {value:.1%}, {gradient:.0%}", flush=True)


def all_pairs(f: Tensor, s: Tensor, variance: float) -> Tensor:
    """MMD^2 with the Gaussian kernel as sums over all pairs of positions."""
    x, y = _rows(f), _rows(s)

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-(a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T) / (2 * variance)).mean()

    return kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)


def random_pairs(f: Tensor, s: Tensor, variance: float, seed: int) -> Tensor:
    """The linear-time estimate over random disjoint pairs (Li et al. 2017)."""
    generator = torch.Generator().manual_seed(seed)
    x, y = _rows(f), _rows(s)
    count = min(len(x), len(y)) // 2
    (a, b), (c, d) = (rows[torch.randperm(len(rows), generator=generator)[: 2 * count]].split(count) for rows in (x, y))

    def kernel(p: Tensor, q: Tensor) -> Tensor:
        return torch.exp(-(p - q).square().sum(1) / (2 * variance))

    return (kernel(a, b) + kernel(c, d) - kernel(a, d) - kernel(b, c)).mean()


def independent(channels: int, variance: float, count: int, seed: int) -> RandomFeatures:
    """Random Fourier features whose frequencies are not made orthogonal."""
    generator = torch.Generator().manual_seed(seed)
    return RandomFeatures(torch.randn(channels, channels * count // 2, generator=generator, dtype=torch.float64) / variance**0.5)


def _features(encoder: encoders.encoder.Encoder, source: object, size: int) -> dict[str, Tensor]:
    pixels = read(source).pixels
    with torch.no_grad():
        return encoder(resize(pixels, fit(pixels.shape[-2:], size)), LAYERS)


def _rows(features: Tensor) -> Tensor:
    return features[0].flatten(1).T


def _value_and_gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> tuple[float, Tensor]:
    at = at.clone().requires_grad_()
    value = function(at)
    return value.item(), torch.autograd.grad(value, at)[0]


def _errors(estimate: Callable[[Tensor, int], Tensor], x: Tensor, exact: tuple[float, Tensor], seeds: int) -> tuple[float, float]:
    """Root mean square relative error of the value, mean relative error of the gradient."""
    found = [_value_and_gradient(lambda f, seed=seed: estimate(f, seed), x) for seed in range(seeds)]
    value = (sum((v - exact[0]) ** 2 for v, _ in found) / seeds) ** 0.5 / abs(exact[0])
    return value, float(sum((g - exact[1]).norm() for _, g in found) / seeds / exact[1].norm())


if __name__ == "__main__":
    main()
