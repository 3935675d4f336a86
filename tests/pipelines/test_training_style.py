"""A style out of many references: weighted by what suits the photos; bad files passed over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace import encoders
from stylespace.demo.drawings import draw
from stylespace.encoders.encoder import Encoder
from stylespace.errors import PictureError
from stylespace.pipelines import training_style
from stylespace.pipelines.training_style import gathered
from stylespace.training.loss import combined
from stylespace.training.photos import Photos


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return encoders.load("compact", precision="fp32")


def test_one_picture_and_a_folder(tmp_path: Path, encoder: Encoder) -> None:
    for name in ("waves", "halftone", "mosaic"):
        Image.fromarray(draw(name, (96, 96))).save(tmp_path / f"{name}.png")
    (tmp_path / "bad.png").write_bytes(b"x")
    squares = np.stack([draw("waves", (72, 72), seed=s) for s in range(3)])  # photos that are like one of the references
    photos, said = Photos(squares, {}), list[str]()
    single = gathered("sea", str(tmp_path / "waves.png"), photos, encoder)
    assert (single.name, single.about, single.references) == ("sea", {"file": "waves.png"}, ())
    style = gathered("many", str(tmp_path), photos, encoder, side=64, note=said.append)
    assert sum(weight for _, weight in style.weighted) == pytest.approx(1, abs=0.03)
    assert max(style.about["references"], key=style.about["references"].get).startswith("waves")
    assert style.about["of"] == 3
    assert "bad.png" in said[0]
    with pytest.raises(PictureError):
        gathered("none", str(tmp_path / "none.png"), photos, encoder)


def test_the_target_of_many_is_that_of_their_positions_together(encoder: Encoder) -> None:
    one, other = torch.rand(2, 1, 3, 32, 32)
    seen = [encoder(p, ["relu2_1"])["relu2_1"].detach() for p in (one, other)]
    together = combined([(seen[0], 3.0), (seen[1], 3.0)], "wasserstein")
    beside = combined([(torch.cat(seen, 3), 1.0)], "wasserstein")
    for part, expected in zip(together, beside, strict=True):
        assert torch.allclose(part, expected, rtol=1e-4, atol=1e-4)


def test_references_of_one_name_in_two_folders(tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a library query finds them."""
    paths = [tmp_path / "0" / "a.png", tmp_path / "1" / "a.png"]
    monkeypatch.setattr(training_style, "_sources", lambda *_: paths)
    squares = []
    for number, name in enumerate(("waves", "mosaic")):
        (tmp_path / str(number)).mkdir()
        Image.fromarray(draw(name, (96, 96))).save(tmp_path / str(number) / "a.png")
        squares.append(draw(name, (72, 72), seed=1))
    style = gathered("many", str(tmp_path), Photos(np.stack(squares), {}), encoder, side=64)
    assert set(style.about["references"]) == {"a.png", "a.png (2)"}
    assert sum(style.about["references"].values()) == pytest.approx(1, abs=0.01)
