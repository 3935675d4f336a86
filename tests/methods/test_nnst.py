"""NNST: matched features, turns, regions, the last pass at every size; it approaches the style and keeps the photo."""

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
from stylespace.methods.nnst import nnst, objective_at, schedule
from stylespace.methods.nnst_settings import NnstSettings
from stylespace.pictures.colour import chroma_by_moments, from_oklab, to_oklab
from stylespace.pipelines.repeat import stored
from stylespace.solvers.run import Run
from stylespace.styles.region import Region, Style

QUICK = NnstSettings(size=64, smallest=32, steps=12, last_steps=4, renewed=2, levels=3)


def drawn(name: str, size: tuple[int, int] = (96, 96)) -> Tensor:
    return torch.from_numpy(draw(name, size, seed=0).copy()).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return encoders.load("compact", precision="fp32")


@pytest.mark.parametrize("layerwise", [False, True])
@pytest.mark.parametrize("size", [(64, 64), (63, 47), (34, 64)])
def test_a_picture_made_of_the_style_has_no_distance(size: tuple[int, int], layerwise: bool, encoder: Encoder) -> None:
    style = drawn("waves", size)
    settings = replace(QUICK, smoothness_weight=0.0)
    objective = objective_at(style, style, [Region((Style(style),))], settings, encoder, 1.0, layerwise)
    # Both sets have their own mean taken off: odd sizes, whose turns have other cells, are not quite their own neighbours.
    own = objective(style)["neighbours"].item()
    unlike = objective(drawn("stained_glass", size))["neighbours"].item()
    assert own < 0.1 * unlike
    turned = torch.rot90(style, 1, (2, 3))
    other = objective_at(turned, turned, [Region((Style(style),))], settings, encoder, 1.0, layerwise)
    assert other(turned)["neighbours"].item() < 0.2 * unlike
    unturned = objective_at(turned, turned, [Region((Style(style),))], replace(settings, rotations=1), encoder, 1.0, layerwise)
    assert unturned(turned)["neighbours"].item() > other(turned)["neighbours"].item()


def test_the_loss_falls_in_both_passes_and_the_same_seed_gives_the_same(encoder: Encoder) -> None:
    photo, style = drawn("stained_glass"), drawn("waves")
    seen: list[tuple[int, float]] = []
    settings = replace(QUICK, steps=40, last_steps=20)
    made = nnst(
        photo, [Region((Style(style),))], settings, encoder, Run(watch=lambda s: seen.append((s.of, s.terms["neighbours"])))
    )
    passes = [[v for _, v in seen[a:b]] for a, b in ((0, 20), (40, 60))]
    assert all(losses[-1] < losses[0] for losses in passes)
    assert made.steps == len(seen) == sum(steps for _, steps in schedule(settings))
    one, again = (nnst(photo, [Region((Style(style),))], QUICK, encoder).picture for _ in range(2))
    assert torch.equal(one, again)


def test_regions_take_from_their_own_styles_and_small_ones_stay(encoder: Encoder) -> None:
    photo = drawn("stained_glass")
    red, blue = (
        torch.tensor(c).view(1, 3, 1, 1).expand(1, 3, 96, 96) * drawn("waves").mean(1, keepdim=True)
        for c in ((1.0, 0.1, 0.1), (0.1, 0.1, 1.0))
    )
    guide = torch.zeros(1, 1, 96, 96)
    guide[..., :26, :26] = 1
    larger = replace(QUICK, size=128, steps=80)
    made = nnst(photo, [Region((Style(red),), guide), Region((Style(blue),))], larger, encoder).picture
    corner, rest = made[..., 1:28, 1:28].mean((0, 2, 3)), made[..., 48:, 48:].mean((0, 2, 3))
    assert corner[0] > corner[2]
    assert rest[2] > rest[0]
    kept = nnst(photo, [Region((), guide), Region((Style(blue),))], QUICK, encoder).picture
    small = torch.nn.functional.interpolate(photo, size=(64, 64), mode="bicubic", antialias=True).clamp(0, 1)
    torch.testing.assert_close(kept[..., :8, :8], small[..., :8, :8], atol=1e-5, rtol=0)


def test_oklab_and_back() -> None:
    picture = drawn("waves")
    torch.testing.assert_close(from_oklab(to_oklab(picture)), picture, atol=2e-3, rtol=0)
    white = to_oklab(torch.ones(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(white, torch.tensor([1.0, 0.0, 0.0]), atol=1e-4, rtol=0)


def test_chroma_by_moments_has_the_styles_and_keeps_lightness() -> None:
    picture, photo, style = drawn("waves") * 0.2 + 0.4, drawn("stained_glass") * 0.2 + 0.4, drawn("mosaic") * 0.2 + 0.4
    made = to_oklab(chroma_by_moments(picture, photo, style))
    torch.testing.assert_close(made[:, :1], to_oklab(picture)[:, :1], atol=2e-2, rtol=0)
    torch.testing.assert_close(made[0, 1:].flatten(1).mean(1), to_oklab(style)[0, 1:].flatten(1).mean(1), atol=5e-3, rtol=0)


def test_transfer_and_repeat(tmp_path: Path) -> None:
    for name in ("stained_glass", "waves"):
        Image.fromarray(draw(name, (80, 60))).save(tmp_path / f"{name}.png")
    settings = {"size": 48, "smallest": 24, "steps": 4, "last_steps": 2, "levels": 2, "colour": "moments"}
    result = ss.transfer(tmp_path / "stained_glass.png", tmp_path / "waves.png", method="nnst", **settings)
    again = stored(result.save(tmp_path / "out.png"))
    assert np.array_equal(np.asarray(again.task.run(again.photo).picture), np.asarray(result.picture))
    paper = NnstSettings.paper()
    assert schedule(paper) == [(64, 200), (128, 200), (256, 200), (512, 200), (512, 200)]
    styles = {tmp_path / "waves.png": 0.3, tmp_path / "stained_glass.png": 0.7}
    for wrong, words in (({"rotations": 5}, "rotations cannot be 5"), ({"steps_each": (3,)}, "numbers of steps")):
        with pytest.raises(InputError, match=words):
            ss.transfer(tmp_path / "stained_glass.png", tmp_path / "waves.png", method="nnst", **{**settings, **wrong})
    with pytest.raises(InputError, match="has no weights"):
        ss.transfer(tmp_path / "stained_glass.png", styles, method="nnst", **settings)


@pytest.mark.parametrize("layerwise", [False, True])
@pytest.mark.parametrize("size", [(160, 112), (161, 131)])
def test_tiles_have_the_whole_pictures_losses_and_gradient(size: tuple[int, int], layerwise: bool, exact: Encoder) -> None:
    generator = torch.Generator().manual_seed(5)
    photo, picture, style = (torch.rand(1, 3, *s, generator=generator).double() for s in (size, size, (60, 80)))
    guide = torch.zeros(1, 1, *size).double()
    guide[..., :70, 20:90] = 1
    regions = [Region((Style(style),), guide), Region(())]

    def measured(core: int | None) -> tuple[dict[str, float], Tensor]:
        one = picture.clone().requires_grad_()
        terms = objective_at(photo, photo.flip(3), regions, NnstSettings(), exact, 0.4, layerwise, core)(one)
        torch.stack(list(terms.values())).sum().backward()
        assert one.grad is not None
        return {name: value.item() for name, value in terms.items()}, one.grad

    whole, expected = measured(None)
    tiled, found = measured(48)
    assert tiled == pytest.approx(whole, rel=1e-5)
    assert float((found - expected).norm() / expected.norm()) < 1e-4
