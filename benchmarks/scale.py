"""Large pictures: peak memory and seconds a megapixel of a tiled optimisation step, and of networks painted tile by tile.

    python benchmarks/scale.py [--megapixels 1,4,16,24,48]

Every size runs in a process of its own with two steps at the last size only. Memory is the peak of the process (resident) and of what is
its own (anonymous: without the files that it maps).
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import torch

from common import child, figure, parser, peak_megabytes


class Anonymous:
    """Watches the process's own memory."""

    def __init__(self) -> None:
        self.peak, self.running = 0.0, True
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Anonymous:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.running = False
        self.thread.join()

    def _watch(self) -> None:
        while self.running:
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("RssAnon"):
                    self.peak = max(self.peak, int(line.split()[1]) / 1024)
            time.sleep(0.05)


def optimisation(megapixels: float, memory: str, steps: int) -> None:
    """A transfer whose last size has so many pixels."""
    from skimage.data import chelsea

    import stylespace as ss
    from stylespace.pictures import Picture, read, resize
    from stylespace.pictures.drawings import draw

    high = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    size = (high, round(high * 4 / 3))
    photo = Picture(resize(read(chelsea()).pixels, size))
    marks: list[float] = []
    with Anonymous() as own:
        ss.transfer(
            photo, draw("swirls", (1024, 1024)), size=max(size), sizes=(max(size),), steps_each=(steps,), memory=memory,
            progress=lambda p: marks.append(time.perf_counter()),
        )  # fmt: skip
    a_step = (marks[-1] - marks[0]) / (len(marks) - 1)
    figure("step", a_step, "", unit="s", megabytes=peak_megabytes(), anonymous=own.peak, pixels=size[0] * size[1])


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--megapixels", default="1,4,16,24,48")
    options.add_argument("--one", type=float)
    options.add_argument("--memory", default="")
    options.add_argument("--steps", type=int, default=2)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.one:
        optimisation(asked.one, asked.memory, asked.steps)
        return
    targets = {24.0: ("1.9GB", "<= 2000", "megabytes"), 48.0: ("2.9GB", "<= 3000", "anonymous")}
    for megapixels in map(float, asked.megapixels.split(",")):
        memory, target, kind = targets.get(megapixels, ("1.9GB", "", "megabytes"))
        (row,) = child(
            "benchmarks/scale.py", "--one", str(megapixels), "--memory", memory, "--steps", str(asked.steps),
            "--threads", str(asked.threads),
        )  # fmt: skip
        name = f"{megapixels:g}-megapixels"
        figure(f"optimisation-memory-{name}", row[kind], target, unit="MB", resident=row["megabytes"], anonymous=row["anonymous"])
        figure(f"optimisation-seconds-a-step-a-megapixel-{name}", row["value"] / row["pixels"] * 1e6, "", unit="s")


if __name__ == "__main__":
    main()
