"""Everything that can hold a picture is read to the same pixels that Pillow reads; bad input is refused in one sentence."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
import torch
from PIL import Image, ImageOps

from stylespace.errors import MissingExtraError, PictureError
from stylespace.pictures import Picture, read

LOSSLESS = {"png": {}, "tif": {}, "webp": {"lossless": True, "exact": True}}


def pixels(array: np.ndarray, full: float = 255) -> torch.Tensor:
    """(H, W, C) to (1, C, H, W) in [0, 1]."""
    return torch.from_numpy(array.astype(np.float32) / np.float32(full)).permute(2, 0, 1)[None]


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def vips_image(array: np.ndarray, interpretation: str) -> pyvips.Image:
    kinds = {"uint8": "uchar", "uint16": "ushort", "uint32": "uint", "int16": "short", "float32": "float"}
    height, width, channels = array.shape
    image = pyvips.Image.new_from_memory(array.tobytes(), width, height, channels, kinds[array.dtype.name])
    return image.copy(interpretation=interpretation)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_files_are_read_exactly(photo: np.ndarray, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(photo).save(path, **LOSSLESS[suffix])
    picture = read(path)
    assert torch.equal(picture.pixels, pixels(photo))
    assert picture.pixels.is_contiguous()
    assert picture.pixels.dtype == torch.float32
    assert (picture.alpha, picture.bits, picture.profile, picture.name, picture.size) == (None, 8, None, path.name, (37, 53))


@pytest.mark.parametrize("options", [{"quality": 90}, {"quality": 90, "progressive": True}, {"quality": 75, "subsampling": 0}])
def test_jpeg(photo: np.ndarray, options: dict[str, object]) -> None:
    data = encoded(Image.fromarray(photo), "JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert (read(data).pixels - pixels(expected)).abs().max() <= 1.01 / 255


@pytest.mark.parametrize(("format_", "options"), [("WEBP", {}), ("AVIF", {"subsampling": "4:4:4"}), ("GIF", {})])
def test_other_formats_as_pillow_reads_them(photo: np.ndarray, format_: str, options: dict[str, str]) -> None:
    data = encoded(Image.fromarray(photo), format_, **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert (read(data).pixels - pixels(expected)).abs().max() <= 1.01 / 255


def test_heif(photo: np.ndarray, tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "photo.heic"
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    pillow_heif.from_pillow(Image.fromarray(photo)).save(path, quality=95, exif=exif.tobytes())
    heif = pillow_heif.open_heif(path)
    expected = np.asarray(heif)
    picture = read(path)
    assert (picture.pixels - pixels(expected)).abs().max() <= 1.01 / 255
    assert torch.equal(read(path.read_bytes()).pixels, picture.pixels)
    assert Image.open(io.BytesIO(encoded(Image.new("RGB", (2, 2)), "PNG", exif=picture.exif))).getexif()[0x0112] == 1


def test_heif_of_ten_bits_keeps_them(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    values = np.repeat(np.linspace(0, 65535, 1024).astype(np.uint16)[None, :, None], 16, 0).repeat(3, 2)
    path = tmp_path / "ramp.heic"
    pillow_heif.from_bytes(mode="RGB;16", size=(1024, 16), data=values.tobytes()).save(path, quality=-1, chroma=444)
    picture = read(path)
    assert picture.bits == 16
    assert picture.pixels.max() == 1
    assert len(picture.pixels.unique()) > 900
    assert (picture.pixels[0, 1, 0] - torch.linspace(0, 1, 1024)).abs().max() < 2.5 / 1023


def test_heif_without_the_plug_in_says_what_to_install(
    photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "photo.heic"
    pillow_heif.from_pillow(Image.fromarray(photo)).save(path)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtraError, match=r"photo\.heic .*stylespace\[heif\]"):
        read(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_orientation_is_applied_once(photo: np.ndarray, tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"photo.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if suffix == "jpg" else LOSSLESS[suffix]
    Image.fromarray(photo).save(path, exif=exif.tobytes(), **options)
    picture = read(path)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
        assert torch.equal(read(image).pixels, pixels(expected))
    assert picture.size == expected.shape[:2]
    assert (picture.pixels - pixels(expected)).abs().max() <= (1.01 / 255 if suffix == "jpg" else 0)
    if picture.exif is not None:
        kept = Image.Exif()
        kept.load(picture.exif)
        assert kept.get(0x0112, 1) == 1


def test_orientation_turns_alpha_too(photo: np.ndarray) -> None:
    rgba = np.dstack([photo, photo[:, :, 2]])
    exif = Image.Exif()
    exif[0x0112] = 7
    picture = read(encoded(Image.fromarray(rgba), "PNG", exif=exif.tobytes()))
    assert torch.equal(picture.alpha, picture.pixels[:, 2:])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_avif_is_not_applied_twice(photo: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(photo), "AVIF", exif=exif.tobytes(), quality=100, subsampling="4:4:4")
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    picture = read(data)
    assert (picture.pixels - pixels(expected)).abs().max() <= 1.01 / 255


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_of_every_kind(photo: np.ndarray, mode: str) -> None:
    rgba = Image.fromarray(np.dstack([photo, photo[::-1, :, 0]]))
    image = rgba.convert("RGB").quantize(31) if mode == "P" else rgba.convert(mode)
    picture = read(encoded(image, "PNG"))
    expected = pixels(np.asarray(image.convert("RGBA")))
    assert torch.equal(picture.pixels, expected[:, :3])
    assert (picture.alpha is None) == ("A" not in mode)
    if picture.alpha is not None:
        assert torch.equal(picture.alpha, expected[:, 3:])


@pytest.mark.parametrize("format_", ["PNG", "GIF"])
def test_palette_with_a_transparent_entry(photo: np.ndarray, format_: str) -> None:
    data = encoded(Image.fromarray(photo).quantize(16), format_, transparency=3)
    expected = pixels(np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")))
    picture = read(data)
    assert torch.equal(picture.alpha, expected[:, 3:])
    assert 0 < picture.alpha.mean() < 1
    opaque = expected[:, 3:] == 1
    assert torch.equal(picture.pixels * opaque, expected[:, :3] * opaque)


def test_colour_key_of_a_png(photo: np.ndarray) -> None:
    picture = read(encoded(Image.fromarray(photo), "PNG", transparency=tuple(int(v) for v in photo[5, 5])))
    assert picture.alpha[0, 0, 5, 5] == 0
    assert torch.equal(picture.pixels, pixels(photo))


def test_first_frame_of_an_animation(photo: np.ndarray) -> None:
    frames = [Image.fromarray(photo).quantize(8), Image.fromarray(255 - photo).quantize(8)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert torch.equal(read(data).pixels, pixels(np.asarray(frames[0].convert("RGB"))))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_are_exact(ramp: np.ndarray, tmp_path: Path, suffix: str, channels: int) -> None:
    samples = np.dstack([ramp, ramp[:, ::-1, 1]])[:, :, {1: [0], 2: [0, 1], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]]
    path = str(tmp_path / f"ramp{suffix}")
    vips_image(samples, "grey16" if channels < 3 else "rgb16").write_to_file(path)
    picture = read(path)
    colours = samples[:, :, [0, 0, 0]] if channels < 3 else samples[:, :, :3]
    assert picture.bits == 16
    assert torch.equal(picture.pixels, pixels(colours, 65535))
    assert (picture.alpha is None) == (channels in (1, 3))
    if picture.alpha is not None:
        assert torch.equal(picture.alpha, pixels(samples[:, :, -1:], 65535))


def test_sixteen_bit_grey_as_pillow_writes_it(ramp: np.ndarray) -> None:
    for format_ in ("PNG", "TIFF"):
        picture = read(encoded(Image.fromarray(ramp[:, :, 0]), format_))
        assert torch.equal(picture.pixels, pixels(ramp[:, :, [0, 0, 0]], 65535))


def test_float_tiff_is_clipped(photo: np.ndarray, tmp_path: Path) -> None:
    values = (photo / np.float32(255)).astype(np.float32) * 1.5 - 0.25
    values[0, 0] = [np.inf, -np.inf, 0.5]
    path = str(tmp_path / "float.tif")
    vips_image(values, "srgb").write_to_file(path)
    picture = read(path)
    assert picture.bits == 16
    assert torch.equal(picture.pixels, torch.from_numpy(values.clip(0, 1)).permute(2, 0, 1)[None])
    grey = read(encoded(Image.fromarray(values[:, :, 1]), "TIFF"))
    assert torch.equal(grey.pixels[:, 2:], torch.from_numpy(values[:, :, 1].clip(0, 1))[None, None])


def test_float_tiff_with_not_a_number(tmp_path: Path) -> None:
    values = np.full((4, 4, 3), 0.5, np.float32)
    values[1, 2, 1] = np.nan
    vips_image(values, "srgb").write_to_file(str(tmp_path / "float.tif"))
    with pytest.raises(PictureError, match="NaN"):
        read(tmp_path / "float.tif")


def test_tiff_of_unusual_samples(photo: np.ndarray, tmp_path: Path) -> None:
    wide = photo.astype(np.uint32) * 16843009
    vips_image(wide, "rgb").write_to_file(str(tmp_path / "wide.tif"))
    assert (read(tmp_path / "wide.tif").pixels - pixels(photo)).abs().max() < 1e-6
    vips_image(photo.astype(np.int16), "rgb").write_to_file(str(tmp_path / "signed.tif"))
    with pytest.raises(PictureError, match="samples of type short"):
        read(tmp_path / "signed.tif")
    vips_image(np.dstack([photo, photo]), "multiband").write_to_file(str(tmp_path / "many.tif"))
    with pytest.raises(PictureError, match="6 channels"):
        read(tmp_path / "many.tif")


def test_premultiplied_tiff(photo: np.ndarray, tmp_path: Path) -> None:
    rgba = np.dstack([photo, np.full(photo.shape[:2], 200, np.uint8)])
    vips_image(rgba, "srgb").tiffsave(str(tmp_path / "associated.tif"), premultiply=True)
    assert (read(tmp_path / "associated.tif").pixels - pixels(photo)).abs().max() <= 2.01 / 255


def test_standard_input(photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.fromarray(photo), "PNG")
    for source in ("-", Path("-")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        picture = read(source)
        assert torch.equal(picture.pixels, pixels(photo))
        assert picture.name == "Standard input"


def test_standard_input_without_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(PictureError, match="Standard input is empty"):
        read("-")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(PictureError, match="Standard input is closed"):
        read("-")
    terminal = io.TextIOWrapper(io.BytesIO(b""))
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", terminal)
    with pytest.raises(PictureError, match="terminal"):
        read("-")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a Unix thing")
def test_named_pipe(photo: np.ndarray, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source = tmp_path / "photo.png"
    Image.fromarray(photo).save(source)
    writer = subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', source, pipe])
    assert torch.equal(read(pipe).pixels, pixels(photo))
    assert writer.wait() == 0


@pytest.mark.parametrize("name", ["photo[page=1].png", "a,b [strip].png", "ünïcode 風.png", "-photo.png", "photo.txt", "%d.png"])
def test_file_names_are_only_names(photo: np.ndarray, tmp_path: Path, name: str) -> None:
    Image.fromarray(photo).save(tmp_path / name, "PNG")
    assert torch.equal(read(str(tmp_path / name)).pixels, pixels(photo))


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not text exist on Linux")
def test_file_name_that_is_not_text(photo: np.ndarray, tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.png")
    Path(path).write_bytes(encoded(Image.fromarray(photo), "PNG"))
    assert torch.equal(read(path).pixels, pixels(photo))


def test_a_file_that_changes_is_read_again(photo: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    for version in (photo, 255 - photo, photo[:20]):
        Image.fromarray(version).save(path)
        assert torch.equal(read(path).pixels, pixels(version))


def test_arrays(photo: np.ndarray, ramp: np.ndarray) -> None:
    assert torch.equal(read(photo).pixels, pixels(photo))
    assert torch.equal(read(photo[:, ::-1]).pixels, pixels(photo[:, ::-1]))
    assert torch.equal(read(photo[:, :, 0]).pixels, pixels(photo[:, :, [0, 0, 0]]))
    assert torch.equal(read(photo[:, :, :1]).pixels, pixels(photo[:, :, [0, 0, 0]]))
    assert torch.equal(read(ramp).pixels, pixels(ramp, 65535))
    assert read(ramp).bits == 16
    rgba = read(np.dstack([photo, photo[:, :, 0]]))
    assert torch.equal(rgba.alpha, rgba.pixels[:, :1])
    for kind in (np.float16, np.float32, np.float64):
        assert (read((photo / 255).astype(kind)).pixels - pixels(photo)).abs().max() < 1e-3
    assert read(np.array([[-0.2, 0.5], [1.0, 1.2]])).pixels[0, 0].tolist() == [[0, 0.5], [1, 1]]


def test_arrays_are_not_shared() -> None:
    array = np.zeros((4, 4, 3), np.float32)
    tensor = torch.zeros(1, 3, 4, 4)
    pictures = read(array), read(tensor)
    array += 1
    tensor += 1
    assert [float(picture.pixels.max()) for picture in pictures] == [0, 0]


def test_tensors(photo: np.ndarray) -> None:
    tensor = pixels(photo)
    assert torch.equal(read(tensor).pixels, tensor)
    assert torch.equal(read(tensor[0].requires_grad_()).pixels, tensor)
    assert torch.equal(read(tensor.double()).pixels, tensor)
    assert torch.equal(read(torch.from_numpy(photo).permute(2, 0, 1)).pixels, tensor)
    assert (read(tensor.bfloat16()).pixels - tensor).abs().max() < 2e-3
    assert read(torch.rand(4, 5, 6)).alpha.shape == (1, 1, 5, 6)
    assert torch.equal(read(torch.full((1, 5, 6), 0.25)).pixels, torch.full((1, 3, 5, 6), 0.25))


def test_a_picture_comes_back() -> None:
    picture = Picture(torch.rand(1, 3, 4, 5))
    assert read(picture) is picture


MODES = ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr", "HSV"]


@pytest.mark.parametrize("mode", MODES)
def test_pillow_modes(photo: np.ndarray, mode: str) -> None:
    rgba = Image.fromarray(np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)]))
    palette = rgba.convert("RGB").quantize(31)
    image = {"La": rgba.convert("LA").convert("La"), "P": palette, "PA": palette.convert("PA")}.get(mode) or rgba.convert(mode)
    picture = read(image)
    straight = image.convert("LA") if mode == "La" else image
    assert torch.equal(picture.pixels, pixels(np.asarray(straight.convert("RGB"))))
    assert (picture.alpha is not None) == (mode in ("LA", "La", "PA", "RGBA", "RGBa"))


def test_pillow_modes_beyond_eight_bits(ramp: np.ndarray) -> None:
    for image in (Image.fromarray(ramp[:, :, 0]), Image.fromarray(ramp[:, :, 0].astype(np.int32))):
        picture = read(image)
        assert picture.bits == 16
        assert torch.equal(picture.pixels, pixels(ramp[:, :, [0, 0, 0]], 65535))
    big_endian = Image.frombytes("I;16B", (256, 256), ramp[:, :, 0].astype(">u2").tobytes())
    assert torch.equal(read(big_endian).pixels, pixels(ramp[:, :, [0, 0, 0]], 65535))
    unit = Image.fromarray(ramp[:, :, 0].astype(np.float32) / 65535)
    assert (read(unit).pixels - pixels(ramp[:, :, [0, 0, 0]], 65535)).abs().max() < 1e-7
    eight = Image.fromarray((ramp[:, :, 0] >> 8).astype(np.uint8))
    assert (read(eight.convert("F")).pixels - read(eight).pixels).abs().max() < 1e-7
    with pytest.raises(PictureError, match="mode I"):
        read(Image.fromarray(np.array([[0, 1], [70000, 2]], np.int32)))


def test_pillow_lab(photo: np.ndarray) -> None:
    from PIL import ImageCms

    lab = ImageCms.profileToProfile(
        Image.fromarray(photo), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert (read(lab).pixels - pixels(photo)).abs().mean() < 2 / 255


def test_damaged_pillow_picture(photo: np.ndarray) -> None:
    image = Image.open(io.BytesIO(encoded(Image.fromarray(photo), "PNG")[:-200]))
    with pytest.raises(PictureError, match="decoded by Pillow"):
        read(image)


# Bad input


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "GIF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated_files_are_refused(photo: np.ndarray, tmp_path: Path, format_: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(noise), format_)
    path = tmp_path / "photo.bin"
    path.write_bytes(data[: int(len(data) * share)])
    for source in (path, path.read_bytes()):
        with pytest.raises(PictureError) as raised:
            read(source)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"x", "not a picture"),
        (b"Dear diary, today I took no photographs.", "not a picture"),
        (b"1,2,3\n4,5,6\n", "not a picture"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "SVG"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "damaged or incomplete"),
        (b"\xff\xd8\xff\xe0", "damaged or incomplete"),
        (b"II*\0", "damaged or incomplete"),
        (b"RIFF\0\0\0\0WEBP", "damaged or incomplete"),
        (b"GIF89a", "damaged or incomplete"),
        (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", "damaged or incomplete"),
        (b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", "damaged or incomplete"),
    ],
)
def test_what_is_not_a_picture(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=message) as raised:
        read(path)
    assert str(raised.value).startswith("photo.jpg is")
    assert str(raised.value).count("\n") == 0


def test_paths_that_lead_nowhere(tmp_path: Path, photo: np.ndarray) -> None:
    with pytest.raises(PictureError, match=r"missing\.jpg does not exist"):
        read(tmp_path / "missing.jpg")
    with pytest.raises(PictureError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(PictureError, match="is not a path"):
        read("photo\0.jpg")
    with pytest.raises(PictureError, match="cannot be opened"):
        read("x" * 5000)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    with pytest.raises(PictureError):
        read(tmp_path / "photo.png" / "inner.png")
    if os.path.exists("/dev/zero"):
        with pytest.raises(PictureError, match="is a device"):
            read("/dev/zero")


def test_unreadable_file(photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        path.chmod(0)
    else:  # root may read everything

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError, match=r"photo\.png may not be read"):
        read(path)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def test_decompression_bombs_are_judged_by_their_header() -> None:
    with pytest.raises(PictureError, match=r"2,500\.0 million pixels.*200\.0 million.*--max-pixels"):
        read(png_header(50_000, 50_000))
    with pytest.raises(PictureError, match="damaged"):
        read(png_header(500, 500))


def test_the_limit_is_raised_by_the_user(photo: np.ndarray) -> None:
    data = encoded(Image.fromarray(photo), "PNG")
    sources = [data, photo, pixels(photo), Image.fromarray(photo)]
    for source in sources:
        with pytest.raises(PictureError, match="limit"):
            read(source, max_pixels=37 * 53 - 1)
        assert read(source, max_pixels=37 * 53).size == (37, 53)


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (1, 1)])
def test_one_pixel_wide(shape: tuple[int, int]) -> None:
    array = np.zeros((*shape, 3), np.uint8)
    for source in (array, Image.fromarray(array), encoded(Image.fromarray(array), "PNG"), torch.zeros(3, *shape)):
        with pytest.raises(PictureError, match="at least 2 on each side"):
            read(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.full((4, 4, 3), np.nan), "NaN"),
        (np.full((4, 4, 3), 200.0), r"values from 200 to 200"),
        (np.full((4, 4, 3), -1.0), r"values from -1"),
        (np.zeros((3, 9, 9), np.uint8), "shape"),
        (np.zeros((2, 9, 9, 3), np.uint8), "shape"),
        (np.zeros((9, 9, 5), np.uint8), "shape"),
        (np.zeros(9, np.uint8), "shape"),
        (np.zeros((0, 9, 3), np.uint8), "at least 2"),
        (np.zeros((9, 9, 3), np.int64), "int64"),
        (np.zeros((9, 9, 3), bool), "bool"),
        (np.zeros((9, 9, 3), np.complex64), "complex64"),
        (np.array([["a", "b"], ["c", "d"]]), "U1"),
        (torch.full((3, 4, 4), torch.nan), "NaN"),
        (torch.full((3, 4, 4), 200.0), "values from 200"),
        (torch.zeros(9, 9), "shape"),
        (torch.zeros(2, 3, 9, 9), "shape"),
        (torch.zeros(9, 9, 3), "shape"),
        (torch.zeros(3, 9, 9, dtype=torch.int32), "int32"),
        (None, "NoneType"),
        (7, "int"),
        (b"", "is empty"),
    ],
)
def test_wrong_objects(source: object, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        read(source)  # type: ignore[arg-type]


def mutations(data: bytes, generator: np.random.Generator) -> bytes:
    mutated = bytearray(data)
    for _ in range(int(generator.integers(1, 8))):
        position = int(generator.integers(0, len(mutated)))
        match int(generator.integers(0, 4)):
            case 0:
                mutated[position] = int(generator.integers(0, 256))
            case 1:
                mutated[position] ^= 1 << int(generator.integers(0, 8))
            case 2:
                del mutated[position : position + int(generator.integers(1, 9))]
            case _:
                mutated[position:position] = generator.bytes(int(generator.integers(1, 9)))
        mutated = mutated or bytearray(b"\0")
    return bytes(mutated)


def test_mutated_files_are_read_or_refused(photo: np.ndarray, capfd: pytest.CaptureFixture[str]) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    small = Image.fromarray(photo[:16, :16])
    block = exif.tobytes()
    profile = pyvips.Operation.call("profile_load", "p3")
    seeds = [
        encoded(small, "JPEG", exif=block, icc_profile=profile),
        encoded(small.convert("CMYK"), "JPEG"),
        encoded(small, "PNG", exif=block, icc_profile=profile),
        encoded(small.quantize(8), "PNG", transparency=1),
        encoded(small, "TIFF", exif=block, icc_profile=profile),
        encoded(small, "TIFF", compression="tiff_lzw"),
        encoded(small, "WEBP", exif=block, icc_profile=profile),
        encoded(small, "GIF"),
        encoded(small, "AVIF", exif=block),
        vips_image(photo[:16, :16].astype(np.uint16) * 257, "rgb16").pngsave_buffer(),
        vips_image(photo[:16, :16].astype(np.float32) / 255, "srgb").tiffsave_buffer(),
    ]
    generator = np.random.default_rng(2024)
    sentences, whole = [], 0
    for _ in range(40):
        for seed in seeds:
            data = mutations(seed, generator)
            try:
                picture = read(data, max_pixels=1_000_000)
            except PictureError as error:
                sentences.append(str(error))
            else:
                assert picture.pixels.min() >= 0
                assert picture.pixels.max() <= 1
                whole += 1
    assert whole > 30
    assert len(sentences) > 100
    assert not any("\n" in sentence for sentence in sentences)
    assert capfd.readouterr().err == ""


def test_nothing_reaches_standard_error(photo: np.ndarray, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for format_ in ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "GIF"):
        data = encoded(Image.fromarray(noise), format_)
        (tmp_path / f"cut.{format_}").write_bytes(data[: len(data) // 2])
        broken = bytearray(data)
        broken[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
        (tmp_path / f"broken.{format_}").write_bytes(broken)
    code = (
        "import sys, pathlib\n"
        "from stylespace.pictures import read\n"
        "from stylespace.errors import PictureError\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try:\n"
        "        read(path)\n"
        "    except PictureError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.count("\n") >= 6


def test_importing_the_package_stays_light() -> None:
    code = (
        "import sys, stylespace.pictures\n"
        "stylespace.pictures.find_pictures\n"
        "print(*{'torch', 'pyvips', 'PIL', 'numpy'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
