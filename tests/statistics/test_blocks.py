"""Distances of blocks by Fourier transforms, against sums."""

from __future__ import annotations

import numpy as np
import pytest

from stylespace.statistics.blocks import BlockDistances


@pytest.mark.parametrize("size", [(20, 31), (9, 8)])
def test_distances_are_exact(size: tuple[int, int]) -> None:
    random, side = np.random.default_rng(0), 7
    channels = random.integers(0, 256, (4, *size), dtype=np.uint8)
    parts = [(random.integers(0, 256, (4, side, side), dtype=np.uint8), random.integers(0, 3, (4, side, side))) for _ in range(2)]
    weights = np.array([1, 5, 1000, 0])
    found = BlockDistances(channels, weights.tolist(), side, np.zeros(size, np.int64)).errors(*parts)
    assert found.shape == (size[0] - side + 1, size[1] - side + 1)
    for row, column in np.ndindex(*found.shape):
        block = channels[:, row : row + side, column : column + side].astype(np.int64)
        wanted = sum(int((weights[:, None, None] * masks * (block - t) ** 2).sum()) for t, masks in parts)
        assert found[row, column] == wanted


def test_threads_change_nothing() -> None:
    channels = np.random.default_rng(1).integers(0, 256, (3, 64, 50), dtype=np.uint8)
    wanted, masks = channels[:, 3:19, 5:21], np.ones((3, 16, 16), np.int64)
    one, many = (
        BlockDistances(channels, [1] * 3, 16, np.zeros((64, 50), np.int64), workers).errors((wanted, masks)) for workers in (1, 3)
    )
    assert np.array_equal(one, many)
    assert one[3, 5] == 0


def test_blocks_lie_within_one_picture_and_its_mask() -> None:
    owner = np.zeros((20, 12), np.int64)
    owner[10:] = 1
    owner[:, 9:] = -1
    valid = BlockDistances(np.zeros((1, 20, 12), np.uint8), [1], 4, owner).valid
    wanted = np.zeros((17, 9), bool)
    wanted[:7, :6] = wanted[10:, :6] = True
    assert np.array_equal(valid, wanted)
