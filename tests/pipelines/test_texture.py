"""Textures: all pixels are copies, edges that meet, holes, maps, stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import stylespace as ss
from stylespace.demo.drawings import draw
from stylespace.errors import InputError
from stylespace.pipelines.run import Progress
from stylespace.storage import journal

BRICKS = np.kron(np.random.default_rng(0).integers(0, 256, (8, 8, 3)), np.ones((5, 5, 1))).astype(np.uint8)
SOURCE = draw("mosaic", (48, 56))
OTHER = draw("swirls", (40, 40))


def pixels(made: Any) -> np.ndarray:
    return np.asarray(made.picture).astype(int)


def steps_across(picture: np.ndarray) -> tuple[float, float]:
    """Mean difference of neighbours over the edges that are to meet, and within the picture."""
    joined = [np.abs(np.take(picture, 0, axis) - np.take(picture, -1, axis)).mean() for axis in (0, 1)]
    inside = [np.abs(np.diff(picture, axis=axis)).mean() for axis in (0, 1)]
    return float(np.mean(joined)), float(np.mean(inside))


@pytest.mark.parametrize("size", [(90, 70), (20, 12), (64, 64)])
def test_pixels_are_copies(size: tuple[int, int]) -> None:
    made = ss.texture([SOURCE, OTHER], size=size, seed=3)
    assert made.picture.size == size
    number, down, right = made.rearrangement.coordinates.numpy()
    found = np.stack([(SOURCE, OTHER)[n][y, x] for n, y, x in zip(number.ravel(), down.ravel(), right.ravel(), strict=True)])
    assert np.array_equal(pixels(made), found.reshape(*size[::-1], 3))
    assert set(number.ravel().tolist()) <= {0, 1}


def test_a_seed_is_a_picture_whatever_the_threads() -> None:
    one, same, other = (ss.texture(SOURCE, size=(80, 64), seed=seed, threads=n) for seed, n in ((1, 1), (1, 3), (2, 1)))
    assert one.picture.tobytes() == same.picture.tobytes()
    assert one.picture.tobytes() != other.picture.tobytes()


def test_edges_meet() -> None:
    """A texture that tiles: over the edge neighbours differ no more than inside; without, and in the source, far more."""
    tile, plain = (ss.texture(SOURCE, size=(72, 66), tile=tile, block=14) for tile in (True, False))
    joined, inside = steps_across(pixels(tile))
    assert joined < 1.7 * inside
    assert steps_across(pixels(plain))[0] > 1.3 * joined


def test_a_picture_is_made_to_tile() -> None:
    made = pixels(ss.texture(SOURCE, tile=True))
    assert made.shape == SOURCE.shape
    before, after = steps_across(SOURCE.astype(int)), steps_across(made)
    assert after[0] < 0.7 * before[0]
    reach = 48 // 4
    assert np.array_equal(made[reach:-reach, reach:-reach], SOURCE[reach:-reach, reach:-reach])


def test_a_hole_is_filled_from_the_rest() -> None:
    stripes = np.tile((np.arange(64) // 4 % 2 * 200 + 20).astype(np.uint8)[None, :, None], (48, 1, 3))
    damaged, hole = stripes.copy(), np.zeros((48, 64), np.uint8)
    damaged[15:30, 20:43] = (255, 0, 0)
    hole[15:30, 20:43] = 255
    made = ss.texture(damaged, hole=hole, block=12)
    assert np.array_equal(pixels(made), stripes)
    number, down, right = made.rearrangement.coordinates.numpy()
    assert not hole[down, right].any()
    filled = ss.texture([damaged, OTHER], hole=hole)
    assert not (pixels(filled) == (255, 0, 0)).all(-1).any()


def test_masks_and_several_sources() -> None:
    left = np.zeros(SOURCE.shape[:2], np.uint8)
    left[:, :30] = 255
    made = ss.texture([SOURCE, OTHER], size=(60, 60), masks=[left, np.full(OTHER.shape[:2], 255, np.uint8)], block=10)
    number, _, right = made.rearrangement.coordinates.numpy()
    assert right[number == 0].max(initial=0) < 30
    alone = ss.texture(SOURCE, size=(60, 60), masks=[left], block=10)
    assert alone.rearrangement.coordinates[2].max() < 30


def test_guides_say_what_goes_where() -> None:
    """Left of the source is dark, right bright; a map asks for them the other way round."""
    random = np.random.default_rng(0)
    source = random.integers(0, 60, (40, 60, 3)).astype(np.uint8)
    source[:, 30:] += 190
    there, here = np.zeros((40, 60), np.uint8), np.zeros((50, 50), np.uint8)
    there[:, 30:], here[:, :25] = 255, 255
    made = pixels(ss.texture(source, size=(50, 50), guides=[ss.Guide(here, there, 2.0)], block=8, seed=1))
    assert made[:, :20].mean() > 180
    assert made[:, 30:].mean() < 70


def test_maps_go_along(tmp_path: Path) -> None:
    height = SOURCE[..., :1].repeat(3, 2)
    made = ss.texture(SOURCE, size=(70, 50), maps=[height, 255 - height])
    assert [m.size for m in made.maps] == [(50, 70)] * 2
    assert torch.equal(made.maps[0].pixels[:, 0], made.source.pixels[:, 0])
    made.rearrangement.save(tmp_path / "map.safetensors")
    again = ss.rearrange(tmp_path / "map.safetensors", [height])
    assert torch.equal(again.pixels, made.maps[0].pixels)


def test_variety() -> None:
    """With it fewer pixels go on as they do in the source."""
    stripes = np.tile(np.arange(64) // 4 % 2 * 150, (64, 1))[..., None]
    source = (stripes + np.random.default_rng(0).integers(0, 40, (64, 64, 3))).astype(np.uint8)

    def together(variety: float) -> float:
        number, down, right = ss.texture(source, size=(128, 128), variety=variety).rearrangement.coordinates.numpy()
        return float(((np.diff(right, axis=1) == 1) & (np.diff(down, axis=1) == 0)).mean())

    assert together(0.0) > together(0.6) + 0.02


@pytest.mark.parametrize("arguments", [{"size": (96, 90)}, {"tile": True}])
def test_it_goes_on_after_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]) -> None:
    monkeypatch.setattr(journal, "EVERY", -1.0)
    seen: list[Progress] = []
    whole = ss.texture(SOURCE, block=10, progress=seen.append, **arguments)
    assert [p.done for p in seen] == list(range(1, seen[-1].of + 1))

    def stop(progress: Progress) -> None:
        if progress.done == 4:
            raise KeyboardInterrupt

    stopped = ss.texture(SOURCE, block=10, unfinished=tmp_path / "state", progress=stop, **arguments)
    assert stopped.interrupted
    notes: list[str] = []
    again = ss.texture(SOURCE, block=10, unfinished=tmp_path / "state", note=notes.append, **arguments)
    assert notes == ["Continuing after step 3."]
    assert again.picture.tobytes() == whole.picture.tobytes()
    again.save(tmp_path / "out.png")
    assert not (tmp_path / "state").exists()


def test_transparency_and_depth_are_copied() -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (32, 32, 4)).astype(np.uint16)
    made = ss.texture(deep, size=(40, 40))
    _, down, right = made.rearrangement.coordinates.numpy()
    assert made.source.bits == 16
    assert np.allclose(made.source.alpha[0, 0].numpy() * 65535, deep[down, right, 3], atol=0.01)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": (2, 40)}, "2 x 40 pixels cannot be made"),
        ({"hole": np.zeros((8, 8), np.uint8)}, "black everywhere"),
        ({"hole": BRICKS, "tile": True}, "leave size and tile out"),
        ({"masks": [None, None]}, "2 masks were given for 1 sources"),
        ({"masks": [np.zeros((8, 8), np.uint8)]}, "No block of"),
        ({"variety": -1}, "variety cannot be -1"),
        ({"colour": "style"}, "There is no setting 'colour'"),
        ({"size": (10**6, 10**6)}, "pixels"),
        ({"maps": [OTHER]}, "maps do not fit"),
        ({"guides": [ss.Guide(BRICKS, BRICKS, -1.0)]}, "must be 0 or more"),
    ],
)
def test_mistakes(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises((InputError, ValueError), match=words):
        ss.texture(SOURCE, **arguments)
    with pytest.raises(InputError, match="No source"):
        ss.texture([])


@pytest.mark.parametrize("size", [(2, 2), (2, 30), (5, 3)])
def test_tiny_sources(size: tuple[int, int]) -> None:
    source = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    assert ss.texture(source, size=(16, 12)).picture.size == (16, 12)
    assert ss.texture(np.full((*size, 3), 7, np.uint8), size=(9, 12), tile=True).picture.size == (9, 12)
