"""A network as ONNX files, any size: photo and weights of its styles in, picture out; or one for paintings and one for photos."""

from __future__ import annotations

import copy
import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from stylespace.errors import InputError, MissingExtraError
from stylespace.export.runtime import KEY, VERSION
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.fast import Fast
from stylespace.networks.padding import continued
from stylespace.networks.style_network import StyleNetwork
from stylespace.networks.texture import Texture
from stylespace.storage.atomic import write_whole

if TYPE_CHECKING:
    from onnx import ModelProto

PIXELS = ("bytes", "float")
OPSET = 18


class _PixelGraph(nn.Module):
    """What the exported modules share: pixels as files and engines have them, (1, H, W, 3) of 8 bits (``bytes``) or float32 in [0, 1]
    (``float``)."""

    def __init__(self, pixels: str) -> None:
        super().__init__()
        if pixels not in PIXELS:
            raise InputError(f"Pixels of the kind '{pixels}' are unknown: choose among {', '.join(PIXELS)}.")
        self.bytes = pixels == "bytes"

    def as_float(self, photo: Tensor) -> Tensor:
        """(1, H, W, 3) to (1, 3, H, W) in [0, 1]."""
        return (photo.float() / 255 if self.bytes else photo).permute(0, 3, 1, 2)  # in this order engines fuse it


class RowGraph(_PixelGraph):
    """The folded body alone: ``photo`` (1, H, W, 3), sRGB, and a style's ``row`` (P,)."""

    def __init__(self, network: StyleNetwork, pixels: str) -> None:
        super().__init__(pixels)
        body = network.body
        if isinstance(body, Texture):
            raise InputError("A texture network cannot be exported: its noise depends on the size.")
        self.body = copy.deepcopy(body.folded() if isinstance(body, Fast) else body)  # the caller's network stays as it is

    def forward(self, photo: Tensor, row: Tensor) -> Tensor:
        """The picture, of the photo's shape and kind."""
        high, wide = photo.shape[1], photo.shape[2]
        multiple = self.body.multiple
        x = photo.index_select(1, continued(high, multiple)).index_select(2, continued(wide, multiple))
        y = self.body.paint(self.as_float(x), Conditioning(row[None], self.body.channels))
        y = (y * 255 + 0.5).to(torch.uint8) if self.bytes else y
        return y[..., :high, :wide].permute(0, 2, 3, 1)


class Graph(RowGraph):
    """Body and the rows of all styles: ``photo`` and the styles' ``weights`` (S,), which are made to sum to 1."""

    def __init__(self, network: StyleNetwork, pixels: str) -> None:
        super().__init__(network, pixels)
        self.rows: Tensor
        self.register_buffer("rows", network.rows)

    def forward(self, photo: Tensor, weights: Tensor) -> Tensor:
        """The picture, of the photo's shape and kind."""
        return super().forward(photo, (weights / weights.sum()) @ self.rows)


class ReaderGraph(_PixelGraph):
    """What reads a painting (1, h, w, 3), seen :data:`~stylespace.networks.arbitrary.SIDE` pixels long, as a row (P,)."""

    def __init__(self, network: StyleNetwork, pixels: str) -> None:
        super().__init__(pixels)
        if network.reader is None:
            raise InputError("This network reads no paintings: only one that does has a reader to export.")
        self.reader = copy.deepcopy(network.reader)

    def forward(self, painting: Tensor) -> Tensor:
        """The row."""
        row: Tensor = self.reader(self.as_float(painting))[0]
        return row


def export(network: StyleNetwork, path: str | Path, *, pixels: str = "bytes", graph: str = "styles") -> Path:
    """Write ``network`` as ONNX, which :class:`stylespace.export.runtime.Runtime` and other programs run. Atomic.

    ``pixels`` and ``graph`` as for :func:`model`. Photos of any size are accepted; bodies with mirrored borders need 64 pixels a side or
    more. Raises ``InputError`` for a texture network, ``MissingExtraError`` without the extra ``export``.
    """
    made = model(network, pixels, graph)
    return write_whole(path, lambda temporary: Path(temporary).write_bytes(made.SerializeToString()))


def model(network: StyleNetwork, pixels: str = "bytes", graph: str = "styles") -> ModelProto:
    """The exported model in memory.

    ``pixels``: ``bytes`` or ``float``. ``graph``: ``styles``, photo and weights of the network's styles in, picture out; ``painter``, photo
    and a style's row in, picture out; ``reader``, a painting in, its row out. A network of statistics that do not change:
    :func:`stylespace.networks.steady.steady`.
    """
    if graph not in GRAPHS:
        raise InputError(f"A graph '{graph}' is unknown: choose among {', '.join(GRAPHS)}.")
    kind, second, made = _FORMS[graph]
    module = kind(network.to("cpu"), pixels).eval()  # wrong pixels are said before a missing extra
    try:
        import onnx
        import onnxscript  # noqa: F401 (the exporter wants it)
    except ImportError as error:
        raise MissingExtraError("Exporting needs onnx and onnxscript: pip install 'stylespace[export]'.") from error
    photo = torch.zeros(1, 160, 208, 3, dtype=torch.uint8 if pixels == "bytes" else torch.float32)
    second_input = {"weights": torch.ones(len(network.names)), "row": network.rows[0].cpu()}.get(second)
    sides: Any = {1: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC}
    first = "painting" if graph == "reader" else "photo"
    found = traced(
        module, (photo,) if second_input is None else (photo, second_input), [first] if second_input is None else [first, second], made,
        (sides,) if second_input is None else (sides, None),
    )  # fmt: skip
    about: dict[str, Any] = {"version": VERSION, "pixels": pixels}
    if graph == "styles":
        about |= {"names": network.names, "checksum": network.checksum(network.names)}
    else:
        about |= {"graph": graph, "row": network.body.row_size, "checksum": network.checksum()}
    onnx.helper.set_model_props(found, {KEY: json.dumps(about)})
    wanted = {"weights": "photo and weights of the styles", "row": "photo and a style's row"}.get(second, "a painting")
    found.doc_string = f"A network of Stylespace: {wanted} in, {made} out."
    return found


# What is exported, the name of its second input and of what comes out.
_FORMS: dict[str, tuple[type[RowGraph] | type[ReaderGraph], str, str]] = {
    "styles": (Graph, "weights", "picture"), "painter": (RowGraph, "row", "picture"), "reader": (ReaderGraph, "", "row"),
}  # fmt: skip
GRAPHS = tuple(_FORMS)


def traced(module: nn.Module, examples: tuple[Tensor, ...], inputs: list[str], output: str, dynamic: Any) -> ModelProto:
    """``module`` as a model; ``dynamic``: which sides may vary, for each of the ``examples``. Needs the extra ``export``."""
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            module, examples, dynamo=True, input_names=inputs, output_names=[output], dynamic_shapes=dynamic, opset_version=OPSET,
            verbose=False,
        )  # fmt: skip
    assert program is not None
    found: ModelProto = program.model_proto
    for part in (*found.graph.node, *found.graph.value_info, *found.graph.input, *found.graph.output, *found.graph.initializer):
        part.doc_string = ""  # the exporter records source paths of this machine
        del part.metadata_props[:]
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the exporter's progress and its hints at other packages."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
