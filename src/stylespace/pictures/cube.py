"""Maps of colours as ``.cube`` files, which film, photo and game tools read (Adobe's Cube LUT Specification 1.0)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.storage.atomic import write_text

SIZE = 33  # points along each axis


def write_cube(path: str | Path, colours: Tensor, title: str = "Stylespace") -> Path:
    """Write the affine map ``colours`` (3, 4) of sRGB in [0, 1], results cut to [0, 1]. Raises ``InputError`` for another suffix."""
    if Path(path).suffix.lower() != ".cube":
        raise InputError(f"{path} does not end in .cube: give a name that does.")
    axis = torch.linspace(0, 1, SIZE, dtype=torch.float64)
    blue, green, red = torch.meshgrid(axis, axis, axis, indexing="ij")  # red changes fastest
    grid = torch.stack([red, green, blue]).flatten(1)
    made = (colours[:, :3].double() @ grid + colours[:, 3:].double()).clamp(0, 1)
    lines = [f'TITLE "{title}"', f"LUT_3D_SIZE {SIZE}", "DOMAIN_MIN 0.0 0.0 0.0", "DOMAIN_MAX 1.0 1.0 1.0"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in made.T.tolist()]
    return write_text(path, "\n".join(lines) + "\n")
