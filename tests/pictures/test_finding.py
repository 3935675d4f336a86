"""Files, folders and patterns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stylespace.errors import PictureError
from stylespace.pictures import PICTURE_SUFFIXES, find_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = [
        "10.png",
        "2.PNG",
        "1.jpg",
        "b2.tif",
        "B10.tif",
        ".hidden.png",
        "notes.txt",
        "inner/3.webp",
        "inner/deep/4.avif",
        "a[1].png",
    ]
    for name in names:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "photos" / "folder.png").mkdir()
    return tmp_path / "photos"


def names(paths: list[Path], folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in paths]


def test_folder_in_natural_order(folder: Path) -> None:
    assert names(find_pictures([str(folder)]), folder) == ["1.jpg", "2.PNG", "10.png", "a[1].png", "b2.tif", "B10.tif"]


def test_files_in_the_order_given_each_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    given = ["10.png", "notes.txt", "1.jpg", "./10.png", str(folder / "1.jpg"), "a[1].png"]
    assert find_pictures(given) == [Path("10.png"), Path("notes.txt"), Path("1.jpg"), Path("a[1].png")]
    assert find_pictures([Path("10.png"), "."])[:3] == [Path("10.png"), Path("1.jpg"), Path("2.PNG")]


def test_patterns(folder: Path) -> None:
    assert names(find_pictures([f"{folder}/*.png"]), folder)[0] == "10.png"
    assert names(find_pictures([f"{folder}/?.*"]), folder) == ["1.jpg", "2.PNG"]
    assert names(find_pictures([f"{folder}/**/*.webp"]), folder) == ["inner/3.webp"]
    everything = names(find_pictures([f"{folder}/**"]), folder)
    assert sorted(everything) == sorted(
        ["1.jpg", "2.PNG", "10.png", "a[1].png", "b2.tif", "B10.tif", "inner/3.webp", "inner/deep/4.avif"]
    )


def test_standard_input_and_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_pictures(["-", "-"]) == [Path("-")]
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    assert find_pictures(["~/1.jpg"]) == [folder / "1.jpg"]


def test_what_is_not_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"absent\.png does not exist"):
        find_pictures([str(folder), str(folder / "absent.png")])
    with pytest.raises(PictureError, match="Nothing matches"):
        find_pictures([str(folder / "*.gif")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(PictureError, match="has no pictures in it"):
        find_pictures([str(tmp_path / "empty")])
    for path in ("nul\0", "x" * 5000):
        with pytest.raises(PictureError):
            find_pictures([path])
    assert find_pictures([]) == []


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may look everywhere")
def test_folder_that_may_not_be_looked_at(folder: Path) -> None:
    folder.chmod(0)
    try:
        with pytest.raises(PictureError, match="cannot be looked at"):
            find_pictures([str(folder)])
    finally:
        folder.chmod(0o700)


def test_suffixes() -> None:
    assert {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif", ".gif"} <= set(PICTURE_SUFFIXES)
    assert all(suffix == suffix.lower() for suffix in PICTURE_SUFFIXES)
