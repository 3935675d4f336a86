"""The shipped network ``classics``: pictures a second in each engine, 8-bit RGB in and out included, and how far engines are apart.

python benchmarks/networks.py            ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python benchmarks/networks.py
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from common import figure, parser, quartiles
from stylespace.errors import InputError
from stylespace.export.check import difference, photos
from stylespace.export.runtime import MODELS, Runtime
from stylespace.networks.fast import Fast, multiplications
from stylespace.networks.style_network import StyleNetwork

NAME = "classics"
SIZES = {"512x512": (512, 512, ">= 60"), "1280x720": (720, 1280, ">= 24"), "4096x2160": (2160, 4096, "")}
ENGINES = (
    ("openvino int8", f"{NAME}-int8", "openvino", "fp32"),
    ("openvino fp32", NAME, "openvino", "fp32"),
    ("openvino bf16", NAME, "openvino", "bf16"),
    ("onnxruntime fp32", NAME, "onnxruntime", "fp32"),
)


class Eager:
    """PyTorch, folded, channels last, as an engine."""

    def __init__(self, network: StyleNetwork) -> None:
        assert isinstance(network.body, Fast)
        self.body = network.body.folded().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.row = network.rows[:1]

    @torch.inference_mode()
    def __call__(self, photo: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last).float() / 255
        return (self.body(x, self.row) * 255 + 0.5).byte()[0].permute(1, 2, 0).numpy()


def seconds(painter: Any, photo: np.ndarray, runs: int) -> list[float]:
    found = []
    for run in range(runs + 3):
        start = time.perf_counter()
        painter(photo)
        if run >= 3:  # the second compiles for the size
            found.append(time.perf_counter() - start)
    return found


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=25)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    network = StyleNetwork.load(NAME)
    parameters = sum(p.numel() for p in network.body.parameters())
    figure("network-parameters", parameters, "<= 1500000")
    assert isinstance(network.body, Fast)
    for size, (high, wide, target) in SIZES.items():
        work = multiplications(network.body.folded(), high, wide)
        photo = photos(1, (high, wide))[0]
        runs = asked.runs if high <= 1000 else max(3, asked.runs // 5)
        painters: list[tuple[str, Any]] = [("pytorch fp32", Eager(network))]
        for name, source, engine, precision in ENGINES:
            with suppress(InputError):  # bf16 where the processor has none
                painters.append((name, Runtime(source, engine, threads=asked.threads, precision=precision)))
        for name, painter in painters:
            low, middle, high_quartile = quartiles(seconds(painter, photo, runs))
            first = name == "openvino int8"
            figure(
                f"network-per-second {size} {name}", 1 / middle, target if first else "", unit="1/s",
                spread=(1 / high_quartile, 1 / low), gmac=round(work / 1e9, 3), gmac_per_second=round(work / middle / 1e9, 1),
            )  # fmt: skip
            if size == "4096x2160":
                figure(f"network-seconds {size} {name}", middle, "<= 0.7" if first else "", unit="s", spread=(low, high_quartile))
    for name, source, engine, precision in ENGINES:
        try:
            found = difference(network, MODELS / f"{source}.onnx", engine, precision)
        except InputError:
            continue
        worst, mean = {"bf16": ("<= 10", "<= 1"), "fp32": ("<= 0.6", "<= 0.3")}[precision] if "int8" not in name else ("", "")
        figure(f"network-apart-worst {name}", 255 * found.worst, worst, unit="of 255, before rounding")
        figure(f"network-apart-mean {name}", 255 * found.mean, mean, unit="of 255, before rounding")


if __name__ == "__main__":
    main()
