"""Seconds of a 512 px texture from 256 px and of 512 px transfers by quilting and analogies; whether threads change a pixel.

python benchmarks/ancestors.py
"""

from __future__ import annotations

import torch

import stylespace as ss
from common import figure, in_turn, parser, quartiles
from stylespace.demo.drawings import draw
from stylespace.statistics import patchmatch


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=3)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    source, photo = draw("mosaic", (256, 256)), draw("waves", (384, 512))
    style = draw("stained_glass", (384, 512))
    jobs = {
        "texture-512-from-256-seconds": lambda: ss.texture(source, size=(512, 512)),
        "quilting-512-seconds": lambda: ss.transfer(photo, style, method="quilting"),
    }
    targets = {"texture-512-from-256-seconds": "<= 3", "quilting-512-seconds": "", "analogies-512-seconds": "<= 10"}
    if patchmatch.ready():
        jobs["analogies-512-seconds"] = lambda: ss.transfer(photo, style, method="analogies")
    for name, seconds in in_turn(jobs, chosen.runs).items():
        low, middle, high = quartiles(seconds)
        figure(name, middle, targets[name], unit="s", spread=(low, high))
    one, other = (ss.texture(source, size=(512, 512), threads=count).picture.tobytes() for count in (1, 2))
    figure("texture-differs-by-threads", float(one != other), "<= 0")


if __name__ == "__main__":
    main()
