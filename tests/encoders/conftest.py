"""Small weight files laid out as the publisher's, and a web server that can be told to misbehave."""

from __future__ import annotations

import pickle
import re
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

DEPTHS, WIDTHS = (2, 2, 3, 3, 3), (4, 5, 6, 7, 8)


def _torchvision_state(
    depths: tuple[int, ...] = DEPTHS, widths: tuple[int, ...] = WIDTHS, classifier: int = 40_000, seed: int = 0
) -> OrderedDict[str, Tensor]:
    """A state dict as torchvision names it: convolutions at 0, 2, then (a ReLU and a pooling later) 5, 7, 10, ..."""
    generator = torch.Generator().manual_seed(seed)
    state: OrderedDict[str, Tensor] = OrderedDict()
    number, c_in = 0, 3
    for depth, c_out in zip(depths, widths, strict=True):
        for _ in range(depth):
            state[f"features.{number}.weight"] = torch.randn(c_out, c_in, 3, 3, generator=generator) * (2 / (9 * c_in)) ** 0.5
            state[f"features.{number}.bias"] = torch.randn(c_out, generator=generator) / 10
            number, c_in = number + 2, c_out
        number += 1
    if classifier:
        state["classifier.0.weight"] = torch.randn(10, classifier // 10, generator=generator)
        state["classifier.0.bias"] = torch.randn(10, generator=generator)
    return state


def _save(state: dict[str, Tensor], path: Path, form: str) -> Path:
    if form == "2017":
        _save_2017(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    return path


class _Storage:
    def __init__(self, key: str, values: Tensor) -> None:
        self.key, self.values = key, values


class _OldTensor:
    def __init__(self, storage: _Storage) -> None:
        self.storage = storage

    def __reduce__(self) -> Any:
        values = self.storage.values
        return torch._utils._rebuild_tensor, (self.storage, 0, tuple(values.shape), values.stride())


class _Pickler(pickle._Pickler):
    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, _Storage):
            return ("storage", torch.FloatStorage, value.key, "cpu", value.values.numel(), None)
        return None


def _save_2017(state: dict[str, Tensor], path: Path) -> None:
    """As ``torch.save`` wrote it when torchvision published its VGGs (torch 0.1.10): tensors rebuilt without ``_v2``."""
    keys = [str(94_000_000_000_000 + 7919 * (place * 31 % 97)) for place in range(len(state))]
    storages = {name: _Storage(key, values.contiguous()) for key, (name, values) in zip(keys, state.items(), strict=True)}
    with path.open("wb") as file:
        pickle.dump(0x1950A86A20F9469CFC6C, file, protocol=2)
        pickle.dump(1001, file, protocol=2)
        system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}}
        pickle.dump(system, file, protocol=2)
        _Pickler(file, protocol=2).dump(OrderedDict((name, _OldTensor(storage)) for name, storage in storages.items()))
        pickle.dump(sorted(keys), file, protocol=2)
        for storage in sorted(storages.values(), key=lambda storage: storage.key):
            file.write(struct.pack("<q", storage.values.numel()) + storage.values.numpy().tobytes())


@dataclass
class Behaviour:
    """How one request is answered. ``drop``: body bytes after which the connection ends; ``lie``: added to Content-Length."""

    status: int | None = None
    drop: int | None = None
    lie: int = 0
    content_range: str | None = None


@dataclass
class Request:
    """What was asked and what was sent."""

    range: str | None
    if_range: str | None
    status: int = 0
    sent: int = 0


@dataclass
class FileServer:
    data: bytes
    etag: str | None = '"first"'
    modified: str | None = None
    ranges: bool = True
    heeds_if_range: bool = True
    script: list[dict[str, Any]] = field(default_factory=list)
    before: Callable[[int], None] = lambda number: None
    requests: list[Request] = field(default_factory=list)

    def start(self) -> FileServer:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                owner._answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """Connections that the other side ends are part of the tests."""

        self._http = Server(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def url(self, file: str = "file.pth") -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/{file}"

    @property
    def sent(self) -> int:
        return sum(request.sent for request in self.requests)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        request = Request(handler.headers.get("Range"), handler.headers.get("If-Range"))
        self.requests.append(request)
        self.before(len(self.requests))
        behaviour = Behaviour(**self.script.pop(0)) if self.script else Behaviour()
        data, headers, status = self.data, {}, 200
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.range or "")
        if self.ranges and wanted and (not self.heeds_if_range or request.if_range in (None, self.etag, self.modified)):
            start, end = int(wanted[1]), int(wanted[2] or len(data) - 1)
            if start < len(data):
                status, end = 206, min(end, len(data) - 1)
                headers["Content-Range"] = behaviour.content_range or f"bytes {start}-{end}/{len(data)}"
                data = data[start : end + 1]
            else:
                status, data = 416, b""
                headers["Content-Range"] = f"bytes */{len(self.data)}"
        if behaviour.status is not None:
            status, data, headers = behaviour.status, b"", {}
        for name, value in (("ETag", self.etag), ("Last-Modified", self.modified)):
            if value is not None:
                headers[name] = value
        request.status = status
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data) + behaviour.lie))
        handler.end_headers()
        body = data if behaviour.drop is None else data[: behaviour.drop]
        body = body[: len(data) + behaviour.lie] if behaviour.lie < 0 else body
        try:
            for place in range(0, len(body), 4096):
                part = body[place : place + 4096]
                request.sent += len(part)  # before the other side can have it, and ask
                handler.wfile.write(part)
        except OSError:
            handler.close_connection = True
        if len(body) != len(data) + behaviour.lie:
            handler.close_connection = True


@pytest.fixture(scope="session")
def torchvision_state() -> Callable[..., OrderedDict[str, Tensor]]:
    """Makes state dicts as torchvision names them."""
    return _torchvision_state


@pytest.fixture(scope="session")
def save_weights() -> Callable[[dict[str, Tensor], Path, str], Path]:
    """Saves a state dict as PyTorch did in 2017, in its old form, or as a zip archive (``2017``, ``old``, ``zip``)."""
    return _save


@pytest.fixture
def serve() -> Iterator[Callable[..., FileServer]]:
    """Starts a :class:`FileServer` with the arguments given; stops it after the test."""
    started: list[FileServer] = []

    def start(data: bytes, **options: Any) -> FileServer:
        started.append(FileServer(data, **options).start())
        return started[-1]

    yield start
    for server in started:
        server.stop()
