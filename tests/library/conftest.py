from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from installed import needs
from PIL import Image

from stylespace.library import Library

needs("lancedb", "pyarrow")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., Path]:
    """A folder of small pictures: plaids of different colours and periods."""

    def make(count: int, folder: str = "pictures", first: int = 0) -> Path:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        for i in range(first, first + count):
            generator = np.random.default_rng(i)
            small = generator.integers(0, 255, (3 + i % 5, 4, 3), dtype=np.uint8)
            Image.fromarray(small).resize((48, 36), Image.Resampling.NEAREST).save(place / f"{i:03d}.png")
        return place

    return make
