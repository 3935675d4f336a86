"""Large pictures: peak memory and seconds a megapixel of a tiled optimisation step, and of networks painted tile by tile.

    python benchmarks/scale.py [--megapixels 1,4,16,24,48] [--painted 8.8,100]

Every size runs in a process of its own with two steps at the last size only. Memory is the peak of the process (resident) and of what is
its own (anonymous: without the files that it maps).
"""

from __future__ import annotations

import tempfile
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
    from stylespace.demo.drawings import draw
    from stylespace.pictures import Picture, read, resize

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


def network(megapixels: float, tiles: str, folder: Path) -> None:
    """The shipped network over a TIFF of so many pixels, from file to file."""
    import pyvips
    from skimage.data import chelsea

    from stylespace.pipelines.paint import Painting, PaintSettings

    high = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    size = (high, round(high * 4 / 3))
    source = folder / "photo.tif"
    if not source.exists():
        tile = pyvips.Image.new_from_array(chelsea())
        whole = tile.replicate(-(-size[1] // tile.width), -(-size[0] // tile.height)).crop(0, 0, size[1], size[0])
        whole.copy(interpretation="srgb").tiffsave(str(source), tile=True, bigtiff=True)
    painting = Painting(PaintSettings({"starry_night": 1.0}, size=0, tiles=tiles), max_pixels=2_000_000_000)
    painting.check_pictures()
    with Anonymous() as own:
        start = time.perf_counter()
        painting.run(source).save(folder / f"{tiles}.tif", force=True)
        seconds = time.perf_counter() - start
    figure("painted", seconds, "", unit="s", megabytes=peak_megabytes(), anonymous=own.peak, pixels=size[0] * size[1])


def apart(one: Path, other: Path) -> tuple[float, float]:
    """Largest and mean difference of two files, of 255."""
    import pyvips

    images = [pyvips.Image.new_from_file(str(path)) for path in (one, other)]
    difference = (images[0] - images[1]).abs()
    return float(difference.max()), float(difference.avg())


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--network", type=float, default=0.0, help="megapixels that a network paints, in this process")
    options.add_argument("--tiles", default="exact")
    options.add_argument("--folder", type=Path)
    options.add_argument("--painted", default="8.8,100")
    options.add_argument("--megapixels", default="1,4,16,24,48")
    options.add_argument("--one", type=float)
    options.add_argument("--memory", default="")
    options.add_argument("--steps", type=int, default=2)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.network:
        network(asked.network, asked.tiles, asked.folder)
        return
    if asked.one:
        optimisation(asked.one, asked.memory, asked.steps)
        return
    targets = {24.0: ("1.9GB", "<= 2000", "megabytes"), 48.0: ("2.9GB", "<= 3000", "anonymous")}
    for megapixels in map(float, filter(None, asked.megapixels.split(","))):
        memory, target, kind = targets.get(megapixels, ("1.9GB", "", "megabytes"))
        (row,) = child(
            "benchmarks/scale.py", "--one", str(megapixels), "--memory", memory, "--steps", str(asked.steps),
            "--threads", str(asked.threads),
        )  # fmt: skip
        name = f"{megapixels:g}-megapixels"
        figure(f"optimisation-memory-{name}", row[kind], target, unit="MB", resident=row["megabytes"], anonymous=row["anonymous"])
        figure(f"optimisation-seconds-a-step-a-megapixel-{name}", row["value"] / row["pixels"] * 1e6, "", unit="s")
    for megapixels in map(float, filter(None, asked.painted.split(","))):
        with tempfile.TemporaryDirectory() as folder:
            small = megapixels < 20
            for tiles in ("exact", *(["whole"] if small else [])):
                (row,) = child(
                    "benchmarks/scale.py", "--network", str(megapixels), "--tiles", tiles, "--folder", folder,
                    "--threads", str(asked.threads),
                )  # fmt: skip
                name = f"{tiles}-{megapixels:g}-megapixels"
                figure(f"painted-seconds-{name}", row["value"], "", unit="s", a_megapixel=row["value"] / row["pixels"] * 1e6)
                target = {100: "<= 1000", 1000: "<= 2000"}.get(megapixels, "")
                figure(f"painted-memory-{name}", row["anonymous"], target, unit="MB", resident=row["megabytes"])
            if small:
                worst, mean = apart(Path(folder) / "whole.tif", Path(folder) / "exact.tif")
                figure(f"painted-exact-apart-{megapixels:g}-megapixels", worst, "<= 1", unit="of 255", mean=mean)


if __name__ == "__main__":
    main()
