"""Warps: what they move, what they keep, folding, files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stylespace.errors import InputError
from stylespace.pictures.warp import Warp, flow, sample, stretch, variation

SIZE = (96, 128)
GENTLE = Warp(((0.3, 0.3), (0.7, 0.4), (0.5, 0.75)), ((0.36, 0.28), (0.66, 0.47), (0.5, 0.68)), SIZE)
FOLDED = Warp(((0.4, 0.5), (0.6, 0.5)), ((0.7, 0.5), (0.3, 0.5)), SIZE)


def dots(places: tuple[tuple[float, float], ...], size: tuple[int, int] = SIZE) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    drawn = [torch.exp(-((rows + 0.5 - y * size[0]) ** 2 + (columns + 0.5 - x * size[1]) ** 2) / 8) for x, y in places]
    return torch.stack(drawn)[None]


def test_what_is_at_the_points_goes_to_the_moved_places() -> None:
    made = GENTLE.apply(dots(GENTLE.points))[0]
    for channel, (x, y) in zip(made, GENTLE.moved, strict=True):
        at = divmod(int(channel.argmax()), SIZE[1])
        assert abs(at[0] + 0.5 - y * SIZE[0]) <= 1
        assert abs(at[1] + 0.5 - x * SIZE[1]) <= 1


def test_the_border_stays() -> None:
    there = GENTLE.flow(SIZE)[0]
    edge = torch.cat([there[:, 0], there[:, -1], there[:, :, 0], there[:, :, -1]], 1)
    assert edge.abs().max() < 0.25 * there.abs().max()
    assert there[:, 0, 0].abs().max() < 1e-3


def test_flow_is_the_spline_to_a_fraction_of_a_pixel() -> None:
    sides = torch.tensor([96.0, 128.0], dtype=torch.float64) / 128
    points, moved = (torch.tensor([(y, x) for x, y in p], dtype=torch.float64) * sides for p in (GENTLE.points, GENTLE.moved))
    coarse, fine = flow(points, moved, SIZE, (384, 512)), flow(points, moved, SIZE, (384, 512), 512)
    apart = (coarse - fine) * torch.tensor([384.0, 512.0]).view(1, 2, 1, 1)
    assert apart.abs().max() < 0.4


def test_no_movement_changes_nothing() -> None:
    picture = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    still = Warp(GENTLE.points, GENTLE.points, SIZE)
    torch.testing.assert_close(still.apply(picture), picture, atol=1e-4, rtol=0)
    torch.testing.assert_close(GENTLE.apply(picture, 0.0), picture, atol=1e-4, rtol=0)
    empty = Warp((), (), SIZE)
    torch.testing.assert_close(empty.apply(picture), picture, atol=1e-4, rtol=0)


def test_there_and_back_again() -> None:
    forth, back = GENTLE.flow(SIZE), GENTLE.forward(SIZE)
    round_trip = (forth + sample(back, forth)) * torch.tensor([96.0, 128.0]).view(1, 2, 1, 1)
    assert round_trip.abs().max() < 0.2
    at = torch.tensor(GENTLE.points, dtype=torch.float32).flip(1)
    there = torch.nn.functional.grid_sample(back, (2 * at.flip(1) - 1)[None, None], align_corners=False)[0, :, 0].T
    wanted = torch.tensor(GENTLE.moved).flip(1)
    assert ((at + there - wanted) * torch.tensor([96.0, 128.0])).abs().max() < 0.3


def test_one_warp_serves_every_size() -> None:
    large = GENTLE.flow((192, 256))
    small = torch.nn.functional.interpolate(large, size=SIZE, mode="area")
    assert (small - GENTLE.flow(SIZE)).abs().max() < 2e-3


def test_folding_is_found_and_undone() -> None:
    assert GENTLE.foldings() == 0
    assert FOLDED.foldings() > 100
    flat, strength = FOLDED.gentle()
    assert flat.foldings() == 0
    assert 0 < strength < 1
    assert GENTLE.gentle(0.3) == (GENTLE, 1.0)
    assert FOLDED.gentle(0.5)[1] < strength


def test_stretch_of_an_enlargement() -> None:
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    enlarged = torch.stack([-0.5 * rows, -0.5 * columns])[None] / 8
    assert torch.allclose(stretch(enlarged), torch.full((1, 7, 7), 0.25))
    assert variation(enlarged).item() == pytest.approx(1.0)


def test_gradients_reach_the_moved_points() -> None:
    points = torch.tensor([[0.3, 0.4], [0.6, 0.7]], dtype=torch.float64)
    moved = (points + 0.02).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: flow(points, m, (8, 8), (8, 8), 8).double(), (moved,), eps=1e-4, atol=1e-3)


def test_saved_and_read_again(tmp_path: Path) -> None:
    assert Warp.load(GENTLE.save(tmp_path / "warp.json")) == GENTLE


@pytest.mark.parametrize("text", ["", "{}", '{"warp": {"points": [[1]], "moved": [[1, 2]], "size": [8, 8]}}', "[]"])
def test_a_file_without_a_warp_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "warp.json"
    path.write_text(text)
    with pytest.raises(InputError, match="no warp"):
        Warp.load(path)
    with pytest.raises(InputError, match="no warp"):
        Warp.load(tmp_path / "missing.json")


def test_the_drawing_shows_the_movement() -> None:
    plain, drawn = (w.grid((120, 160)) for w in (Warp((), (), SIZE), GENTLE))
    assert plain.shape == drawn.shape == (1, 3, 120, 160)
    assert (plain - drawn).abs().max() > 0.3


@pytest.mark.parametrize("places", ["[[NaN, 0.5]]", "[[Infinity, 0.5]]", "[[1e999, 0]]", "[[0.1]]", "[null]", "3", "[" * 10**5])
def test_files_with_places_that_are_none(tmp_path: Path, places: str) -> None:
    path = tmp_path / "warp.json"
    path.write_text(f'{{"warp": {{"size": [40, 48], "points": {places}, "moved": [[0.5, 0.5]]}}}}')
    with pytest.raises(InputError, match="give a file that the deformable method wrote"):
        Warp.load(path)
