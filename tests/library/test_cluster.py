"""Adding over a Ray cluster of two workers, one of which is killed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stylespace.library import Library
from stylespace.library.adding import add

ray = pytest.importorskip("ray", reason="needs the extra 'ray'")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False, runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}})
    yield
    ray.shutdown()


def busy_workers() -> list[int]:
    """Processes of Ray that run a task now."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if line.startswith(b"ray::") and b"IDLE" not in line:
                found.append(int(folder.name))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for workers in /proc")
def test_a_killed_worker_loses_nothing(library: Library, pictures: Callable[..., Path], cluster: None) -> None:
    folder = pictures(60)
    (folder / "bad.png").write_bytes(b"x")
    killed: list[int] = []

    def kill() -> None:
        until = time.monotonic() + 60
        while not killed and time.monotonic() < until:
            for process in busy_workers():
                time.sleep(0.3)
                try:
                    os.kill(process, 9)
                except ProcessLookupError:
                    continue
                killed.append(process)
                return
            time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    done = add(library, [folder], workers="ray")
    thread.join()
    assert killed, "no worker was caught at work"
    assert done.new == 60
    assert list(done.failures) == [str(folder / "bad.png")]
    assert sorted(r.title for r in library.search("").references) == [f"{i:03d}" for i in range(60)]
    assert add(library, [folder], workers="ray").known == 60


def test_the_same_store(library: Library, pictures: Callable[..., Path], cluster: None, tmp_path: Path) -> None:
    folder = pictures(5)
    add(library, [folder], workers="ray")
    other = Library(tmp_path / "other")
    add(other, [folder])
    assert {r.key: r for r in other.search("").references} == {r.key: r for r in library.search("").references}
    ours, theirs = (dict(zip(sum((k.to_pylist() for k in keys), []), numbers, strict=True)) for keys, numbers in (
        (keys, [row.tolist() for piece in pieces for row in piece]) for keys, pieces in (x.descriptors("") for x in (library, other))
    ))  # fmt: skip
    assert ours.keys() == theirs.keys()
    for key in ours:
        assert ours[key] == pytest.approx(theirs[key], rel=0.01, abs=0.01 * max(map(abs, theirs[key])))
