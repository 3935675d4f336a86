"""Exported networks: equal to PyTorch at every size, without PyTorch, in 8-bit integers; and what is wrong with a file."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from apple import Apple
from installed import needs

from stylespace.cli.app import main
from stylespace.errors import InputError, MissingExtraError, WeightsError
from stylespace.export.check import difference, photos
from stylespace.export.onnx import Graph, export, model
from stylespace.export.runtime import ENGINES, Runtime
from stylespace.networks.arbitrary import Reader
from stylespace.networks.builds import BUILDS
from stylespace.networks.steady import steady
from stylespace.networks.style_network import StyleNetwork
from stylespace.networks.texture import Texture

needs("onnx", "onnxscript", "onnxruntime", "openvino")


def made(build: str, count: int = 3, **settings: int) -> StyleNetwork:
    torch.manual_seed(0)
    body = BUILDS[build](**settings).eval().requires_grad_(False)
    rows = (body.initial_row() + 0.3 * torch.randn(count, body.row_size)).half().float()
    body.load_state_dict({k: v.half().float() for k, v in body.state_dict().items()})
    return StyleNetwork(body, build, rows, [f"style{i}" for i in range(count)])


@pytest.fixture(scope="module")
def network() -> StyleNetwork:
    return made("tiny")


@pytest.fixture(scope="module")
def files(network: StyleNetwork, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exported")
    return {pixels: export(network, folder / f"{pixels}.onnx", pixels=pixels) for pixels in ("bytes", "float")}


@pytest.mark.parametrize("engine", ENGINES)
def test_equal_to_pytorch(network: StyleNetwork, files: dict[str, Path], engine: str) -> None:
    """1e-3 for numbers; for bytes what rounding to them makes."""
    assert difference(network, files["float"], engine).worst < 1e-3
    assert difference(network, files["bytes"], engine).worst < 0.51 / 255 + 1e-3


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [(1, 5), (17, 3), (40, 33), (16, 16), (15, 200)])
def test_any_size(network: StyleNetwork, files: dict[str, Path], engine: str, size: tuple[int, int]) -> None:
    runtime = Runtime(files["float"], engine, threads=1)
    photo = np.random.default_rng(0).random((*size, 3), dtype=np.float32)
    pixels = torch.from_numpy(photo).permute(2, 0, 1)[None]
    wanted = network.pixels(pixels, {"style2": 0.75, "style0": 0.25})[0].permute(1, 2, 0).numpy()
    for _ in range(3):  # the second time compiled for the size
        painted = runtime(photo, {"style2": 3, "style0": 1})
        assert painted.shape == photo.shape
        # Maps of a position or two have no deviation but that of rounding, which normalisation enlarges.
        assert np.abs(painted - wanted).max() < (1e-3 if min(size) > 32 else 0.2)


@pytest.fixture(scope="module")
def reading() -> StyleNetwork:
    network = made("tiny", blocks=0)
    torch.manual_seed(1)
    reader = Reader(network.body.row_size, widths=(4, 6, 8), hidden=12, basis=5)
    reader.point.reset_parameters()  # as one that has learned: paintings differ
    reader.span(network.rows)
    return replace(network, reader=reader.eval().requires_grad_(False))


@pytest.fixture(scope="module")
def parts(reading: StyleNetwork, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parts")
    return {graph: export(reading, folder / f"{graph}.onnx", pixels="float", graph=graph) for graph in ("painter", "reader")}


@pytest.mark.parametrize("engine", ENGINES)
def test_reader_and_painter(reading: StyleNetwork, parts: dict[str, Path], tmp_path: Path, engine: str) -> None:
    """A painting's row, then a photo in it, as by PyTorch; a code's file serves as well."""
    assert difference(reading, parts["painter"], engine).worst < 1e-3
    assert difference(reading, parts["reader"], engine).worst < 1e-3
    reader, painter = Runtime(parts["reader"], engine), Runtime(parts["painter"], engine)
    painting, photo = (p / np.float32(255) for p in (photos(2, (180, 240))[1], photos(1, (64, 80))[0]))
    made = painter(photo, reader.read(painting))
    code = reading.code(painting).save(tmp_path / "code.safetensors")
    assert np.abs(painter(photo, str(code)) - made).max() < 1e-3
    wanted = reading.pixels(torch.from_numpy(photo).permute(2, 0, 1)[None], "style1")[0].permute(1, 2, 0).numpy()
    assert np.abs(painter(photo, reading.rows[1].numpy()) - wanted).max() < 1e-3
    other = replace(reading.code(painting), network="another").save(tmp_path / "other.safetensors")
    for wrong, words in (
        (None, "any style"),
        (np.zeros(3), "finite"),
        ("gone.safetensors", "no style code"),
        (str(other), "another"),
    ):
        with pytest.raises(InputError, match=words):
            painter(photo, wrong)  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match="not a style code"):
        painter(photo, str(parts["reader"]))
    with pytest.raises(InputError, match="reads paintings"):
        reader(photo)
    with pytest.raises(InputError, match="paints"):
        painter.read(photo)


@pytest.mark.slow
@pytest.mark.parametrize("graph", ["painter", "styles"])
def test_a_graph_without_statistics(network: StyleNetwork, tmp_path: Path, graph: str) -> None:
    import onnx

    pictures = [torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255 for photo in photos(2, (96, 128))]
    still = steady(network, pictures)
    path = export(still, tmp_path / "still.onnx", pixels="float", graph=graph)
    for engine in ENGINES:
        assert difference(still, path, engine).worst < 1e-3
    assert not any(node.op_type.startswith("ReduceMean") for node in onnx.load(path).graph.node)


def test_the_command_writes_graphs_of_chosen_styles(
    reading: StyleNetwork, files: dict[str, Path], parts: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graphs themselves are those of the tests above."""
    import onnx

    monkeypatch.setattr(
        "stylespace.export.onnx.traced",
        lambda module, examples, inputs, output, dynamic: onnx.load(parts["reader"] if output == "row" else files["bytes"]),
    )
    monkeypatch.chdir(tmp_path)
    reading.save("net.safetensors")
    reading.code(photos(1, (60, 80))[0], "mine").save("mine.safetensors")
    command = ["export", "net.safetensors", "--style", "style1", "--style", "mine.safetensors", "--no-check"]
    assert main([*command, "-o", "two.onnx"]) == 0
    assert Runtime("two.onnx").styles == ("style1", "mine.safetensors")
    reader = ["export", "net.safetensors", "--graph", "reader", "--pixels", "float", "--no-check"]
    assert main([*reader, "-o", "reader.onnx"]) == 0
    assert Runtime("reader.onnx").graph == "reader"
    assert main([*command, "--graph", "reader", "-o", "no.onnx"]) == 2
    replace(reading, reader=None).save("plain.safetensors")
    assert main(["export", "plain.safetensors", "--graph", "reader", "-o", "no.onnx"]) == 1
    assert not Path("no.onnx").exists()


def test_bfloat16(network: StyleNetwork, files: dict[str, Path]) -> None:
    runtime, exact = (Runtime(files["bytes"], "openvino", precision=p) for p in ("bf16", "fp32"))
    for photo in photos(2, (128, 128)):
        apart = np.abs(runtime(photo, "style1").astype(int) - exact(photo, "style1"))
        assert apart.max() <= 20  # of random weights; benchmarks/networks.py measures the shipped ones
        assert apart.mean() <= 2


@pytest.mark.parametrize("build", ["johnson", pytest.param("published", marks=pytest.mark.slow)])
def test_bodies_of_the_papers(tmp_path: Path, build: str) -> None:
    network = made(build, 2, widths=(4, 8, 8), blocks=1)  # type: ignore[arg-type]
    path = export(network, tmp_path / f"{build}.onnx", pixels="float")
    assert difference(network, path).worst < 1e-3
    with pytest.raises(InputError, match="larger pictures"):
        Runtime(path)(np.zeros((2, 2, 3), np.float32))


@pytest.mark.parametrize("build", ["tiny", "johnson"])
def test_the_callers_network_stays_as_it_is(build: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On its device, in training, every number of it; what is exported is a copy on the processor."""
    network = made(build, 1)
    network.body.train()
    before = {name: tensor.clone() for name, tensor in network.body.state_dict().items()}
    parameters = dict(network.body.named_parameters())
    with Apple():
        there = network.to("mps")
    given: list[Graph] = []

    def stop(graph: Graph, *arguments: object, **options: object) -> None:
        given.append(graph)
        raise InterruptedError

    monkeypatch.setattr(torch.onnx, "export", stop)
    for each in (network, there):
        with Apple(), pytest.raises(InterruptedError):
            export(each, tmp_path / "net.onnx")
    for graph in given:
        assert not graph.training
        assert {tensor.device.type for tensor in graph.state_dict().values()} == {"cpu"}
        assert not any(parameter is parameters.get(name) for name, parameter in graph.body.named_parameters())
    assert {parameter.device.type for parameter in there.body.parameters()} == {"mps"} == {there.rows.device.type}
    assert network.body.training
    assert dict(network.body.named_parameters()).keys() == parameters.keys()
    assert all(parameter is parameters[name] for name, parameter in network.body.named_parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.body.state_dict().items())


def test_strength_and_batches(files: dict[str, Path]) -> None:
    runtime = Runtime(files["bytes"])
    photo = photos(1, (48, 64))[0]
    assert np.array_equal(runtime(photo, strength=0), photo)
    batch = np.stack([photo, photo[::-1]])
    painted = runtime(batch, ["style0", "style1"])
    assert painted.shape == batch.shape
    assert np.array_equal(painted[1], runtime(batch[1], {"style0": 0.5, "style1": 0.5}))
    half = runtime(photo, strength=0.5).astype(float)
    assert np.abs(half - (photo + runtime(photo).astype(float)) / 2).max() <= 1


def test_without_pytorch(files: dict[str, Path]) -> None:
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from stylespace.export.runtime import Runtime\n"
        "runtime = Runtime(sys.argv[1])\n"
        "print(runtime.styles, runtime(np.full((20, 30, 3), 99, np.uint8), 'style1').shape)\n"
    )
    told = subprocess.run([sys.executable, "-c", script, files["bytes"]], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "('style0', 'style1', 'style2') (20, 30, 3)"


def test_mistakes(files: dict[str, Path], network: StyleNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(files["bytes"])
    photo = np.zeros((8, 8, 3), np.uint8)
    for wrong, words in (({"style9": 1}, "style9"), ({"style0": -1}, "-1"), ({"style0": 0}, "No style has a weight")):
        with pytest.raises(InputError, match=words):
            runtime(photo, wrong)
    for array in (photo.astype(np.float32), photo[..., :1], photo[0, 0], np.zeros((0, 8, 3), np.uint8)):
        with pytest.raises(InputError, match="uint8 is expected"):
            runtime(array)
    with pytest.raises(InputError, match="strength"):
        runtime(photo, strength=2)
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    for engine in ENGINES:
        with pytest.raises(WeightsError, match="cannot be read"):
            Runtime(tmp_path / "bad.onnx", engine)
    with pytest.raises(WeightsError, match="no exported network"):
        Runtime(tmp_path / "none.onnx")
    with pytest.raises(InputError, match="engine"):
        Runtime(files["bytes"], "tensorrt")
    with pytest.raises(InputError, match="cannot be exported"):
        model(StyleNetwork(Texture(2, 2), "texture", torch.zeros(1, 8), ["a"]))
    with pytest.raises(InputError, match="bytes, float"):
        model(network, "words")
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert Runtime(files["bytes"]).engine == "onnxruntime"
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"stylespace\[fast\]"):
        Runtime(files["bytes"])
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r"stylespace\[export\]"):
        model(network)


def test_a_file_of_others(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    other = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [given], [other])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "other.onnx")
    for engine in ENGINES:
        with pytest.raises(WeightsError, match="not a network of Stylespace"):
            Runtime(tmp_path / "other.onnx", engine)


@pytest.mark.slow
def test_integers(
    network: StyleNetwork, files: dict[str, Path], reading: StyleNetwork, parts: dict[str, Path], tmp_path: Path
) -> None:
    """Random weights lose more than learned ones (benchmarks/networks.py): wrong ranges would give another picture altogether."""
    pytest.importorskip("nncf")
    import onnx

    from stylespace.export.integers import quantised

    made = quantised(onnx.load(files["bytes"]), photos(3, (96, 96)))
    (tmp_path / "int8.onnx").write_bytes(made.SerializeToString())
    for engine in ENGINES:
        assert difference(network, tmp_path / "int8.onnx", engine).mean < 0.1
    assert Runtime(tmp_path / "int8.onnx").checksum.endswith("int8")
    painter = quantised(onnx.load(parts["painter"]), photos(3, (96, 96)), reading.rows.numpy())
    (tmp_path / "painter.onnx").write_bytes(painter.SerializeToString())
    assert difference(reading, tmp_path / "painter.onnx").mean < 0.1
    with pytest.raises(InputError, match="no photos"):
        quantised(onnx.load(files["bytes"]), [])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "record", [b"\xff\xfe", b"[]", b"3", b"[" * 100_000, b'{"version": 1e999, "names": ["a"], "pixels": "bytes", "checksum": "0"}',
    b'{"version": 1, "names": [null], "pixels": "bytes", "checksum": "0"}', b'{"version": 1, "names": 3, "checksum": "0"}'],
)  # fmt: skip
def test_records_that_are_none(files: dict[str, Path], tmp_path: Path, engine: str, record: bytes) -> None:
    import onnx

    model = onnx.load(files["float"])
    mark = "@" * len(record)  # put in its place as bytes, which need not be text
    next(each for each in model.metadata_props if each.key == "stylespace").value = mark
    (tmp_path / "bad.onnx").write_bytes(model.SerializeToString().replace(mark.encode(), record))
    with pytest.raises(WeightsError, match="export"):
        Runtime(tmp_path / "bad.onnx", engine, threads=1)
