"""Patches and their near ones: against trying all, at any number of threads, by the rules of use and coherence."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from stylespace.errors import InputError, MissingExtraError
from stylespace.statistics import patchmatch
from stylespace.statistics.patchmatch import Criteria, NearestField

PLAIN = Criteria(3, (1, 2))


def pictures(seed: int = 0, size: tuple[int, int] = (30, 34)) -> tuple[np.ndarray, np.ndarray]:
    """Two smooth ones of two channels, alike but not the same."""
    y, x = np.mgrid[: size[0], : size[1]]
    random = np.random.default_rng(seed)
    made = [np.stack([np.sin(x / 3 + a) + np.cos(y / 4 - a), np.sin((x + y) / 5 + 2 * a)], -1) for a in (0.0, 0.7)]
    return tuple(np.clip(128 + 50 * m + 8 * random.standard_normal(m.shape), 0, 255).astype(np.uint8) for m in made)  # type: ignore[return-value]


def distances(here: np.ndarray, there: np.ndarray, y: int, x: int, side: int, weights: tuple[int, ...]) -> np.ndarray:
    """Of one patch to all, with the middles they have."""
    reach = side // 2
    wide = np.pad(here, ((reach, reach), (reach, reach), (0, 0)), mode="edge")[y : y + side, x : x + side].astype(int)
    every = np.lib.stride_tricks.sliding_window_view(there.astype(int), (side, side), (0, 1))  # (h', w', C, side, side)
    return ((every - wide.transpose(2, 0, 1)) ** 2 * np.array(weights)[:, None, None]).sum((2, 3, 4))


def test_without_numba_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "stylespace.statistics.patchmatch_loops", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'stylespace\[patches\]'"):
        patchmatch.compiled()


def test_middles_lie_inside() -> None:
    owner = np.zeros((10, 12), np.int64)
    owner[5:], owner[0, 0] = 1, -1
    allowed = patchmatch.middles(owner, 3)
    wanted = np.zeros((10, 12), bool)
    wanted[1:4, 1:11] = wanted[6:9, 1:11] = True
    wanted[1, 1] = False
    assert np.array_equal(allowed, wanted)
    with pytest.raises(InputError, match="No patch of 7 pixels"):
        patchmatch.middles(owner, 7)


def test_places_grow_with_the_picture() -> None:
    """Enlarged twice, what was next to each other stays so, and all is allowed."""
    allowed = patchmatch.middles(np.zeros((20, 24), np.int64), 5)
    small = np.stack(np.meshgrid(np.arange(10), np.arange(12), indexing="ij"), -1).astype(np.int32)
    large = patchmatch.enlarged(small, (20, 24), (10, 12), allowed)
    inside = large[2:-2, 2:-2]
    assert np.array_equal(inside, np.stack(np.meshgrid(np.arange(2, 18), np.arange(2, 22), indexing="ij"), -1))
    assert allowed[large[..., 0], large[..., 1]].all()


def test_uses_are_counted() -> None:
    places = np.array([[[2, 2], [2, 3]]], np.int32)
    used = patchmatch.uses(places, (5, 6), 3)
    assert used.sum() == 18
    assert used[2].tolist() == [0, 1, 2, 2, 1, 0]
    assert used[0].sum() == 0


@pytest.fixture
def numba() -> None:
    pytest.importorskip("numba")


def test_near_patches_are_found(numba: None) -> None:
    """Errors are those of the places, and nearly as small as the least of all."""
    here, there = pictures()
    allowed = patchmatch.middles(np.zeros(there.shape[:2], np.int64), 3)
    places = patchmatch.anywhere(here.shape[:2], allowed, 0)
    found = patchmatch.search(here, there, places, allowed, PLAIN, 8, 0)
    assert allowed[found.places[..., 0], found.places[..., 1]].all()
    least, own = [], []
    for y, x in np.ndindex(*found.errors.shape):
        every = distances(here, there, y, x, 3, PLAIN.weights)
        v, u = found.places[y, x]
        assert found.errors[y, x] == every[v - 1, u - 1]
        least.append(every.min())
        own.append(found.errors[y, x])
    assert sum(own) < 1.15 * sum(least)


def test_threads_change_nothing_and_seeds_do(numba: None) -> None:
    here, there = pictures(size=(70, 40))
    allowed = patchmatch.middles(np.zeros(there.shape[:2], np.int64), 3)
    places = patchmatch.anywhere(here.shape[:2], allowed, 0)
    rule = Criteria(3, (1, 2), 20.0, 0.5)
    one, many, other = (patchmatch.search(here, there, places, allowed, rule, 2, seed, n) for seed, n in ((0, 1), (0, 3), (1, 1)))
    assert np.array_equal(one.places, many.places)
    assert np.array_equal(one.errors, many.errors)
    assert not np.array_equal(one.places, other.places)
    votes = [patchmatch.vote(there, one, 3, n) for n in (1, 3)]
    assert np.array_equal(*votes)


def test_a_vote_for_itself(numba: None) -> None:
    picture, _ = pictures()
    middle = np.stack(np.meshgrid(np.arange(1, 29), np.arange(1, 33), indexing="ij"), -1).astype(np.int32)
    made = patchmatch.vote(picture, NearestField(middle, np.zeros((28, 32), np.int64)), 3)
    assert np.array_equal(made, picture[1:29, 1:33])


def test_use_and_coherence(numba: None) -> None:
    here, there = pictures(3)
    here = (here // 4 + 96).astype(np.uint8)  # all of it is like a little of the other
    allowed = patchmatch.middles(np.zeros(there.shape[:2], np.int64), 3)
    places = patchmatch.anywhere(here.shape[:2], allowed, 0)

    def found(uniformity: float, coherence: float) -> np.ndarray:
        return patchmatch.search(here, there, places, allowed, Criteria(3, (1, 2), uniformity, coherence), 8, 0).places

    def together(p: np.ndarray) -> float:
        return float((np.diff(p, axis=1) == (0, 1)).all(-1).mean())

    plain = found(0.0, 0.0)
    assert patchmatch.uses(found(500.0, 0.0), (30, 34), 3).max() < patchmatch.uses(plain, (30, 34), 3).max()
    assert together(found(0.0, 3.0)) > together(plain) + 0.05
