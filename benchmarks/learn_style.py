"""The learned style picture: do both routes agree, and does memory stay flat with the number of references?

    python benchmarks/learn_style.py [--size 128] [--steps 400]

Agreement: the document's loss, the sum over all references, of the pictures that the exact and the stochastic route end with; Gram
matrices, one size, the same decayed rate, eight times the steps for the stochastic route. That sum has a part that no picture can
lower, the references' own scatter; what is above it is told apart. Memory: peak of a process that learns from 4, 16 and 50 references.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch

from common import SHARED, child, figure, parser, peak_megabytes
from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.methods.learned_style import WeightedReference, fitted, objective_at, target
from stylespace.methods.learned_style_settings import LearnedStyleSettings
from stylespace.pictures import read
from stylespace.pipelines.learn_style import learn_style


def paintings(count: int) -> list[Path]:
    return sorted((SHARED / "data" / "paintings").glob("*.jpg"))[:count]


def agreement(size: int, steps: int) -> None:
    references = paintings(4)
    settings = {"size": size, "smallest": size, "statistic": "gram", "smoothness_weight": 0.0, "margin": 0, "final_rate": 0.0001}
    encoder = encoders.load("compact")
    listed = [WeightedReference(lambda p=p: read(p).pixels, 1 / len(references)) for p in references]  # type: ignore[misc]
    chosen = LearnedStyleSettings(**settings)
    above = objective_at(size, listed, chosen, encoder)
    scatter = references_scatter(size, listed, chosen, encoder)
    found = {}
    for route, count in (("exact", steps), ("stochastic", 8 * steps)):
        result = learn_style(references, steps=count, route=route, encoder=encoder, snapshots=(), **settings)
        with torch.no_grad():
            found[route] = float(sum(above(result.source.pixels).values()))
    exact, stochastic = (found[route] + scatter for route in ("exact", "stochastic"))
    figure(
        "learn-style-routes-agree", abs(stochastic / exact - 1), "<= 0.05", exact=exact, stochastic=stochastic, scatter=scatter,
        exact_above=found["exact"], stochastic_above=found["stochastic"], steps=steps, stochastic_steps=8 * steps, size=size,
    )  # fmt: skip


def references_scatter(size: int, references: list[WeightedReference], settings: LearnedStyleSettings, encoder: Encoder) -> float:
    """What the sum over all references is at their mean statistics: the least that any picture could reach."""
    weights = dict.fromkeys(encoder.layers, 1 / len(encoder.layers))
    statistics = fitted(references, size, weights, settings, encoder)
    mean = target(references, size, statistics, settings, encoder)
    total = 0.0
    for reference in references:
        alone = target([replace(reference, alpha=1.0)], size, statistics, settings, encoder)
        for name, weight in weights.items():
            share = statistics[name].distance(alone[name], mean[name]) / statistics[name].energy(mean[name])
            total += reference.alpha * weight * statistics[name].emphasis * float(share)
    return total


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--size", type=int, default=128)
    options.add_argument("--steps", type=int, default=400)
    options.add_argument("--memory", type=int, help="learn from so many references and print the peak")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.memory:
        learn_style(paintings(chosen.memory), 256, 12, smallest=256, snapshots=())
        figure(f"learn-style-memory-{chosen.memory}", peak_megabytes(), "", unit="MB")
        return
    agreement(chosen.size, chosen.steps)
    peaks = []
    for count in (4, 16, 50):
        for line in child("benchmarks/learn_style.py", "--threads", str(chosen.threads), "--memory", str(count)):
            print(json.dumps(line), flush=True)
            peaks.append(line["value"])
    figure("learn-style-memory-50-over-4", peaks[-1] / peaks[0], "<= 1.1")


if __name__ == "__main__":
    main()
