"""Data sets: pictures a second beside independent processes, memory over time, a cluster of two nodes on one machine, Ray's object store.

python benchmarks/dataset.py --photos ../shared/data/photos/train --count 20000 --size 256

The photographs are repeated (as links) to ``--count``. ``plain``: as many independent processes as workers, each a loop over its share.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from common import REPOSITORY, SHARED, figure, parser

STYLES = ("starry_night", "great_wave", "scream", "water_lilies")
SEED = 1


def work(size: int) -> Any:
    from stylespace.pipelines.paint import Painting, PaintSettings

    return Painting(PaintSettings({}, size), "classics", "cpu", 1)


def styles() -> dict[str, float]:
    known = work(64).styles
    return dict.fromkeys([name for name in STYLES if name in known] or known[:4], 1.0)


def repeated(photos: Path, count: int, folder: Path) -> Path:
    """``count`` names for the photographs below ``photos``, a class folder for each thousand."""
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    for number in range(count):
        place = folder / f"{number // 1000:03d}" / f"{number:06d}{found[number % len(found)].suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(found[number % len(found)].resolve())
    return folder


def plain(folder: Path, out: Path, size: int, share: int, of: int) -> None:
    """What anybody would write: one process, one network, a loop over every ``of``-th picture."""
    import hashlib

    from stylespace.pictures.reading import read
    from stylespace.pictures.resizing import resize
    from stylespace.pictures.writing import encoded
    from stylespace.pipelines.dataset.draws import Choice, Draw
    from stylespace.pipelines.dataset.work import settle

    settle()
    painting, draw = work(size), Draw(tuple(Choice(name) for name in styles()), SEED)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())[share::of]
    out.mkdir(parents=True, exist_ok=True)
    print("ready", flush=True)
    sys.stdin.readline()
    for path in paths:
        data = path.read_bytes()
        picture = read(data)
        mix = {choice.name: weight for choice, weight in draw.of(hashlib.sha256(data).hexdigest(), 1)}
        made = painting.mixing(mix).redrawn(picture)
        made = picture.with_pixels(resize(made.pixels, picture.size))
        (out / path.name).write_bytes(encoded(made, path.suffix))


def independent(folder: Path, out: Path, size: int, workers: int) -> float:
    """Seconds of ``workers`` independent processes from the moment when all are ready."""
    command = [sys.executable, __file__, "--plain", str(folder), str(out), "--size", str(size)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [*command, "--share", str(i), "--of", str(workers)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for i in range(workers)
    ]  # fmt: skip
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    start = time.perf_counter()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in running:
        process.wait()
        assert process.returncode == 0
    return time.perf_counter() - start


class Watch:
    """Samples memory each second: of this process and all below it, in bytes; and whatever else is asked."""

    def __init__(self, also: Callable[[], float] | None = None) -> None:
        self.memory: list[int] = []
        self.other: list[float] = []
        self.also, self.stop = also, threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop.set()
        self.thread.join()

    def _sample(self) -> None:
        while not self.stop.wait(1.0):
            self.memory.append(sum(map(_resident, _below(os.getpid()))))
            if self.also is not None:
                with suppress(Exception):
                    self.other.append(self.also())

    @property
    def growth(self) -> float:
        """The largest memory of the last third over that of the second third."""
        third = len(self.memory) // 3
        return max(self.memory[2 * third :]) / max(self.memory[third : 2 * third]) if third else 1.0


def _below(process: int) -> list[int]:
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found, left = [], [process]
    while left:
        found.append(left.pop())
        left += [child for child, parent in parents.items() if parent == found[-1]]
    return found


def _resident(process: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def store_bytes() -> float:
    """Bytes in Ray's object stores and on the disk behind them."""
    from ray._private.internal_api import get_memory_info_reply, get_state_from_address

    stats = get_memory_info_reply(get_state_from_address()).store_stats
    return float(stats.object_store_bytes_used + stats.spilled_bytes_total)


def restyled(
    folder: Path, out: Path, size: int, workers: int, ray: str | None = None, watch: Watch | None = None
) -> tuple[float, float]:
    """Pictures a second from first to last outcome, and from the command's start."""
    from stylespace.pipelines.dataset import Plan, restyle

    seen: list[tuple[float, int]] = []
    with watch or Watch():
        told = restyle(
            folder, out, styles(), work=work(size), plan=Plan(SEED), workers=workers, ray=ray,
            progress=lambda told: seen.append((told.seconds, told.done)),
        )  # fmt: skip
    (begun, first), (ended, last) = seen[0], seen[-1]
    return (last - first) / max(ended - begun, 1e-9), told.done / told.seconds


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--photos", type=Path, default=SHARED / "data" / "photos" / "train")
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--size", type=int, default=256)
    options.add_argument("--skip-ray", action="store_true")
    options.add_argument("--plain", nargs=2, type=Path, metavar=("IN", "OUT"), help="one independent process")
    options.add_argument("--share", type=int, default=0)
    options.add_argument("--of", type=int, default=1)
    asked = options.parse_args()
    if asked.plain:
        plain(*asked.plain, asked.size, asked.share, asked.of)
        return
    workers = asked.threads
    about = {"pictures": asked.count, "size": asked.size, "workers": workers}
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        folder = repeated(asked.photos, asked.count, place / "in")
        seconds = independent(folder, place / "plain", asked.size, workers)
        alone = asked.count / seconds
        figure("dataset-per-second independent processes", alone, "", unit="1/s", **about)
        shutil.rmtree(place / "plain")
        with_pool(folder, place, asked, about, alone)
        if not asked.skip_ray:
            with_ray(folder, place, asked, about, alone)


def with_pool(folder: Path, place: Path, asked: Any, about: dict[str, Any], alone: float) -> None:
    watch = Watch()
    steady, whole = restyled(folder, place / "pool", asked.size, asked.threads, watch=watch)
    figure("dataset-per-second processes", whole, "", unit="1/s", **about)
    figure("dataset-share-of-independent processes", steady / alone, ">= 0.9", **about)
    figure("dataset-memory-growth processes", watch.growth, "<= 1.05", samples=len(watch.memory), **about)
    figure("dataset-memory processes", max(watch.memory, default=0) / 2**20, "", unit="MiB", **about)


def with_ray(folder: Path, place: Path, asked: Any, about: dict[str, Any], alone: float) -> None:
    """A cluster of two nodes on this machine, each with half of the workers."""
    import ray
    from ray.cluster_utils import Cluster

    node = {"num_cpus": max(1, asked.threads // 2), "object_store_memory": 400 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    cluster.add_node(**node)
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        watch = Watch(store_bytes)
        steady, whole = restyled(folder, place / "ray", asked.size, asked.threads, cluster.address, watch)
        figure("dataset-per-second two nodes", whole, "", unit="1/s", **about)
        figure("dataset-share-of-independent two nodes", steady / alone, ">= 0.9", **about)
        figure("dataset-memory-growth two nodes", watch.growth, "<= 1.05", samples=len(watch.memory), **about)
        figure(
            "dataset-object-store two nodes",
            max(watch.other, default=0) / 2**30,
            "<= 1",
            unit="GiB",
            samples=len(watch.other),
            **about,
        )
    finally:
        ray.shutdown()
        cluster.shutdown()
    if (place / "pool").is_dir():
        different = sum(
            path.read_bytes() != (place / "ray" / path.relative_to(place / "pool")).read_bytes()
            for path in (place / "pool").rglob("*")
            if path.is_file() and ".stylespace" not in path.parts
        )
        figure("dataset-files-that-differ two nodes", different, "<= 0", **about)


if __name__ == "__main__":
    main()
