"""A network as a web page that needs no server of its own: everything is computed in the browser, by onnxruntime-web.

The page's network has no instance normalisations. Their reductions over the whole picture are slow on WebGPU and overflow in half
precision, and in a camera's picture they flicker. So there are two graphs over the same weights: ``measure`` takes a photo and weights of
the styles, and gives the gains and offsets that the normalisations come to (a row such as a style's); ``paint`` takes a photo and such a
row. With what was measured on a photo itself, ``paint`` gives the network's own picture.
"""

from __future__ import annotations

import copy
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from stylespace.errors import InputError, MissingExtraError
from stylespace.export.onnx import traced
from stylespace.networks.body import Body
from stylespace.networks.conditioning import Conditioning
from stylespace.networks.fast import Fast
from stylespace.networks.normalisation import ConditionalInstanceNorm
from stylespace.networks.style_network import StyleNetwork
from stylespace.networks.texture import Texture
from stylespace.storage.atomic import write_whole

if TYPE_CHECKING:
    from onnx import ModelProto

PAGE = Path(__file__).resolve().parent / "page"
RUNTIME = "1.30.0"  # of onnxruntime-web, with which the page is tested
# What the page loads: without a graphics card the first three, with WebGPU the others, too.
RUNTIME_FILES = (
    "ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm", "ort.webgpu.min.mjs",
    "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm",
)  # fmt: skip
WEIGHTS = "weights.bin"
LARGEST = 5_000_000  # bytes beside the runtime
SMALL = 64  # numbers; smaller tensors stay in the graphs
_ALIGN = 64


class _Measured(nn.Module):
    """An instance normalisation that notes what it comes to."""

    def __init__(self, norm: ConditionalInstanceNorm, noted: list[Tensor]) -> None:
        super().__init__()
        self.epsilon, self.noted = norm.epsilon, noted

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
        gain = gamma * torch.rsqrt(variance + self.epsilon)
        offset = beta - mean * gain
        self.noted += [gain.flatten(), offset.flatten()]
        return torch.addcmul(beta, x - mean, gain)


class Measure(nn.Module):
    """``photo`` (1, 3, H, W) in [0, 1], sides that the body's ``multiple`` divides; ``weights`` (S,): to the row (P,) of :class:`Paint`."""

    rows: Tensor

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.noted: list[Tensor] = []
        self.body = copy.deepcopy(_folded(network.body))
        for module in list(self.body.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, ConditionalInstanceNorm):
                    setattr(module, name, _Measured(child, self.noted))
        self.register_buffer("rows", network.rows)

    def forward(self, photo: Tensor, weights: Tensor) -> Tensor:
        """See the class."""
        self.noted.clear()
        row = (weights / weights.sum()) @ self.rows
        self.body.paint(photo, Conditioning(row[None], self.body.channels))
        return torch.cat(self.noted)


class Paint(nn.Module):
    """``photo`` as for :class:`Measure` and its ``row``: to the picture (1, 3, H, W)."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.body = _folded(network.body).affine()

    def forward(self, photo: Tensor, row: Tensor) -> Tensor:
        """See the class."""
        return self.body.paint(photo, Conditioning(row[None], self.body.channels))


def export_web(network: StyleNetwork, folder: str | Path, runtime: str | Path, *, force: bool = False) -> Path:
    """Write the page for ``network`` into ``folder``, which any static host can serve.

    ``runtime``: onnxruntime-web, the file that ``npm pack onnxruntime-web`` fetches, or its unpacked folder. Raises ``InputError`` for
    networks that a page cannot have, ``MissingExtraError`` without the extra ``export``.
    """
    folder = Path(folder)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not force):
        raise InputError(f"{folder} holds files already: choose another folder, or write into it with --force.")
    vendored = list(_runtime(Path(runtime)))
    made = graphs(network)
    made["network.json"] = json.dumps(_about(network)).encode()
    made |= {path.name: path.read_bytes() for path in sorted(PAGE.iterdir()) if path.is_file()}
    if (size := sum(map(len, made.values()))) > LARGEST:
        raise InputError(
            f"The page would take {size / 1e6:.1f} MB beside the runtime: keep fewer styles, or a smaller network (at most 5 MB)."
        )
    for name, data in [*made.items(), *((f"ort/{name}", data) for name, data in vendored)]:
        write_whole(folder / name, lambda temporary, data=data: Path(temporary).write_bytes(data))  # type: ignore[misc]
    return folder / "index.html"


def graphs(network: StyleNetwork) -> dict[str, bytes]:
    """``measure.onnx`` and ``paint.onnx``, and the weights of both in half precision, by file name."""
    if isinstance(network.body, Texture) or len(network.body.stage_weights) > 1:
        raise InputError("A page can have a network of one stage that redraws photos, such as 'classics'.")
    if not any(isinstance(module, ConditionalInstanceNorm) for module in network.body.modules()):
        raise InputError("This network has no instance normalisations: export it as ONNX instead.")
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401 (the exporter wants it)
    except ImportError as error:
        raise MissingExtraError("Exporting needs onnx and onnxscript: pip install 'stylespace[export]'.") from error
    network = network.to("cpu")
    photo = torch.zeros(1, 3, 160, 208)
    sides: Any = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    if (multiple := network.body.multiple) > 1:
        sides = {2: multiple * torch.export.Dim("high"), 3: multiple * torch.export.Dim("wide")}
    shared: dict[bytes, int] = {}
    weights = bytearray()
    made = {}
    for name, graph, second, output in (
        ("measure", Measure(network), torch.ones(len(network.names)), "row"),
        ("paint", Paint(network), network.rows[0], "picture"),
    ):
        inputs = ["photo", "weights" if name == "measure" else "row"]
        model = traced(graph.eval(), (photo, second), inputs, output, (sides, None))
        _halved(model, shared, weights)
        made[f"{name}.onnx"] = model.SerializeToString()
    return {**made, WEIGHTS: bytes(weights)}


def _folded(body: Body) -> Body:
    return body.folded() if isinstance(body, Fast) else body


def _halved(model: ModelProto, shared: dict[bytes, int], weights: bytearray) -> None:
    """Move the model's large tensors to ``weights`` in half precision, each once; the graph makes single precision of them again."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        data = values.astype("<f2").tobytes()
        if data not in shared:
            weights += bytes(-len(weights) % _ALIGN)
            shared[data] = len(weights)
            weights += data
        name = tensor.name
        half = TensorProto(name=f"{name} half", data_type=TensorProto.FLOAT16, dims=tensor.dims)
        half.data_location = TensorProto.EXTERNAL
        for key, value in (("location", WEIGHTS), ("offset", shared[data]), ("length", len(data))):
            half.external_data.add(key=key, value=str(value))
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    kept = [value for value in model.graph.value_info if value.name not in {cast.output[0] for cast in casts}]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)


def _about(network: StyleNetwork) -> dict[str, Any]:
    """What the page shows: names, titles, thumbnails."""
    styles = []
    for name in network.names:
        entry = network.about.get(name, {})
        title = str(entry.get("title") or name.replace("_", " "))
        styles.append(
            {"name": name, "title": title, "artist": str(entry.get("artist", "")), "thumbnail": str(entry.get("thumbnail", ""))}
        )
    return {"styles": styles, "multiple": network.body.multiple, "checksum": network.checksum(network.names)}


def _runtime(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files of onnxruntime-web. Raises ``InputError`` that says how to get them."""
    todo = f"get it by 'npm pack onnxruntime-web@{RUNTIME}' and give the .tgz file (--runtime)"
    if path.is_dir():
        folder = next(
            (place for place in (path, path / "dist", path / "package" / "dist") if (place / RUNTIME_FILES[0]).is_file()), None
        )
        if folder is None or not all((folder / name).is_file() for name in RUNTIME_FILES):
            raise InputError(f"{path} does not hold onnxruntime-web {RUNTIME}: {todo}.")
        for name in RUNTIME_FILES:
            yield name, (folder / name).read_bytes()
        return
    try:
        with tarfile.open(path, "r:gz") as tar:
            for name in RUNTIME_FILES:
                member = tar.extractfile(f"package/dist/{name}")
                assert member is not None
                yield name, member.read()
    except (OSError, tarfile.TarError, KeyError, EOFError, AssertionError) as error:
        raise InputError(f"{path} is not the package onnxruntime-web {RUNTIME}: {todo}.") from error
