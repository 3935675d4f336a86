"""Loss over seconds: our way of minimising against the plain published loop, both on the 16x reference network.

    python benchmarks/convergence.py [--steps 1000]

The plain loop minimises neural-style's objective at 512 px with L-BFGS (history 100) from noise; ``--plain adam`` takes Adam. Ours
minimises the same objective (same layers, weights, divisors, padding) from the content, with L-BFGS and a line search, in our
encoder's precision. (Coarse to fine and Adam, which our defaults take for their own loss, lower this one more slowly: tried.) Both are
judged by the plain loop's own loss at 512 px, outside the clock. Needs the reference weights.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from common import SHARED, figure, parser
from published import load, objective
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.precision import dtype
from stylespace.encoders.trunk import Trunk
from stylespace.methods.gatys import gatys
from stylespace.methods.gatys_settings import GatysSettings, neural_style
from stylespace.pictures import fit, read, resize
from stylespace.solvers.solution import Step
from stylespace.storage.memory import keep_freed_memory
from stylespace.styles.region import Region, Style

SIZE = 512


def pictures() -> tuple[Tensor, Tensor]:
    content = read(SHARED / "data" / "content" / "tubingen.jpg").pixels
    style = read(SHARED / "data" / "paintings" / "starry_night.jpg").pixels
    return resize(content, fit(content.shape[-2:], SIZE)), resize(style, fit(style.shape[-2:], SIZE))


def plain(steps: int, solver: str) -> list[tuple[float, float]]:
    """(seconds, loss) after each step of the published loop."""
    network, names = load("16x")
    content, style = pictures()
    loss = objective(network, names, content, style)
    torch.manual_seed(0)
    picture = torch.rand_like(content).requires_grad_()
    if solver == "lbfgs":
        optimiser: torch.optim.Optimizer = torch.optim.LBFGS([picture], lr=1.0, max_iter=1, history_size=100)
    else:
        optimiser = torch.optim.Adam([picture], lr=0.02)
    curve: list[tuple[float, float]] = []
    start = time.perf_counter()

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss(picture)
        value.backward()
        curve.append((time.perf_counter() - start, value.item()))
        return value

    while len(curve) < steps:
        optimiser.step(closure)
    return curve


def ours(settings: GatysSettings) -> list[tuple[float, Tensor]]:
    """(seconds, picture) after each step at the last size; seconds count from the very start."""
    state = load_file(SHARED / "weights" / "vgg19_compressed16x.safetensors")
    convolutions = {k: v for k, v in state.items() if k.startswith("conv")}
    widths = [v.shape[0] for k, v in sorted(convolutions.items()) if k.endswith("weight")]
    trunk = Trunk((2, 2, 4, 4, 1), widths, padding="zero")
    trunk.load_state_dict(
        {f"convolutions.{k}": v for k, v in convolutions.items()} | {k: state[k] for k in ("input.weight", "input.bias")}
    )
    content, style = pictures()
    device = torch.device("cpu")
    shown: list[tuple[float, Tensor]] = []
    keep_freed_memory()
    start = time.perf_counter()
    encoder = Encoder(trunk, "16x").prepare(device, dtype("auto", device))

    def watch(step: Step) -> None:
        if step.size == SIZE:
            shown.append((time.perf_counter() - start, step.picture.clone()))

    gatys(content, [Region((Style(style),))], settings, encoder, watch=watch)
    return shown


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--steps", type=int, default=1000)
    options.add_argument("--ours", type=int, default=400, help="our steps at most")
    options.add_argument("--plain", choices=("lbfgs", "adam"), default="lbfgs")
    options.add_argument("--curves", type=Path, help="write both curves here as JSON")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    published = neural_style()
    settings = replace(published, padding="zero", sizes=(SIZE,), steps_each=(chosen.ours,), start="content", keep="best")
    network, names = load("16x")
    loss = objective(network, names, *pictures())
    shown = ours(settings)
    with torch.no_grad():
        our_curve = [(seconds, loss(picture).item()) for seconds, picture in shown]
    plain_curve = plain(chosen.steps, chosen.plain)
    final, plain_seconds = min(value for _, value in plain_curve), plain_curve[-1][0]
    reached = next((seconds for seconds, value in our_curve if value <= final), None)
    figure(
        f"sooner-than-plain-{chosen.plain}-{chosen.steps}", None if reached is None else plain_seconds / reached, ">= 10", unit="times",
        plain_final_loss=final, plain_seconds=plain_seconds, our_seconds=reached, our_best_loss=min(v for _, v in our_curve),
        our_seconds_in_all=our_curve[-1][0],
    )  # fmt: skip
    if chosen.curves:
        chosen.curves.write_text(json.dumps({"plain": plain_curve, "ours": our_curve}))


if __name__ == "__main__":
    main()
