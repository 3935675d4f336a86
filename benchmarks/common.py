"""What every benchmark shares: one JSON line a figure, timing in turn, page faults, the machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("STYLESPACE_SHARED", REPOSITORY.parent / "shared"))
# glibc keeps freed blocks of any size: the fair setting for a published loop.
TUNED = {"MALLOC_MMAP_THRESHOLD_": "17179869184", "MALLOC_TRIM_THRESHOLD_": "17179869184"}


def figure(claim: str, value: float | None, target: str, *, spread: Sequence[float] = (), unit: str = "", **details: Any) -> None:
    """Print one figure. ``target``: text such as ``<= 0.45``, or empty where none was asked."""
    import torch

    record = {
        "claim": claim, "target": target, "value": value, "spread": [round(s, 5) for s in spread], "unit": unit,
        "threads": torch.get_num_threads(), "isa": os.environ.get("ONEDNN_MAX_CPU_ISA", torch.backends.cpu.get_cpu_capability()),
    }  # fmt: skip
    print(json.dumps(record | details), flush=True)


def parser(text: str | None) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=(text or "").splitlines()[0])
    found.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    return found


def in_turn(jobs: Mapping[str, Callable[[], object]], runs: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Seconds of each job, run in turn so that a drifting machine drifts for all."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for run in range(runs + warm_up):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if run >= warm_up:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median, third quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if platform.system() == "Darwin" else 1024)


def child(script: str, *arguments: str, environment: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Run a script of this folder in a process of its own and read the JSON lines it prints."""
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / script), *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), **(environment or {})},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def multiplications(encoder: Any, height: int, width: int, layers: Sequence[str]) -> float:
    """Multiply-adds of one forward pass."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        encoder(torch.rand(1, 3, height, width), layers)
    return counter.get_total_flops() / 2
