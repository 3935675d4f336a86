"""Adding over a Ray cluster of two workers, one of which is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stylespace.library import Library
from stylespace.library.adding import add

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for workers in /proc")]

# A process of its own: Ray ends the process that it is started in when its own servers die.
ADD = """
import sys, ray
from stylespace.library import Library
from stylespace.library.adding import add

needs("ray")
ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
print("up", flush=True)
done = add(Library(sys.argv[1]), sys.argv[2:], workers="ray")
print(done.new, done.known, len(done.failures), flush=True)
"""


def child(library: Library, folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled"}
    command = [sys.executable, "-c", ADD, str(library.folder), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)


def busy_workers() -> list[int]:
    """Processes of Ray that run a task now."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if line.startswith(b"ray::Map"):
                found.append(int(folder.name))
    return found


def test_a_killed_worker_loses_nothing(library: Library, pictures: Callable[..., Path]) -> None:
    folder = pictures(60)
    (folder / "bad.png").write_bytes(b"x")
    running = child(library, folder)
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"
    killed = 0
    until = time.monotonic() + 60
    while not killed and time.monotonic() < until:
        for process in busy_workers():
            time.sleep(0.5)
            try:
                os.kill(process, 9)
            except ProcessLookupError:
                continue
            killed = process
            break
        time.sleep(0.02)
    out, _ = running.communicate(timeout=120)
    assert killed, "no worker was caught at work"
    assert out.endswith("60 0 1\n")
    assert sorted(r.title for r in library.search("").references) == [f"{i:03d}" for i in range(60)]


def test_the_same_store(library: Library, pictures: Callable[..., Path], tmp_path: Path) -> None:
    folder = pictures(5)
    other = Library(tmp_path / "other")
    add(other, [folder])
    out, _ = child(library, folder).communicate(timeout=120)
    assert out.endswith("5 0 0\n")
    assert {r.key: r for r in other.search("").references} == {r.key: r for r in library.search("").references}
    one, two = (numbers_by_key(each) for each in (library, other))
    for key, numbers in one.items():
        assert numbers == pytest.approx(two[key], rel=0.01, abs=0.01 * max(map(abs, numbers)))


def numbers_by_key(library: Library) -> dict[str, list[float]]:
    rows, pieces = library.descriptors()
    names = [reference.key for reference in library.at(rows)]
    return dict(zip(names, (row.tolist() for piece in pieces for row in piece), strict=True))
