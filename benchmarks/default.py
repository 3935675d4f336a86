"""Seconds to the default result, as a user meets them: `transfer` on files, encoder loaded, picture in memory.

python benchmarks/default.py --size 512 [--runs 3]
"""

from __future__ import annotations

import os
import time

import torch

from common import figure, parser, peak_megabytes, quartiles

TARGETS = {("512", "AVX512"): "<= 20", ("512", "AVX2"): "<= 30"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--size", type=int, default=512)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--precision", default="auto")
    chosen = options.parse_args()
    from skimage.data import astronaut

    import stylespace
    from stylespace.demo.drawings import draw

    photo, style = astronaut(), draw("swirls", (640, 640))
    seconds, results = [], []
    for _ in range(chosen.runs):
        start = time.perf_counter()
        results.append(stylespace.transfer(photo, style, size=chosen.size, threads=chosen.threads, precision=chosen.precision))
        seconds.append(time.perf_counter() - start)
    low, middle, high = quartiles(seconds)
    isa = "AVX2" if os.environ.get("ONEDNN_MAX_CPU_ISA") == "AVX2" else "AVX512"
    target = TARGETS.get((str(chosen.size), isa), "")
    figure(
        f"default-seconds-{chosen.size}-{isa.lower()}", middle, target, unit="s", spread=(min(seconds), max(seconds)),
        precision=results[-1].record["dtype"], steps=len(results[-1].losses), peak_megabytes=peak_megabytes(), torch=torch.__version__,
    )  # fmt: skip


if __name__ == "__main__":
    main()
