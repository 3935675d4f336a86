"""STROTSS: parity with the published formulas, regions, points, sizes; it approaches the style and keeps the structure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

import stylespace as ss
from stylespace import encoders
from stylespace.demo.drawings import draw
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.strotss import Pair, _shifted, objective_at, schedule, strotss
from stylespace.methods.strotss_settings import StrotssSettings
from stylespace.objectives.transport import Cloud, moments, self_similarity, structure, transport
from stylespace.solvers import laplacian
from stylespace.solvers.run import Run
from stylespace.statistics.hypercolumns import hypercolumns, spread_out
from stylespace.styles.region import Region, Style

QUICK = StrotssSettings(size=64, smallest=32, steps=12, samples=200, style_samples=300, levels=3)


def drawn(name: str, size: int = 96, seed: int = 0) -> Tensor:
    return torch.from_numpy(draw(name, (size, size), seed=seed).copy()).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return encoders.load("compact", precision="fp32")


# The formulas as written in the paper, over all pairs, with gradients.


def cosines(x: Tensor, y: Tensor) -> Tensor:
    return 1 - (x @ y.T) / (x.norm(dim=1)[:, None] * y.norm(dim=1)[None])


def published_transport(x: Tensor, y: Tensor, euclidean: bool) -> Tensor:
    far = cosines(x, y)
    if euclidean:
        far = far + ((x[:, None] - y[None]) ** 2).mean(2).sqrt()
    return torch.maximum(far.min(1).values.mean(), far.min(0).values.mean())


@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("sizes", [(30, 50), (1500, 40), (20, 1300)])
def test_transport_is_the_published(sizes: tuple[int, int], euclidean: bool) -> None:
    torch.manual_seed(0)
    x, y = (torch.randn(n, 7, dtype=torch.float64) for n in sizes)
    one, other = (x.clone().requires_grad_() for _ in range(2))
    ours, theirs = transport(one, Cloud.of(y), euclidean), published_transport(other, y, euclidean)
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-9)
    ours.backward()
    theirs.backward()
    assert one.grad is not None
    assert torch.allclose(one.grad, other.grad, atol=1e-12)  # type: ignore[arg-type]


def test_moments_and_structure_are_the_published() -> None:
    torch.manual_seed(0)
    x, y, p = (torch.randn(40, 6, dtype=torch.float64) for _ in range(3))
    wanted = (x.mean(0) - y.mean(0)).abs().mean() + (torch.cov(x.T) - torch.cov(y.T)).abs().mean()
    assert float(moments(x, Cloud.of(y))) == pytest.approx(float(wanted))
    columns = [cosines(z, z) / cosines(z, z).sum(0) for z in (x, p)]
    assert float(structure(x, self_similarity(p))) == pytest.approx(float((columns[0] - columns[1]).abs().mean() * 40))


def test_weights_of_the_terms(encoder: Encoder) -> None:
    """(a L_s + L_t + L_m + L_p / max(a, 1)) / (a + 2): doubling a changes the terms' shares so and in no other way."""
    photo, regions = drawn("stained_glass", 64), [Region((Style(drawn("waves")),))]
    found = {}
    for a in (0.5, 4.0):
        published = replace(QUICK, palette_weight=0.0)
        objective = objective_at(photo, regions, published, encoder, a, torch.Generator().manual_seed(3))
        found[a] = {k: float(v) * (a + 2) for k, v in objective(0.9 * photo).items()}
    assert found[4.0]["structure"] == pytest.approx(8 * found[0.5]["structure"], rel=1e-4)
    for same in ("transport", "moments"):
        assert found[4.0][same] == pytest.approx(found[0.5][same], rel=1e-4)
    assert found[4.0]["palette"] == pytest.approx(found[0.5]["palette"] / 4, rel=1e-4)
    least = objective_at(photo, regions, replace(QUICK, palette_weight=2.0), encoder, 4.0, torch.Generator().manual_seed(3))
    assert 6 * float(least(0.9 * photo)["palette"]) == pytest.approx(8 * found[4.0]["palette"], rel=1e-4)


def test_hypercolumns_at_positions() -> None:
    maps = [torch.randn(1, 2, 8, 12), torch.randn(1, 3, 4, 6)]
    middles = torch.tensor([[(2 + 0.5) / 4, (5 + 0.5) / 6]])  # a position of the second; between four of the first
    found = hypercolumns(maps, middles)[0]
    assert torch.allclose(found[2:], maps[1][0, :, 2, 5], atol=1e-6)
    assert torch.allclose(found[:2], maps[0][0, :, 4:6, 10:12].mean((1, 2)), atol=1e-6)


def test_places() -> None:
    generator = torch.Generator().manual_seed(0)
    places = spread_out(100, (40, 80), generator)
    assert 80 <= len(places) <= 120
    assert places.min() >= 0
    assert places.max() <= 1
    counts = torch.histogram(places[:, 1], 4, range=(0, 1)).hist
    assert counts.max() - counts.min() <= 10  # even
    assert len(spread_out(1000, (4, 5), generator)) <= 20
    small = torch.zeros(1, 1, 50, 50)
    small[..., 40:43, 10:12] = 1
    kept = spread_out(64, (50, 50), generator, small)
    assert len(kept) == 64
    assert bool((((kept * 50).floor() >= torch.tensor([40, 10])) & ((kept * 50).floor() < torch.tensor([43, 12]))).all())


@pytest.mark.parametrize("size", [(40, 56), (3, 9), (1, 1)])
def test_shifted_pictures_have_the_same_at_the_same_places(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, *size, generator=generator)
    places = (torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1])) + 0.5) / torch.tensor(size)
    shapes = set()
    for _ in range(20):
        seen, (at,) = _shifted(picture, [places], generator)
        shapes.add(tuple(seen.shape[-2:]))
        assert torch.allclose(hypercolumns([seen], at), hypercolumns([picture], places), atol=1e-5)
    assert len(shapes) > 1 or size == (1, 1)


@pytest.mark.parametrize("size", [(64, 64), (37, 50), (1, 9), (5, 1)])
def test_pyramid(size: tuple[int, int]) -> None:
    picture = torch.rand(1, 3, *size)
    assert torch.allclose(laplacian.join(laplacian.split(picture, 5)), picture, atol=1e-6)


def test_style_comes_nearer_and_structure_stays(encoder: Encoder) -> None:
    photo, style = drawn("stained_glass"), drawn("waves")
    seen: list[dict[str, float]] = []
    made = strotss(photo, [Region((Style(style),))], replace(QUICK, steps=60), encoder, Run(watch=lambda s: seen.append(s.terms)))
    assert made.picture.shape[-2:] == (64, 64)
    assert made.steps == 60
    first = next(i for i in range(1, len(seen)) if seen[i]["structure"] and i == schedule(replace(QUICK, steps=60))[0][1])
    assert sum(seen[-1].values()) < 0.8 * sum(seen[first].values())
    one, again = (strotss(photo, [Region((Style(style),))], QUICK, encoder).picture for _ in range(2))
    assert torch.equal(one, again)


def test_the_gradient_is_the_same_whichever_thread_is_first() -> None:
    generator = torch.Generator().manual_seed(0)
    cloud = Cloud.of(torch.randn(1024, 600, generator=generator))
    # Copies of a few of the cloud: each is the nearest one of many others, which are far.
    x = (cloud.rows[:20].repeat(40, 1) + 0.01 * torch.randn(800, 600, generator=generator)).requires_grad_()
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        gradients = [torch.autograd.grad(transport(x, cloud), x)[0] for _ in range(8)]
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(gradients[0], other) for other in gradients[1:])


def test_small_regions_and_what_is_left_alone(encoder: Encoder) -> None:
    photo = drawn("stained_glass", 64)
    guide = torch.zeros(1, 1, 64, 64)
    guide[..., 40:46, 40:46] = 1
    keep = torch.zeros(1, 1, 64, 64)
    keep[..., :20, :] = 1
    red = torch.zeros(1, 3, 64, 64)
    red[:, 0] = 0.9
    regions = [Region((Style(red),), guide), Region((), keep), Region((Style(drawn("waves")),))]
    made = strotss(photo, regions, replace(QUICK, steps=60), encoder).picture
    assert torch.allclose(made[..., :20, :], photo[..., :20, :], atol=1e-6)
    inside, outside = made[..., 41:45, 41:45].mean((2, 3))[0], made[..., 20:38, :].mean((2, 3))[0]
    assert float(inside[0] - inside[1]) > float(outside[0] - outside[1]) + 0.05


def red_and_blue() -> Tensor:
    style = torch.zeros(1, 3, 64, 64)
    style[:, 0, :, :32], style[:, 2, :, 32:] = 1.0, 1.0
    return style


STRAIGHT = [Pair((0.5, 0.2), (0.5, 0.2)), Pair((0.5, 0.8), (0.5, 0.8))]
CROSSED = [Pair((0.5, 0.2), (0.5, 0.8)), Pair((0.5, 0.8), (0.5, 0.2))]


def right_down(pairs: list[Pair]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """As a run is given them."""
    return [((p.photo[1], p.photo[0]), (p.style[1], p.style[0])) for p in pairs]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_points_guide(precision: str) -> None:
    photo, regions = torch.full((1, 3, 64, 64), 0.5), [Region((Style(red_and_blue()),))]
    settings, encoder = replace(QUICK, steps=30), encoders.load("compact", precision=precision)
    blue_to_the_left = []
    for pairs in (CROSSED, STRAIGHT):
        made = strotss(photo, regions, settings, encoder, Run(points=right_down(pairs))).picture
        left, right = made[0, :, 28:36, 9:16].mean((1, 2)), made[0, :, 28:36, 48:55].mean((1, 2))
        blue_to_the_left.append(float(left[2] - left[0] - right[2] + right[0]))
    assert blue_to_the_left[0] > 0.2
    assert blue_to_the_left[1] < -0.2
    assert blue_to_the_left[0] - blue_to_the_left[1] > 1
    with pytest.raises(InputError, match="not in the pictures"):
        strotss(photo, regions, settings, encoder, Run(points=[((0, 2), (0, 0))]))


def test_each_point_is_held_to_its_own(encoder: Encoder) -> None:
    """The style itself satisfies pairs of same places; pairs across satisfy no two points, though each finds its like at the other's."""
    found = []
    for pairs in (STRAIGHT, CROSSED):
        objective = objective_at(
            red_and_blue(),
            [Region((Style(red_and_blue()),))],
            replace(QUICK, shifted=False),
            encoder,
            1.0,
            torch.Generator().manual_seed(0),
            pairs,
        )
        found.append(float(objective(red_and_blue())["points"]))
    assert found[0] < 1e-5
    assert found[1] > 0.25


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-3])
def test_a_flat_photo_has_no_structure(noise: float) -> None:
    """Rows that are equal to rounding: their distances are of either sign, and shares of their sum were anything up to 1e5."""
    torch.manual_seed(0)
    flat = torch.rand(1, 500).expand(200, 500) * (1 + noise * torch.randn(200, 500))
    assert float(self_similarity(flat).abs().mean()) * 200 < 0.02
    assert float(structure(flat, self_similarity(flat.flip(0)))) < 0.04
    lively = torch.rand(200, 500)
    assert torch.allclose(self_similarity(lively).sum(0), torch.ones(200), atol=1e-5)


def test_transfer_and_repeat(tmp_path: object) -> None:
    from pathlib import Path

    from stylespace.pictures.settings import read_settings
    from stylespace.pipelines.repeat import stored

    folder = Path(str(tmp_path))
    for name in ("stained_glass", "waves"):
        from PIL import Image

        Image.fromarray(draw(name, (80, 60))).save(folder / f"{name}.png")
    settings = {"size": 48, "smallest": 24, "steps": 4, "samples": 100, "style_samples": 100, "levels": 2}
    points = [((0.2, 0.5), (0.8, 0.5))]
    result = ss.transfer(folder / "stained_glass.png", folder / "waves.png", method="strotss", points=points, **settings)
    path = result.save(folder / "out.png")
    assert read_settings(path)["points"] == [[[0.2, 0.5], [0.8, 0.5]]]
    again = stored(path)
    assert again.task.method == "strotss"
    assert np.array_equal(np.asarray(again.task.run(again.photo).picture), np.asarray(result.picture))
    paper = StrotssSettings.paper()
    assert (schedule(paper), paper.content_weight * 2**3) == ([(64, 250), (128, 250), (256, 250), (512, 250)], 16)
    for wrong, words in (({"strokes": folder / "waves.png"}, "for gatys"), ({"preset": "gatys-2016"}, "strotss-2019")):
        with pytest.raises(InputError, match=words):
            ss.transfer(folder / "stained_glass.png", folder / "waves.png", method="strotss", **{**settings, **wrong})
    with pytest.raises(InputError, match="Points guide strotss and deformable, not gatys"):
        ss.transfer(folder / "stained_glass.png", folder / "waves.png", points=points)
    with pytest.raises(InputError, match="numbers of steps"):
        ss.transfer(folder / "stained_glass.png", folder / "waves.png", method="strotss", steps_each=(3,), **settings)


@pytest.mark.parametrize("size", [(160, 112), (161, 131)])
def test_tiles_have_the_whole_pictures_losses_and_gradient(size: tuple[int, int], exact: Encoder) -> None:
    generator = torch.Generator().manual_seed(5)
    photo, picture, style = (torch.rand(1, 3, *s, generator=generator).double() for s in (size, size, (90, 120)))
    guide = torch.zeros(1, 1, *size).double()
    guide[..., :70, 20:90] = 1
    regions = [Region((Style(style),), guide), Region((Style(style.flip(3)),))]
    settings = StrotssSettings(samples=300, style_samples=300)

    def measured(core: int | None) -> tuple[dict[str, float], Tensor]:
        one = picture.clone().requires_grad_()
        objective = objective_at(
            photo, regions, settings, exact, 2.0, torch.Generator().manual_seed(1), [Pair((0.3, 0.4), (0.5, 0.6))], core=core
        )
        objective(one)  # places are drawn anew at each call
        terms = objective(one)
        torch.stack(list(terms.values())).sum().backward()
        assert one.grad is not None
        return {name: value.item() for name, value in terms.items()}, one.grad

    whole, expected = measured(None)
    tiled, found = measured(48)
    assert tiled == pytest.approx(whole, rel=1e-5)
    assert float((found - expected).norm() / expected.norm()) < 1e-4
