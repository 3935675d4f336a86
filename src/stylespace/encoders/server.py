"""A file on a web server: asking for it, for ranges of it, and trying again."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

import httpx

from stylespace.encoders.store import Published
from stylespace.errors import WeightsError

Progress = Callable[[int, int | None], None]
"""Called after every piece with the bytes received and the total (None where the server does not tell)."""

BLOCK = 64 * 1024  # bytes asked for at a time where a layout is looked up
LAYOUT_BLOCKS = 64  # at most; the layout of a VGG takes one or two
TRIES = 5  # failures in a row that bring nothing new
UNREACHABLE_TRIES = 2
_UNREACHABLE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class AgainError(Exception):
    """A failure that another try may mend."""


class RangeError(Exception):
    """The server does not serve ranges of the expected version of the file."""


@dataclass(frozen=True)
class Remote:
    """What a server says of a file.

    ``length``: bytes, None if unsaid. ``version``: what names its version in ``If-Range``, None if nothing does.
    ``ranges``: whether parts are served. ``head``: the first block, where they are.
    """

    length: int | None
    version: str | None
    ranges: bool
    head: bytes


class Server:
    """The server of one published file, and the rules for trying again: ``pause`` seconds later, then twice that, and so on."""

    def __init__(self, source: Published, client: httpx.Client, pause: float) -> None:
        self.source = source
        self.client = client
        self.pause = pause

    @contextmanager
    def get(self, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """One request. Yields answers 200, 206 and 416 before their body is read; the rest are errors."""
        with self.client.stream("GET", self.source.url, headers=dict(headers)) as response:
            if self.source.url.startswith("https:") and response.url.scheme != "https":
                raise self.failure(f"it was redirected to '{response.url}', which is not encrypted")
            answer = f"the server answered {response.status_code} {response.reason_phrase}"
            if response.status_code in (408, 429) or response.status_code >= 500:
                raise AgainError(answer)
            if response.status_code not in (200, 206, 416):
                raise self.failure(answer)
            yield response

    def persist(self, step: Callable[[], None], position: Callable[[], int]) -> None:
        """Repeat ``step`` until it succeeds; give up after ``TRIES`` failures that bring ``position`` no further than before."""
        furthest, failures = position(), 0
        while True:
            try:
                return step()
            except (httpx.RequestError, AgainError) as error:
                if position() > furthest:
                    furthest, failures = position(), 0
                failures += 1
                unreachable = isinstance(error, _UNREACHABLE) and furthest == 0
                if failures == (UNREACHABLE_TRIES if unreachable else TRIES):
                    raise self.failure(str(error) or type(error).__name__) from error
            time.sleep(self.pause * 2 ** (failures - 1))

    def probe(self) -> Remote:
        """Ask for the first block, to learn what the server can do."""
        found: list[Remote] = []

        def step() -> None:
            with self.get({"Range": f"bytes=0-{BLOCK - 1}"}) as response:
                range_ = covered(response)
                if range_ is None or range_[0] != 0:
                    found.append(Remote(length(response), version(response), False, b""))
                    return
                head = b"".join(at_most(response.iter_raw(), BLOCK))
                found.append(Remote(range_[2], version(response), len(head) == range_[1] + 1, head))

        self.persist(step, lambda: 0)
        return found[-1]

    def range(self, remote: Remote, start: int, end: int) -> Iterator[bytes]:
        """Bytes ``start`` to ``end`` (not included) of the version ``remote``. Raises RangeError for anything else."""
        headers = {"Range": f"bytes={start}-{end - 1}", "If-Range": remote.version or ""}
        with self.get(headers) as response:
            if response.status_code != 206 or version(response) not in (None, remote.version):
                raise RangeError("the file changed on the server, or ranges of it are no longer served")
            if covered(response) != (start, end - 1, remote.length):
                raise RangeError(f"the server answered a range with '{response.headers.get('content-range')}'")
            received = 0
            for piece in response.iter_raw():
                received += len(piece)
                if received > end - start:
                    raise RangeError("the server sent more than the range asked for")
                yield piece
                if received == end - start:
                    return
            raise RangeError("the server sent less than the range asked for")

    def open(self, remote: Remote) -> BinaryIO:
        """The file, read in cached blocks, for the few places that hold its layout."""
        return cast(BinaryIO, io.BufferedReader(_RemoteFile(self, remote), BLOCK))

    def failure(self, reason: str) -> WeightsError:
        """The error for a download that cannot continue."""
        return WeightsError(
            f"The {self.source.title} weights could not be downloaded from {self.source.url} ({reason}): try again later, "
            "use --encoder compact, which works without a download, or give a file with --weights FILE."
        )


class _RemoteFile(io.RawIOBase):
    def __init__(self, server: Server, remote: Remote) -> None:
        self.server, self.remote, self.length = server, remote, remote.length or 0
        self.blocks = {0: remote.head}
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.length}[whence]
        if self.position < 0:
            raise ValueError("a file was sought before its start")
        return self.position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self.position >= self.length:
            return 0
        number, within = divmod(self.position, BLOCK)
        piece = self._block(number)[within : within + len(buffer)]
        buffer[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)

    def _block(self, number: int) -> bytes:
        if number not in self.blocks:
            if len(self.blocks) >= LAYOUT_BLOCKS:
                raise RangeError("the list of tensors is longer than a VGG's")

            def step() -> None:
                pieces = self.server.range(self.remote, number * BLOCK, min((number + 1) * BLOCK, self.length))
                self.blocks[number] = b"".join(pieces)

            self.server.persist(step, lambda: 0)
        return self.blocks[number]


def client(source: Published) -> httpx.Client:
    """A client that follows redirects, asks for bytes as they are stored, and waits 10 s for a connection and 30 s for data."""
    headers = {"User-Agent": "stylespace", "Accept-Encoding": "identity"}
    try:
        return httpx.Client(headers=headers, follow_redirects=True, timeout=httpx.Timeout(30, connect=10))
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise WeightsError(
            f"The {source.title} weights were not downloaded, because this machine's proxy settings cannot be used ({error}): "
            "use --encoder compact, which works without a download, or give a file with --weights FILE."
        ) from error


def covered(response: httpx.Response) -> tuple[int, int, int] | None:
    """First byte, last byte and length of the file from a 206's Content-Range, None for any other answer."""
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("content-range", ""))
    if response.status_code != 206 or match is None:
        return None
    return int(match[1]), int(match[2]), int(match[3])


def length(response: httpx.Response) -> int | None:
    """Bytes of a body as its Content-Length states them."""
    value = response.headers.get("content-length", "")
    return int(value) if value.isdigit() else None


def version(response: httpx.Response) -> str | None:
    """A validator fit for If-Range: a strong ETag, or the date of the last change (RFC 9110, 13.1.5)."""
    etag: str = response.headers.get("etag", "")
    return etag if etag.startswith('"') else response.headers.get("last-modified")


def at_most(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """The first ``limit`` bytes of ``pieces``."""
    for piece in pieces:
        yield piece[:limit]
        limit -= len(piece)
        if limit <= 0:
            return
