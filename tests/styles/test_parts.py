"""Files of style regions, and files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from stylespace.errors import InputError
from stylespace.storage.tensors import read_tensors, write_tensors
from stylespace.styles.parts import Regions


@pytest.mark.parametrize(
    "change",
    [
        {}, {"pictures": None}, {"pictures": ["a.png"]}, {"pictures": ["a.png", 3]}, {"pictures": ["a.png", ["b"]]}, {"encoder": None},
        {"encoder": {"sha256": "0"}}, {"format": "other"}, {"pictures": ["gone.png", None]},
    ],
)  # fmt: skip
def test_files(tmp_path: Path, change: dict[str, Any]) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    made = Regions(torch.rand(2, 5), (tmp_path / "a.png", None), {"name": "compact"})
    path = made.save(tmp_path / "regions.safetensors")
    record, tensors = read_tensors(path)
    write_tensors(path, tensors, record | change)
    if not change:
        again = Regions.load(path)
        assert torch.equal(again.centres, made.centres)
        assert (again.pictures, again.encoder) == (made.pictures, made.encoder)
        tensors = {"centres": tensors["centres"][0]}
        write_tensors(path, tensors, record)
    with pytest.raises(InputError, match=r"regions|no encoder|is not there"):
        Regions.load(path)
