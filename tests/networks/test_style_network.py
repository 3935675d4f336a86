"""A network with its styles: mixing, maps, files, rows that come and go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from stylespace.errors import InputError, WeightsError
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork
from stylespace.pipelines.paint import Painting, PaintSettings


@pytest.fixture
def network() -> StyleNetwork:
    torch.manual_seed(3)
    body = BUILDS["tiny"]().eval().requires_grad_(False)
    rows = body.initial_row() + 0.3 * torch.randn(3, body.row_size)
    about = {"swirls": {"title": "Swirls"}}
    return StyleNetwork(body, "tiny", rows.half().float(), ["swirls", "waves", "dots"], about, {"seconds": 1})


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (30, 41, 3), dtype=np.uint8)


def pixels(picture: Any) -> np.ndarray:
    return np.asarray(picture).astype(int)


def test_styles_and_mixes(network: StyleNetwork, photo: np.ndarray) -> None:
    assert network.styles == ("swirls", "waves", "dots")
    one = network(photo, "swirls")
    assert one.size == (41, 30)
    assert np.array_equal(pixels(network(photo)), pixels(one))
    assert not np.array_equal(pixels(network(photo, "waves")), pixels(one))
    mixed = network(photo, {"swirls": 0.6, "waves": 0.4})
    assert np.array_equal(pixels(network(photo, {"swirls": 3, "waves": 2, "dots": 0})), pixels(mixed))
    assert np.array_equal(pixels(network(photo, ["swirls", "waves"])), pixels(network(photo, {"swirls": 1, "waves": 1})))
    rounded = network(photo, {"swirls": np.float32(0.6), "waves": np.float64(0.4)})
    assert np.abs(pixels(rounded) - pixels(mixed)).max() <= 1


def test_strength_size_colour(network: StyleNetwork, photo: np.ndarray) -> None:
    assert np.array_equal(pixels(network(photo, strength=0)), photo)
    half = pixels(network(photo, strength=0.5))
    assert np.abs(half - (photo + pixels(network(photo))) / 2).max() <= 1.5
    assert network(photo, size=20).size == (20, 15)
    kept = network(photo, colour="luminance").convert("YCbCr")
    own = Image.fromarray(photo).convert("YCbCr")
    assert (
        np.abs(pixels(kept)[..., 1:] - pixels(own)[..., 1:]).mean()
        < np.abs(pixels(network(photo).convert("YCbCr"))[..., 1:] - pixels(own)[..., 1:]).mean()
    )
    alpha = np.dstack([photo, np.full(photo.shape[:2], 77, np.uint8)])
    assert network(alpha).getpixel((3, 3))[3] == 77


def test_maps(network: StyleNetwork, photo: np.ndarray) -> None:
    left = np.zeros((30, 41), dtype=np.uint8)
    left[:, :20] = 255
    everywhere = network(photo, {"waves": np.full((30, 41), 255, np.uint8)})
    assert np.abs(pixels(everywhere) - pixels(network(photo, "waves"))).max() <= 1
    both = network(photo, {"swirls": left, "waves": 255 - left})
    assert not np.array_equal(pixels(both), pixels(everywhere))
    # Half of one and half of the other is the mix of both, and where no map says anything styles share the place.
    mixed = pixels(network(photo, ["swirls", "waves"]))
    grey = np.full((30, 41), 100, np.uint8)
    for weight in (grey, 0 * grey):
        assert np.abs(pixels(network(photo, {"swirls": weight, "waves": weight})) - mixed).max() <= 1
    assert np.abs(pixels(network(photo, {"swirls": np.ones((30, 41), np.float32), "waves": 1})) - mixed).max() <= 1
    with pytest.raises(InputError, match="one picture"):
        network.pixels(torch.rand(2, 3, 30, 41), {"waves": left})


def test_other_styles_do_not_matter(network: StyleNetwork, photo: np.ndarray) -> None:
    """Adding and removing styles leaves the others' pictures, mixes included, bit for bit."""
    picture = torch.rand(1, 3, 30, 41)
    mixes: list[Any] = ["waves", {"swirls": 0.3, "waves": 0.7}]
    before = [network.pixels(picture, mix) for mix in mixes]
    more = network.with_style("new", torch.full((network.body.row_size,), float("nan")))
    less = network.remove("dots")
    for other in (more, less, more.remove("dots"), network.rename("dots", "points")):
        assert all(torch.equal(a, other.pixels(picture, mix)) for a, mix in zip(before, mixes, strict=True))
    assert more.styles == ("swirls", "waves", "dots", "new")
    assert less.about == {"swirls": {"title": "Swirls"}}
    assert network.rename("swirls", "whirls").about == {"whirls": {"title": "Swirls"}}


def test_moving_leaves_the_network_where_it_is(network: StyleNetwork, photo: np.ndarray) -> None:
    before = np.asarray(network(photo))
    moved = network.to("meta")
    assert {p.device.type for p in moved.body.parameters()} == {"meta"} == {moved.rows.device.type}
    assert {p.device.type for p in network.body.parameters()} == {"cpu"} == {network.device.type}
    assert np.array_equal(np.asarray(network(photo)), before)


def test_sizes(network: StyleNetwork) -> None:
    """As paint has them: at most 1024 pixels unless a size is given; 0 is the photo's own."""
    photo = np.zeros((30, 2060, 3), np.uint8)
    assert network(photo).size == (1024, 15)
    assert network(photo, size=0).size == (2060, 30)
    assert network(photo, size=206).size == (206, 3)
    assert network(photo[:, :60]).size == (60, 30)
    for size in (None, 0, 206):
        painting = Painting(PaintSettings({"swirls": 1.0}, size=size))
        painting.__dict__["painter"] = network
        assert painting.run(photo).picture.size == network(photo, size=size).size


def test_merge(network: StyleNetwork) -> None:
    picture = torch.rand(1, 3, 20, 20)
    other = network.with_style("new", network.rows[0] * 1.1).remove("swirls").remove("waves").remove("dots")
    both = network.merge(other)
    assert both.styles == ("swirls", "waves", "dots", "new")
    assert torch.equal(both.pixels(picture, "new"), other.pixels(picture, "new"))
    with pytest.raises(InputError, match="rename one"):
        network.merge(network)
    different = StyleNetwork(BUILDS["tiny"](), "tiny", network.rows, ["a", "b", "c"])
    with pytest.raises(InputError, match="different bodies"):
        network.merge(different)


def test_save_and_load(network: StyleNetwork, tmp_path: Path) -> None:
    path = network.save(tmp_path / "net.safetensors")
    again = StyleNetwork.load(path)
    assert (again.names, again.about, again.provenance, again.build) == (
        network.names, network.about, network.provenance, network.build,
    )  # fmt: skip
    assert again.checksum() == network.checksum()
    picture = torch.rand(1, 3, 40, 40)
    assert (again.pixels(picture, "dots") - network.pixels(picture, "dots")).abs().max() < 0.02
    assert torch.equal(again.pixels(picture), StyleNetwork.load(again.save(tmp_path / "two.safetensors")).pixels(picture))


def test_a_header_that_asks_for_much_memory_gets_none(
    network: StyleNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body is only made for weights that are there: 1,024 channels a layer would be 300 MB."""
    tensors = {f"body.{k}": v.half().contiguous() for k, v in network.body.state_dict().items()} | {"rows": network.rows.half()}
    settings = dict.fromkeys(network.body.settings(), 1000) | {"blocks": 2}
    about = {
        "kind": "stylespace-network", "version": 1, "build": "tiny", "settings": settings, "names": network.names, "about": {},
        "provenance": {},
    }  # fmt: skip
    save_file(tensors, tmp_path / "net.safetensors", {"stylespace": json.dumps(about)})
    devices: list[str] = []
    load = torch.nn.Module.load_state_dict

    def noted(module: torch.nn.Module, *given: Any, **more: Any) -> Any:
        devices.extend(parameter.device.type for parameter in module.parameters())
        return load(module, *given, **more)

    monkeypatch.setattr(torch.nn.Module, "load_state_dict", noted)
    with pytest.raises(WeightsError, match="does not hold"):
        StyleNetwork.load(tmp_path / "net.safetensors")
    assert set(devices) == {"meta"}


def test_bad_files(network: StyleNetwork, tmp_path: Path) -> None:
    path = network.save(tmp_path / "net.safetensors")
    tensors = {f"body.{k}": v.half().contiguous() for k, v in network.body.state_dict().items()} | {"rows": network.rows.half()}
    about = {
        "kind": "stylespace-network", "version": 1, "build": "tiny", "settings": network.body.settings(), "names": network.names,
        "about": {}, "provenance": {},
    }  # fmt: skip

    def written(tensors: dict[str, torch.Tensor], **changes: Any) -> Path:
        save_file(tensors, path, {"stylespace": json.dumps(about | changes)})
        return path

    StyleNetwork.load(written(tensors))
    first = next(iter(tensors))
    changes: list[tuple[dict[str, Any], str]] = [
        ({"version": 99}, "newer"),
        ({"build": "huge"}, "does not know"),
        ({"kind": "other"}, "not a network"),
        ({"names": ["a"]}, "names 1"),
        ({"names": "a"}, "names"),
        ({"version": "one"}, "version"),
        ({"settings": {"widths": 3}}, "does not hold"),
        ({"build": "johnson", "settings": {"normalisation": "group"}}, "does not hold"),
        ({"names": [None] * 3}, "names"),
        ({"about": {"swirls": "x"}}, "about"),
        ({"settings": network.body.settings() | {"blocks": 10**9}}, "blocks cannot be 1000000000"),  # years
        ({"settings": network.body.settings() | {"deep": 1e308}}, "deep cannot be"),
    ]
    for change, words in changes:
        with pytest.raises(WeightsError, match=words):
            StyleNetwork.load(written(tensors, **change))
    for changed in (
        {k: v for k, v in tensors.items() if k != first}, tensors | {"extra": torch.zeros(1)}, tensors | {first: torch.zeros(1)},
        {k: v for k, v in tensors.items() if k != "rows"},
    ):  # fmt: skip
        with pytest.raises(WeightsError, match="does not hold"):
            StyleNetwork.load(written(changed))
    with pytest.raises(WeightsError, match="not finite"):
        StyleNetwork.load(written(tensors | {"rows": tensors["rows"] * float("inf")}))
    for header in ("[]", "3", "{}"):
        save_file(tensors, path, {"stylespace": header})
        with pytest.raises(WeightsError, match="not a network"):
            StyleNetwork.load(path)
    save_file(tensors, path)
    with pytest.raises(WeightsError, match="not a network"):
        StyleNetwork.load(path)
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot be read"):
        StyleNetwork.load(path)
    with pytest.raises(WeightsError, match="no network 'nowhere'"):
        StyleNetwork.load("nowhere")


def test_mistakes(network: StyleNetwork, photo: np.ndarray) -> None:
    with pytest.raises(InputError, match="did you mean 'swirls'"):
        network(photo, "swirl")
    for weight in (-1, float("nan"), float("inf"), np.float32(-1)):
        with pytest.raises(InputError, match="0 or more"):
            network(photo, {"swirls": weight})
    with pytest.raises(InputError, match="luminance, cholesky"):
        network(photo, colour="sepia")
    with pytest.raises(InputError, match="more than zero"):
        network(photo, {"swirls": 0})
    with pytest.raises(InputError, match="strength"):
        network(photo, strength=2)
    with pytest.raises(InputError, match="only style"):
        network.remove("swirls").remove("waves").remove("dots")
    with pytest.raises(InputError, match="already"):
        network.with_style("swirls", network.rows[0])
    with pytest.raises(InputError, match="not taken"):
        network.rename("swirls", "waves")
