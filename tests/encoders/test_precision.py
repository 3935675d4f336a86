"""The choice between bfloat16 and float32."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from stylespace.encoders import precision

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    precision.fastest.cache_clear()
    yield
    precision.fastest.cache_clear()


@pytest.mark.parametrize(
    ("half", "full", "expected"),
    [(1.0, 3.0, torch.bfloat16), (10.0, 1.0, torch.float32), (1.0, 1.0, torch.float32), (0.9, 1.0, torch.float32)],
)
def test_only_where_clearly_faster(monkeypatch: pytest.MonkeyPatch, half: float, full: float, expected: torch.dtype) -> None:
    asked = []

    def seconds(dtype: torch.dtype, device: torch.device) -> float:
        asked.append((dtype, device))
        return half if dtype == torch.bfloat16 else full

    monkeypatch.setattr(precision, "_seconds", seconds)
    assert precision.dtype("auto", CPU) == expected
    assert precision.dtype("auto", CPU) == expected
    assert sorted(asked, key=str) == [(torch.bfloat16, CPU), (torch.float32, CPU)]  # once a process


def test_what_is_asked_for_is_not_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_seconds", None)
    assert precision.dtype("fp32", CPU) == torch.float32
    assert precision.dtype("bf16", CPU) == torch.bfloat16
    assert precision.dtype("auto", torch.device("mps")) == torch.float32


def test_the_probe_is_quick() -> None:
    assert 0 < precision._seconds(torch.float32, CPU) < 1
