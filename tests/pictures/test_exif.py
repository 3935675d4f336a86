"""EXIF blocks as Pillow reads them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from stylespace.pictures.exif import PREFIX, from_tiff, into_tiff, upright

MAKER, ORIENTATION, COPYRIGHT = 0x010F, 0x0112, 0x8298
EXIF, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005


def block(*, big_endian: bool) -> bytes:
    exif = Image.Exif()
    exif.endian = ">" if big_endian else "<"
    exif[MAKER], exif[ORIENTATION], exif[COPYRIGHT] = "Maker of cameras", 6, "(c) somebody"
    inner = exif.get_ifd(EXIF)
    inner[0x829A], inner[0x9003], inner[0x927C], inner[0x8827] = (1, 125), "2020:01:02 03:04:05", b"note\0\1\2", 400
    inner[0xA002], inner[0xA003] = 4000, 3000
    exif.get_ifd(GPS)[1], exif.get_ifd(GPS)[2] = "N", (48.0, 12.0, 3.5)
    return exif.tobytes()


def loaded(data: bytes | None) -> Image.Exif:
    exif = Image.Exif()
    exif.load(data)
    return exif


@pytest.mark.parametrize("big_endian", [True, False])
def test_upright_changes_the_orientation_alone(big_endian: bool) -> None:
    before = block(big_endian=big_endian)
    assert before[6:8] == (b"MM" if big_endian else b"II")
    after = upright(before)
    assert after is not None
    assert len(after) == len(before)
    assert sum(a != b for a, b in zip(after, before, strict=True)) == 1
    assert dict(loaded(after)) == {**loaded(before), ORIENTATION: 1}
    assert upright(after) == after
    assert upright(before.removeprefix(PREFIX)) == after


def test_upright_drops_the_thumbnail() -> None:
    exif = loaded(block(big_endian=False))
    exif._ifds[1] = {0x0103: 6}  # the second directory, which describes the thumbnail
    before = bytearray(exif.tobytes())
    start = int.from_bytes(before[10:14], "little")
    next_ = 6 + start + 2 + 12 * int.from_bytes(before[6 + start : 8 + start], "little")
    before[next_ : next_ + 4] = (8).to_bytes(4, "little")
    assert upright(bytes(before))[next_ : next_ + 4] == b"\0\0\0\0"


def test_damaged_blocks_give_none_or_a_block() -> None:
    assert upright(None) is None
    for data in (b"", b"Exif\0\0", b"junk", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"):
        assert upright(data) is None
    whole = block(big_endian=True)
    generator = np.random.default_rng(0)
    for length in range(0, len(whole), 3):
        upright(whole[:length])
    tiff = io.BytesIO()
    Image.new("RGB", (4, 4)).save(tiff, "TIFF", exif=whole)
    for _ in range(300):
        damaged = bytearray(tiff.getvalue())
        for place in generator.integers(0, len(damaged), 4):
            damaged[place] = generator.integers(0, 256)
        from_tiff(io.BytesIO(damaged))
        into_tiff(bytes(damaged), whole)
        into_tiff(tiff.getvalue(), bytes(damaged))


@pytest.mark.parametrize("big_endian", [True, False])
@pytest.mark.parametrize("tiff_order", ["II", "MM"])
def test_into_a_tiff_and_out_again(big_endian: bool, tiff_order: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    file = io.BytesIO()
    if tiff_order == "MM":
        samples = np.arange(63, dtype=">u2").reshape(9, 7)
        Image.frombytes("I;16B", (7, 9), samples.tobytes()).save(file, "TIFF")
        picture = samples.astype(np.uint16)
    else:
        Image.fromarray(picture).save(file, "TIFF")
    assert file.getvalue()[:2] == tiff_order.encode()
    before = upright(block(big_endian=big_endian))
    tiff = into_tiff(file.getvalue(), before)
    image = Image.open(io.BytesIO(tiff))
    assert np.array_equal(np.asarray(image).astype(picture.dtype), picture)
    exif = image.getexif()
    assert (exif[MAKER], exif[COPYRIGHT]) == ("Maker of cameras", "(c) somebody")
    expected = {tag: value for tag, value in loaded(before).get_ifd(EXIF).items() if tag not in (0xA002, 0xA003)}
    assert exif.get_ifd(EXIF) == expected
    assert exif.get_ifd(GPS) == loaded(before).get_ifd(GPS)
    out = loaded(from_tiff(io.BytesIO(tiff)))
    assert out[MAKER] == "Maker of cameras"
    assert out.get_ifd(EXIF) == expected
    assert out.get_ifd(GPS) == loaded(before).get_ifd(GPS)


def test_a_tiff_without_exif() -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "TIFF")
    assert from_tiff(file) is None
    assert into_tiff(b"not a tiff", block(big_endian=True)) == b"not a tiff"
