"""Settings come back from every format, beside whatever EXIF the picture has."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace.errors import InputError, PictureError
from stylespace.pictures import Picture, read, read_settings, write
from stylespace.pictures.settings import packet

SETTINGS: dict[str, Any] = {
    "method": "gatys",
    "styles": {"Große Welle <1>.jpg": 0.7, 'a "b" & \\c]]>.png': 0.3},
    "layers": ["relu1_1", "relu5_1"],
    "seed": 2**53,
    "strength": 0.1,
    "nothing": None,
    "flag": True,
    "odd": "\x00\x1f\ud83d風🌊\n\t",
}


@pytest.fixture
def picture() -> Picture:
    exif = Image.Exif()
    exif[0x010E] = "A description of its own"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0a comment of the user's"
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)).save(file, "JPEG", exif=exif.tobytes())
    return read(file.getvalue())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif"])
def test_settings_come_back(picture: Picture, tmp_path: Path, suffix: str) -> None:
    path = write(picture, tmp_path / f"out{suffix}", settings=SETTINGS)
    assert read_settings(path) == SETTINGS
    assert read_settings(str(path)) == SETTINGS
    assert read_settings(path.read_bytes()) == SETTINGS
    with Image.open(path) as image:  # the user's own words are still there
        assert image.getexif()[0x010E] == "A description of its own"
        assert b"a comment of the user's" in image.getexif().get_ifd(0x8769)[0x9286]
    bare = write(Picture(picture.pixels), tmp_path / f"bare{suffix}", settings=SETTINGS)
    assert read_settings(bare) == SETTINGS


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif", ".jpg"])
def test_long_settings(picture: Picture, tmp_path: Path, suffix: str) -> None:
    settings = {"styles": {f"reference {i}.jpg": i / 7 for i in range(5000)}}
    path = tmp_path / f"out{suffix}"
    if suffix == ".jpg":
        with pytest.raises(InputError, match=r"more than a JPEG holds.*out\.png"):
            write(picture, path, settings=settings)
        assert not path.exists()
        return
    assert read_settings(write(picture, path, settings=settings)) == settings


def test_pictures_without_settings(picture: Picture, tmp_path: Path) -> None:
    for suffix in (".png", ".jpg", ".webp", ".tif", ".avif"):
        path = write(picture, tmp_path / f"out{suffix}")
        with pytest.raises(PictureError, match=f"out{suffix} holds no Stylespace settings"):
            read_settings(path)
    Image.new("L", (9, 9)).save(tmp_path / "grey.gif")
    with pytest.raises(PictureError, match="no Stylespace settings"):
        read_settings(tmp_path / "grey.gif")


def test_what_is_not_a_picture(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("settings")
    (tmp_path / "empty.png").write_bytes(b"")
    for path, message in (("notes.txt", "not a picture"), ("empty.png", "empty"), ("missing.png", "does not exist")):
        with pytest.raises(PictureError, match=message):
            read_settings(tmp_path / path)


@pytest.mark.parametrize("settings", [{"a": float("nan")}, {"a": torch.zeros(1)}, {"a": {1, 2}}, {(1, 2): 3}])
def test_what_json_cannot_hold(picture: Picture, tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="plain JSON values"):
        write(picture, tmp_path / "out.png", settings=settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"junk",
        b"<a/>",
        packet({}).replace(b"{}", b"[]"),
        packet({}).replace(b"{}", b"{"),
        packet({}).replace(b"{}", b"[" * 5000),
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + packet({"a": 1}),
    ],
)
def test_foreign_and_damaged_packets(block: bytes) -> None:
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "WEBP", xmp=block)
    with pytest.raises(PictureError, match="no Stylespace settings"):
        read_settings(file.getvalue())


def test_packets_rewritten_by_other_programs() -> None:
    rewritten = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:ns1="urn:stylespace:1.0/" ns1:settings="{&quot;seed&quot;: 3}"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "WEBP", xmp=rewritten)
    assert read_settings(file.getvalue()) == {"seed": 3}
