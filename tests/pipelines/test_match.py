"""Neural best buddies: places found again after known warps, in files and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut, chelsea

import stylespace as ss
from stylespace.cli.app import main
from stylespace.errors import InputError
from stylespace.pipelines.match import Matches, match
from stylespace.statistics.buddies import Buddies, best_buddies
from stylespace.statistics.cleaning import aligned, cleaned, strongest


def turned(picture: np.ndarray, degrees: float, scale: float) -> tuple[Image.Image, np.ndarray]:
    """The picture turned and scaled around its middle, and the matrix from shares there to shares here."""
    image = Image.fromarray(picture).resize((256, 256))
    angle = np.deg2rad(degrees)
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
    offset = 128 - back @ np.array([128, 128])
    made = image.transform(
        (256, 256), Image.Transform.AFFINE, (*back[0], offset[0], *back[1], offset[1]), Image.Resampling.BICUBIC
    )
    return made, back


@pytest.mark.parametrize("fast", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_known_warp(fast: bool) -> None:
    near, pairs = 0, 0
    for picture in (chelsea(), astronaut()) if fast else (chelsea(),):  # all five levels take three times as long
        warped, back = turned(picture, 6, 1.1)
        found = match(picture, warped, fast=fast)
        expected = (np.array(found.b) - 0.5) @ back.T + 0.5
        apart = 256 * np.linalg.norm(np.array(found.a) - expected, axis=1)
        near += int((apart < 8).sum())
        pairs += len(found)
    assert pairs >= (30 if fast else 15)
    assert near / pairs > 0.85


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are compared at half the usual size, in a fraction of the time."""
    monkeypatch.setattr("stylespace.pipelines.match.SIDE", 128)


@pytest.mark.usefixtures("small")
def test_the_same_picture_and_the_same_result() -> None:
    one, other = (ss.match(chelsea(), chelsea(), fast=True) for _ in range(2))
    assert one == other
    assert np.allclose(one.a, one.b)
    assert list(one.activation) == sorted(one.activation, reverse=True)
    assert len(match(chelsea(), chelsea(), fast=True, count=7)) == 7
    assert len(match(chelsea(), chelsea(), fast=True, clean=False)) > len(one)


@pytest.mark.usefixtures("small")
def test_plain_pictures_have_no_pairs_or_few() -> None:
    assert len(match(np.full((64, 64, 3), 99, np.uint8), chelsea())) < 5


def test_buddies_of_moved_features() -> None:
    """Features moved by a place are found moved by a place."""
    torch.manual_seed(0)
    maps = [torch.rand(1, 8, 2**k, 2**k) for k in (4, 5)]
    moved = [f.roll((2**k // 16, 0), (2, 3)) for k, f in zip((4, 5), maps, strict=True)]
    found = best_buddies(maps, moved)
    step = found.b - found.a
    assert len(found) > 100
    assert (step - torch.tensor([1 / 16, 0])).abs().max(1).values.lt(1e-6).float().mean() > 0.8


def some(a: list[list[float]], b: list[list[float]], strength: list[float]) -> Buddies:
    return Buddies(torch.tensor(a), torch.tensor(b), torch.tensor(strength), torch.ones(len(a)))


def test_cleaning() -> None:
    a = [[0.1, 0.1], [0.9, 0.9], [0.1, 0.9], [0.9, 0.1], [0.11, 0.11], [0.5, 0.5]]
    b = [[0.1, 0.1], [0.9, 0.9], [0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.5, 0.5]]
    kept = cleaned(some(a, b, [3, 2.9, 2.8, 2.7, 2.6, 0.5]))
    assert kept.a.tolist() == torch.tensor(a[:4]).tolist()  # the fifth is near the first, the sixth is weak
    crossing = cleaned(some([[0, 0], [0, 0.2], [1, 0], [1, 1]], [[0, 0.2], [0, 0], [1, 0], [1, 1]], [4, 3, 2, 1.0]))
    assert len(crossing) >= 3
    assert len(cleaned(some(a, b, [0.0] * 6))) == 0
    assert strongest(some(a, b, [6, 5, 4, 3, 2, 1.0]), 2).activation.tolist()[0] == 6


def test_alignment() -> None:
    torch.manual_seed(0)
    points = torch.rand(6, 2)
    angle = torch.tensor(0.7)
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    goal = 1.7 * points @ turn.T + torch.tensor([0.3, -0.2])
    assert torch.allclose(aligned(points, goal), goal, atol=1e-5)
    same = torch.full((4, 2), 0.5)
    assert torch.isfinite(aligned(same, torch.rand(4, 2))).all()


@pytest.mark.usefixtures("small")
def test_files_and_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(chelsea()).save("a.png")
    turned(chelsea(), 5, 1.0)[0].save("b.png")
    assert main(["match", "a.png", "b.png", "-o", "pairs.png"]) == 0
    assert capsys.readouterr().out.splitlines() == ["pairs.png", "pairs.json"]
    with Image.open("pairs.png") as sheet:
        assert sheet.height == 512
    listed = Matches.load("pairs.json")
    assert len(listed) == len(json.loads(Path("pairs.json").read_text())["pairs"]) > 5
    assert main(["match", "a.png", "b.png", "-o", "pairs.png"]) == 1
    assert main(["match", "a.png", "none.png", "-o", "x.png"]) == 1
    assert main(["match", "a.png", "b.png", "-o", "x.jpg"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not Path("x.png").exists()
    foreign = ("[]", "x", "[" * 10**5, '{"pairs": ["ab"]}', '{"pairs": [{"a": "12", "b": [NaN, 0]}]}')
    for wrong in ('{"pairs": [{"a": [2, 0], "b": [0, 0]}]}', *foreign):
        Path("wrong.json").write_text(wrong)
        with pytest.raises(InputError, match="shares of width and height"):
            Matches.load("wrong.json")
