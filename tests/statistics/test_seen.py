"""Means over a picture's positions, whole and tile by tile."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stylespace.pictures.tiles import cut
from stylespace.statistics.positions import positions, weights
from stylespace.statistics.seen import Means, SeenTile


def mean(seen: SeenTile, at: Tensor | None) -> Means:
    f = positions(seen.core("relu2_1"))
    return ((f * weights(at, f)).sum(1),)


@pytest.mark.parametrize("guided", [False, True])
def test_tiles_add_up_to_the_whole(guided: bool) -> None:
    picture, features = torch.rand(1, 3, 50, 71), torch.rand(1, 4, 25, 35)
    guide = torch.rand(1, 1, 50, 71) if guided else None
    (whole,) = cut((50, 71), None, 0)
    assert whole.whole
    (expected,) = SeenTile(picture, {"relu2_1": features}, whole).mean(mean, "relu2_1", guide)
    tiles = cut((50, 71), 16, 4, 2)
    assert len(tiles) > 6
    assert not any(tile.whole for tile in tiles)
    found = torch.zeros(4, dtype=torch.float64)
    for tile in tiles:
        rows, columns = (slice(s.start // 2, s.stop // 2) for s in tile.window)
        there = SeenTile(picture[(..., *tile.window)], {"relu2_1": features[..., rows, columns]}, tile)
        found += there.mean(mean, "relu2_1", guide)[0]
    torch.testing.assert_close(found.float(), expected)
