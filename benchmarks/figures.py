"""Run every benchmark and recipe that a figure was asked of, and write benchmarks/figures.json.

    make figures            python benchmarks/figures.py [--only step.py] [--threads 2]

Each row: claim, target, value, spread, met, command, threads, commit, and what else the benchmark tells. A row alone: run its command.
Rows that need the reference pictures and weights are skipped, and say so, where ``../shared`` (or ``STYLESPACE_SHARED``) is absent.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from typing import Any

from common import REPOSITORY, SHARED, parser

AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
REFERENCE = ("--data", "{shared}/data", "--weights", "{shared}/weights")
VGG16 = "{shared}/weights/vgg16_conv.safetensors"
# script, arguments, environment, needs ../shared
COMMANDS: tuple[tuple[str, tuple[str, ...], dict[str, str], bool], ...] = (
    ("benchmarks/startup.py", (), {}, False),
    ("benchmarks/commands.py", (), {}, False),
    ("benchmarks/default.py", ("--size", "256"), {}, False),
    ("benchmarks/default.py", ("--size", "512"), {}, False),
    ("benchmarks/default.py", ("--size", "1024", "--runs", "2"), {}, False),
    ("benchmarks/default.py", ("--size", "256"), AVX2, False),
    ("benchmarks/default.py", ("--size", "512"), AVX2, False),
    ("benchmarks/default.py", ("--size", "1024", "--runs", "1"), AVX2, False),
    ("benchmarks/precision.py", (), {}, False),
    ("benchmarks/step.py", (), {}, False),
    ("benchmarks/step.py", ("--runs", "2"), AVX2, False),
    ("benchmarks/convergence.py", (), {}, True),
    ("recipes/compact-encoder/measure.py", ("--data", "{shared}/data", "--vgg16", VGG16), {}, True),
    ("benchmarks/trust.py", ("--reference",), {}, True),
    ("benchmarks/quality.py", (), {}, True),
    ("benchmarks/library.py", (), {}, True),
    ("benchmarks/learn_style.py", (), {}, True),
    ("benchmarks/networks.py", (), {}, False),
    ("benchmarks/networks.py", ("--runs", "10"), AVX2, False),
    ("benchmarks/arbitrary.py", ("--speed",), {}, False),
    ("benchmarks/arbitrary.py", ("--speed", "--runs", "10"), AVX2, False),
    ("benchmarks/arbitrary.py", ("--quality", "--data", "{shared}/data", "--weights", VGG16), {}, True),
    ("benchmarks/arbitrary.py", ("--starts", "--data", "{shared}/data", "--weights", VGG16), {}, True),
    ("benchmarks/geometry.py", (), {}, False),
    ("benchmarks/video.py", (), {}, False),
    ("benchmarks/video.py", ("--speed",), {}, False),
    ("benchmarks/video.py", ("--films", "{shared}/data/video", "--only", "bunny"), {}, True),
    ("benchmarks/video.py", ("--films", "{shared}/data/video", "--only", "mountain"), {}, True),
    ("benchmarks/ancestors.py", (), {}, False),
    ("benchmarks/studio.py", (), {}, False),
    ("benchmarks/dataset.py", ("--photos", "{shared}/data/photos/train"), {}, True),
    ("benchmarks/transforms.py", (), {}, False),
    ("benchmarks/scale.py", ("--megapixels", "1,4,24,48"), {}, False),
    ("benchmarks/scale.py", ("--megapixels=", "--painted", "1000"), {}, False),
    ("recipes/classics/add_style.py", ("--data", "{shared}/data"), {}, True),
    ("recipes/classics/mixing.py", ("--data", "{shared}/data"), {}, True),
    ("recipes/multimodal/measure.py", ("--data", "{shared}/data"), {}, True),
    ("recipes/dumoulin-table/measure.py", ("--data", "{shared}/data"), {}, True),
    ("recipes/claims/measure.py", (*REFERENCE, "--size", "192", "--steps", "100"), {}, True),
)


def met(target: str, value: float | None) -> bool | None:
    """Whether ``value`` meets a target such as ``<= 0.45``; None without a target."""
    if not target:
        return None
    if value is None:
        return False
    sign, number = target.split()
    bound = float(number)
    return {"<=": value <= bound, ">=": value >= bound, ">": value > bound, "<": value < bound}[sign]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only", default="", help="run commands that contain this text; keep the other rows of the file")
    chosen = options.parse_args()
    path = REPOSITORY / "benchmarks" / "figures.json"
    old = json.loads(path.read_text())["figures"] if path.exists() else []
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True
    ).stdout.strip()
    rows: list[dict[str, Any]] = []
    for script, arguments, environment, needs_shared in COMMANDS:
        shown = " ".join([*(f"{k}={v}" for k, v in environment.items()), "python", script, *arguments]).format(shared="../shared")
        if chosen.only not in shown:
            rows += [row for row in old if row["command"] == shown]
            continue
        if needs_shared and not SHARED.exists():
            print(f"skipped (no reference data at {SHARED}): {shown}", file=sys.stderr)
            continue
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, str(REPOSITORY / script), "--threads", str(chosen.threads), *(a.format(shared=SHARED) for a in arguments)],
            env={**os.environ, **environment, "PYTHONPATH": str(REPOSITORY / "src")}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if done.returncode:
            rows.append({"claim": f"runs: {shown}", "target": "<= 0", "value": done.returncode, "met": False, "command": shown})
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                record = json.loads(line)
                record["claim"] = record.pop("name", record.get("claim"))
                rows.append(record | {"met": met(record.get("target", ""), record["value"]), "command": shown, "commit": commit})
        print(f"{time.perf_counter() - start:6.0f} s  {shown}", file=sys.stderr)
    machine = {"system": platform.system(), "processor": processor(), "python": platform.python_version()}
    path.write_text(json.dumps({"machine": machine, "figures": rows}, indent=1) + "\n")
    for row in rows:
        mark = {True: "met   ", False: "MISSED", None: "      "}[row["met"]]
        value = row["value"]
        print(f"{mark}  {row['claim']:<46} {'none' if value is None else format(value, '.4g'):>10}  {row.get('target', '')}")


def processor() -> str:
    """The processor's name where the system tells, and whether it computes bfloat16 in hardware."""
    try:
        with open("/proc/cpuinfo") as lines:
            text = lines.read()
    except OSError:
        return platform.processor()
    name = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), platform.processor())
    has = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f" {flag}" in text]
    return f"{name} ({', '.join(has)})"


if __name__ == "__main__":
    main()
