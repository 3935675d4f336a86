"""What a transfer leaves: files with the settings inside, losses as lines, a curve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace.errors import InputError, PictureError
from stylespace.pictures import Picture, read, read_settings
from stylespace.pipelines.result import Result

SETTINGS = {
    "method": "gatys",
    "settings": {"size": 40, "style_layers": {"relu1_1": 0.2}, "sizes": [32, 40]},
    "styles": [{"weight": 0.5}],
}


def record(step: int, total: float, size: int = 32, **more: Any) -> dict[str, Any]:
    return {
        "size": size,
        "step": step,
        "total": total,
        "content relu4_2": total / 3,
        "style relu1_1": total * 2 / 3,
        "seconds": 0.1,
    } | more


@pytest.fixture
def result() -> Result:
    losses = [record(1, 9.0), record(2, 3.0), record(1, 4.0, 40), record(2, 1.0, 40)]
    return Result(Picture(torch.rand(1, 3, 30, 40), bits=16), losses, SETTINGS, 1.5)


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as opened:
        return opened.size


def test_picture(result: Result) -> None:
    assert (result.picture.mode, result.picture.size) == ("RGB", (40, 30))
    expected = (result.source.pixels[0].permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
    assert np.abs(np.asarray(result.picture).astype(int) - expected).max() <= 1


def test_settings_and_record(result: Result) -> None:
    """The record is all that is known of how it was made; the settings are the method's."""
    assert result.record == SETTINGS
    made = Result(result.source, record={"method": "gatys", "settings": {"size": 64}})
    assert made.settings == {"size": 64}
    assert made.record["method"] == "gatys"
    assert Result(result.source).settings == {}


def test_transparency_is_put_back(result: Result) -> None:
    alpha = torch.rand(1, 1, 30, 40)
    seen = Result(Picture(result.source.pixels, alpha)).picture
    assert seen.mode == "RGBA"
    assert np.abs(np.asarray(seen)[..., 3] / 255 - alpha[0, 0].numpy()).max() < 0.003


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_saved_with_its_settings(result: Result, tmp_path: Path, suffix: str) -> None:
    path = result.save(tmp_path / f"out{suffix}")
    assert path == tmp_path / f"out{suffix}"
    assert read_settings(path) == SETTINGS
    assert size_of(path) == (40, 30)
    assert list(tmp_path.iterdir()) == [path]


def test_sixteen_bits(result: Result, tmp_path: Path) -> None:
    again = read(result.save(tmp_path / "out.png", bits=16))
    assert again.bits == 16
    assert (again.pixels - result.source.pixels).abs().max() < 1 / 65535
    assert (read(result.save(tmp_path / "eight.png")).pixels - result.source.pixels).abs().max() > 1 / 65535


def test_finished_files_are_safe(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"mine")
    with pytest.raises(PictureError, match=r"out\.png"):
        result.save(path)
    assert path.read_bytes() == b"mine"
    assert size_of(result.save(path, force=True)) == (40, 30)
    with pytest.raises(PictureError):
        result.save(tmp_path / "out.xyz")
    assert list(tmp_path.iterdir()) == [path]


def strict(line: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(line, parse_constant=refuse)


def test_losses_as_lines(result: Result, tmp_path: Path) -> None:
    path = result.save_losses(tmp_path / "deep" / "losses.jsonl")
    assert [strict(line) for line in path.read_text().splitlines()] == result.losses


def test_losses_that_are_not_finite(tmp_path: Path) -> None:
    """A step that was taken back has none; other programs must still read the lines (RFC 8259 knows no NaN)."""
    cut = record(2, float("nan"), cut=True) | {"style relu1_1": float("inf")}
    path = Result(Picture(torch.rand(1, 3, 4, 4)), [record(1, 2.0), cut]).save_losses(tmp_path / "losses.jsonl")
    first, second = (strict(line) for line in path.read_text().splitlines())
    assert first["total"] == 2.0
    assert second["total"] is None
    assert second["cut"] is True


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_curve(result: Result, tmp_path: Path, suffix: str, begins: bytes) -> None:
    path = result.plot(tmp_path / f"curve{suffix}")
    assert path.read_bytes().startswith(begins)
    assert list(tmp_path.iterdir()) == [path]


def test_curve_names_what_it_shows(result: Result, tmp_path: Path) -> None:
    text = result.plot(tmp_path / "curve.svg").read_text()
    assert all(name in text for name in ("total", "content relu4", "style relu1", "40 px", "step", "weighted loss"))


@pytest.mark.parametrize(
    "losses",
    [
        [record(1, 2.0)],
        [record(1, -1e-9), record(2, 3.0)],
        [record(1, 2.0), record(2, float("nan"), cut=True), record(3, 1.0)],
        [record(1, 2.0), {"size": 32, "step": 2, "total": float("inf"), "seconds": 0.2, "cut": True}],
    ],
)
def test_curves_of_odd_runs(tmp_path: Path, losses: list[dict[str, Any]]) -> None:
    assert Result(Picture(torch.rand(1, 3, 4, 4)), losses).plot(tmp_path / "curve.png").stat().st_size > 1000


def test_no_curve(result: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no step"):
        Result(result.source).plot(tmp_path / "curve.png")
    with pytest.raises(InputError, match=r"\.png, \.svg or \.pdf"):
        result.plot(tmp_path / "curve.jpg")
    (tmp_path / "file").touch()
    with pytest.raises(PictureError, match="Cannot write"):
        result.plot(tmp_path / "file" / "curve.png")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
