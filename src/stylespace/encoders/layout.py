"""The place of each tensor in a PyTorch file, so that a few can be fetched from a server without the rest.

Two forms exist. The old one (``torch.save`` before 1.6, and torchvision's VGG files): five pickles (magic number, protocol,
system, state dict, storage keys), then every storage in the order of the keys as a 64-bit element count and raw data. The new
one: a zip archive with ``data.pkl`` and one uncompressed member a storage. Pickles are read by an unpickler that knows tensors
and ordered dictionaries only and makes nothing else.
"""

from __future__ import annotations

import math
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

import torch
from torch import Tensor

from stylespace.errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_LOCAL_HEADER = 30  # bytes of a zip member's header before its name
_TYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class LayoutError(WeightsError):
    """A file without PyTorch's layout, or a piece of one that does not match the layout."""


@dataclass(frozen=True)
class Slot:
    """One tensor of a file: ``length`` bytes from ``start`` hold its storage and its framing.

    ``count``: elements of the storage; ``offset``: the tensor's first one. ``checksum``: CRC-32 of the storage in a zip archive,
    None in the old form.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    start: int
    length: int
    count: int
    offset: int
    checksum: int | None

    def tensor(self, data: bytes) -> Tensor:
        """The tensor from the ``length`` bytes at ``start``. Raises :class:`LayoutError` when the framing does not fit."""
        raw = self._unframed(data)
        if len(raw) != self.count * self.dtype.itemsize:
            raise LayoutError(f"The tensor {self.name} is cut short: {len(raw)} bytes.")
        values = torch.frombuffer(bytearray(raw), dtype=self.dtype) if raw else torch.empty(0, dtype=self.dtype)
        return values[self.offset : self.offset + math.prod(self.shape)].reshape(self.shape).clone()

    def _unframed(self, data: bytes) -> bytes:
        size = self.count * self.dtype.itemsize
        if self.checksum is None:
            if data[:8] != struct.pack("<q", self.count):
                raise LayoutError(f"The data before tensor {self.name} is not its element count.")
            return data[8 : 8 + size]
        if len(data) < _LOCAL_HEADER or data[:4] != b"PK\x03\x04":
            raise LayoutError(f"The data before tensor {self.name} is not a zip header.")
        begin = _LOCAL_HEADER + sum(struct.unpack_from("<HH", data, 26))
        raw = data[begin : begin + size]
        if zlib.crc32(raw) != self.checksum:
            raise LayoutError(f"The tensor {self.name} does not have the CRC-32 that its archive states.")
        return raw


def read_layout(file: BinaryIO, size: int) -> list[Slot]:
    """The places of a saved state dict's tensors in ``file``, a PyTorch file of ``size`` bytes that is read at its ends only.

    Raises
    ------
    LayoutError
        The file is neither form, holds more than tensors, ends elsewhere than ``size``, or has tensors that are views with gaps.
    """
    try:
        archive = file.read(4) == b"PK\x03\x04"
        file.seek(0)
        return _archive_layout(file) if archive else _old_layout(file, size)
    except (
        pickle.UnpicklingError, zipfile.BadZipFile, struct.error, EOFError, LookupError, ValueError, TypeError, AttributeError,
        OverflowError, RecursionError, NotImplementedError,
    ) as error:  # fmt: skip
        raise LayoutError(f"The file is not laid out as a PyTorch state dict ({type(error).__name__}: {error}).") from error


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: torch.dtype
    count: int

    @property
    def bytes(self) -> int:
        return self.count * self.dtype.itemsize


@dataclass(frozen=True)
class _View:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _view(storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object) -> _View:
    return _View(storage, offset, tuple(shape), tuple(stride))


def _parameter(data: _View, *_: object) -> _View:
    return data


class _TensorUnpickler(pickle.Unpickler):
    """Makes :class:`_View` where the pickle says tensor; ``storages`` are the ones it met. Refuses any other global."""

    _known: ClassVar[dict[tuple[str, str], Callable[..., Any]]] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor"): _view,
        ("torch._utils", "_rebuild_tensor_v2"): _view,
        ("torch._utils", "_rebuild_parameter"): _parameter,
    }

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        if (module, name) not in self._known:
            raise pickle.UnpicklingError(f"the pickle names {module}.{name}")
        return self._known[module, name]

    def persistent_load(self, saved: Any) -> _Storage:
        kind, dtype, key, _location, count, *view = saved
        if kind != "storage" or any(part is not None for part in view):
            raise pickle.UnpicklingError(f"the pickle holds a {kind} that is not a whole storage")
        if not isinstance(dtype, torch.dtype) or not isinstance(count, int) or count < 0:
            raise pickle.UnpicklingError(f"the pickle describes storage {key} badly")
        storage = _Storage(str(key), dtype, count)
        if self.storages.setdefault(storage.key, storage) != storage:
            raise pickle.UnpicklingError(f"the pickle describes storage {key} twice")
        return storage


def _old_layout(file: BinaryIO, size: int) -> list[Slot]:
    magic, protocol, system = (_TensorUnpickler(file).load() for _ in range(3))
    if magic != _MAGIC or protocol != _PROTOCOL or system["little_endian"] is not True:
        raise ValueError("no magic number, protocol 1001 and little-endian data")
    unpickler = _TensorUnpickler(file)
    state = unpickler.load()
    keys = _TensorUnpickler(file).load()
    position = file.tell()
    spans: dict[str, tuple[int, int, int | None]] = {}
    for key in keys:
        length = 8 + unpickler.storages[key].bytes
        spans[key] = (position, length, None)
        position += length
    if position != size:
        raise ValueError(f"its tensors end at byte {position}, the file at {size}")
    return _slots(state, spans)


def _archive_layout(file: BinaryIO) -> list[Slot]:
    with zipfile.ZipFile(file) as archive:
        members = sorted(archive.infolist(), key=lambda member: member.header_offset)
        ends = [member.header_offset for member in members[1:]] + [archive.start_dir]
        (pickled,) = (member for member in members if member.filename.endswith("/data.pkl"))
        root = pickled.filename.removesuffix("data.pkl")
        order = next((member for member in members if member.filename == f"{root}byteorder"), None)
        if order is not None and archive.read(order) != b"little":
            raise ValueError("its data is not little-endian")
        with archive.open(pickled) as source:
            unpickler = _TensorUnpickler(source)  # type: ignore[arg-type]
            state = unpickler.load()
    spans: dict[str, tuple[int, int, int | None]] = {}
    for member, end in zip(members, ends, strict=True):
        if not member.filename.startswith(f"{root}data/"):
            continue
        storage = unpickler.storages.get(member.filename.removeprefix(f"{root}data/"))
        if storage is not None and member.compress_type == zipfile.ZIP_STORED and member.file_size == storage.bytes:
            spans[storage.key] = (member.header_offset, end - member.header_offset, member.CRC)
    return _slots(state, spans)


def _slots(state: object, spans: Mapping[str, tuple[int, int, int | None]]) -> list[Slot]:
    if not isinstance(state, Mapping):
        raise ValueError(f"it holds a {type(state).__name__}")
    slots = []
    for name, view in state.items():
        if not isinstance(view, _View):
            continue
        whole = tuple(math.prod(view.shape[axis + 1 :]) for axis in range(len(view.shape)))
        fits = view.offset >= 0 and view.offset + math.prod(view.shape) <= view.storage.count
        if not fits or any(n > 1 and have != want for n, have, want in zip(view.shape, view.stride, whole, strict=True)):
            raise ValueError(f"tensor {name} is a view with gaps")
        start, length, checksum = spans[view.storage.key]
        storage = view.storage
        slots.append(Slot(str(name), view.shape, storage.dtype, start, length, storage.count, view.offset, checksum))
    return slots
