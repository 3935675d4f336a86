"""A network as an ONNX file: photo and weights of the styles in, picture out, any size."""

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


class Graph(nn.Module):
    """The exported module: the folded body and the rows of all styles.

    ``photo`` (1, H, W, 3), sRGB, of 8 bits (``bytes``) or float32 in [0, 1] (``float``); ``weights`` (S,), made to sum to 1.
    """

    def __init__(self, network: StyleNetwork, pixels: str) -> None:
        super().__init__()
        body = network.body
        self.body = copy.deepcopy(body.folded() if isinstance(body, Fast) else body)  # the caller's network stays as it is
        self.bytes = pixels == "bytes"
        self.rows: Tensor
        self.register_buffer("rows", network.rows)

    def forward(self, photo: Tensor, weights: Tensor) -> Tensor:
        """The picture, of the photo's shape and kind."""
        high, wide = photo.shape[1], photo.shape[2]
        multiple = self.body.multiple
        x = photo.index_select(1, continued(high, multiple)).index_select(2, continued(wide, multiple))
        x = (x.float() / 255 if self.bytes else x).permute(0, 3, 1, 2)  # in this order engines fuse it
        row = (weights / weights.sum()) @ self.rows
        y = self.body.paint(x, Conditioning(row[None], self.body.channels))
        y = (y * 255 + 0.5).to(torch.uint8) if self.bytes else y
        return y[..., :high, :wide].permute(0, 2, 3, 1)


def export(network: StyleNetwork, path: str | Path, *, pixels: str = "bytes") -> Path:
    """Write ``network`` as ONNX, which :class:`stylespace.export.runtime.Runtime` and other programs run. Atomic.

    ``pixels``: ``bytes`` or ``float``. Photos of any size are accepted; bodies with mirrored borders need 64 pixels a side or more. Raises
    ``InputError`` for a texture network, ``MissingExtraError`` without the extra ``export``.
    """
    made = model(network, pixels)
    return write_whole(path, lambda temporary: Path(temporary).write_bytes(made.SerializeToString()))


def model(network: StyleNetwork, pixels: str = "bytes") -> ModelProto:
    """The exported model in memory."""
    if pixels not in PIXELS:
        raise InputError(f"Pixels of the kind '{pixels}' are unknown: choose among {', '.join(PIXELS)}.")
    if isinstance(network.body, Texture):
        raise InputError("A texture network cannot be exported: its noise depends on the size.")
    try:
        import onnx
        import onnxscript  # noqa: F401 (the exporter wants it)
    except ImportError as error:
        raise MissingExtraError("Exporting needs onnx and onnxscript: pip install 'stylespace[export]'.") from error
    graph = Graph(network.to("cpu"), pixels).eval()
    photo = torch.zeros(1, 160, 208, 3, dtype=torch.uint8 if pixels == "bytes" else torch.float32)
    dynamic: Any = ({1: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC}, None)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            graph, (photo, torch.ones(len(network.names))), dynamo=True, input_names=["photo", "weights"], output_names=["picture"],
            dynamic_shapes=dynamic, opset_version=OPSET, verbose=False,
        )  # fmt: skip
    assert program is not None
    made: ModelProto = program.model_proto
    for part in (*made.graph.node, *made.graph.value_info, *made.graph.input, *made.graph.output, *made.graph.initializer):
        part.doc_string = ""  # the exporter records source paths of this machine
        del part.metadata_props[:]
    about = {"version": VERSION, "names": network.names, "pixels": pixels, "checksum": network.checksum(network.names)}
    onnx.helper.set_model_props(made, {KEY: json.dumps(about)})
    made.doc_string = "A network of Stylespace: photo and weights of the styles in, picture out."
    return made


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
