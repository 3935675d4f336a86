"""Writes pictures as a film: GIF or MP4."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from stylespace.errors import InputError
from stylespace.film.extra import pyav
from stylespace.storage.atomic import write_whole

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".gif", ".mp4")


def write_film(pictures: Iterator[Image], path: str | Path, rate: int = 12) -> Path:
    """Write ``pictures`` of one size at ``rate`` a second, atomically: ``.gif`` (repeats for ever) or ``.mp4`` (H.264).

    Raises ``InputError`` for another suffix, ``MissingExtraError`` where PyAV is not installed for ``.mp4``.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path.name} is not a film: give a name that ends in {' or '.join(SUFFIXES)}.")
    writer = _write_gif if path.suffix.lower() == ".gif" else _write_mp4
    write_whole(path, lambda temporary: writer(list(pictures), temporary, rate))
    return path


def _write_gif(pictures: list[Image], path: Path, rate: int) -> None:
    from PIL.Image import Palette

    small = [picture.convert("P", palette=Palette.ADAPTIVE, colors=256) for picture in pictures]
    small[0].save(path, "GIF", save_all=True, append_images=small[1:], duration=round(1000 / rate), loop=0)


def _write_mp4(pictures: list[Image], path: Path, rate: int) -> None:
    av = pyav("An .mp4 needs PyAV; or write a .gif")
    wide, high = (side - side % 2 for side in pictures[0].size)  # H.264 needs even sides
    with av.open(str(path), "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = wide, high, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_image(picture.convert("RGB").crop((0, 0, wide, high)))
            for packet in stream.encode(frame):
                film.mux(packet)
        for packet in stream.encode():
            film.mux(packet)
