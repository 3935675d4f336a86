"""Every example of the gallery runs, at a small size, and has its picture."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"
SCRIPTS = sorted(path for path in GALLERY.glob("*.py") if path.stem != "inputs")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_example(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.webp"
    monkeypatch.setattr(sys, "argv", [str(script), "--size", "64", "-o", str(out)])
    monkeypatch.syspath_prepend(str(GALLERY))
    monkeypatch.delitem(sys.modules, "inputs", raising=False)
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.modules.pop("inputs", None)
    with Image.open(out) as picture:
        assert max(picture.size) >= 64
        assert sum(map(bool, picture.convert("L").histogram())) > 10


def test_every_example_has_its_picture() -> None:
    pictures = [script.with_suffix(".webp") for script in SCRIPTS]
    assert [path.name for path in pictures if not path.is_file()] == []
    assert sum(path.stat().st_size for path in pictures) < 1_000_000
    assert sum(path.stat().st_size for path in GALLERY.parent.rglob("*.webp")) < 10_000_000
