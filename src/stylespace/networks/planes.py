"""Maps too large for memory: networks run on them as they are, layer by layer over tiles.

A :class:`Plane` takes the place of a tensor (1, C, H, W). Operations on it are recorded, not computed: pointwise operations, convolutions,
borders, changes of size. Any rectangle of the result can then be computed from rectangles of its inputs. Where a
normalisation asks for the mean and the variance over all positions, the map is computed once, tile by tile, into a scratch file, together
with both; from then on the file replaces it. So every network is exact at any size, and its code is unchanged.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.errors import InputError
from stylespace.storage.journal import Journal
from stylespace.storage.scratch import no_room, opened, reserve

Box = tuple[int, int, int, int]  # top, bottom, left, right
NOTED = 1.0  # seconds between notes in a journal
Fetch = Callable[[Box], Tensor]


class Workspace:
    """Shared by planes: tiles of at most ``cells`` numbers, scratch files in ``folder`` of at most ``limit`` bytes in total.

    ``half``: scratch in float16, half the space. ``progress`` is called after each tile with the number of maps done.
    ``journal``: scratch files are kept in its folder with a list of what is computed, so that killed work can continue.
    """

    def __init__(
        self, cells: int = 1 << 23, folder: Path | None = None, limit: int | None = None, half: bool = False,
        progress: Callable[[int], None] | None = None, journal: Journal | None = None,
    ) -> None:  # fmt: skip
        self.cells, self.folder, self.limit, self.half, self.progress, self.journal = (
            cells,
            folder,
            limit,
            half,
            progress,
            journal,
        )
        self.used = self.most = self.maps = 0
        self.dropped: list[Path] = []  # files of maps that are no longer used

    def stored(self, channels: int, size: tuple[int, int], fetch: Fetch) -> tuple[Plane, Tensor, Tensor]:
        """Compute a map into a file; its mean and variance over positions, (1, C, 1, 1)."""
        self.tidy()
        number = self.maps
        store = _Store(self, channels, size)
        first, count, mean, spread = self._before(number, channels)
        of = boxes(size, self.side(channels))
        for at, box in enumerate(of):
            if at < first:
                continue
            part = fetch(box)
            store.write(box, part)
            flat = part[0].flatten(1).double()
            # Parts' means and squared deviations are joined without cancellation (Chan, Golub & LeVeque 1979).
            more, its = flat.shape[1], flat.mean(1)
            apart = its - mean
            spread += (flat - its[:, None]).square().sum(1) + apart.square() * count * more / (count + more)
            mean += apart * more / (count + more)
            count += more
            if self.progress:
                self.progress(self.maps)
            self._note(number, at + 1, at + 1 == len(of), count, mean, spread)
        self.maps += 1
        made = Plane(self, channels, size, store.read, store)
        return made, mean.float().view(1, -1, 1, 1), (spread / count).float().view(1, -1, 1, 1)

    def tidy(self) -> None:
        """Delete files of dropped maps; not while an error unwinds, because a resumed run may need them."""
        for path in self.dropped:
            path.unlink(missing_ok=True)
        self.dropped.clear()

    def _before(self, number: int, channels: int) -> tuple[int, int, Tensor, Tensor]:
        """Tiles of a map that were done before, positions, their mean and squared deviations from it."""
        done = self.journal.record if self.journal is not None else {}
        if self.journal is None or number > done.get("map", -1):
            return 0, 0, torch.zeros(channels, dtype=torch.float64), torch.zeros(channels, dtype=torch.float64)
        sums = self.journal.tensors("sums")
        at, count = (done["at"], done["count"]) if number == done["map"] else (1 << 60, int(sums[f"{number} count"]))
        return at, count, sums[f"{number} mean"], sums[f"{number} spread"]

    def _note(self, number: int, at: int, whole: bool, count: int, mean: Tensor, spread: Tensor) -> None:
        """Write what is done into the journal when it is due."""
        if self.journal is None or not (whole or self.journal.waited(NOTED)):
            return
        files = self.journal.record.get("files", {})
        sums = self.journal.tensors("sums") if "sums" in files else {}
        sums |= {f"{number} count": torch.tensor(count), f"{number} mean": mean, f"{number} spread": spread}
        self.journal.write({**self.journal.record, "map": number, "at": at, "count": count}, {"sums": sums})

    def side(self, channels: int) -> int:
        """Side of the tiles of a map with this many channels."""
        return max(16, int((self.cells / channels) ** 0.5) // 16 * 16)

    def take(self, size: int) -> None:
        """Reserve scratch space. Raises ``InputError`` where it is more than allowed."""
        if self.limit is not None and self.used + size > self.limit:
            raise InputError(
                f"The network needs more than the {self.limit / 2**30:.1f} GB of scratch space allowed: give --scratch more, or a"
                " smaller --size."
            )
        self.used += size
        self.most = max(self.most, self.used)


class _Store:
    """One map in a temporary scratch file."""

    def __init__(self, workspace: Workspace, channels: int, size: tuple[int, int]) -> None:
        self.workspace, self.channels, self.kind = workspace, channels, np.float16 if workspace.half else np.float32
        self.bytes = channels * size[0] * size[1] * np.dtype(self.kind).itemsize
        self.path = None if workspace.journal is None else workspace.journal.file(f"map-{workspace.maps}")
        record = {} if workspace.journal is None else workspace.journal.record
        # A finished map whose file is gone is no longer needed: only its channels are asked for.
        self.gone = self.path is not None and not self.path.exists() and workspace.maps < record.get("map", -1)
        if self.gone:
            self.bytes = 0
            return
        workspace.take(self.bytes)
        try:
            with (
                tempfile.TemporaryFile(dir=workspace.folder, prefix="stylespace-")
                if self.path is None
                else opened(self.path) as file
            ):
                reserve(file.fileno(), self.bytes)
                self.map = mmap.mmap(file.fileno(), self.bytes)  # keeps the file as long as itself
        except OSError as error:
            raise no_room(self.path or workspace.folder or Path(tempfile.gettempdir()), error) from error
        # Rows first: a rectangle's rows then lie together.
        self.array = np.frombuffer(self.map, self.kind).reshape(size[0], channels, size[1])

    def write(self, box: Box, part: Tensor) -> None:
        top, bottom, left, right = box
        self.array[top:bottom, :, left:right] = part[0].permute(1, 0, 2).numpy()
        self._release()

    def read(self, box: Box) -> Tensor:
        top, bottom, left, right = box
        if self.gone:
            return torch.zeros(1, self.channels, bottom - top, right - left)
        part = torch.from_numpy(self.array[top:bottom, :, left:right].astype(np.float32)).permute(1, 0, 2)[None]
        self._release()
        return part

    def _release(self) -> None:
        if hasattr(mmap, "MADV_DONTNEED"):
            self.map.madvise(mmap.MADV_DONTNEED)

    def __del__(self) -> None:
        self.workspace.used -= self.bytes
        if self.path is not None:
            self.workspace.dropped.append(self.path)


class Plane:
    """A map (1, C, H, W) of which any rectangle can be computed; see the module."""

    def __init__(
        self, workspace: Workspace, channels: int, size: tuple[int, int], fetch: Fetch, store: object = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        self.workspace, self.channels, self.size2, self.fetch, self._store, self.dtype = (
            workspace, channels, size, fetch, store, dtype,
        )  # fmt: skip
        self.device = torch.device("cpu")

    @property
    def shape(self) -> torch.Size:
        """(1, C, H, W)."""
        return torch.Size((1, self.channels, *self.size2))

    @property
    def ndim(self) -> int:
        """Four."""
        return 4

    @property
    def is_mps(self) -> bool:
        """Planes are computed on the processor."""
        return False

    def part(self, box: Box) -> Tensor:
        """A rectangle of it, (1, C, h, w)."""
        return self.fetch(box)

    def whole(self) -> Tensor:
        """All of it, for maps that fit into memory."""
        return self.fetch((0, self.size2[0], 0, self.size2[1]))

    def float(self) -> Plane:
        """Itself: planes are float32."""
        return self

    def to(self, *_: Any, **__: Any) -> Plane:
        """Itself: planes stay where they are."""
        return self

    def new_tensor(self, data: Any, dtype: torch.dtype | None = None) -> Tensor:
        """A tensor of its kind."""
        return torch.tensor(data, dtype=dtype or self.dtype)

    def numel(self) -> int:
        """How many numbers it has."""
        return self.channels * self.size2[0] * self.size2[1]

    def __getitem__(self, index: Any) -> Plane:
        index = index if isinstance(index, tuple) else (index,)
        if Ellipsis in [i for i in index if not isinstance(i, Tensor)]:
            at = next(n for n, i in enumerate(index) if i is Ellipsis)
            index = (*index[:at], *[slice(None)] * (5 - len(index)), *index[at + 1 :])
        index = (*index, *[slice(None)] * (4 - len(index)))
        made: Plane = self
        if index[1] != slice(None):
            made = pointwise(lambda x: x[:, index[1]], made)
        for axis, chosen in ((0, index[2]), (1, index[3])):
            if isinstance(chosen, Tensor) or chosen != slice(None):
                side = made.size2[axis]
                made = gathered(made, axis, chosen if isinstance(chosen, Tensor) else torch.arange(side)[chosen])
        return made

    def __add__(self, other: Any) -> Plane:
        return pointwise(torch.add, self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Plane:
        return pointwise(torch.sub, self, other)

    def __mul__(self, other: Any) -> Plane:
        return pointwise(torch.mul, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Plane:
        return pointwise(torch.div, self, other)

    def clamp(self, *a: Any, **k: Any) -> Plane:
        """As of tensors."""
        return pointwise(lambda x: x.clamp(*a, **k), self)

    def expand(self, *sizes: int) -> Plane:
        """As of tensors; sizes of -1 for the sides."""
        return pointwise(lambda x: x.expand(*sizes), self)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: Any = None) -> Any:
        named = named or {}
        if function in _SPECIAL:
            return _SPECIAL[function](*arguments, **named)
        if function not in _POINTWISE:  # it may look around itself
            raise _unknown(getattr(function, "__name__", str(function)))
        return pointwise(function, *arguments, **named)


def pointwise(function: Callable[..., Tensor], *arguments: Any, **named: Any) -> Plane:
    """``function`` of planes of one size and of tensors that go with every position, or with each: (…, H, W) of the planes' size."""
    planes = [
        a
        for argument in arguments
        for a in (argument if isinstance(argument, list | tuple) else [argument])
        if isinstance(a, Plane)
    ]
    size, workspace = planes[0].size2, planes[0].workspace

    def fetch(box: Box) -> Tensor:
        return function(*(_at(a, box, size) for a in arguments), **named)

    probe = fetch((0, min(1, size[0]), 0, min(1, size[1])))
    return Plane(workspace, probe.shape[1], size, fetch)


def _at(argument: Any, box: Box, size: tuple[int, int]) -> Any:
    """An argument's part that belongs to a rectangle."""
    if isinstance(argument, Plane):
        return argument.part(box)
    if isinstance(argument, Tensor) and argument.ndim == 4 and tuple(argument.shape[-2:]) == size != (1, 1):
        return argument[..., box[0] : box[1], box[2] : box[3]]
    if isinstance(argument, list | tuple) and any(isinstance(g, Plane) for g in argument):
        return [_at(each, box, size) for each in argument]
    return argument


def gathered(plane: Plane, axis: int, index: Tensor) -> Plane:
    """Rows (axis 0) or columns (1) of a plane by number."""
    size = list(plane.size2)
    size[axis] = len(index)

    def fetch(box: Box) -> Tensor:
        wanted = index[box[2 * axis] : box[2 * axis + 1]]
        first, last = int(wanted.min()), int(wanted.max()) + 1
        there = list(box)
        there[2 * axis], there[2 * axis + 1] = first, last
        return plane.part((there[0], there[1], there[2], there[3])).index_select(2 + axis, wanted - first)

    return Plane(plane.workspace, plane.channels, (size[0], size[1]), fetch)


def _pad(x: Plane, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Plane:
    left, right, top, bottom = pad
    made = x
    for axis, (before, after) in enumerate(((top, bottom), (left, right))):
        if not before and not after:
            continue
        side = made.size2[axis]
        index = torch.arange(-before, side + after)
        if mode == "reflect":
            index = index.abs()
            index = torch.where(index >= side, 2 * (side - 1) - index, index)
        elif mode == "replicate":
            index = index.clamp(0, side - 1)
        else:
            raise _unknown(f"borders of the mode '{mode}'")
        made = gathered(made, axis, index)
    return made


def _convolution(
    x: Plane, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Plane:
    (down, right), (far, wide) = ((s, s) if isinstance(s, int) else s for s in (stride, dilation))
    if padding not in (0, (0, 0), [0, 0]) or groups != 1:
        raise _unknown("convolutions with borders of zeros or in groups")
    reach = (far * (weight.shape[2] - 1) + 1, wide * (weight.shape[3] - 1) + 1)
    size = ((x.size2[0] - reach[0]) // down + 1, (x.size2[1] - reach[1]) // right + 1)

    def fetch(box: Box) -> Tensor:
        top, bottom, left, end = box
        seen = x.part((top * down, (bottom - 1) * down + reach[0], left * right, (end - 1) * right + reach[1]))
        return F.conv2d(seen.contiguous(memory_format=torch.channels_last), weight, bias, (down, right), 0, (far, wide))

    return Plane(x.workspace, weight.shape[0], size, fetch)


def _transposed(
    x: Plane, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
    dilation: Any = 1,
) -> Plane:  # fmt: skip
    steps, edges, more = (tuple((s, s) if isinstance(s, int) else s) for s in (stride, padding, output_padding))
    if groups != 1 or dilation not in (1, (1, 1), [1, 1]):
        raise _unknown("transposed convolutions in groups or dilated")
    size = [(x.size2[i] - 1) * steps[i] - 2 * edges[i] + weight.shape[2 + i] + more[i] for i in range(2)]

    def fetch(box: Box) -> Tensor:
        spans = []
        for i in range(2):
            first = max(0, -(-(box[2 * i] + edges[i] - weight.shape[2 + i] + 1) // steps[i]))
            spans.append((first, min(x.size2[i], (box[2 * i + 1] - 1 + edges[i]) // steps[i] + 1)))
        made = F.conv_transpose2d(x.part((*spans[0], *spans[1])), weight, bias, steps)
        top, left = (box[2 * i] - (spans[i][0] * steps[i] - edges[i]) for i in range(2))
        return made[..., top : top + box[1] - box[0], left : left + box[3] - box[2]]

    return Plane(x.workspace, weight.shape[1], (size[0], size[1]), fetch)


def _interpolate(
    x: Plane, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None, **_: Any
) -> Plane:
    if scale_factor != 2 or mode not in ("nearest", "bilinear"):
        raise _unknown(f"enlarging by {mode} to {scale_factor or size}")
    high, wide = x.size2

    def fetch(box: Box) -> Tensor:
        edge = 0 if mode == "nearest" else 1
        top, bottom, left, right = box[0] // 2, -(-box[1] // 2), box[2] // 2, -(-box[3] // 2)
        there = (max(0, top - edge), min(high, bottom + edge), max(0, left - edge), min(wide, right + edge))
        large = F.interpolate(x.part(there), scale_factor=2, mode=mode, **({"align_corners": False} if edge else {}))
        return large[..., box[0] - 2 * there[0] : box[1] - 2 * there[0], box[2] - 2 * there[2] : box[3] - 2 * there[2]]

    return Plane(x.workspace, x.channels, (2 * high, 2 * wide), fetch)


def _blocks(function: Callable[[Tensor], Tensor], x: Plane, side: int, channels: int) -> Plane:
    """What makes one position of every square of ``side``."""
    size = (x.size2[0] // side, x.size2[1] // side)

    def fetch(box: Box) -> Tensor:
        return function(x.part((box[0] * side, box[1] * side, box[2] * side, box[3] * side)))

    return Plane(x.workspace, channels, size, fetch)


def _var_mean(x: Plane, dims: Any, correction: int = 0, keepdim: bool = True) -> tuple[Tensor, Tensor]:
    if tuple(dims) != (2, 3) or correction or not keepdim:
        raise _unknown("variances over other than positions")
    stored, mean, variance = x.workspace.stored(x.channels, x.size2, x.fetch)
    x.fetch, x._store = stored.fetch, stored  # from here on the computed file replaces it
    return variance, mean


def _unknown(what: str) -> InputError:
    return InputError(f"This network cannot be painted in tiles (no {what}): give --tiles whole, or a smaller --size.")


_POINTWISE = {
    F.relu, torch.relu, torch.sigmoid, torch.tanh, torch.logit, torch.addcmul, torch.einsum, torch.add, torch.sub, torch.mul,
    torch.Tensor.mul, torch.Tensor.add, torch.Tensor.sub,
}  # fmt: skip
_SPECIAL: dict[Any, Callable[..., Any]] = {
    F.pad: _pad,
    F.conv2d: _convolution,
    torch.conv2d: _convolution,
    F.conv_transpose2d: _transposed,
    F.interpolate: _interpolate,
    torch.var_mean: _var_mean,
    F.pixel_unshuffle: lambda x, side: _blocks(lambda p: F.pixel_unshuffle(p, side), x, side, x.channels * side * side),
    F.avg_pool2d: lambda x, side: _blocks(lambda p: F.avg_pool2d(p, side), x, side, x.channels),
    torch.cat: lambda planes, dim=0: pointwise(lambda *parts: torch.cat(parts, dim), *planes),
}


def boxes(size: Sequence[int], side: int) -> list[Box]:
    """Rectangles of at most ``side`` a side that cover a map of ``size`` once, row by row."""
    return [
        (top, min(top + side, size[0]), left, min(left + side, size[1]))
        for top in range(0, size[0], side)
        for left in range(0, size[1], side)
    ]
