"""What is written is read back, by us and by Pillow; what cannot be written leaves nothing behind."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips
import torch
from PIL import Image, ImageCms

from stylespace.errors import InputError, PictureError
from stylespace.pictures import Picture, read, read_settings, write
from stylespace.pictures.profiles import srgb
from stylespace.pictures.writing import check_target

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".TIFF": "TIFF", ".avif": "AVIF"}


@pytest.fixture
def picture(photo: np.ndarray) -> Picture:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8825)[1] = "N"
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG", exif=exif.tobytes())
    return read(file.getvalue())


def entries(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_formats(picture: Picture, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    assert write(picture, path) == path
    assert entries(tmp_path) == [path.name]
    with Image.open(path) as image:
        assert image.format == FORMATS[suffix]
        assert image.mode == "RGB"
        assert image.size == picture.size[::-1]
        exif = image.getexif()
        assert exif.get(0x0112, 1) == 1
        assert exif[0x010F] == "Maker"
        assert exif.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
        assert exif.get_ifd(0x8825)[1] == "N"
        assert image.info["icc_profile"] == srgb()
        pillow = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None] / 255
    again = read(path)
    lossless = FORMATS[suffix] in ("PNG", "TIFF")
    for values in (again.pixels, pillow):
        difference = (values - picture.pixels).abs()
        assert float(difference.max()) == 0 if lossless else float(difference.mean()) < 4 / 255
    assert again.profile == srgb()
    kept = Image.Exif()
    kept.load(again.exif)
    assert kept[0x010F] == "Maker"
    assert kept.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"


def test_our_profile_is_srgb() -> None:
    ours = ImageCms.ImageCmsProfile(io.BytesIO(srgb()))
    levels = np.stack(np.meshgrid(*[np.arange(0, 256, 15, dtype=np.uint8)] * 3), -1).reshape(18, -1, 3)
    same = ImageCms.profileToProfile(Image.fromarray(levels), ours, ImageCms.createProfile("sRGB"))
    assert np.abs(np.asarray(same).astype(int) - levels).max() <= 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_sixteen_bits_are_really_sixteen(ramp: np.ndarray, tmp_path: Path, suffix: str, with_alpha: bool) -> None:
    samples = np.dstack([ramp, ramp[:, ::-1, :1]]) if with_alpha else ramp
    path = write(read(samples), tmp_path / f"ramp{suffix}", bits=16)
    raw = pyvips.Image.new_from_file(str(path))
    assert raw.format == "ushort"
    assert np.array_equal(raw.numpy(), samples)
    again = read(path)
    assert again.bits == 16
    assert torch.equal(again.pixels, read(samples).pixels)
    if with_alpha:
        assert torch.equal(again.alpha, read(samples).alpha)


def test_sixteen_bit_tiff_with_exif(ramp: np.ndarray, picture: Picture, tmp_path: Path) -> None:
    path = write(Picture(read(ramp).pixels, exif=picture.exif), tmp_path / "ramp.tif", bits=16, settings={"seed": 3})
    assert np.array_equal(pyvips.Image.new_from_file(str(path)).numpy(), ramp)
    assert read(path).exif is not None
    assert read_settings(path) == {"seed": 3}


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_formats_without_sixteen_bits(picture: Picture, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(InputError, match=f"out{suffix} cannot hold 16 bits"):
        write(picture, tmp_path / f"out{suffix}", bits=16)
    assert entries(tmp_path) == []


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif"])
def test_alpha_is_put_back(picture: Picture, tmp_path: Path, suffix: str) -> None:
    alpha = torch.linspace(0, 1, 37).expand(1, 1, 53, 37)
    path = write(Picture(picture.pixels, alpha), tmp_path / f"out{suffix}", quality=100)
    again = read(path)
    assert (again.alpha - alpha).abs().max() <= (0.51 if suffix in (".png", ".tif") else 4) / 255
    with Image.open(path) as image:
        assert image.mode == "RGBA"


def test_jpeg_shows_white_behind_transparency(photo: np.ndarray, tmp_path: Path) -> None:
    alpha = np.linspace(0, 255, 53).astype(np.uint8)[None].repeat(37, 0)
    path = write(read(np.dstack([photo, alpha])), tmp_path / "out.jpg", quality=100)
    rgba = Image.fromarray(np.dstack([photo, alpha]))
    expected = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    with Image.open(path) as image:
        assert np.abs(np.asarray(image).astype(int) - np.asarray(expected)).max() <= 4


def test_values_are_rounded_and_clipped(tmp_path: Path) -> None:
    pixels = torch.tensor([-0.2, 0.0019, 0.002, 0.4999, 1.0, 1.7]).expand(1, 3, 2, 6).contiguous()
    with Image.open(write(Picture(pixels), tmp_path / "out.png")) as image:
        assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 1, 127, 255, 255]


def test_quality(picture: Picture, tmp_path: Path) -> None:
    for suffix in (".jpg", ".webp", ".avif"):
        sizes = [write(picture, tmp_path / f"{q}{suffix}", quality=q).stat().st_size for q in (10, 50, 100)]
        assert sizes == sorted(sizes)
        assert sizes[0] < 0.8 * sizes[2]
    for quality in (0, 101, -3):
        with pytest.raises(InputError, match="quality"):
            write(picture, tmp_path / "out.jpg", quality=quality)


def test_another_profile_on_request(photo: np.ndarray, make_profile: Callable[..., bytes], tmp_path: Path) -> None:
    wide = make_profile("RGB ", ("gamma", (2.19921875,)))
    picture = read(np.dstack([photo, photo[:, :, :1]]))
    for bits in (8, 16):
        path = write(picture, tmp_path / f"{bits}.png", bits=bits, profile=wide)
        raw = pyvips.Image.new_from_file(str(path))
        assert raw.get("icc-profile-data") == wide
        expected = ImageCms.profileToProfile(
            Image.fromarray(photo), ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(wide)), renderingIntent=1
        )
        stored = raw.numpy()[:, :, :3] / (1 if bits == 8 else 257)
        assert np.abs(stored - np.asarray(expected)).max() <= 1.6
        assert np.abs(stored - photo).max() > 10
        again = read(path)
        difference = (again.pixels - picture.pixels).abs() * 255
        assert difference.mean() < (1 if bits == 8 else 0.1)
        assert difference.max() < (13 if bits == 8 else 1.5)  # 8 bits of gamma 2.2 are coarse near black
        assert torch.equal(again.alpha, picture.alpha)
    for profile in (b"junk", make_profile("GRAY", ("gamma", (2.2,)))):
        with pytest.raises(InputError, match="not an RGB profile"):
            write(picture, tmp_path / "out.png", profile=profile)


def test_existing_files_are_kept_unless_forced(picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"precious")
    with pytest.raises(PictureError, match=r"out\.png exists already.*--force"):
        write(picture, path)
    assert path.read_bytes() == b"precious"
    write(picture, path, force=True)
    assert torch.equal(read(path).pixels, picture.pixels)
    assert entries(tmp_path) == ["out.png"]


def test_missing_folders_are_made(picture: Picture, tmp_path: Path) -> None:
    assert write(picture, tmp_path / "a" / "b" / "out.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="Unix permissions and links")
def test_permissions_and_links_are_respected(picture: Picture, tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(tmp_path / "target.png")
    write(picture, tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    mask = os.umask(0o027)
    try:
        path = write(picture, tmp_path / "out.png")
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.bmp", r"ends in '\.bmp'"),
        ("out", "has no suffix"),
        ("out.gif", "expected"),
        (".png", "has no suffix"),
        ("out.heic", "expected"),
    ],
)
def test_unknown_suffixes(picture: Picture, tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        write(picture, tmp_path / name)
    assert entries(tmp_path) == []


def test_targets_that_cannot_be(picture: Picture, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(PictureError, match="is a folder"):
        write(picture, tmp_path / "folder.png", force=True)
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file" / "out.png", tmp_path / ("x" * 300 + ".png"), Path("nul\0.png")):
        with pytest.raises(PictureError, match="cannot be written"):
            write(picture, path)
    with pytest.raises(InputError, match="12 bits"):
        write(picture, tmp_path / "out.png", bits=12)
    assert entries(tmp_path) == ["file", "folder.png"]


def test_unwritable_folder(picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        folder.chmod(0o500)
    else:  # root may write everywhere

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError, match=r"out\.png cannot be written \(Permission denied\)"):
        write(picture, folder / "out.png")
    assert entries(folder) == []


@pytest.mark.skipif(os.name == "nt", reason="needs resource limits")
def test_full_disk(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys, torch\n"
        "from stylespace.errors import PictureError\n"
        "from stylespace.pictures import Picture, write\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "picture = Picture(torch.rand(1, 3, 64, 64))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try:\n"
        "    write(picture, sys.argv[1])\n"
        "except PictureError as error:\n"
        "    print(error)\n"
    )
    target = str(tmp_path / "new" / "out.png")
    done = subprocess.run([sys.executable, "-c", code, target], capture_output=True, text=True, check=True)
    assert "out.png cannot be written (File too large)" in done.stdout
    assert done.stderr == ""
    assert entries(tmp_path) == []


def test_an_interrupted_write_leaves_nothing(picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    (tmp_path / "old.png").write_bytes(b"precious")
    for name in ("new/out.png", "old.png"):
        with pytest.raises(KeyboardInterrupt):
            write(picture, tmp_path / name, force=True)
    assert entries(tmp_path) == ["old.png"]
    assert (tmp_path / "old.png").read_bytes() == b"precious"


def test_what_is_not_a_number_is_not_written(picture: Picture, tmp_path: Path) -> None:
    pixels = picture.pixels.clone()
    pixels[0, 1, 2, 3] = torch.nan
    for broken in (Picture(pixels), Picture(picture.pixels, torch.full((1, 1, 53, 37), torch.nan))):
        with pytest.raises(PictureError, match="NaN"):
            write(broken, tmp_path / "out.png")
    assert entries(tmp_path) == []


@pytest.mark.parametrize("suffix", [".webp", ".avif", ".jpg"])
def test_too_long_for_the_format(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(PictureError, match=r"ends at \d+ a side"):
        write(Picture(torch.zeros(1, 3, 2, 65600)), tmp_path / f"out{suffix}")
    assert entries(tmp_path) == []


def test_check_target_foresees(tmp_path: Path) -> None:
    assert check_target(tmp_path / "out.jpeg") == "JPEG"
    assert check_target(tmp_path / "out.tiff", bits=16) == "TIFF"
    with pytest.raises(InputError):
        check_target(tmp_path / "out.jpeg", bits=16)
    (tmp_path / "out.png").write_bytes(b"")
    with pytest.raises(PictureError, match="exists"):
        check_target(tmp_path / "out.png")
    assert check_target(tmp_path / "out.png", force=True) == "PNG"


def test_written_twice_is_the_same_file(picture: Picture, tmp_path: Path) -> None:
    for suffix in (".png", ".jpg", ".webp", ".tif", ".avif"):
        first, second = (write(picture, tmp_path / f"{i}{suffix}", settings={"seed": 1}).read_bytes() for i in "ab")
        assert first == second
