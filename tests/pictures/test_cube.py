"""Maps of colours as files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stylespace.errors import InputError
from stylespace.pictures.cube import write_cube


def test_the_table_is_the_map(tmp_path: Path) -> None:
    colours = torch.tensor([[0.5, 0.1, 0.0, 0.1], [0.0, 0.9, 0.0, 0.2], [0.0, 0.0, 1.0, -0.1]])
    lines = write_cube(tmp_path / "look.cube", colours).read_text().splitlines()
    assert "LUT_3D_SIZE 33" in lines
    rows = torch.tensor([[float(x) for x in line.split()] for line in lines if line[0] in "01"])
    assert rows.shape == (33**3, 3)
    red, green, blue = 8, 16, 32  # red changes fastest
    wanted = torch.tensor([0.5 * 0.25 + 0.1 * 0.5 + 0.1, 0.9 * 0.5 + 0.2, 0.9])
    assert torch.allclose(rows[red + 33 * green + 33**2 * blue], wanted, atol=1e-5)
    assert float(rows.min()) == 0
    with pytest.raises(InputError, match=r"\.cube"):
        write_cube(tmp_path / "look.lut", colours)
