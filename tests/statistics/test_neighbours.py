"""Nearest neighbours in blocks against all pairs."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from stylespace.statistics import neighbours
from stylespace.statistics.neighbours import nearest


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("sizes", [(50, 70), (3, 200), (130, 9)])
def test_blocks_give_what_all_pairs_give(sizes: tuple[int, int], centre: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "QUERIES", 16)
    monkeypatch.setattr(neighbours, "POOL", 32)
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(n, 6, generator=generator, dtype=torch.float64) for n in sizes)
    a, b = (t - t.mean(0) if centre else t for t in (x, y))
    assert torch.equal(nearest(x, y, centre), (F.normalize(a, dim=1) @ F.normalize(b, dim=1).T).argmax(1))


def test_everything_is_its_own_nearest() -> None:
    x = torch.randn(300, 12, generator=torch.Generator().manual_seed(1))
    assert torch.equal(nearest(x, x), torch.arange(300))
