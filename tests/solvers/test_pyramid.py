"""Sizes and steps of coarse to fine."""

from __future__ import annotations

from itertools import pairwise

import pytest

from stylespace.errors import InputError
from stylespace.solvers.pyramid import LARGE, share, sizes


def test_as_published() -> None:
    """style-transfer-pytorch's scales (``gen_scales(128, 512)``), and neural-style's single size."""
    assert sizes(512) == (128, 181, 256, 362, 512)
    assert sizes(512, 512) == (512,)
    assert sizes(512, 128, 2.0) == (128, 256, 512)


@pytest.mark.parametrize("smallest", [32, 64, 96, 128])
@pytest.mark.parametrize("octaves", [1, 2, 3])
def test_reach_the_smallest(smallest: int, octaves: int) -> None:
    """Where whole octaves lie between, the smallest is the first, whatever rounding does on the way."""
    for factor, steps in ((2.0, 1), (2**0.5, 2), (2**0.25, 4)):
        found = sizes(smallest * 2**octaves, smallest, factor)
        assert found[0] == smallest
        assert len(found) == steps * octaves + 1


@pytest.mark.parametrize("size", [1, 2, 97, 128, 129, 300, 511, 1024, 4000])
@pytest.mark.parametrize("smallest", [16, 128, 200])
@pytest.mark.parametrize("factor", [1.1, 2**0.5, 2.0, 3.0])
def test_grow_by_the_factor_up_to_the_size(size: int, smallest: int, factor: float) -> None:
    found = sizes(size, smallest, factor)
    assert found[-1] == size
    assert found[0] >= min(size, smallest)
    assert found[0] < max(smallest, 1) * factor + 1 or found == (size,)  # no room for a smaller one
    for before, after in pairwise(found):
        assert before < after
        step = max(2.0, factor) if after >= 2 * LARGE else factor
        assert abs(after - before * step) <= 0.5 + 0.5 * step


@pytest.mark.parametrize(
    ("size", "smallest", "factor"), [(0, 128, 2.0), (-5, 1, 2.0), (64, 0, 2.0), (64, 16, 1.0), (64, 16, 0.5)]
)
def test_impossible(size: int, smallest: int, factor: float) -> None:
    with pytest.raises(InputError):
        sizes(size, smallest, factor)


@pytest.mark.parametrize("steps", [1, 7, 100, 280, 1000])
@pytest.mark.parametrize("levels", [(512,), (128, 181, 256, 362, 512), (32, 64)])
@pytest.mark.parametrize("fall", [0.0, 1.75, 2.0])
def test_shares(steps: int, levels: tuple[int, ...], fall: float) -> None:
    found = share(steps, levels, fall)
    assert len(found) == len(levels)
    assert min(found) >= 1
    assert list(found) == sorted(found, reverse=True)
    if steps >= 100:
        assert abs(sum(found) - steps) <= len(levels) / 2 + 1


def test_fall_of_two_gives_every_size_the_same_time() -> None:
    levels = (128, 256, 512)
    work = [n * s**2 for n, s in zip(share(21_000, levels, 2.0), levels, strict=True)]
    assert max(work) / min(work) < 1.001
    assert share(300, levels, 0.0) == (100, 100, 100)


def test_large_sizes_get_their_least() -> None:
    each = sizes(4000)
    assert share(200, each, 1.75)[-1] == 1
    found = dict(zip(each, share(200, each, 1.75, 20), strict=True))
    assert all(steps == 20 for size, steps in found.items() if size > 512)
    assert found[500] < 20
    assert share(3, each, 1.75, 20)[-1] == 3
