"""Everything on a device that has no float64, as Apple's have none (tests/helpers/apple.py stands for one)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from apple import CPU, MPS, Apple, OnApple

import stylespace as ss
from stylespace.demo.drawings import draw
from stylespace.methods.registry import METHODS
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.float64 import float64, home, onto
from stylespace.pipelines.sources import Area
from stylespace.pipelines.transfer import invert, transfer
from stylespace.solvers import budget
from stylespace.styles.space import StyleSpace
from stylespace.training.devices import Devices
from stylespace.training.photos import Photos
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import Trainer, TrainingStyle

PHOTO, STYLE, OTHER = (draw(name, (32, 36)) for name in ("waves", "swirls", "mosaic"))
MASK = np.zeros((32, 36), np.uint8)
MASK[:, :18] = 255
LARGE = [np.kron(picture, np.ones((5, 5, 1), np.uint8)) for picture in (PHOTO, STYLE)]
PAIRS = [((0.2, 0.2), (0.5, 0.5)), ((0.7, 0.7), (0.1, 0.9)), ((0.3, 0.7), (0.1, 0.5))]


@pytest.fixture
def apple(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with Apple():
        yield


def test_the_device_refuses_what_apples_refuse(apple: None) -> None:
    x = torch.rand(3, device="mps").requires_grad_()
    assert isinstance(x, OnApple)
    assert x.device == MPS
    for wrong in (lambda: x.double(), lambda: torch.eye(2, dtype=torch.float64, device=x.device), lambda: x.detach().numpy()):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(RuntimeError, match="same device"):
        x + torch.rand(3)
    (x.cpu().double().square().sum().float().to("mps") * x.sum()).backward()
    assert isinstance(x.grad, OnApple)
    plain = x.detach().cpu()
    assert torch.allclose(x.grad.cpu(), 2 * plain * plain.sum() + plain.square().sum())


def test_double_precision_is_at_home_on_the_processor(apple: None) -> None:
    x = torch.rand(2, 3, device="mps").requires_grad_()
    wide = float64(x)
    assert (wide.device, wide.dtype) == (CPU, torch.float64)
    assert home(x.device) == CPU
    made = onto(wide.exp(), x.device)
    assert (made.device, made.dtype) == (MPS, torch.float32)
    made.sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad.cpu(), x.detach().cpu().exp())
    plain = torch.rand(2)
    assert onto(float64(plain), CPU).dtype == torch.float64
    assert float64(plain.double()).dtype == torch.float64
    assert home(torch.device("cuda", 1)) == torch.device("cuda", 1)


POINTED: dict[str, Any] = {"method": "deformable", "points": PAIRS, "fewest": 2}
CASES: dict[str, dict[str, Any]] = {
    "gatys": {},
    "gatys, L-BFGS": {"solver": "lbfgs"},
    "gatys, areas": {"areas": [Area(MASK, OTHER), Area(255 - MASK)]},
    "gatys, strokes": {"strokes": OTHER, "statistic": "gram"},
    **{f"gatys, {name}": {"statistic": name} for name in ("gram", "moments", "mmd-linear", "mmd-poly", "mmd-gaussian")},
    **{f"gatys, {name}": {"colour": name, "statistic": "gram"} for name in ("luminance", "cholesky", "root", "transport")},
    "gatys, tiles": {"photo": LARGE[0], "style": LARGE[1], "size": 160, "statistic": "moments"},
    "blend": {"method": "blend", "style": [STYLE, OTHER], "refit": True, "statistic": "gram"},
    "strotss": {"method": "strotss", "samples": 60, "points": PAIRS},
    "nnst": {"method": "nnst", "last_steps": 2, "colour": "moments"},
    "deformable, strotss": POINTED,
    "deformable, gatys": POINTED | {"base": "gatys"},
    "quilting": {"method": "quilting", "correspondence": "features", "block": 8},
    "analogies": {"method": "analogies", "channels": "features"},
    "photoreal": {"method": "photoreal"},
    "photoreal, fast": {"method": "photoreal", "route": "fast", "areas": [Area(MASK, OTHER)]},
    "inversion": {"method": "inversion", "layer": "relu2_1"},
}  # fmt: skip


def test_every_method_is_among_them() -> None:
    assert {options.get("method", "gatys") for options in CASES.values()} == set(METHODS)


@pytest.mark.parametrize("name", CASES)
def test_methods(apple: None, compact_weights: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gives the processor's picture, to rounding."""
    if name == "analogies":
        pytest.importorskip("numba")
    if name == "photoreal":
        pytest.importorskip("pymatting")
    if "tiles" in name:
        monkeypatch.setattr(budget.Need, "core", lambda *_: 96)
    options = {"size": 32, "steps": 2, "precision": "fp32", "weights": compact_weights} | CASES[name]
    if name.startswith("gatys,"):  # the layers are those of "gatys"
        options |= {"style_layers": "relu1_1,relu2_1", "content_layers": "relu2_1"}
    method, photo, style = options.pop("method", "gatys"), options.pop("photo", PHOTO), options.pop("style", STYLE)
    if method not in ("deformable", "nnst", "photoreal", "quilting"):
        options["smallest"] = options["size"]

    def made(device: str) -> torch.Tensor:
        if method == "inversion":
            return invert(photo, device=device, **options).source.pixels
        return transfer(photo, style, method=method, device=device, **options).source.pixels

    there, here = made("mps"), made("cpu")
    assert there.device == CPU
    assert (there - here).abs().mean() < 2e-3


@pytest.mark.parametrize("statistic", ["wasserstein", "gram", "mmd-gaussian"])
def test_learned_styles(apple: None, compact_weights: Path, statistic: str) -> None:
    options: dict[str, Any] = {"precision": "fp32", "statistic": statistic, "regions": 2, "weights": compact_weights}
    assert len(ss.learn_style([STYLE, OTHER], 32, 2, device="mps", **options).parts) == 2


@pytest.mark.parametrize("statistic", ["wasserstein", "gram"])
def test_training(apple: None, tmp_path: Path, statistic: str) -> None:
    pictures = torch.from_numpy(np.stack([draw("swirls", (64, 64)), draw("mosaic", (64, 64))])).permute(0, 3, 1, 2).float() / 255
    styles = [TrainingStyle(name, picture[None]) for name, picture in zip("ab", pictures, strict=True)]
    settings = TrainingSettings(
        build="tiny", steps=2, batch=2, crop=32, style_sizes=(48,), warm_up=1, precision="fp32", statistic=statistic
    )
    photos = Photos(np.stack([draw("waves", (36, 36), seed=seed) for seed in range(2)]), {})

    def trainer() -> Trainer:
        return Trainer(photos, styles, settings, tmp_path, devices=Devices(torch.device("mps")))

    assert trainer().run()
    assert trainer().step == 2  # gone on with
    assert trainer().network().device == CPU


@pytest.mark.parametrize("build", BUILDS)
def test_networks(apple: None, build: str) -> None:
    body = BUILDS[build]().eval().requires_grad_(False)
    rows = body.initial_row() + 0.3 * torch.randn(2, body.row_size)
    here = StyleNetwork(body, build, rows, ["a", "b"])
    there = here.to("mps")
    assert here.device == CPU
    for mix in ({"a": 0.4, "b": 0.6}, {"a": MASK, "b": 0.5}):
        pictures = [np.asarray(network(PHOTO, mix, colour="transport", strength=0.9)) for network in (here, there)]
        assert np.abs(pictures[0].astype(float) - pictures[1]).max() <= 1


def test_spaces(apple: None, compact_weights: Path) -> None:
    blends = [
        StyleSpace.fit([STYLE, OTHER], weights=compact_weights, device=device, size=32).blend(PHOTO).weights
        for device in ("cpu", "mps")
    ]
    assert blends[0] == pytest.approx(blends[1], abs=0.02)  # the processor may compute in bf16
