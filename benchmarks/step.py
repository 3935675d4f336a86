"""One optimisation step at 512 px: ours with VGG-19 and with the compact encoder, against the plain published loop.

    python benchmarks/step.py [--threads 2]

Every loop runs in a process of its own, in turn, five times; the published one also with glibc told to keep freed memory (its
tuned setting, the number to beat). ``--ours NAME`` is what the processes run.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import torch

from common import TUNED, child, figure, multiplications, page_faults, parser, peak_megabytes, quartiles

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")


def ours(name: str, size: int, steps: int) -> None:
    """Steps of our default objective on ``name`` (VGG-19 with random weights), as ``transfer`` runs them."""
    from dataclasses import replace

    from stylespace import encoders
    from stylespace.encoders.encoder import Encoder
    from stylespace.encoders.precision import dtype
    from stylespace.encoders.vgg import vgg
    from stylespace.methods.gatys_loss import losses_at
    from stylespace.methods.gatys_settings import GatysSettings, neural_style
    from stylespace.pictures.margin import framed
    from stylespace.solvers import adam
    from stylespace.solvers.keeping import Keeper
    from stylespace.solvers.solution import Step
    from stylespace.solvers.tiled import in_turn
    from stylespace.storage.memory import keep_freed_memory
    from stylespace.styles.region import Region, Style

    keep_freed_memory()
    device = torch.device("cpu")
    if name == "compact":
        encoder, settings = encoders.load("compact"), GatysSettings()
    else:
        encoder = Encoder(vgg("vgg19", random_seed=0), "vgg19").prepare(device, dtype("auto", device))
        settings = replace(neural_style(), solver="adam")
    torch.manual_seed(1)
    content, style = torch.rand(2, 1, 3, size, size)
    objective = in_turn(losses_at(content, [Region((Style(style),))], settings, encoder))
    marks: list[tuple[float, int]] = []

    def watch(step: Step) -> None:
        marks.append((time.perf_counter(), page_faults()))

    adam.minimise(objective, framed(content, settings.margin), steps=steps + 2, rate=0.02, keeper=Keeper("best"), watch=watch)
    seconds = sorted(b[0] - a[0] for a, b in itertools.pairwise(marks))
    macs = multiplications(encoder, size, size, LAYERS)
    figure(
        f"our-step-{name}-{size}", seconds[len(seconds) // 2], "", unit="s", spread=(seconds[0], seconds[-1]),
        page_faults_a_step=(marks[-1][1] - marks[1][1]) / (len(marks) - 2), peak_megabytes=peak_megabytes(),
        precision=str(next(encoder.parameters()).dtype), gmac_a_step=2 * macs / 1e9,
        gmac_a_second=2 * macs / 1e9 / seconds[len(seconds) // 2],
    )  # fmt: skip


def limit() -> tuple[float, str]:
    """The machine's measured limit in GMAC/s: the faster of float32 and bfloat16 on large 3x3 convolutions."""
    best, which = 0.0, ""
    for kind in (torch.float32, torch.bfloat16):
        x = torch.randn(1, 128, 128, 128).to(kind).contiguous(memory_format=torch.channels_last)
        w = torch.randn(128, 128, 3, 3).to(kind).contiguous(memory_format=torch.channels_last)
        for _ in range(6):
            start = time.perf_counter()
            torch.nn.functional.conv2d(x, w, padding=1)
            rate = 128 * 128 * 9 * 128 * 128 / (time.perf_counter() - start) / 1e9
            if rate > best:
                best, which = rate, str(kind)
    return best, which


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--ours", choices=("vgg19", "compact"))
    options.add_argument("--size", type=int, default=512)
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--runs", type=int, default=3)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.ours:
        ours(chosen.ours, chosen.size, chosen.steps)
        return
    threads, size, steps = ("--threads", str(chosen.threads)), ("--size", str(chosen.size)), ("--steps", str(chosen.steps))
    records: dict[str, list[dict[str, Any]]] = {}
    for _ in range(chosen.runs):
        for name, script, arguments, environment in (
            ("plain", "published.py", (), {}),
            ("plain tuned", "published.py", (), TUNED),
            ("vgg19", "step.py", ("--ours", "vgg19"), {}),
            ("compact", "step.py", ("--ours", "compact", "--steps", "12"), {}),
        ):
            records.setdefault(name, []).extend(
                child(f"benchmarks/{script}", *threads, *size, *(steps if "--steps" not in arguments else ()), *arguments,
                      environment=environment)
            )  # fmt: skip
    middle = {name: quartiles([r["value"] for r in rows]) for name, rows in records.items()}
    memory = {name: max(r["peak_megabytes"] for r in rows) for name, rows in records.items()}
    faults = {name: quartiles([r["page_faults_a_step"] for r in rows])[1] for name, rows in records.items()}
    for name in middle:
        figure(f"step-seconds-{name}-{size[1]}", middle[name][1], "", unit="s", spread=middle[name], page_faults_a_step=faults[name],
               peak_megabytes=memory[name])  # fmt: skip
    for baseline in ("plain", "plain tuned"):
        for name, target in (("vgg19", "<= 0.45"), ("compact", "<= 0.08")):
            ratios = [a["value"] / b["value"] for a, b in zip(records[name], records[baseline], strict=True)]
            figure(f"step-{name}-against-{baseline}", quartiles(ratios)[1], target, spread=(min(ratios), max(ratios)))
    for baseline in ("plain", "plain tuned"):
        figure(f"step-memory-vgg19-against-{baseline}", memory["vgg19"] / memory[baseline], "<= 1", megabytes=memory)
    top, kind = limit()
    for name in ("vgg19", "compact"):
        reached = max(r["gmac_a_second"] for r in records[name])
        figure(f"gmac-a-second-{name}", reached, "", unit="GMAC/s", machine_limit=top, limit_precision=kind, share=reached / top)


if __name__ == "__main__":
    main()
