"""Who may call, and what hostile callers and files can do: nothing."""

from __future__ import annotations

import os
import struct
import threading
import time
import zlib
from pathlib import Path

import pytest
from starlette.websockets import WebSocketDisconnect
from studio_calls import Client, live, paint, picture

from stylespace.errors import InputError
from stylespace.studio.results import Results
from stylespace.studio.settings import StudioSettings
from stylespace.studio.uploads import Decoder, PictureError

TOKEN = "a-token-of-some-length"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "localhost.evil.example:8765"])
def test_other_host_names_are_refused(client: Client, host: str) -> None:
    answer = client().get("/v1/health", headers={"host": host})
    assert answer.status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://127.0.0.1.evil.example:8765"])
def test_other_sites_pages_are_refused(client: Client, origin: str) -> None:
    made = client()
    assert made.get("/v1/health", headers={"origin": origin}).status_code == 403
    with pytest.raises(WebSocketDisconnect), live(made, origin=origin):
        pass
    assert made.get("/v1/health", headers={"origin": "http://127.0.0.1:8765"}).status_code == 200
    with live(made, origin="http://127.0.0.1:8765") as socket:
        socket.send_bytes(b"?")
        assert socket.receive_json()


def test_beyond_loopback_a_token_is_needed(client: Client) -> None:
    with pytest.raises(InputError, match="token"):
        StudioSettings(host="192.168.1.5")
    with pytest.raises(InputError, match="16 or more"):
        StudioSettings(host="192.168.1.5", token="short")
    with pytest.raises(InputError, match="--allow-host"):
        StudioSettings(host="0.0.0.0", token=TOKEN)
    made = client(host="192.168.1.5", token=TOKEN)
    assert made.get("/v1/health").status_code == 401
    assert made.get("/v1/health", headers={"authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert made.get("/v1/health", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert made.get("/v1/health?token=" + TOKEN).status_code == 401  # only the page's first call may carry it
    assert made.get("/", params={"token": "wrong"}).status_code == 401
    welcome = made.get("/", params={"token": TOKEN}, follow_redirects=False)
    assert welcome.status_code == 303
    assert "HttpOnly" in welcome.headers["set-cookie"]
    assert "SameSite=Strict" in welcome.headers["set-cookie"]
    assert made.get("/v1/health").status_code == 200  # by the cookie


def test_headers_isolate_the_page(client: Client) -> None:
    headers = client().get("/").headers
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_large_uploads_are_refused(client: Client) -> None:
    made = client(max_bytes=1 << 20)
    assert paint(made, data=bytes(3 << 20)).status_code == 413

    def drops() -> object:  # without a stated length
        for _ in range(6):
            yield bytes(1 << 19)

    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert made.post("/v1/paint", content=drops(), headers=kind).status_code == 413
    assert paint(made).status_code == 200


def png(high: int, wide: int, data: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def test_hostile_files_are_told_in_words_and_the_next_is_painted(client: Client) -> None:
    made = client()
    bomb = png(30000, 30000, zlib.compress(bytes(1 << 20)))
    for data in (b"", b"nonsense", picture()[:200], bomb, b"%PDF-1.4", b"\xff\xd8\xff" + os.urandom(500), picture(1, 5)):
        answer = paint(made, data=data)
        assert answer.status_code == 422
        assert len(answer.json()["detail"]) > 20
    assert paint(made).status_code == 200


def test_hostile_files_do_not_hold_up_who_mixes(client: Client) -> None:
    made = client()
    bomb = png(30000, 30000, zlib.compress(bytes(1 << 20)))
    answers: list[int] = []
    hostile = [threading.Thread(target=lambda: answers.append(paint(made, data=bomb).status_code)) for _ in range(4)]
    with live(made) as socket:
        socket.send_bytes(b"\x01" + picture())
        for thread in hostile:
            thread.start()
        for number in range(1, 6):
            socket.send_bytes(b"\x03" + number.to_bytes(4, "big") + b'{"styles": {"swirls": 1}}')
            assert socket.receive_bytes()[:4] == number.to_bytes(4, "big")
        for thread in hostile:
            thread.join(120)
    assert answers == [422] * 4


def test_overload_is_told(client: Client) -> None:
    assert client(calls=0).get("/v1/health").status_code == 429
    with live(client(tables=0)) as socket:
        assert socket.receive()["code"] == 1013


def test_a_result_is_not_larger_than_uploads_may_be(client: Client) -> None:
    answer = paint(client(), size=16384)
    assert answer.status_code == 422
    assert "40,000,000 at most" in answer.json()["detail"]


def test_a_decoder_that_hangs_or_dies_is_replaced(tmp_path: Path) -> None:
    decoder = Decoder(StudioSettings(folder=tmp_path))
    try:
        assert decoder.decode(picture()).size == (48, 64)
        process = decoder._process
        assert process is not None
        process.kill()
        process.wait()
        assert decoder.decode(picture()).size == (48, 64)
        object.__setattr__(decoder.settings, "decode_seconds", 0.0)
        with pytest.raises(PictureError, match="too long"):
            decoder.decode(picture(2000, 2000))
        object.__setattr__(decoder.settings, "decode_seconds", 20.0)
        assert decoder.decode(picture()).size == (48, 64)
    finally:
        decoder.close()


def test_a_decoder_has_no_more_memory_than_it_may(tmp_path: Path) -> None:
    decoder = Decoder(StudioSettings(folder=tmp_path, decode_bytes=64 << 20))
    try:
        with pytest.raises(PictureError):
            decoder.decode(png(6000, 6000, zlib.compress(bytes(6000 * 18001))))
        assert decoder.decode(picture()).size == (48, 64)
    finally:
        decoder.close()


def test_results_go_by_age_and_by_size(tmp_path: Path) -> None:
    results = Results(tmp_path, keep_seconds=100, keep_bytes=250)
    names = []
    for age in (200, 50, 40, 30):
        name, path = results.place(".png")
        path.write_bytes(bytes(100))
        os.utime(path, (time.time() - age, time.time() - age))
        names.append(name)
    assert [results.find(name) is not None for name in names] == [False, False, True, True]
    assert len(set(names)) == 4
