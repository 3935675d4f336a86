"""Three networks in a row: structure, any size, stages, a style for each, training on all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace import encoders
from stylespace.demo.drawings import draw
from stylespace.errors import InputError
from stylespace.networks.builds import BUILDS
from stylespace.networks.multimodal import Multimodal
from stylespace.networks.style_network import StyleNetwork
from stylespace.training.photos import prepare
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import Trainer, TrainingStyle


def small() -> Multimodal:
    torch.manual_seed(0)
    return Multimodal((4, 6, 8), (4, 6, 8), (4, 6, 8), blocks=1)


@pytest.fixture
def network() -> StyleNetwork:
    body = small().eval().requires_grad_(False)
    rows = body.initial_row() + 0.3 * torch.randn(2, body.row_size, generator=torch.Generator().manual_seed(1))
    return StyleNetwork(body, "multimodal", rows, ["large", "brush"])


def test_structure_of_the_paper() -> None:
    """Fig. 3: luminance and colours apart, then together at twice the channels; 3 and 3 residual blocks in the style network."""
    body = Multimodal(looks=False)
    style, enhance, refine = body.parts
    assert style == (16, 32, 64, *[64] * 6, 16, 32, 64, *[64] * 6, *[128] * 6, 32, 16)
    assert enhance == (16, 16, 32, 64, *[64] * 6, 32, 16, 16)
    assert refine == (16, 32, 64, *[64] * 6, 32, 16)
    assert next(m for m in body.networks[1].modules() if isinstance(m, torch.nn.Conv2d)).in_channels == 3


@pytest.mark.parametrize("size", [(64, 64), (50, 77), (1, 1), (16, 130)])
def test_any_size(size: tuple[int, int], network: StyleNetwork) -> None:
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(2))
    made = network.pixels(picture, "large")
    assert made.shape == picture.shape
    assert bool(((made >= 0) & (made <= 1)).all())
    for stage, smaller in ((1, 4), (2, 2), (3, 1)):
        part = network.pixels(picture, "large", stage)
        assert part.shape[-2:] == tuple(-(-side // smaller) for side in size)
    assert torch.equal(network.pixels(picture, "large", 3), made)
    with pytest.raises(InputError, match="from 1 to 3"):
        network.pixels(picture, "large", 4)


def test_a_style_for_each_network(network: StyleNetwork) -> None:
    picture = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(2))
    both = [network.pixels(picture, "large/brush", stage) for stage in (1, 2, 3)]
    assert torch.equal(both[0], network.pixels(picture, "large", 1))
    assert not torch.equal(both[1], network.pixels(picture, "large", 2))
    assert torch.equal(both[2], network.pixels(picture, "large/brush/brush"))
    assert not torch.equal(both[2], network.pixels(picture, "large/large/brush"))
    assert network.checksum(("large/brush",)) != network.checksum(("large/large",)) != network.checksum(("brush",))
    for wrong, words in (("large/none", "no style 'none'"), ("large/brush/brush/brush", "3 networks")):
        with pytest.raises(InputError, match=words):
            network.pixels(picture, wrong)


def test_saved_and_read_again(tmp_path: Path, network: StyleNetwork) -> None:
    again = StyleNetwork.load(network.save(tmp_path / "net.safetensors"))
    picture = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(again.pixels(picture, "brush"), network.pixels(picture, "brush"), atol=5e-3, rtol=0)


def test_every_network_learns_from_its_own_and_later_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILDS, "multimodal", lambda **_: small())
    for i in range(3):
        noise = np.random.default_rng(i).integers(0, 255, (60, 70, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
    photos = prepare(sorted(tmp_path.glob("*.png")), 64, tmp_path / "cache")
    style = TrainingStyle("waves", torch.from_numpy(draw("waves", (96, 96), seed=0).copy()).permute(2, 0, 1)[None].float() / 255)
    settings = TrainingSettings(
        build="multimodal", steps=3, batch=2, crop=64, style_sizes=(48, 64, 96), warm_up=1, style_layers="relu1_1,relu2_1",
        content_layers="relu2_1",
    )  # fmt: skip
    encoder = encoders.load("compact", precision="fp32")
    run = Trainer(photos, [style], settings, tmp_path / "run", encoder=encoder)
    before = {name: p.detach().clone() for name, p in run.body.named_parameters()}
    assert run.run()
    moved = {name.split(".")[1] for name, p in run.body.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {"0", "1", "2"}
    with pytest.raises(InputError, match="at 3 sizes"):
        Trainer(photos, [style], TrainingSettings(build="multimodal", style_sizes=(256,)), tmp_path / "other", encoder=encoder)
