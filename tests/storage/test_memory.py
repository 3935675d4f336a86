"""Keeping freed memory."""

from __future__ import annotations

import sys

import pytest

from stylespace.storage.memory import keep_freed_memory


def test_elsewhere_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks glibc")
def test_without_mallopt(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with musl."""

    class Library:
        def __init__(self, name: None) -> None:
            pass

    monkeypatch.setattr("ctypes.CDLL", Library)
    assert keep_freed_memory() is False
