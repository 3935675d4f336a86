"""``/v1/live``: the picture follows the sliders, over a binary WebSocket.

The client sends a kind (1 byte) and a body: ``PHOTO`` an encoded picture; ``FRAME`` the next one of a camera or film, whose maps stay;
``MAP`` the length of a style's name (2 bytes), the name, an encoded picture that is white where the style goes (or nothing: no map any
more); ``MIX`` a sequence number (4 bytes, big endian) and a :class:`~stylespace.studio.look.Look` as JSON. The server answers each mix
that it paints with the number (4 bytes) and a JPEG. *Latest wins*: of the mixes that arrive while one is being painted only the last is
painted next. What is wrong comes back as text: JSON with ``detail``.
"""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import dataclass, field

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from stylespace.errors import InputError, StylespaceError
from stylespace.pictures.picture import Picture
from stylespace.pipelines.paint import KEEP
from stylespace.studio.encoding import jpeg, smaller
from stylespace.studio.look import Look
from stylespace.studio.state import Here, Studio

router = APIRouter()
PHOTO, MAP, MIX, FRAME = 1, 2, 3, 4
NUMBER, LENGTH = struct.Struct(">I"), struct.Struct(">H")
SIDE = 512  # long side of a live picture, unless its look asks for another
MOST = 1280
MAPS = 32
FULL = 1013  # WebSocket: try again later


@dataclass
class LiveTable:
    """What lies on one visitor's table: the photo, the maps, and the mix that waits to be painted."""

    photo: Picture | None = None
    maps: dict[str, Picture] = field(default_factory=dict)
    waiting: tuple[int, Look] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@router.websocket("/v1/live")
async def live(socket: WebSocket, studio: Here) -> None:
    """Paint what the visitor's sliders say until the connection ends."""
    await socket.accept()
    if studio.tables >= studio.settings.tables:
        return await socket.close(FULL, "Too many are mixing: try again in a moment.")
    studio.tables += 1
    table = LiveTable()
    painting = asyncio.create_task(_paint(socket, studio, table))
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            data = message.get("bytes") or b""
            try:
                await _take(studio, table, data)
            except ValidationError as error:
                await _tell(socket, f"The mix cannot be used: {error.errors()[0]['msg']}.")
            except (StylespaceError, ValueError, struct.error) as error:
                await _tell(socket, str(error) if isinstance(error, StylespaceError) else "The message cannot be read.")
    except (WebSocketDisconnect, RuntimeError):  # it is gone while something is being sent
        pass
    finally:
        studio.tables -= 1
        painting.cancel()


async def _take(studio: Studio, table: LiveTable, data: bytes) -> None:
    """What one message of the visitor's changes."""
    kind, body = data[:1], data[1:]
    if kind == bytes([MIX]):
        look = Look.model_validate_json(body[NUMBER.size :])
        if table.waiting is not None:
            studio.metrics.dropped.inc()
        table.waiting = (NUMBER.unpack(body[: NUMBER.size])[0], look)
        table.changed.set()
    elif kind in (bytes([PHOTO]), bytes([FRAME])):
        table.photo, table.maps = await studio.small(body, MOST), table.maps if kind == bytes([FRAME]) else {}
    elif kind == bytes([MAP]):
        end = LENGTH.size + LENGTH.unpack(body[: LENGTH.size])[0]
        name = body[LENGTH.size : end].decode()
        if body[end:] and name not in table.maps and len(table.maps) >= MAPS:
            raise InputError(f"There are {MAPS} maps already: take one back first.")
        if body[end:]:
            table.maps[name] = await studio.small(body[end:], SIDE)
        else:
            table.maps.pop(name, None)
    else:
        raise ValueError


async def _paint(socket: WebSocket, studio: Studio, table: LiveTable) -> None:
    """Paint the latest mix, again and again; the last one always."""
    while True:
        await table.changed.wait()
        table.changed.clear()
        if table.waiting is None:
            continue
        if table.photo is None:
            table.waiting = None
            await _tell(socket, "Send a photo first.")
            continue
        (number, look), table.waiting = table.waiting, None
        photo, maps = table.photo, {name: drawn for name, drawn in table.maps.items() if name in look.styles or name == KEEP}
        studio.dragged()
        try:
            frame = await studio.work(studio.live, "live", lambda: _frame(studio, photo, look, maps))  # noqa: B023 (awaited here)
        except StylespaceError as error:
            await _tell(socket, str(error))
            continue
        await socket.send_bytes(NUMBER.pack(number) + frame)


def _frame(studio: Studio, photo: Picture, look: Look, maps: dict[str, Picture]) -> bytes:
    side = min(look.size or SIDE, MOST)
    small = smaller(photo, side)
    return jpeg(studio.painter.paint(small, look.model_copy(update={"size": max(small.size)}), maps, live=True).source)


async def _tell(socket: WebSocket, text: str) -> None:
    await socket.send_text(json.dumps({"detail": text}))
