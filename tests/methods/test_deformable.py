"""Deformable transfer: points go where they are wanted, on both bases; nothing folds; files, films, odd pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import stylespace as ss
from stylespace import encoders
from stylespace.demo.drawings import draw
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.deformable import deform, targets
from stylespace.methods.deformable_settings import DeformableSettings
from stylespace.methods.gatys import Gatys
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.methods.strotss import Strotss
from stylespace.methods.strotss_settings import StrotssSettings
from stylespace.pictures.settings import read_settings
from stylespace.pipelines.repeat import stored
from stylespace.solvers.coarse_to_fine import Base
from stylespace.solvers.run import Run
from stylespace.styles.region import Region, Style

SETTINGS = DeformableSettings(size=64, steps=60, warp_rate=5e-3, fewest=4, smoothing=0.0)
PHOTO = ((0.3, 0.3), (0.7, 0.3), (0.5, 0.5), (0.3, 0.7), (0.7, 0.7))
STYLE = ((0.25, 0.3), (0.75, 0.3), (0.5, 0.6), (0.3, 0.72), (0.7, 0.72))


def drawn(name: str, size: tuple[int, int] = (96, 96)) -> Tensor:
    return torch.from_numpy(draw(name, size, seed=0).copy()).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return encoders.load("compact", precision="fp32")


def base(name: str, encoder: Encoder, photo: Tensor) -> Base:
    regions = [Region((Style(drawn("waves")),))]
    if name == "gatys":
        shallow = {"style_layers": "relu1_1,relu2_1,relu3_1", "content_layers": "relu3_1"}  # a third of the time
        return Gatys(photo, regions, GatysSettings(size=64, steps=20, **shallow), encoder, Run())
    settings = StrotssSettings(size=64, smallest=32, steps=20, samples=150, style_samples=200, levels=3)
    return Strotss(photo, regions, settings, encoder, Run())


@pytest.mark.parametrize("name", ["gatys", "strotss"])
def test_points_come_nearer_to_where_they_are_wanted(name: str, encoder: Encoder) -> None:
    photo = drawn("stained_glass", (72, 96))
    pairs = targets(PHOTO, STYLE, (72, 96), (96, 96), SETTINGS)
    losses: list[dict[str, float]] = []
    made = deform(photo, base(name, encoder, photo), SETTINGS, pairs, Run(watch=lambda s: losses.append(s.terms)))
    assert made.after < 0.6 * made.before
    assert made.warp.foldings() == 0
    assert made.solution.picture.shape == made.stylised.shape == (1, 3, 48, 64)
    assert not torch.equal(made.solution.picture, made.stylised)
    assert {"warped style", "points", "flow", "folds"} <= losses[0].keys()
    assert losses[0]["flow"] == 0 != losses[-1]["flow"]


@pytest.mark.parametrize("name", ["gatys", "strotss"])
def test_without_pairs_it_is_the_base_alone(name: str, encoder: Encoder) -> None:
    photo, none = drawn("stained_glass"), torch.zeros(0, 2)
    made = deform(photo, base(name, encoder, photo), SETTINGS, (none, none))
    torch.testing.assert_close(made.solution.picture, made.stylised, atol=1e-3, rtol=0)
    assert (made.before, made.after, made.kept) == (0, 0, 1)


def test_strength_says_how_far_and_crossing_points_do_not_fold(encoder: Encoder) -> None:
    photo = drawn("stained_glass")
    quick = replace(SETTINGS, warped_weight=0.0, flow_weight=0.0, fold_weight=0.0, points_weight=50.0, warp_rate=2e-2)
    pairs = targets(PHOTO, STYLE, (96, 96), (96, 96), quick)
    moved = [deform(photo, base("gatys", encoder, photo), replace(quick, strength=s), pairs).warp for s in (0.5, 1.0)]
    far = [np.abs(np.array(w.moved) - np.array(w.points)).mean() for w in moved]
    assert far[0] == pytest.approx(far[1] / 2, rel=0.3)
    crossing = (torch.tensor([[0.5, 0.4], [0.5, 0.6]]), torch.tensor([[0.5, 0.65], [0.5, 0.35]]))
    made = deform(photo, base("gatys", encoder, photo), quick, crossing)
    assert made.kept < 1
    assert made.warp.foldings() == 0


def test_targets_are_aligned_and_far_or_few_pairs_are_dropped() -> None:
    turned = tuple((0.5 + 0.8 * (y - 0.5), 0.5 - 0.8 * (x - 0.5)) for x, y in PHOTO)
    points, wanted = targets(PHOTO, turned, (64, 64), (64, 64), SETTINGS)
    torch.testing.assert_close(points, wanted, atol=1e-6, rtol=0)
    outlier = targets((*PHOTO, (0.1, 0.1)), (*STYLE, (0.9, 0.9)), (64, 64), (64, 64), SETTINGS)
    assert len(outlier[0]) == 5
    assert len(targets(PHOTO[:2], STYLE[:2], (64, 64), (64, 64), SETTINGS)[0]) == 0
    assert len(targets((), (), (64, 64), (64, 64), SETTINGS)[0]) == 0
    same = targets(((0.5, 0.5),) * 6, ((0.4, 0.4),) * 6, (64, 64), (64, 64), SETTINGS)
    assert bool(torch.isfinite(same[1]).all())
    with pytest.raises(InputError, match="outside the pictures"):
        targets(((2.0, 0.5),), ((0.5, 0.5),), (64, 64), (64, 64), SETTINGS)


def test_duplicate_and_collinear_points_are_survived(encoder: Encoder) -> None:
    photo = drawn("stained_glass")
    for points in ([[0.3, 0.3]] * 4, [[0.2, 0.2], [0.4, 0.4], [0.6, 0.6], [0.8, 0.8]]):
        at = torch.tensor(points)
        made = deform(photo, base("gatys", encoder, photo), replace(SETTINGS, steps=8), (at, at + 0.05))
        assert bool(torch.isfinite(made.solution.picture).all())
        assert made.after < made.before


def test_a_gradient_reaches_points_through_the_warped_style(encoder: Encoder) -> None:
    photo = drawn("stained_glass")
    still = replace(SETTINGS, points_weight=0.0, flow_weight=0.0, fold_weight=0.0)
    at = torch.tensor([[0.3, 0.4], [0.6, 0.6], [0.4, 0.7]])
    made = deform(photo, base("gatys", encoder, photo), still, (at, at))
    assert np.abs(np.array(made.warp.moved) - np.array(made.warp.points)).max() > 1e-3


def pictures(folder: Path) -> tuple[Path, Path]:
    for name in ("stained_glass", "waves"):
        Image.fromarray(draw(name, (60, 80))).save(folder / f"{name}.png")
    return folder / "stained_glass.png", folder / "waves.png"


@pytest.mark.parametrize("name", ["gatys", pytest.param("strotss", marks=pytest.mark.slow)])
def test_transfer_keeps_parts_warp_and_record_and_can_be_repeated(name: str, tmp_path: Path) -> None:
    photo, style = pictures(tmp_path)
    settings = {"base": name, "size": 48, "steps": 8, "fewest": 4}
    points = list(zip(PHOTO, STYLE, strict=True))
    result = ss.transfer(photo, style, method="deformable", points=points, **settings)
    assert set(result.extras) == {"stylised", "warped-photo", "grid"}
    assert {p.pixels.shape for p in result.extras.values()} == {result.source.pixels.shape}
    assert result.warp is not None
    path = result.save(tmp_path / "out.png")
    told = read_settings(path)["deformation"]
    assert told["foldings"] == 0
    assert told["pairs"] == 5
    assert told["points_after"] < told["points_before"]
    again = stored(path)
    assert again.task.method == "deformable"
    assert np.array_equal(np.asarray(again.task.run(again.photo).picture), np.asarray(result.picture))


def test_pictures_with_nothing_in_common_are_not_deformed(tmp_path: Path) -> None:
    photo, style = pictures(tmp_path)
    Image.new("RGB", (80, 60), (120, 90, 60)).save(style)
    notes: list[str] = []
    result = ss.transfer(photo, style, method="deformable", base="gatys", size=48, steps=4, note=notes.append)
    assert any("nothing is deformed" in note for note in notes)
    assert result.record["deformation"]["pairs"] == 0


def test_film_goes_there_and_back(tmp_path: Path) -> None:
    photo, style = pictures(tmp_path)
    points = list(zip(PHOTO, STYLE, strict=True))
    result = ss.transfer(photo, style, method="deformable", base="gatys", points=points, size=48, steps=6, fewest=4)
    with Image.open(result.animate(tmp_path / "film.gif", frames=5)) as film:
        assert film.n_frames == 8
        assert film.size == result.picture.size
    av = pytest.importorskip("av")
    with av.open(str(result.animate(tmp_path / "film.mp4", frames=5))) as film:
        assert sum(1 for _ in film.decode(video=0)) == 8
    with pytest.raises(InputError, match="not a film"):
        result.animate(tmp_path / "film.avi")
    with pytest.raises(InputError, match="Only a deformed"):
        ss.transfer(photo, style, size=32, steps=2).animate(tmp_path / "other.gif")


def test_wrong_use_is_told(tmp_path: Path) -> None:
    photo, style = pictures(tmp_path)
    with pytest.raises(InputError, match="style regions are for gatys"):
        ss.transfer(photo, style, method="deformable", areas=[ss.Area(photo, style)])
    with pytest.raises(InputError, match="Strokes are for gatys and blend"):
        ss.transfer(photo, style, method="deformable", strokes=style)


def test_alpha_is_warped_with_the_picture(tmp_path: Path) -> None:
    photo, style = pictures(tmp_path)
    half = Image.open(photo).convert("RGBA")
    half.putalpha(Image.fromarray(np.tile(np.where(np.arange(80) < 40, 0, 255).astype(np.uint8), (60, 1))))
    moved = [((0.5, y), (0.6, y)) for y in (0.2, 0.4, 0.6, 0.8)] + [((0.1, 0.5), (0.1, 0.5)), ((0.9, 0.5), (0.9, 0.5))]
    strong = {"points_weight": 50.0, "warp_rate": 2e-2, "fewest": 4, "smoothing": 0.0}
    result = ss.transfer(half, style, method="deformable", base="gatys", points=moved, size=48, steps=20, **strong)
    assert result.source.alpha is not None
    row = result.source.alpha[0, 0, 18]
    assert row[22] < 0.1  # the edge was at 24 of 48 pixels
    assert int((row < 0.5).sum()) > 24
