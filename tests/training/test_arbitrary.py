"""Training of a network that reads paintings: parts of paintings, a reader that tells them apart, a run that goes on."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from stylespace import encoders
from stylespace.demo.drawings import draw
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.networks.arbitrary import Reader
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork
from stylespace.training.arbitrary import ArbitraryTrainer, Paintings, recoloured
from stylespace.training.photos import Photos
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import TrainingStyle

SMALL = TrainingSettings(
    build="tiny", steps=6, batch=2, crop=64, style_sizes=(64,), warm_up=2, average_decay=0.9,
    style_layers="relu1_1,relu2_1", content_layers="relu2_1",
)  # fmt: skip
NAMES = ("swirls", "waves", "mosaic", "linocut")
drawn = cache(draw)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return encoders.load("compact", precision="fp32")


@pytest.fixture(scope="module")
def paintings() -> Paintings:
    return Paintings(NAMES, [drawn(name, (96, 120)) for name in NAMES])


def pixels(name: str) -> torch.Tensor:
    return torch.from_numpy(drawn(name, (96, 120)).copy()).permute(2, 0, 1)[None].float() / 255


def trainer(
    paintings: Paintings, folder: Path, encoder: Encoder, settings: TrainingSettings = SMALL, lessons: int = 2
) -> ArbitraryTrainer:
    torch.manual_seed(3)
    body = BUILDS["tiny"]()
    start = StyleNetwork(body, "tiny", body.initial_row().repeat(2, 1) + 0.1 * torch.randn(2, body.row_size), list(NAMES[:2]))
    photos = Photos(np.random.default_rng(0).integers(0, 255, (5, 72, 72, 3), np.uint8), {}, "x")
    styles = [TrainingStyle(name, pixels(name)) for name in NAMES[:2]]
    return ArbitraryTrainer(
        photos, styles, settings, folder, paintings, start=start, encoder=encoder, probes={"linocut": pixels("linocut")},
        samples=[torch.rand(1, 3, 48, 48)], lessons=lessons,
    )  # fmt: skip


def test_parts_are_parts(paintings: Paintings) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = set()
    for number in [0, 1, 2, 3] * 5:
        part = paintings.part(number, 64, generator)
        assert max(part.shape[-2:]) <= 64
        assert part.shape[:2] == (1, 3)
        assert 0 <= float(part.min()) <= float(part.max()) <= 1
        shapes.add(tuple(part.shape[-2:]))
    assert len(shapes) > 1
    picture = pixels("waves")
    assert float((recoloured(picture, generator) - picture).abs().mean()) > 0.03


def test_the_plane_begins_at_the_known_rows() -> None:
    rows = torch.randn(5, 40)
    reader = Reader(40, widths=(4, 6), hidden=8, basis=7)
    reader.span(rows)
    for row in rows:
        coefficients = torch.linalg.lstsq(reader.basis.detach().T, (row - reader.mean.detach())[:, None]).solution[:, 0]
        assert torch.allclose(reader.mean + coefficients @ reader.basis, row, atol=1e-4)
        assert float(coefficients.abs().max()) < 4  # a known style is a few deviations away


def test_the_reader_learns_the_known_rows_before_anything_is_painted(
    paintings: Paintings, tmp_path: Path, encoder: Encoder
) -> None:
    run = trainer(paintings, tmp_path, encoder, replace(SMALL, steps=0), lessons=30)
    assert run.run()
    network = run.network()
    for number, name in enumerate(NAMES[:2]):
        off = (network.code(pixels(name)).row - network.rows).square().sum(1)
        assert off.argmin() == number
        assert off[number] < 0.5 * off[1 - number]


def test_going_on_gives_the_same_bits(paintings: Paintings, tmp_path: Path, encoder: Encoder) -> None:
    whole = trainer(paintings, tmp_path / "whole", encoder)
    assert whole.run()
    stopped = trainer(paintings, tmp_path / "parts", encoder)
    assert not stopped.run(progress=lambda step: stop(step.step == 3))
    again = trainer(paintings, tmp_path / "parts", encoder)
    assert again.step == 3
    assert again.run()
    one, other = whole.network(), again.network()
    assert torch.equal(one.rows, other.rows)
    assert one.reader is not None
    assert other.reader is not None
    assert all(torch.equal(a, b) for a, b in zip(one.reader.parameters(), other.reader.parameters(), strict=True))
    assert (tmp_path / "parts" / "samples.png").stat().st_size > 1000
    changed = Paintings(NAMES, [*paintings.pixels[:3], paintings.pixels[0]])
    with pytest.raises(InputError, match="paintings"):
        trainer(changed, tmp_path / "parts", encoder)
    with pytest.raises(InputError, match="begin with"):
        trainer(Paintings(NAMES[::-1], paintings.pixels[::-1]), tmp_path / "other", encoder)


def stop(now: bool) -> None:
    if now:
        raise KeyboardInterrupt


def test_it_learns_to_tell_paintings_apart(paintings: Paintings, tmp_path: Path, encoder: Encoder) -> None:
    alone = replace(SMALL, steps=60, rate=1e-3, average_decay=0.5, content_weight=0.0, grid_weight=0.0, smoothness_weight=0.0)
    run = trainer(paintings, tmp_path, encoder, alone)
    photo, before = torch.rand(1, 3, 64, 64), {}
    for name in NAMES:
        before[name] = far(run, photo, name)
    run.run()
    assert sum(far(run, photo, name) for name in NAMES) < 0.92 * sum(before.values())


def far(run: ArbitraryTrainer, photo: torch.Tensor, name: str) -> float:
    """Style distance of the photo painted like a drawn picture to that picture."""
    network, mix = run.network().taking([drawn(name, (96, 120))])
    goal = run._goal(TrainingStyle(name, pixels(name)), 64, list(run.loss.style))
    return float(run.loss.against(network.pixels(photo, mix), photo, [goal], torch.ones(1))["style"])
