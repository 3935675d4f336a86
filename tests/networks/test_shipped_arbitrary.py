"""The shipped network that reads paintings: small enough, with the styles of classics, and it paints what it is shown."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stylespace.demo.drawings import draw
from stylespace.export.check import difference
from stylespace.networks.shipped import MODELS, is_shipped
from stylespace.networks.style_network import StyleNetwork

pytestmark = pytest.mark.skipif(not is_shipped(), reason="arbitrary is not in the package")


@pytest.fixture(scope="module")
def arbitrary() -> StyleNetwork:
    return StyleNetwork.load("arbitrary")


def test_it_is_small_and_knows_the_styles_of_classics(arbitrary: StyleNetwork) -> None:
    assert arbitrary.reader is not None
    numbers = sum(p.numel() for part in (arbitrary.body, arbitrary.reader) for p in part.parameters())
    assert numbers <= 2_000_000
    assert (MODELS / "arbitrary.safetensors").stat().st_size <= 4 << 20
    assert set(StyleNetwork.load("classics").styles) <= set(arbitrary.styles)
    card = (MODELS / "arbitrary.md").read_text()
    assert card.startswith("# Model card: arbitrary")
    assert f"{(MODELS / 'arbitrary.safetensors').stat().st_size:,} bytes" in card


def test_paintings_are_told_apart(arbitrary: StyleNetwork) -> None:
    """A red painting gives a redder picture than a blue one, and a bright one a brighter picture than a dark one."""
    noise = np.random.default_rng(0).normal(0, 12, (160, 200, 3))
    photo = torch.from_numpy(draw("watercolour", (128, 160)).copy()).permute(2, 0, 1)[None] / 255

    def made(red: float, green: float, blue: float) -> torch.Tensor:
        painting = np.clip(np.array([red, green, blue]) + noise, 0, 255).astype(np.uint8)
        network = arbitrary.with_style("painting", arbitrary.code(painting).row)
        return network.pixels(photo, "painting").mean((0, 2, 3))

    warm, cold = made(200, 80, 60), made(60, 80, 200)
    assert warm[0] - warm[2] > cold[0] - cold[2] + 0.05
    assert made(210, 210, 210).mean() > made(40, 40, 40).mean() + 0.05


@pytest.mark.parametrize("name", ["arbitrary-painter-int8", "arbitrary-reader"])
def test_exported(arbitrary: StyleNetwork, name: str) -> None:
    pytest.importorskip("onnxruntime")
    found = difference(arbitrary, MODELS / f"{name}.onnx", "onnxruntime")
    assert found.mean < (0.05 if name.endswith("reader") else 5 / 255)
