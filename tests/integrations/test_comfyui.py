"""The functions under ComfyUI's nodes, and that the nodes' schemas and arguments agree; ComfyUI itself is not here."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from tiny import tiny_network

from stylespace.errors import InputError
from stylespace.networks.style_network import StyleNetwork

IDS = {"StylespacePaint", "StylespaceTransfer", "StylespaceBlend", "StylespaceMix"}


def loaded(repository: Path, name: str) -> Any:
    folder = repository / "integrations" / "comfyui"
    package = ModuleType("comfyui_nodes")
    package.__path__ = [str(folder)]
    sys.modules["comfyui_nodes"] = package
    spec = importlib.util.spec_from_file_location(f"comfyui_nodes.{name}", folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    setattr(package, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def functions(repository: Path) -> Any:
    return loaded(repository, "functions")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("network") / "net.safetensors"
    return str(tiny_network(path, ["swirls", "waves", "dots"], reads=True))


def test_one_picture_is_painted_as_the_network_paints_it(functions: Any, network: str) -> None:
    image = torch.rand(1, 20, 28, 3)
    made = functions.paint(image, {"swirls": 1, "dots": 1}, network=network)
    wanted = StyleNetwork.load(network).pixels(image.permute(0, 3, 1, 2), {"swirls": 1, "dots": 1})
    torch.testing.assert_close(made, wanted.clamp(0, 1).permute(0, 2, 3, 1), atol=1e-3, rtol=0)
    assert functions.names(network) == ["swirls", "waves", "dots"]
    torch.testing.assert_close(functions.paint(image, {"swirls": 1}, network=network, strength=0), image, atol=1e-3, rtol=0)
    assert functions.paint(image, {"swirls": 1}, network=network, size=16).shape == image.shape


def test_a_batch_is_one_shot(functions: Any, network: str) -> None:
    """What is the same in two frames is painted the same, whatever comes into the picture beside it."""
    photo = torch.rand(20, 256, 3)
    other = photo.clone()
    other[:, 224:] = 1
    batch = functions.paint(torch.stack([photo, other]), {"waves": 1}, network=network, steady="off")
    alone = [functions.paint(each[None], {"waves": 1}, network=network)[0] for each in (photo, other)]
    held, apart = ((a[:, :8] - b[:, :8]).abs().max() for a, b in (batch, alone))
    assert held < 0.001  # beyond the reach of the convolutions
    assert apart > 0.02


def test_a_painting_and_its_style(functions: Any, network: str) -> None:
    image, painting = torch.rand(1, 20, 28, 3), torch.rand(1, 40, 40, 3)
    made = functions.paint(image, {"swirls": 1}, painting, network=network)
    assert made.shape == image.shape
    assert not torch.allclose(made, functions.paint(image, {"swirls": 1}, network=network))


def test_styles_go_where_their_masks_are(functions: Any, network: str) -> None:
    image = torch.rand(1, 20, 64, 3)
    left = torch.zeros(1, 20, 64)
    left[..., :32] = 1
    plain = StyleNetwork.load(network)
    for swirls, dots in ((left, 1 - left), (1 - left, left)):
        made = functions.mixed(image, {"swirls": swirls, "dots": dots}, network=network)
        maps = {"swirls": swirls, "dots": dots}
        wanted = plain.pixels(image.permute(0, 3, 1, 2), maps).clamp(0, 1).permute(0, 2, 3, 1)
        torch.testing.assert_close(made, wanted, atol=1e-3, rtol=0)
    everywhere = functions.mixed(image, {"dots": None}, network=network)
    torch.testing.assert_close(everywhere, functions.paint(image, {"dots": 1}, network=network))
    # One mask for all frames, or one for each.
    both, masks = image.expand(2, -1, -1, -1), torch.cat([left, 1 - left])
    first, second = functions.mixed(both, {"swirls": masks, "dots": 1 - masks}, network=network, steady="off")
    held, same = functions.mixed(both, {"swirls": left, "dots": 1 - left}, network=network, steady="off")
    assert torch.equal(first, held)
    assert torch.equal(held, same)
    assert not torch.allclose(first, second, atol=0.05)


def test_transfer_and_blend(functions: Any, compact_weights: Path) -> None:
    image, styles = torch.rand(1, 32, 40, 3), torch.rand(2, 32, 32, 3)
    made, found = functions.transfer(image, styles, quality="draft", size=32, steps=2, weights=compact_weights)
    assert made.shape == image.shape
    assert found == ""
    made, found = functions.transfer(image, styles, method="blend", quality="draft", size=32, steps=2, weights=compact_weights)
    assert made.shape == image.shape
    assert sum(map(float, found.split(", "))) == pytest.approx(1, abs=0.01)


def test_a_batch_is_optimised_as_a_shot(functions: Any, compact_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setenv("STYLESPACE_WEIGHTS", str(compact_weights))
    image, style = torch.rand(1, 32, 40, 3).expand(2, -1, -1, -1), torch.rand(1, 32, 32, 3)
    made, _ = functions.transfer(image, style, quality="draft", size=32, steps=2, steady="off")
    assert made.shape == image.shape
    assert not torch.allclose(made[0], image[0], atol=0.01)


def test_mistakes(functions: Any, network: str) -> None:
    image = torch.rand(2, 20, 28, 3)
    with pytest.raises(InputError, match=r"\(20, 28, 3\)"):
        functions.paint(image[0], {"swirls": 1}, network=network)
    with pytest.raises(InputError, match="mask of 'dots'"):
        functions.mixed(image, {"dots": torch.rand(3, 20, 28)}, network=network)
    with pytest.raises(InputError, match="did you mean 'dots'"):
        functions.paint(image, {"dotz": 1}, network=network)


def test_nodes_take_what_their_schemas_name(functions: Any, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a recorder of calls, which is no evidence that ComfyUI accepts them."""

    class Kind:
        def __init__(self, name: str) -> None:
            self.name = name

        def __getattr__(self, what: str) -> Any:
            return lambda given, **about: SimpleNamespace(id=given, kind=self.name, **about)

    kinds = {name: Kind(name) for name in ("Image", "Mask", "Combo", "Float", "Int", "String")}
    io = SimpleNamespace(**kinds, ComfyNode=object, Schema=SimpleNamespace, Input=object, NodeOutput=lambda *made: made)
    latest = ModuleType("comfy_api.latest")
    latest.__dict__.update(io=io, ComfyExtension=object)
    monkeypatch.setitem(sys.modules, "comfy_api", ModuleType("comfy_api"))
    monkeypatch.setitem(sys.modules, "comfy_api.latest", latest)
    nodes = loaded(repository, "nodes")
    monkeypatch.setattr(nodes.functions, "names", lambda: ["swirls", "dots"])
    called: dict[str, Any] = {}
    for name in ("paint", "mixed"):
        monkeypatch.setattr(nodes.functions, name, lambda *given, name=name, **more: called.update({name: (given, more)}))
    monkeypatch.setattr(nodes.functions, "transfer", lambda *given, **more: (called.update(transfer=(given, more)), ""))
    schemas = {node: node.define_schema() for node in (nodes.Paint, nodes.Transfer, nodes.Blend, nodes.Mix)}
    assert {schema.node_id for schema in schemas.values()} == IDS
    for node, schema in schemas.items():
        inputs = {each.id: getattr(each, "default", None) for each in schema.inputs}
        assert len(inputs) == len(schema.inputs)
        assert not set(inputs) & {each.id for each in schema.outputs}
        for each in schema.inputs:
            assert each.kind != "Combo" or each.default in each.options
        taken = inspect.signature(node.execute).parameters
        assert set(taken) <= {*inputs, "slots"}
        required = {each.id: inputs[each.id] for each in schema.inputs if not getattr(each, "optional", False)}
        assert len(node.execute(**required)) == len(schema.outputs)
    assert called["mixed"][0][1] == {"swirls": None}
    nodes.Mix.execute(None, 1, 0, "style", "off", style_1="swirls", mask_1=None, style_2="dots", mask_2="here")
    assert called["mixed"][0][1] == {"dots": "here"}
