"""Small films that the tests write themselves, by PyAV alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import picture

av = pytest.importorskip("av")

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a film of ``picture`` with everything that tests vary: codec, times, matrix, range, turn, sound, packets to damage."""

    def made(
        name: str = "film.mp4", codec: str = "libx264", pixel_format: str = "yuv420p", *, count: int = 8, size: tuple[int, int] = (64, 96),
        times: Sequence[int] | None = None, base: Fraction = Fraction(1, 12800), matrix: int = 1, full: bool = False, turn: int = 0,
        sound: bool = False, damaged: Sequence[int] = (), options: dict[str, str] | None = None, second: tuple[int, int] | None = None,
    ) -> Path:  # fmt: skip
        path = tmp_path / name
        with av.open(str(path), "w") as film:
            stream = film.add_stream(codec, rate=25, options={"crf": "4"} if codec == "libx264" else options or {})
            stream.height, stream.width = size
            stream.pix_fmt = pixel_format
            stream.codec_context.time_base = base
            if not av.VideoFormat(pixel_format).is_rgb:
                stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 2 if full else 1
            if turn:
                stream.set_display_rotation(turn)
            audio = film.add_stream("aac", rate=44100, layout="mono") if sound else None
            number, coded = 0, {6: 5, 2: 5}.get(matrix, matrix)
            for index in [*range(count), None]:
                frame = None
                if index is not None:
                    frame = av.VideoFrame.from_ndarray(picture(index, size), "rgb24")
                    frame = frame.reformat(format=pixel_format, dst_colorspace=coded, dst_color_range=2 if full else 1)
                    frame.pts, frame.time_base = times[index] if times else index * int(1 / base / 25), base
                for packet in stream.encode(frame):
                    film.mux(_damaged(packet) if number in damaged else packet)
                    number += 1
            if audio is not None:
                wave = np.sin(np.arange(44100 * count // 25) / 20)[None].astype(np.float32)
                frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
                frame.rate, frame.pts = 44100, 0
                fifo = av.AudioFifo()
                fifo.write(frame)
                while (part := fifo.read(1024, partial=True)) is not None:
                    film.mux(audio.encode(part))
                film.mux(audio.encode(None))
        return path

    return made


def _damaged(packet: Any) -> Any:
    data = bytearray(bytes(packet))
    data[len(data) // 3 :] = b"\x55" * (len(data) - len(data) // 3)
    made = av.Packet(bytes(data))
    made.pts, made.dts, made.time_base, made.stream = packet.pts, packet.dts, packet.time_base, packet.stream
    made.is_keyframe, made.duration = packet.is_keyframe, packet.duration
    return made
