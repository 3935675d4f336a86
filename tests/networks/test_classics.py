"""The shipped network: its styles, what is known of them, its exported variants."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.data import chelsea

from stylespace.export.check import difference
from stylespace.export.runtime import MODELS, Runtime, shipped
from stylespace.networks.style_network import StyleNetwork


@pytest.fixture(scope="module")
def classics() -> StyleNetwork:
    return StyleNetwork.load("classics")


def test_styles_and_provenance(classics: StyleNetwork) -> None:
    assert len(classics.styles) == 32
    assert sum(p.numel() for p in classics.body.parameters()) <= 1_500_000
    for name in classics.styles:
        about = classics.about[name]
        assert about["title"], name
        assert about["licence"] == "public domain"
        assert int(about["year"]) < 1930
        assert classics.thumbnail(name)[:2] == b"\xff\xd8"
    assert {"seconds", "steps", "settings", "curve", "machine"} <= set(classics.provenance)
    rows = [line.strip("| ").split(" | ") for line in (MODELS / "classics.md").read_text().splitlines()]
    losses = {row[0]: (float(row[5]), float(row[6])) for row in rows if row[0] in classics.styles}
    assert set(losses) == set(classics.styles)
    assert all(painted < 0.6 * photos for painted, photos in losses.values())


def test_pictures_are_unlike_each_other(classics: StyleNetwork) -> None:
    photo = chelsea()[:256, :384]
    painted = [np.asarray(classics(photo, name)).astype(float) for name in classics.styles]
    for i, one in enumerate(painted):
        assert one.std() > 20
        for other in painted[:i]:
            assert np.abs(one - other).mean() > 8


def test_borders_are_like_the_rest(classics: StyleNetwork) -> None:
    """No frame: fine detail in the outer pixels is not stronger than elsewhere."""
    photo = torch.from_numpy(chelsea()[:240, :330].copy()).permute(2, 0, 1)[None].float() / 255
    for name in classics.styles[:6]:
        made = classics.pixels(photo, name)
        edges = (made[..., 1:, :] - made[..., :-1, :]).abs()
        assert edges[..., :4, :].mean() < 2 * edges[..., 20:-20, :].mean()
        assert edges[..., -4:, :].mean() < 2 * edges[..., 20:-20, :].mean()


def test_exported_variants(classics: StyleNetwork) -> None:
    pytest.importorskip("onnxruntime")
    assert [name for name in shipped() if not name.startswith("arbitrary")] == ["classics", "classics-int8"]
    assert Runtime("classics").styles == classics.styles
    assert difference(classics, MODELS / "classics.onnx").worst < 0.6 / 255 + 1e-3
    pytest.importorskip("openvino")
    for engine in ("openvino", "onnxruntime"):
        assert difference(classics, MODELS / "classics-int8.onnx", engine).mean < 4 / 255
