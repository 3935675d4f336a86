"""Pictures and colour profiles made by code."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest

D50 = (0.9642, 1.0, 0.8249)
ADOBE_RGB = (
    (0.60974, 0.20528, 0.14919),
    (0.31111, 0.62567, 0.06322),
    (0.01947, 0.06087, 0.74457),
)  # to XYZ D50, from its ICC file


@pytest.fixture
def photo() -> np.ndarray:
    """(37, 53, 3) uint8: smooth, unlike itself in every mirroring and rotation."""
    y, x = np.mgrid[:37, :53]
    planes = [(np.sin(x / 9) + 1) * 120 + y / 4, (np.cos(y / 7 + x / 31) + 1) * 127, x * 3 + y * 2]
    return np.stack(planes, -1).clip(0, 255).astype(np.uint8)


@pytest.fixture
def ramp() -> np.ndarray:
    """(256, 256, 3) uint16: every 16-bit value once in each channel, in another order in each."""
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    return np.stack([values, values.T, values[::-1]], -1)


def _curve(kind: str, values: tuple[float, ...] | np.ndarray) -> bytes:
    if kind == "gamma":
        return b"curv" + struct.pack(">IIH", 0, 1, round(values[0] * 256))
    if kind == "table":
        return b"curv" + struct.pack(f">II{len(values)}H", 0, len(values), *np.rint(np.asarray(values) * 65535).astype(int))
    parameters = {"para0": 0, "para1": 1, "para2": 2, "para3": 3, "para4": 4}[kind]
    return b"para" + struct.pack(f">IHH{len(values)}i", 0, parameters, 0, *(round(v * 65536) for v in values))


@pytest.fixture(scope="session")
def make_profile() -> Callable[..., bytes]:
    """An ICC profile of curves and a matrix: ``make_profile("RGB ", ("gamma", (2.2,)))``, or ``"GRAY"``."""

    def make(space: str, curve: tuple[str, tuple[float, ...]], matrix: tuple[tuple[float, ...], ...] = ADOBE_RGB) -> bytes:
        xyz = lambda values: b"XYZ " + struct.pack(">I3i", 0, *(round(v * 65536) for v in values))  # noqa: E731
        tags = {
            b"desc": b"desc" + struct.pack(">II", 0, 5) + b"test\0" + b"\0" * 78,
            b"cprt": b"text\0\0\0\0none\0",
            b"wtpt": xyz(D50),
        }
        if space == "GRAY":
            tags[b"kTRC"] = _curve(*curve)
        else:
            for i, colour in enumerate((b"r", b"g", b"b")):
                tags[colour + b"TRC"] = _curve(*curve)
                tags[colour + b"XYZ"] = xyz([row[i] for row in matrix])
        table, data, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
        for name, value in tags.items():
            table += struct.pack(">4sII", name, start + len(data), len(value))
            data += value + b"\0" * (-len(value) % 4)
        head = struct.pack(">I4sI4s4s4s", start + len(data), b"\0\0\0\0", 0x02400000, b"mntr", space.encode(), b"XYZ ")
        head += (
            struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + struct.pack(">3i", *(round(v * 65536) for v in D50))
        )
        return head.ljust(128, b"\0") + table + data

    return make
