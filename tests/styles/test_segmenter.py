"""A user's own segmenter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from installed import needs

from stylespace.errors import InputError
from stylespace.styles.segmenter import Segmenter

needs("onnx", "onnxruntime")


def model(path: Path, nodes: list[Any], output: Any, inputs: tuple[Any, ...] = (1, 3, "h", "w")) -> Path:
    from onnx import TensorProto, helper

    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, inputs)
    graph = helper.make_graph(nodes, "segmenter", [given], [output])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    return path


def channels(path: Path, inputs: tuple[Any, ...] = (1, 3, "h", "w")) -> Path:
    """Its logits are the channels: the class is the strongest colour."""
    from onnx import TensorProto, helper

    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, 3, None, None))
    return model(path, [helper.make_node("Identity", ["picture"], ["logits"])], output, inputs)


@pytest.mark.parametrize("inputs", [(1, 3, "h", "w"), (1, 3, 64, 96)])
def test_logits(tmp_path: Path, inputs: tuple[Any, ...]) -> None:
    picture = torch.zeros(1, 3, 40, 60)
    picture[:, 0, :, :30] = 1
    picture[:, 2, :, 30:] = 1
    found = Segmenter(channels(tmp_path / "a.onnx", inputs))(picture)
    assert found.shape == ((352, 512) if inputs[2] == "h" else (64, 96))
    assert set(found[:, :40].flatten().tolist()) == {0}
    assert set(found[:, -40:].flatten().tolist()) == {2}


def test_whole_numbers_and_other_models(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    output = helper.make_tensor_value_info("labels", TensorProto.INT64, None)
    nodes = [helper.make_node("ArgMax", ["picture"], ["labels"], axis=1, keepdims=1)]
    picture = torch.zeros(1, 3, 32, 32)
    picture[:, 1] = 1
    assert int(Segmenter(model(tmp_path / "b.onnx", nodes, output))(picture).float().mean()) == 1
    output = helper.make_tensor_value_info("mean", TensorProto.FLOAT, None)
    nodes = [helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0)]
    with pytest.raises(InputError, match="not the class of each pixel"):
        Segmenter(model(tmp_path / "c.onnx", nodes, output))(picture)
    (tmp_path / "d.onnx").write_bytes(b"no model")
    with pytest.raises(InputError, match="no ONNX model"):
        Segmenter(tmp_path / "d.onnx")
    with pytest.raises(InputError, match="does not exist"):
        Segmenter(tmp_path / "e.onnx")
