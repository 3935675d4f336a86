"""Live mixing: the latest position wins, and the last is always painted."""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
import pytest
from studio_calls import Client, live, picture, pixels_of

from stylespace.pictures.reading import read
from stylespace.studio.look import Look
from stylespace.studio.painter import StudioPainter

PHOTO, MAP, MIX = b"\x01", b"\x02", b"\x03"


def mix(number: int, styles: dict[str, float], **look: Any) -> bytes:
    return MIX + number.to_bytes(4, "big") + json.dumps({"styles": styles, **look}).encode()


def frame(socket: Any) -> tuple[int, np.ndarray]:
    data = socket.receive_bytes()
    return int.from_bytes(data[:4], "big"), pixels_of(data[4:]).astype(int)


def test_the_picture_follows_the_mix(client: Client) -> None:
    with live(client()) as socket:
        socket.send_bytes(PHOTO + picture())
        socket.send_bytes(mix(7, {"swirls": 1}))
        number, one = frame(socket)
        assert number == 7
        assert one.shape == (48, 64, 3)
        socket.send_bytes(mix(8, {"dots": 1}))
        number, other = frame(socket)
        assert number == 8
        assert np.abs(one - other).max() > 8
        socket.send_bytes(mix(9, {"dots": 1}, size=32))
        assert frame(socket)[1].shape == (24, 32, 3)


def test_latest_wins_and_the_last_is_painted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may = threading.Event(), threading.Event()
    painted: list[float] = []
    paint = StudioPainter.paint

    def slow(self: StudioPainter, photo: Any, look: Any, maps: Any = None, *, live: bool) -> Any:
        painted.append(look.styles["swirls"])
        begun.set()
        assert may.wait(30)
        return paint(self, photo, look, maps, live=live)

    monkeypatch.setattr(StudioPainter, "paint", slow)
    with live(client()) as socket:
        socket.send_bytes(PHOTO + picture())
        socket.send_bytes(mix(1, {"swirls": 1, "dots": 0.5}))
        assert begun.wait(30)
        for number in range(2, 40):
            socket.send_bytes(mix(number, {"swirls": number, "dots": 0.5}))
        socket.send_bytes(b"?")  # its answer says that all before it have been read
        assert "cannot be read" in socket.receive_json()["detail"]
        may.set()
        assert [frame(socket)[0], frame(socket)[0]] == [1, 39]
    assert painted == [1, 39]


def test_what_is_wrong_is_told_and_mixing_goes_on(client: Client) -> None:
    with live(client()) as socket:
        socket.send_bytes(mix(1, {"swirls": 1}))
        assert "photo first" in socket.receive_json()["detail"]
        for bad in (
            b"",
            b"\x09",
            PHOTO + b"nonsense",
            MIX + b"\0",
            mix(1, {}),
            mix(1, {"swirls": -1}),
            MAP + b"\0",
            b"\x03\0\0\0\1[",
        ):
            socket.send_bytes(bad)
            assert socket.receive_json()["detail"]
        socket.send_bytes(PHOTO + picture())
        socket.send_bytes(mix(2, {"no such": 1}))
        assert "no such" in socket.receive_json()["detail"]
        socket.send_bytes(mix(3, {"swirls": 1}))
        assert frame(socket)[0] == 3


def test_a_map_is_followed_until_it_is_taken_back(client: Client) -> None:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.pad(np.full((48, 32), 255, np.uint8), ((0, 0), (0, 32)))).save(out, "PNG")
    name = len("swirls").to_bytes(2, "big") + b"swirls"
    both = {"swirls": 1.0, "dots": 1.0}
    with live(client()) as socket:
        socket.send_bytes(PHOTO + picture())
        socket.send_bytes(mix(1, both))
        plain = frame(socket)[1]
        socket.send_bytes(MAP + name + out.getvalue())
        socket.send_bytes(mix(2, both))
        assert np.abs(frame(socket)[1] - plain).max() > 8
        socket.send_bytes(MAP + len("photo:").to_bytes(2, "big") + b"photo:" + out.getvalue())  # where the photo stays
        socket.send_bytes(mix(4, both))
        kept = frame(socket)[1]
        socket.send_bytes(mix(5, both, strength=0))
        apart = np.abs(kept - frame(socket)[1])
        assert apart[:, :16].max() <= 2
        assert apart[:, 48:].max() > 8
        socket.send_bytes(MAP + (6).to_bytes(2, "big") + b"photo:")
        socket.send_bytes(MAP + name)
        socket.send_bytes(mix(3, both))
        assert np.abs(frame(socket)[1] - plain).max() <= 1


def test_an_engine_paints_what_the_network_would() -> None:
    pytest.importorskip("openvino", reason="needs the extra fast")
    painter = StudioPainter("classics", "cpu")
    painter.warm()
    assert painter.fast is not None
    photo = read(picture(96, 128))
    for colour in ("luminance", "palette"):
        look = Look(styles={"starry_night": 0.6, "great_wave": 0.4}, strength=0.8, colour=colour)
        slow, fast = painter.paint(photo, look), painter.paint(photo, look, live=True)
        assert (slow.source.pixels - fast.source.pixels).abs().max() < 6 / 255
        assert fast.record["settings"]["mix"] == slow.record["settings"]["mix"]
