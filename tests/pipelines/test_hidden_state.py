"""Nothing that is called leaves torch's random numbers or its number of threads changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import stylespace as ss
from stylespace.demo.drawings import draw
from stylespace.encoders import precision
from stylespace.errors import InputError
from stylespace.methods.registry import METHODS
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork
from stylespace.pipelines.paint import Painting, PaintSettings
from stylespace.training.photos import Photos
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import Trainer, TrainingStyle

PHOTO, STYLE, OTHER = (draw(name, (32, 36)) for name in ("waves", "swirls", "mosaic"))


@contextmanager
def as_before() -> Iterator[None]:
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    precision.fastest.cache_clear()
    yield
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("method", METHODS)
def test_methods(compact_weights: Path, method: str) -> None:
    options: dict[str, Any] = {
        "size": 32,
        "steps": 2,
        "threads": torch.get_num_threads() + 1,
        "weights": compact_weights,
        "seed": 5,
    }
    if method == "analogies":
        pytest.importorskip("numba")
    if method == "photoreal":
        pytest.importorskip("pymatting")
    if method == "deformable":
        options |= {"points": [((0.2, 0.2), (0.5, 0.5)), ((0.7, 0.7), (0.1, 0.9))], "fewest": 1}
    with as_before():
        if method == "inversion":
            ss.invert(PHOTO, layer="relu2_1", **options)
        else:
            ss.transfer(PHOTO, [STYLE, OTHER] if METHODS[method].blends else STYLE, method=method, **options)


def test_a_run_that_fails(compact_weights: Path) -> None:
    with as_before(), pytest.raises(InputError, match=r"relu9_1"):
        ss.transfer(PHOTO, STYLE, size=32, threads=torch.get_num_threads() + 1, weights=compact_weights, style_layers="relu9_1")


def test_learning(compact_weights: Path) -> None:
    with as_before():
        ss.learn_style([STYLE, OTHER], 32, 2, regions=2, threads=torch.get_num_threads() + 1, weights=compact_weights)


@pytest.mark.parametrize("build", ["tiny", "texture"])
def test_training_and_painting(tmp_path: Path, build: str) -> None:
    picture = torch.from_numpy(draw("swirls", (64, 64)).copy()).permute(2, 0, 1)[None].float() / 255
    photos = Photos(np.stack([draw("waves", (36, 36), seed=seed) for seed in range(2)]), {})
    settings = TrainingSettings(build=build, steps=2, batch=1, crop=32, style_sizes=(48,), warm_up=1)
    with as_before():
        trainer = Trainer(photos, [TrainingStyle("a", picture)], settings, tmp_path)
        assert trainer.run()
        trainer.network().save(tmp_path / "net.safetensors")
        StyleNetwork.load(tmp_path / "net.safetensors")
        painting = Painting(PaintSettings({"a": 1.0}), tmp_path / "net.safetensors", threads=torch.get_num_threads() + 1)
        painting.run(PHOTO)


def test_texture_networks_go_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though they draw noise."""
    texture = BUILDS["texture"]
    monkeypatch.setitem(BUILDS, "texture", lambda **given: texture(**{"scales": 3, "width": 4, **given}))
    picture = torch.from_numpy(draw("swirls", (64, 64)).copy()).permute(2, 0, 1)[None].float() / 255
    photos = Photos(np.stack([draw("waves", (36, 36), seed=seed) for seed in range(2)]), {})
    settings = TrainingSettings(build="texture", steps=4, batch=1, crop=32, style_sizes=(48,), warm_up=1, precision="fp32")

    def made(folder: str) -> Trainer:
        torch.manual_seed(len(folder))  # the caller's random numbers do not matter
        return Trainer(photos, [TrainingStyle("a", picture)], settings, tmp_path / folder)

    whole = made("whole")
    whole.run()
    assert not made("parts").run(until=0)
    again = made("parts")
    assert again.step == 1
    again.run()
    for name, value in whole.parameters.items():
        assert torch.equal(value, again.parameters[name]), name
