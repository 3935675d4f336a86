"""Damaged and hostile files, thousands of them, through the project's own readers: each must be read or refused in one sentence.

python benchmarks/hostile.py --files 10000
python benchmarks/hostile.py --kind tiff --number 271 --keep kept/     # one file again

A pool of processes reads them, and one that dies or hangs is replaced. Prints one JSON line for each kind with its counts, one for all, and
one for each file that ended otherwise (exit 1); --keep keeps those files. Progress goes to standard error. Ctrl-C ends the pool and
prints the counts so far (exit 130).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hostile_files
from common import peak_megabytes
from hostile_files import KINDS, MAX_PIXELS, PICTURES, mutated

PROGRAM = Path(__file__)
SECONDS, PATIENCE = 30.0, 20  # of a processor's time a file, and how many times that by the clock, on a machine that is busy
MEGABYTES = 1024.0  # of the whole process
REPORT = 15.0  # seconds between two lines of progress
GOOD = ("read", "refused")
# Kinds by what they want loaded, so that a process has that memory alone; and the share of all files that each kind is.
SHARES = {**dict.fromkeys(PICTURES, 0.095), "safetensors": 0.12, "onnx": 0.08, "record": 0.1, "library": 0.04, "film": 0.09}


def read(kind: str, path: Path) -> None:
    """Read a file in every way that the project reads its kind. Raises what the readers raise."""
    if kind in PICTURES:
        _picture(path)
    elif kind == "safetensors":
        _weights(path)
    elif kind == "onnx":
        _network(path)
    elif kind == "library":
        _library(path)
    elif kind == "film":
        every(lambda: _film(path))
    else:
        _record(path)


def every(*readers: Any) -> None:
    """Call all of them; the project's own error is raised when none could read anything, any other at once."""
    from stylespace.errors import StylespaceError

    refused: list[StylespaceError] = []
    for reader in readers:
        try:
            reader()
        except StylespaceError as error:
            _check(error)
            refused.append(error)
    if len(refused) == len(readers):
        raise refused[0]


def _picture(path: Path) -> None:
    from stylespace.pictures import read, read_settings
    from stylespace.pictures.streaming import decoded

    every(
        lambda: read(path, max_pixels=MAX_PIXELS),
        lambda: read_settings(path),
        lambda: decoded(path, max_pixels=MAX_PIXELS).close(),
    )


def _weights(path: Path) -> None:
    from stylespace import encoders
    from stylespace.encoders.weights import read_weights
    from stylespace.networks.style_network import StyleNetwork
    from stylespace.pictures.rearrangement import Rearrangement
    from stylespace.styles.parts import Regions
    from stylespace.styles.space import StyleSpace

    readers = (
        StyleNetwork.load, read_weights, lambda p: encoders.load("compact", weights=p, precision="fp32"), Regions.load, StyleSpace.load,
        Rearrangement.load,
    )  # fmt: skip
    every(*(lambda reader=reader: reader(path) for reader in readers))


def _network(path: Path) -> None:
    import numpy as np

    from stylespace.export.runtime import ENGINES, Runtime

    photo = np.zeros((8, 9, 3), np.uint8)
    every(*(lambda engine=engine: Runtime(path, engine, threads=1)(photo) for engine in ENGINES))


def _record(path: Path) -> None:
    from stylespace.pictures.warp import Warp
    from stylespace.pipelines.match import Matches
    from stylespace.pipelines.repeat import stored
    from stylespace.storage.journal import RECORD, Journal

    def journal() -> None:
        folder = path.with_suffix("")
        Journal(folder, {"photo": "a"}).remove()
        folder.mkdir()
        (folder / "stylespace.txt").write_text("")
        shutil.copy(path, folder / RECORD)
        Journal(folder, {"photo": "a"}).remove()

    if path.suffix == ".json":
        every(lambda: Matches.load(path), lambda: Warp.load(path), journal)
    else:
        stored(path)


def _library(path: Path) -> None:
    import torch

    from stylespace.library import Library
    from stylespace.library.choosing import choose

    library = Library(path)
    every(
        library.info,
        lambda: library.search("tag=oil"),
        lambda: library.export(""),
        lambda: library.tag("", add=["new"]),
        lambda: choose("", torch.rand(1, 3, 32, 32), library=library),
        lambda: library.remove("artist=anna"),
    )


def _film(path: Path) -> None:
    """Its first frames, written again with its sound."""
    from itertools import islice

    from stylespace.film.encoding import Segment, form_of
    from stylespace.film.joining import join
    from stylespace.film.reading import open_film

    film = open_film(path, max_pixels=MAX_PIXELS)
    form, _ = form_of(".mkv", film.info, codec="ffv1")
    part, ticks = path.with_suffix(".scratch"), []
    segment = Segment(part, form)
    try:
        for frame in islice(film.frames(), 12):
            segment.write(frame.pixels)
            ticks.append(frame.ticks)
    finally:
        with suppress(Exception):  # of no frames nothing can be made
            segment.close()
    join([part], ticks, 1, form, path.with_suffix(".out.mkv"), film)


def _check(error: Exception) -> None:
    """What the command line says of an error must be one sentence, or two, on a line."""
    from stylespace.cli.failures import sentence

    text = sentence(error)
    if not text or "Traceback" in text or "Something unexpected" in text or len(text) > 800 or text[-1] not in ".?":
        raise AssertionError(f"not a sentence: {text!r:.300}")


# A process of the pool reads orders on standard input and answers on standard output, a JSON line each.


def work(folder: Path, seed: int) -> None:
    """Read the files whose kinds and numbers are asked for, until there are no more."""
    import warnings

    from stylespace.errors import StylespaceError

    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gives the orders
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is not an answer
    # Far above what is allowed: a file that wants all of the machine gets an error, and is counted for what it took.
    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        kind, number = json.loads(line)
        with tempfile.TemporaryDirectory(prefix="hostile-") as place:
            try:
                path = mutated(folder, number, seed, kind, Path(place))
            except Exception as error:  # noqa: BLE001 (the mutation itself is not possible)
                answers.write(json.dumps({"outcome": "skipped", "text": repr(error)}) + "\n")
                continue
            _forget_peak()
            start = time.perf_counter()
            try:
                read(kind, path)
                outcome, text = "read", ""
            except StylespaceError as error:
                outcome, text = "refused", str(error)
                try:
                    _check(error)
                except AssertionError as wrong:
                    outcome, text = "no sentence", str(wrong)
            except BaseException as error:  # noqa: BLE001 (what must not escape is what is looked for)
                outcome, text = "escaped", f"{type(error).__name__}: {error} at {_where(error)}"
            seconds, megabytes = time.perf_counter() - start, _peak()
            if outcome in GOOD and megabytes > MEGABYTES:
                outcome = "memory"
            answer = {"outcome": outcome, "text": text[:500], "seconds": round(seconds, 2), "megabytes": round(megabytes)}
            answers.write(json.dumps(answer) + "\n")


def _where(error: BaseException) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-6:]))


def _forget_peak() -> None:
    """Let the system count a process's greatest memory anew, where it can."""
    import gc

    gc.collect()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    """Greatest memory in MB since :func:`_forget_peak`; since the process began, where the system does not count it anew."""
    found = _status("VmHWM")
    return peak_megabytes() if found is None else found


def _status(entry: str) -> float | None:
    """What Linux tells of this process's memory under ``entry``, in MB; None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{entry}:")), None)


class Worker:
    """One process of the pool, and what it is at."""

    def __init__(self, folder: Path, seed: int) -> None:
        command = [sys.executable, str(PROGRAM), "--work", str(folder), "--seed", str(seed)]
        # Memory is given back, so that a file is not counted for what an earlier one took.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1", "MALLOC_TRIM_THRESHOLD_": "131072"}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            env=environment,
        )
        self.job: tuple[str, int] | None = None
        self.begun = (0.0, 0.0)  # clock, processor's time

    def begin(self, job: tuple[str, int]) -> None:
        self.job = job
        self.begun = (time.monotonic(), self.spent())
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it died after its last answer: end() will say so
            self.process.stdin.write(json.dumps(job) + "\n")

    def spent(self) -> float:
        """The processor's time that it has had so far, where the system tells."""
        try:
            numbers = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return 0.0

    def late(self) -> bool:
        """Whether the job takes too long."""
        clock, spent = self.begun
        return self.spent() - spent > SECONDS or time.monotonic() - clock > PATIENCE * SECONDS

    def end(self) -> dict[str, Any]:
        """What became of the job: the process's answer, or that there is none."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            return dict(json.loads(line))
        code = self.process.wait()
        name = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return {"outcome": "crash", "text": f"A library that reads this kind of file crashed ({name})."}

    def stop(self) -> None:
        self.process.kill()
        with suppress(BrokenPipeError):
            self.process.communicate()


def run(
    jobs: list[tuple[str, int]], folder: Path, seed: int, workers: int
) -> Generator[tuple[str, int, dict[str, Any]], None, None]:
    """All jobs in a pool: kind, number, what became of each. Its processes end with the generator."""
    waiting = iter(jobs)
    chooser = selectors.DefaultSelector()

    def start(worker: Worker | None) -> None:
        job = next(waiting, None)
        if job is None:
            if worker is not None:
                worker.stop()
            return
        worker = worker or Worker(folder, seed)
        chooser.register(worker.process.stdout, selectors.EVENT_READ, worker)  # type: ignore[arg-type]
        worker.begin(job)

    try:
        for _ in range(min(workers, len(jobs))):
            start(None)
        while chooser.get_map():
            ready = {key.data for key, _ in chooser.select(timeout=1.0)}
            for worker in [key.data for key in chooser.get_map().values()]:
                if worker not in ready and not worker.late():
                    continue
                if worker in ready:
                    answer = worker.end()
                else:
                    answer = {"outcome": "hang", "text": f"Not done after {SECONDS:.0f} s."}
                yield (*worker.job, answer)
                chooser.unregister(worker.process.stdout)
                broken = answer["outcome"] in ("hang", "crash")
                if broken:
                    worker.stop()
                start(None if broken else worker)
    finally:
        for key in list(chooser.get_map().values()):
            key.data.stop()


def _copy(path: Path, keep: Path) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, keep / path.name, dirs_exist_ok=True)
    else:
        shutil.copy(path, keep)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--kind", choices=KINDS, help="this kind alone")
    parser.add_argument("--number", type=int, help="this file alone, in this process, with its traceback")
    parser.add_argument("--keep", type=Path, help="a folder for files that did not end as they should")
    parser.add_argument("--seeds", type=Path, help="a folder where the good files are kept for the next run")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.seed)
        return 0
    with tempfile.TemporaryDirectory(prefix="hostile-") as scratch:
        folder = given.seeds or Path(scratch) / "good"
        if not folder.exists():
            hostile_files.make(folder)
        if given.number is not None:
            path = mutated(folder, given.number, given.seed, given.kind, given.keep or Path(scratch))
            read(given.kind, path)
            return 0
        return _all(given, folder, Path(scratch))


class Tally:
    """What became of the files of a kind, or of all."""

    def __init__(self, kind: str, of: int) -> None:
        self.kind, self.of = kind, of
        self.counts: Counter[str] = Counter()
        self.slowest, self.memory, self.began = 0.0, 0.0, time.perf_counter()

    @property
    def bad(self) -> int:
        """Files that ended otherwise than they should."""
        return sum(count for outcome, count in self.counts.items() if outcome not in (*GOOD, "skipped"))

    def add(self, answer: dict[str, Any]) -> None:
        """Count a file."""
        self.counts[answer["outcome"]] += 1
        self.slowest, self.memory = max(self.slowest, answer.get("seconds", 0)), max(self.memory, answer.get("megabytes", 0))

    def tell(self) -> None:
        """Print the counts so far."""
        seconds = round(time.perf_counter() - self.began)
        told = {"kind": self.kind, "files": self.counts.total(), "of": self.of, **self.counts}
        print(json.dumps(told | {"slowest_s": self.slowest, "most_MB": self.memory, "seconds": seconds}), flush=True)


def _all(given: argparse.Namespace, folder: Path, scratch: Path) -> int:
    files = {given.kind: given.files} if given.kind else {kind: round(given.files * SHARES[kind]) for kind in KINDS}
    whole, reported, interrupted = Tally("all", sum(files.values())), time.monotonic(), False
    for kind, count in files.items():
        tally = Tally(kind, count)
        found = run([(kind, n) for n in range(count)], folder, given.seed, given.workers)
        try:
            for _, number, answer in found:
                tally.add(answer)
                whole.add(answer)
                if answer["outcome"] not in (*GOOD, "skipped"):
                    print(json.dumps({"kind": kind, "number": number, **answer}), flush=True)
                    if given.keep:
                        _copy(mutated(folder, number, given.seed, kind, scratch), given.keep)
                if time.monotonic() - reported > REPORT:
                    reported = time.monotonic()
                    print(f"{kind}: {tally.counts.total()} of {count}; all: {whole.counts.total()} of {whole.of}, {whole.bad} bad",
                          file=sys.stderr, flush=True)  # fmt: skip
        except KeyboardInterrupt:
            interrupted = True
        finally:
            found.close()
        tally.tell()
        if interrupted:
            break
    whole.tell()
    return 130 if interrupted else int(whole.bad > 0)


if __name__ == "__main__":
    sys.exit(main())
