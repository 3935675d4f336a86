"""The bar and the lines."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
import torch

from stylespace.cli.progress import Reporter
from stylespace.pipelines.run import Progress
from stylespace.solvers.solution import Step


def progress(done: int, size: int, left: float = 30.0, painted: bool = False) -> Progress:
    return Progress(
        done, 9, Step(done, 5, size, 0.25, {"style": 0.25} if painted is False else {}, torch.zeros(1, 3, 2, 2)), 1.0, left
    )


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Any:
    def of(terminal: bool) -> io.StringIO:
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda: terminal)
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setenv("TERM", "xterm")
        return stream

    return of


def run(quiet: bool = False) -> None:
    with Reporter(quiet) as reporter:
        reporter.begin("[b]photo.png")
        for done, size in ((1, 64), (2, 64), (3, 128), (4, 128)):
            reporter.step(progress(done, size, 30.0 * done**4))
        reporter.say("said")


def test_a_line_for_each_size(shown: Any) -> None:
    stream = shown(False)
    run()
    assert stream.getvalue().splitlines() == [
        "[b]photo.png: 64 px, 5 steps, loss 0.25, 30 s left",
        "[b]photo.png: 128 px, 5 steps, loss 0.25, 40 min left",
        "said",
    ]


def test_a_line_each_minute(shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = shown(False)
    clock = iter((100.0, 130.0, 161.0, 161.0, 170.0))
    monkeypatch.setattr("stylespace.cli.progress.time.monotonic", lambda: next(clock))
    with Reporter(False) as reporter:
        reporter.begin("photo.png")
        for done in range(1, 5):
            reporter.step(progress(done, 64, painted=done > 2))
    assert stream.getvalue().splitlines() == [
        "photo.png: 64 px, 5 steps, loss 0.25, 30 s left",
        "photo.png: 64 px, step 3 of 5, layer by layer, 30 s left",
    ]


def test_a_bar_on_a_terminal(shown: Any) -> None:
    stream = shown(True)
    run()
    text = stream.getvalue()
    assert "[b]photo.png" in text
    assert "128 px  step 4/9  loss 0.25 2.1 h left" in text
    assert text.endswith("said\n")
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet(shown: Any, terminal: bool) -> None:
    stream = shown(terminal)
    run(quiet=True)
    assert stream.getvalue() == ""
