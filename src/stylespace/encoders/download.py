"""VGG weights from their publisher into the weights folder, whole or only their convolutions.

The publisher's files are 550 MB, 85 % of it a classifier that is not needed here. Where the server serves byte ranges of a
version it can name (ETag or Last-Modified), only the convolutions are fetched: 80 MB of VGG-19, 59 MB of VGG-16. What is checked
differs:

- **Whole file**: the SHA-256 of every byte.
- **Convolutions only**: the publisher states no checksum for a part of a file. Checked are the encrypted connection to the
  publisher (TLS), the file's exact length, that the version stayed the same from the first range to the last, the framing of
  every tensor (its element count, or its CRC-32 in a zip archive), every tensor's shape, and that every number is finite.
  *Not* checked is that the numbers are those of the file that the checksum was computed from.

Whenever anything about the second way is not as expected, the first is taken. Either leaves ``NAME.safetensors`` and, beside it,
``NAME.json``, which says which way it was and what was checked. The same tensors make the same file, byte for byte, either way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from torch import Tensor

from stylespace.encoders import server as web
from stylespace.encoders import store
from stylespace.encoders.layout import LayoutError, Slot, read_layout
from stylespace.encoders.server import AgainError, Progress, RangeError, Remote, Server
from stylespace.encoders.store import Published
from stylespace.encoders.weights import read_weights, torchvision_shapes, trunk_state
from stylespace.errors import InputError, WeightsError
from stylespace.storage.checksum import of_file

WHOLE, CONVOLUTIONS = "whole file", "convolutions only"
GAP = 64 * 1024  # ranges closer than this many bytes are asked for as one


def fetch(source: str | Published, *, full: bool = False, progress: Progress | None = None, pause: float = 1.0) -> Path:
    """Download the weights of ``vgg16`` or ``vgg19`` unless they are there, and return the safetensors file.

    A lock lets one process download while others wait for its result. After a dropped connection it tries again, ``pause``
    seconds later, then twice that, and so on, and continues where it stopped, also when the program is run again. ``full`` has the
    whole file fetched and its SHA-256 checked (see the module), also when only its convolutions were fetched before.
    ``progress`` is called with the bytes received and the total.

    Raises
    ------
    InputError
        Neither of the two names.
    WeightsError
        No connection, a server that refuses, a file without the publisher's checksum (nothing is kept), a full disk, or a
        folder that cannot be written.
    """
    import filelock

    if isinstance(source, str):
        if source not in store.PUBLISHED:
            raise InputError(f"There are no weights '{source}' to download: choose among {', '.join(store.PUBLISHED)}.")
        source = store.PUBLISHED[source]
    folder = store.folder()
    path = folder / f"{source.name}.safetensors"
    with store.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / f"{source.name}.lock")
        lock.acquire()
    try:
        if not _present(path, full):
            with web.client(source) as client:
                download = _Download(Server(source, client, pause), folder, progress or (lambda received, wanted: None))
                state, record = download.run(full)
            store.keep(_serialised(state, source), record, path)
            for part in _parts(folder, source):
                part.discard()
    finally:
        lock.release()
    return path


def _present(path: Path, full: bool) -> bool:
    if not path.is_file():
        return False
    record = store.record(path)
    if record is None:
        return not full
    return record["bytes"] == path.stat().st_size and (record["route"] == WHOLE or not full)


def _parts(folder: Path, source: Published) -> tuple[_Partial, _Partial]:
    """What has arrived of the convolutions, and of the whole file."""
    return _Partial(folder / f"{source.name}.convolutions.part"), _Partial(folder / f"{source.file}.part")


def _serialised(state: Mapping[str, Tensor], source: Published) -> bytes:
    from safetensors.torch import save

    return save({name.removeprefix("convolutions."): tensor for name, tensor in state.items()}, metadata={"source": source.url})


@dataclass(frozen=True)
class _Download:
    """One download of ``server.source`` into ``folder``."""

    server: Server
    folder: Path
    progress: Progress

    @property
    def source(self) -> Published:
        return self.server.source

    def run(self, full: bool) -> tuple[dict[str, Tensor], dict[str, object]]:
        """The weights in Trunk's names, and the record of how they came."""
        remote = self.server.probe()
        record: dict[str, object] = {"url": self.source.url, "length": remote.length, "version": remote.version}
        if not full:
            try:
                state = self._convolutions(remote)
            except (RangeError, LayoutError) as reason:
                record["why_whole"] = str(reason)
            else:
                secure = "TLS, " if self.source.url.startswith("https:") else ""
                record["checked"] = f"{secure}length, version unchanged, framing, shapes, finite values"
                return state, record | {"route": CONVOLUTIONS, "not_checked": "SHA-256 (the publisher states none for a part)"}
        state = self._whole(remote)
        digits = "SHA-256" if len(self.source.sha256) == 64 else f"SHA-256 (first {len(self.source.sha256)} digits)"
        return state, record | {"route": WHOLE, "checked": f"{digits}, shapes, finite values", "not_checked": ""}

    def _convolutions(self, remote: Remote) -> dict[str, Tensor]:
        """The convolutions alone, by ranges of one version of the file."""
        if not remote.ranges or remote.version is None or remote.length is None:
            raise RangeError("the server does not serve ranges of a version that it names")
        if self.source.length not in (None, remote.length):
            raise RangeError(f"the file is {remote.length} bytes long instead of {self.source.length}")
        slots = self._slots(remote, remote.length)
        ranges = _Ranges.over(slots)
        part, _ = _parts(self.folder, self.source)
        part.begin({"url": self.source.url, "length": remote.length, "version": remote.version, "ranges": ranges.spans})
        store.require_space(self.folder, 2 * ranges.length - part.size())

        def step() -> None:
            for start, end in ranges.after(part.size()):
                part.append(self.server.range(remote, start, end), lambda received: self.progress(received, ranges.length))

        try:
            self.server.persist(step, part.size)
            with part.path.open("rb") as file:
                tensors = {slot.name: slot.tensor(ranges.read(file, slot.start, slot.length)) for slot in slots}
            state = self._finite(tensors)
        except (RangeError, LayoutError):
            part.discard()
            raise
        part.discard()
        return state

    def _slots(self, remote: Remote, length: int) -> list[Slot]:
        slots = [slot for slot in read_layout(self.server.open(remote), length) if slot.name.startswith("features.")]
        if {slot.name: slot.shape for slot in slots} != torchvision_shapes(self.source.depths, self.source.widths):
            raise LayoutError(f"the file does not have the layers of {self.source.title}")
        return slots

    def _finite(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        try:
            return trunk_state(tensors, f"the file at {self.source.url}")
        except WeightsError as error:
            raise LayoutError(str(error)) from error

    def _whole(self, remote: Remote) -> dict[str, Tensor]:
        _, part = _parts(self.folder, self.source)
        _WholeFile(self.server, remote, part, self.progress).receive()
        try:
            state = read_weights(part.path)
        finally:
            part.discard()
        shapes = [tuple(tensor.shape) for name, tensor in state.items() if name.startswith("convolutions.")]
        if shapes != list(torchvision_shapes(self.source.depths, self.source.widths).values()):
            raise self.server.failure(f"the file does not have the layers of {self.source.title}")
        return state


class _WholeFile:
    """The whole file into ``part``. Where its length is known beforehand, no wrong Content-Length misleads."""

    def __init__(self, server: Server, remote: Remote, part: _Partial, progress: Progress) -> None:
        self.server, self.source, self.part, self.progress = server, server.source, part, progress
        self.ranges = remote.ranges
        self.pieced = False
        self._begin(remote.length, remote.version)

    def receive(self) -> None:
        """Receive all of it and check its SHA-256; if it is wrong and was received in pieces, receive it once more as a whole."""
        try:
            for _ in range(2):
                self.pieced = self.part.size() > 0
                self.server.persist(self._step, self.part.size)
                if self.part.size() and of_file(self.part.path).startswith(self.source.sha256):
                    return
                self.part.discard()
                if not self.pieced:
                    break
        except WeightsError:
            if self.version is None:
                self.part.discard()
            raise
        raise self.server.failure("what arrived does not have the publisher's checksum and was deleted")

    def _begin(self, length: int | None, version: str | None) -> None:
        self.length = self.source.length or length
        self.version = version if self.ranges else None
        self.part.begin({"url": self.source.url, "length": length, "version": self.version}, anew=self.version is None)

    def _step(self) -> None:
        have = self.part.size()
        if have and have == self.length:
            return
        headers = {"Range": f"bytes={have}-", "If-Range": self.version} if have and self.version else {}
        with self.server.get(headers) as response:
            range_ = web.covered(response)
            if range_ is not None and range_[0] == have and web.version(response) in (None, self.version):
                self.pieced = True
            elif response.status_code == 200:
                have = 0
                self.part.discard()
                self._begin(web.length(response), web.version(response))
            else:
                self.part.discard()
                raise AgainError(f"the server answered {response.status_code} {response.reason_phrase} to a range")
            wanted = self.length
            store.require_space(self.part.path.parent, (wanted or 0) - have)
            pieces = response.iter_raw() if wanted is None else web.at_most(response.iter_raw(), wanted - have)
            self.part.append(pieces, lambda received: self.progress(received, wanted))
        if wanted is not None and self.part.size() < wanted:
            raise AgainError("the server ended the file early")


class _Partial:
    """Bytes received so far, with a note of their source, so that a later run only continues the same download."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.note = path.with_name(f"{path.name}.json")

    def begin(self, identity: Mapping[str, object], anew: bool = False) -> None:
        """Keep the bytes that are there if they belong to ``identity``, else start empty."""
        text = json.dumps(identity)
        if not anew and self.size() and self.note.is_file() and self.note.read_text(encoding="utf-8") == text:
            return
        self.discard()
        with store.writing(self.path.parent):
            self.note.write_text(text, encoding="utf-8")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def append(self, pieces: Iterable[bytes], report: Callable[[int], None]) -> None:
        """Add ``pieces``, each at once on disk. A full disk gets its space back."""
        size = self.size()
        with store.writing(self.path.parent):
            file = self.path.open("ab", buffering=0)
        with file:
            for piece in pieces:
                try:
                    with store.writing(self.path.parent):
                        rest = memoryview(piece)
                        while rest:
                            rest = rest[file.write(rest) :]
                except WeightsError:
                    file.close()
                    self.discard()
                    raise
                size += len(piece)
                report(size)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Ranges:
    """Parts of the file, in its order, that are received one after another."""

    spans: list[list[int]]

    @classmethod
    def over(cls, slots: Sequence[Slot]) -> _Ranges:
        """Ranges that cover ``slots``; gaps cheaper to receive than to ask again are received."""
        spans: list[list[int]] = []
        for start, end in sorted((slot.start, slot.start + slot.length) for slot in slots):
            if spans and start - spans[-1][1] <= GAP:
                spans[-1][1] = max(spans[-1][1], end)
            else:
                spans.append([start, end])
        return cls(spans)

    @property
    def length(self) -> int:
        return sum(end - start for start, end in self.spans)

    def after(self, received: int) -> Iterator[tuple[int, int]]:
        """What remains to be received after ``received`` bytes."""
        for start, end in self.spans:
            if received < end - start:
                yield start + received, end
            received = max(0, received - (end - start))

    def read(self, file: BinaryIO, start: int, length: int) -> bytes:
        """``length`` bytes from ``start`` of the remote file, out of the local one that holds the ranges."""
        before = 0
        for first, end in self.spans:
            if first <= start < end:
                file.seek(before + start - first)
                return file.read(length)
            before += end - first
        raise LayoutError(f"byte {start} is in no range")
