"""Contact sheets."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from stylespace.errors import InputError
from stylespace.pictures.sheet import INK, PAPER, Cell, grid, sheet

RED, BLUE = (255, 0, 0), (0, 0, 255)


def plain(colour: tuple[int, ...], size: tuple[int, int] = (60, 30)) -> Image.Image:
    return Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour)


def where(drawn: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what has this colour."""
    rows, columns = np.nonzero((np.asarray(drawn) == colour).all(-1))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def inked(drawn: Image.Image, box: tuple[int, int, int, int]) -> bool:
    return bool((np.asarray(drawn.crop(box)) < 120).all(-1).any())


def test_pictures_at_their_places_and_size() -> None:
    drawn = sheet([[Cell(plain(RED)), Cell(plain(BLUE, (10, 20)))]], side=100)
    left, top, right, bottom = where(drawn, RED)
    assert (right - left, bottom - top) == (100, 50)
    left_blue, top_blue, right_blue, bottom_blue = where(drawn, BLUE)
    assert (right_blue - left_blue, bottom_blue - top_blue) == (50, 100)
    assert left_blue > right
    assert abs((top + bottom) - (top_blue + bottom_blue)) <= 1  # middles in line
    assert drawn.getpixel((0, 0)) == PAPER


def test_labels_are_where_they_belong() -> None:
    cells = [[Cell(plain(RED), "below"), Cell(plain(RED))], [Cell(plain(BLUE)), Cell(plain(BLUE))]]
    bare = sheet(cells, side=100)
    full = sheet(cells, title="Title", row_labels=["one", "two"], column_labels=["left", "right"], side=100)
    assert full.size[0] > bare.size[0]
    assert full.size[1] > bare.size[1]
    left, top, right, bottom = where(full, RED)
    next_top = where(full, BLUE)[1]
    assert inked(full, (0, top, left, bottom))  # the row's label
    assert inked(full, (left, 0, right, top))  # title and columns' labels
    assert inked(full, (left, bottom, left + 100, next_top))  # the cell's own
    assert not inked(full, (right - 100, bottom, right, next_top))


def test_inset() -> None:
    drawn = sheet([[Cell(plain(RED, (60, 60)), inset=plain(BLUE, (60, 60)))]], side=100)
    picture, inset = where(drawn, RED), where(drawn, BLUE)
    assert (inset[2] - inset[0], inset[3] - inset[1]) == (28, 28)
    assert inset[0] - picture[0] <= 3
    assert picture[3] - inset[3] <= 3


def test_an_empty_place_says_why() -> None:
    drawn = sheet([[Cell(plain(RED)), Cell(message="not there"), Cell()]], side=100)
    assert drawn.size[0] > 300
    right = where(drawn, RED)[2]
    assert (np.asarray(drawn.crop((right + 5, 0, right + 105, drawn.size[1]))) < 200).any()
    assert (np.asarray(drawn.crop((drawn.size[0] - 100, 0, *drawn.size))) == PAPER).all()


def test_transparent_pictures_lie_on_paper() -> None:
    drawn = np.asarray(sheet([[Cell(plain((255, 0, 0, 0)))]], side=100))
    assert (drawn == PAPER).all()


def test_long_labels_do_not_widen() -> None:
    short = sheet([[Cell(plain(RED), "x")]], side=100)
    long = sheet([[Cell(plain(RED), "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1,relu1_2 " + "w" * 300)]], side=100)
    assert long.size[0] == short.size[0]
    assert short.size[1] < long.size[1] < short.size[1] + 30
    assert (np.asarray(long)[:, :3] == PAPER).all()


def test_rows_of_different_length() -> None:
    rows = grid([Cell(plain(RED))] * 5, 3)
    assert [len(row) for row in rows] == [3, 2]
    assert sheet(rows, side=64).size[0] == sheet(rows[:1], side=64).size[0]


@pytest.mark.parametrize("rows", [[], [[]], [[Cell()]], [[Cell(message="nothing")]]])
def test_no_picture(rows: list[list[Cell]]) -> None:
    with pytest.raises(InputError, match="without a picture"):
        sheet(rows)


def test_too_small() -> None:
    with pytest.raises(InputError, match="16 or more"):
        sheet([[Cell(plain(RED))]], side=8)


def test_ink_is_dark_on_paper() -> None:
    assert min(PAPER) - max(INK) > 150
