"""The pool that reads hostile files: what crashes, hangs, escapes or says too much is counted, and the rest goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

PROCESS = """
import json, os, signal, sys, time
for line in sys.stdin:
    kind, number = json.loads(line)
    if number == 1: os.kill(os.getpid(), signal.SIGSEGV)
    if number == 2: time.sleep(600)
    print(json.dumps({"outcome": "read", "seconds": 0, "megabytes": 1, "text": str(os.getpid())}), flush=True)
"""


@pytest.fixture
def hostile(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    import hostile

    return hostile


def test_crashes_and_hangs(hostile: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "process.py").write_text(PROCESS)
    monkeypatch.setattr(hostile, "PROGRAM", tmp_path / "process.py")
    monkeypatch.setattr(hostile, "SECONDS", 2.0)
    monkeypatch.setattr(hostile, "PATIENCE", 2)
    found: dict[int, dict[str, Any]] = {n: answer for _, n, answer in hostile.run([("png", n) for n in range(5)], tmp_path, 0, 1)}
    assert [found[n]["outcome"] for n in range(5)] == ["read", "crash", "hang", "read", "read"]
    assert found[1]["text"] == "A library that reads this kind of file crashed (SIGSEGV)."
    processes = [found[n]["text"] for n in (0, 3, 4)]
    assert processes[0] != processes[1] == processes[2]  # one that crashed or hung is replaced


def test_mutations_are_repeatable_and_many(hostile: ModuleType) -> None:
    import hostile_files

    data = bytes(range(256)) * 4
    made = {hostile_files.flipped(data, np.random.default_rng(n)) for n in range(100)}
    assert len(made) > 90
    assert made == {hostile_files.flipped(data, np.random.default_rng(n)) for n in range(100)}
    record = {"a": [1, 2.5, {"b": "c"}], "d": None}
    changed = {json.dumps(hostile_files.changed(record, np.random.default_rng(n))) for n in range(100)}
    assert len(changed) > 50
    assert record == {"a": [1, 2.5, {"b": "c"}], "d": None}


def test_what_readers_raise(hostile: ModuleType, tmp_path: Path) -> None:
    from stylespace.errors import InputError

    def refuse(text: str) -> Any:
        def reader() -> None:
            raise InputError(text)

        return reader

    with pytest.raises(InputError, match="first"):
        hostile.every(refuse("The first."), refuse("The second."))
    hostile.every(refuse("The first."), lambda: None)  # one of them read it
    for wrong in ("", "no full stop", "word " * 250 + "end.", "Traceback (most recent call last)."):
        with pytest.raises(AssertionError, match="not a sentence"):
            hostile.every(refuse(wrong), lambda: None)
    with pytest.raises(ZeroDivisionError):
        hostile.every(lambda: 1 / 0)


MEMORY = """
import hostile, numpy
hostile._forget_peak()
before, now = hostile._peak(), hostile._status("VmRSS")
if now is None or before > now + 8:
    print("skip")
else:
    numpy.ones(40 << 20, numpy.uint8).sum()
    print(hostile._peak() - before)
    hostile._forget_peak()
    print(hostile._peak() - before)
"""


def test_memory_is_that_of_the_file(repository: Path) -> None:
    """In a process of its own: another's freed memory is given out again, and its greatest does not grow."""
    command = [sys.executable, "-c", MEMORY]
    said = subprocess.run(command, cwd=repository / "benchmarks", capture_output=True, text=True, check=True).stdout.split()
    if said == ["skip"]:
        pytest.skip("this system does not count a process's greatest memory anew")
    grown, left = map(float, said)
    assert 30 < grown < 60
    assert left < 20


def test_ctrl_c_ends_the_pool_and_tells_the_counts(
    hostile: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = []

    def run(jobs: list[tuple[str, int]], *arguments: object) -> Iterator[tuple[str, int, dict[str, Any]]]:
        try:
            yield "png", 0, {"outcome": "read"}
            yield "png", 1, {"outcome": "escaped", "text": "x", "seconds": 2.0, "megabytes": 30}
            raise KeyboardInterrupt
        finally:
            ended.append(True)

    monkeypatch.setattr(hostile, "run", run)
    monkeypatch.setattr(hostile, "REPORT", -1.0)
    given = Namespace(files=5, kind="png", seed=0, workers=1, keep=None)
    assert hostile._all(given, tmp_path, tmp_path) == 130
    assert ended == [True]
    said = capsys.readouterr()
    bad, of_kind, whole = map(json.loads, said.out.splitlines())
    assert (bad["number"], bad["outcome"]) == (1, "escaped")
    assert (of_kind["kind"], of_kind["files"], of_kind["of"], of_kind["read"], of_kind["most_MB"]) == ("png", 2, 5, 1, 30)
    assert (whole["kind"], whole["files"], whole["escaped"]) == ("all", 2, 1)
    assert said.err.splitlines()[-1] == "png: 2 of 5; all: 2 of 5, 1 bad"
