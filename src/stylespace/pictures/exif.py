"""EXIF blocks: orientation set to upright; read from and written to TIFF files, which libvips does not do.

An EXIF block is a small TIFF file of directories (Exif 2.32, TIFF 6.0). All that is read is checked against the block's length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

PREFIX = b"Exif\0\0"

_ORIENTATION = 0x0112
_POINTERS = (0x8769, 0x8825, 0xA005)  # the Exif, GPS and interoperability directories
_DIMENSIONS = (0xA002, 0xA003)
_DESCRIPTIVE = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298, 0x4746, 0x4749, *range(0x9C9B, 0x9CA0))
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_UNITS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8}  # bytes that are reversed with the byte order

_LONGEST = 1 << 20  # bytes of one entry worth keeping

_At = Callable[[int, int], bytes]


@dataclass
class _Directory:
    entries: dict[int, tuple[int, int, bytes]] = field(default_factory=dict)  # tag: type, count, little-endian value
    inner: dict[int, _Directory] = field(default_factory=dict)


def upright(block: bytes | None) -> bytes | None:
    """``block`` with orientation 1 and without its thumbnail (which shows the picture as it was); None if it is damaged."""
    if block is None:
        return None
    body = bytearray(block.removeprefix(PREFIX))
    try:
        order = _order(bytes(body[:4]))
        (start,) = struct.unpack_from(order + "I", body, 4)
        (count,) = struct.unpack_from(order + "H", body, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            if struct.unpack_from(order + "H", body, entry)[0] == _ORIENTATION:
                struct.pack_into(order + "HIHH", body, entry + 2, 3, 1, 1, 0)
        struct.pack_into(order + "I", body, start + 2 + 12 * count, 0)
    except (struct.error, ValueError):
        return None
    return PREFIX + bytes(body)


def from_tiff(file: BinaryIO) -> bytes | None:
    """The EXIF block that the TIFF ``file`` holds as directories, orientation left out; None if there is none."""

    def at(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length) if length <= _LONGEST else b""

    try:
        order = _order(at(0, 4))
        first = _read(at, struct.unpack(order + "I", at(4, 4))[0], order)
    except (struct.error, ValueError, OSError, OverflowError):
        return None
    kept = _descriptive(first)
    return PREFIX + b"II*\0" + struct.pack("<I", 8) + _build(kept, 8, "<") if kept.entries or kept.inner else None


def into_tiff(tiff: bytes, block: bytes) -> bytes:
    """The TIFF file ``tiff`` with the EXIF ``block`` in its directories; unchanged if either is not valid."""
    body = block.removeprefix(PREFIX)
    try:
        order, theirs = _order(tiff[:4]), _order(body[:4])
        first = _read(_slices(tiff), struct.unpack_from(order + "I", tiff, 4)[0], order)
        added = _descriptive(_read(_slices(body), struct.unpack_from(theirs + "I", body, 4)[0], theirs))
    except (struct.error, ValueError):
        return tiff
    first.entries |= added.entries
    first.inner |= added.inner
    padded = tiff + b"\0" * (len(tiff) % 2)
    return padded[:4] + struct.pack(order + "I", len(padded)) + padded[8:] + _build(first, len(padded), order)


def _order(head: bytes) -> str:
    if head not in (b"II*\0", b"MM\0*"):
        raise ValueError("not a TIFF header")
    return "<" if head[:2] == b"II" else ">"


def _slices(data: bytes) -> _At:
    return lambda offset, length: data[offset : offset + length]


def _descriptive(first: _Directory) -> _Directory:
    """The tags that describe the picture, without those that describe how its samples are stored."""
    kept = _Directory({tag: first.entries[tag] for tag in _DESCRIPTIVE if tag in first.entries}, first.inner)
    for directory in kept.inner.values():
        for tag in _DIMENSIONS:
            directory.entries.pop(tag, None)
    return kept


def _read(at: _At, offset: int, order: str, depth: int = 0) -> _Directory:
    directory = _Directory()
    (count,) = struct.unpack(order + "H", at(offset, 2))
    rows = at(offset + 2, 12 * count)
    for tag, kind, number, value in struct.iter_unpack(order + "HHI4s", rows):
        length = _SIZES.get(kind, 0) * number
        if tag in _POINTERS:
            if depth < 2:
                directory.inner[tag] = _read(at, struct.unpack(order + "I", value)[0], order, depth + 1)
            continue
        data = value[:length] if length <= 4 else at(struct.unpack(order + "I", value)[0], length)
        if length and len(data) == length:
            directory.entries[tag] = (kind, number, _turned(data, kind) if order == ">" else data)
    return directory


def _turned(data: bytes, kind: int) -> bytes:
    unit = _UNITS.get(kind, 1)
    return data if unit == 1 else b"".join(data[i : i + unit][::-1] for i in range(0, len(data), unit))


def _build(directory: _Directory, start: int, order: str) -> bytes:
    """``directory`` and those inside it as bytes that begin at offset ``start`` of a file."""
    tags = sorted([*directory.entries, *directory.inner])
    rows, tail = b"", b""
    tail_start = start + 2 + 12 * len(tags) + 4
    for tag in tags:
        place = tail_start + len(tail)
        if tag in directory.inner:
            rows += struct.pack(order + "HHII", tag, 4, 1, place)
            tail += _build(directory.inner[tag], place, order)
            continue
        kind, number, value = directory.entries[tag]
        value = _turned(value, kind) if order == ">" else value
        if len(value) <= 4:
            rows += struct.pack(order + "HHI4s", tag, kind, number, value.ljust(4, b"\0"))
        else:
            rows += struct.pack(order + "HHII", tag, kind, number, place)
            tail += value + b"\0" * (len(value) % 2)
    return struct.pack(order + "H", len(tags)) + rows + b"\0\0\0\0" + tail
