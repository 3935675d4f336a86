"""Colour management against littlecms as Pillow binds it (8 bits) and the ICC formulas in float64 (16 bits, floats)."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import pyvips
import torch
from PIL import Image, ImageCms

from stylespace.pictures import read
from stylespace.pictures.profiles import is_srgb, matrix_profile, srgb

# Linear RGB to XYZ D50 of sRGB (IEC 61966-2-1, Bradford), as in https://www.color.org/srgbprofiles.xalter
SRGB_TO_XYZ = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
ADOBE_RGB = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])  # as in conftest
CURVES = {
    "gamma": (("gamma", (2.19921875,)), lambda x: x**2.19921875),
    "table": (("table", np.linspace(0, 1, 4096) ** 1.8), lambda x: x**1.8),
    "para0": (("para0", (1.8,)), lambda x: x**1.8),
    "para1": (("para1", (2.0, 0.9, 0.1)), lambda x: (0.9 * x + 0.1) ** 2),
    "para2": (("para2", (2.0, 0.9, 0.0, 0.05)), lambda x: (0.9 * x) ** 2 + 0.05),
    "para3": (
        ("para3", (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)),
        lambda x: np.where(x >= 0.04045, ((x + 0.055) / 1.055) ** 2.4, x / 12.92),
    ),
    "para4": (
        ("para4", (3.0, 0.8, 0.1, 0.5, 0.2, 0.1, 0.02)),
        lambda x: np.where(x >= 0.2, (0.8 * x + 0.1) ** 3 + 0.1, 0.5 * x + 0.02),
    ),
}


def from_icc(encoded: np.ndarray, linear: Callable[[np.ndarray], np.ndarray], matrix: np.ndarray) -> np.ndarray:
    """(H, W, 3) in [0, 1] to sRGB by ICC.1:2022 annex F and IEC 61966-2-1."""
    light = (linear(encoded) @ (np.linalg.inv(SRGB_TO_XYZ) @ matrix).T).clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def sixteen_bit(array: np.ndarray, profile: bytes | None, interpretation: str = "rgb16", suffix: str = ".png") -> bytes:
    kind = {"uint16": "ushort", "float32": "float"}[array.dtype.name]
    image = pyvips.Image.new_from_memory(array.tobytes(), array.shape[1], array.shape[0], array.shape[2], kind)
    image = image.copy(interpretation=interpretation)
    if profile is not None:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image.write_to_buffer(suffix)


def as_littlecms(image: Image.Image, profile: bytes, flags: ImageCms.Flags = ImageCms.Flags.NONE) -> np.ndarray:
    converted = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION | flags,
    )
    return np.asarray(converted)


def in_levels(source: object) -> np.ndarray:
    return read(source).pixels[0].permute(1, 2, 0).numpy() * 255


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_eight_bit_rgb_as_littlecms(photo: np.ndarray, make_profile: Callable[..., bytes], format_: str) -> None:
    profile = make_profile("RGB ", CURVES["gamma"][0])
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(format_, {})
    data = saved(Image.fromarray(photo), format_, icc_profile=profile, **options)
    image = Image.open(io.BytesIO(data))
    expected = as_littlecms(image, profile)
    assert np.abs(expected.astype(int) - np.asarray(image)).max() > 20  # the profile matters
    assert np.abs(in_levels(data) - expected).max() <= (2.01 if format_ == "JPEG" else 1.01)
    assert np.abs(in_levels(image) - expected).max() <= 1.01
    assert read(data).profile == profile


def test_profiles_of_avif_and_heif_are_used(photo: np.ndarray) -> None:
    profile = pyvips.Operation.call("profile_load", "p3")
    data = saved(Image.fromarray(photo), "AVIF", icc_profile=profile, quality=100, subsampling="4:4:4")
    expected = as_littlecms(Image.open(io.BytesIO(data)), profile)
    assert np.abs(in_levels(data) - expected).mean() < 0.5  # two decoders, one step apart here and there
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(photo)).save(file, icc_profile=profile, quality=100)
    expected = as_littlecms(pillow_heif.open_heif(file).to_pillow(), profile)
    assert np.abs(in_levels(file.getvalue()) - expected).max() <= 1.01


def test_alpha_is_left_alone(photo: np.ndarray, make_profile: Callable[..., bytes]) -> None:
    rgba = np.dstack([photo, photo[:, :, 1]])
    profile = make_profile("RGB ", CURVES["gamma"][0])
    picture = read(saved(Image.fromarray(rgba), "PNG", icc_profile=profile))
    assert np.array_equal(picture.alpha[0, 0].numpy() * np.float32(255), photo[:, :, 1])
    assert np.abs(picture.pixels[0].permute(1, 2, 0).numpy() * 255 - as_littlecms(Image.fromarray(photo), profile)).max() <= 1.01


@pytest.mark.parametrize("curve", CURVES)
def test_sixteen_bits_stay_sixteen_bits(ramp: np.ndarray, make_profile: Callable[..., bytes], curve: str) -> None:
    tag, linear = CURVES[curve]
    expected = from_icc(ramp / 65535, linear, ADOBE_RGB)
    picture = read(sixteen_bit(ramp, make_profile("RGB ", tag)))
    assert picture.bits == 16
    difference = np.abs(picture.pixels[0].permute(1, 2, 0).numpy() - expected)
    assert difference.mean() * 65535 < 8  # the numbers in the profiles have 16 bits themselves
    assert difference.max() * 255 < 0.4  # littlecms at 16 bits: up to 10


@pytest.mark.parametrize("curve", CURVES)
def test_grey_profiles(ramp: np.ndarray, photo: np.ndarray, make_profile: Callable[..., bytes], curve: str) -> None:
    tag, linear = CURVES[curve]
    profile = make_profile("GRAY", tag)
    grey = ramp[:, :, :1]
    light = linear(grey[:, :, 0] / 65535).clip(0, 1)
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    planes = read(sixteen_bit(grey, profile, "grey16")).pixels[0].numpy()
    assert np.abs(planes - expected).max() * 65535 < 8
    image = Image.fromarray(photo[:, :, 0])
    eight = in_levels(saved(image, "JPEG", icc_profile=profile, quality=100))
    assert np.abs(eight - as_littlecms(Image.open(io.BytesIO(saved(image, "JPEG", quality=100))), profile)).max() <= 1.51


def test_grey_with_an_rgb_profile(photo: np.ndarray, ramp: np.ndarray, make_profile: Callable[..., bytes]) -> None:
    tag, linear = CURVES["gamma"]
    profile = make_profile("RGB ", tag)
    grey = Image.fromarray(photo[:, :, 0])
    expected = as_littlecms(grey.convert("RGB"), profile)
    assert np.abs(in_levels(saved(grey, "TIFF", icc_profile=profile)) - expected).max() <= 1.01
    light = linear(ramp[:, :, 0] / 65535)
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    planes = read(saved(Image.fromarray(ramp[:, :, 0]), "TIFF", icc_profile=profile)).pixels[0].numpy()
    assert np.abs(planes - expected).max() * 255 < 0.4


def test_float_tiff_in_linear_light(make_profile: Callable[..., bytes]) -> None:
    values = np.random.default_rng(0).random((16, 16, 3), np.float32)
    profile = make_profile("RGB ", ("gamma", (1.0,)), tuple(map(tuple, SRGB_TO_XYZ)))
    picture = read(sixteen_bit(values, profile, "srgb", ".tif"))
    expected = from_icc(values, lambda x: x, SRGB_TO_XYZ)
    assert np.abs(picture.pixels[0].permute(1, 2, 0).numpy() - expected).max() * 255 < 0.4


def test_float_tiff_tagged_srgb_is_left_alone() -> None:
    values = np.random.default_rng(0).random((16, 16, 3), np.float32)
    assert torch.equal(read(sixteen_bit(values, srgb(), "srgb", ".tif")).pixels, torch.from_numpy(values).permute(2, 0, 1)[None])


def adobe_marker(jpeg: bytes) -> tuple[int, int]:
    start = jpeg.index(b"\xff\xee")
    return start, start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("embedded", [True, False])
def test_cmyk_jpeg(photo: np.ndarray, marked: bool, embedded: bool) -> None:
    """Stored inverted, as Adobe does it, with or without Adobe's marker; Pillow reads both so too."""
    profile = pyvips.Operation.call("profile_load", "cmyk")
    inks = Image.fromarray(np.dstack([photo, photo[:, ::-1, 0] // 2]), "CMYK")
    data = saved(inks, "JPEG", quality=100, subsampling=0, icc_profile=profile if embedded else None)
    if not marked:
        start, end = adobe_marker(data)
        data = data[:start] + data[end:]
    decoded = np.asarray(Image.open(io.BytesIO(data)))
    expected = as_littlecms(Image.fromarray(decoded, "CMYK"), profile)
    assert np.abs(in_levels(data) - expected).max() <= 1.51
    assert np.abs(in_levels(Image.open(io.BytesIO(data))) - expected).max() <= 1.51


def test_cmyk_tiff_of_eight_and_sixteen_bits(photo: np.ndarray) -> None:
    profile = pyvips.Operation.call("profile_load", "cmyk")
    inks = np.dstack([photo, photo[:, ::-1, 0] // 2])
    expected = as_littlecms(Image.fromarray(inks, "CMYK"), profile)
    assert np.abs(in_levels(saved(Image.fromarray(inks, "CMYK"), "TIFF")) - expected).max() <= 1.51
    wide = sixteen_bit(inks.astype(np.uint16) * 257, profile, "cmyk", ".tif")
    assert read(wide).bits == 16
    exact = as_littlecms(Image.fromarray(inks, "CMYK"), profile, ImageCms.Flags.NOOPTIMIZE)
    difference = np.abs(in_levels(wide) - exact)
    assert difference.mean() < 0.6
    assert np.quantile(difference, 0.99) < 4


def test_srgb_profiles_change_nothing(photo: np.ndarray, ramp: np.ndarray, make_profile: Callable[..., bytes]) -> None:
    theirs = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = make_profile("RGB ", CURVES["para3"][0], tuple(map(tuple, SRGB_TO_XYZ)))
    for profile in (srgb(), theirs, made):
        assert is_srgb(profile)
        assert np.array_equal(np.rint(in_levels(saved(Image.fromarray(photo), "PNG", icc_profile=profile))), photo)
    assert torch.equal(read(sixteen_bit(ramp, srgb())).pixels, read(ramp).pixels)
    assert not is_srgb(make_profile("RGB ", CURVES["gamma"][0]))
    assert not is_srgb(pyvips.Operation.call("profile_load", "p3"))


def test_damaged_and_foreign_profiles_are_ignored(photo: np.ndarray, make_profile: Callable[..., bytes]) -> None:
    good = make_profile("RGB ", CURVES["gamma"][0])
    cmyk = pyvips.Operation.call("profile_load", "cmyk")
    no_curves = good[:128] + good[128:].replace(b"TRC", b"xxx")
    for profile in (b"junk", good[:100], good[:140] + b"\xff" * 60, no_curves, cmyk, make_profile("GRAY", CURVES["gamma"][0])):
        assert np.array_equal(np.rint(in_levels(saved(Image.fromarray(photo), "PNG", icc_profile=profile))), photo)
        wide = photo.astype(np.uint16) * 257
        assert torch.equal(read(sixteen_bit(wide, profile, suffix=".tif")).pixels, read(wide).pixels)


def test_profiles_of_tables_are_not_taken_for_matrices() -> None:
    assert matrix_profile(pyvips.Operation.call("profile_load", "cmyk")) is None
    assert matrix_profile(srgb()) is not None
