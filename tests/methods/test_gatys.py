"""Optimisation end to end with a narrow random encoder: starts, styles, regions, colours, sizes, and pictures that are hard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.gatys import gatys, mix_scales
from stylespace.methods.gatys_loss import losses_at
from stylespace.methods.gatys_settings import PRESETS, GatysSettings
from stylespace.pictures import colour
from stylespace.pictures.margin import OFFSETS, framed, unframed
from stylespace.pictures.resizing import resize
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Objective, Solution, Step
from stylespace.solvers.tiled import in_turn
from stylespace.styles.region import Region, Style

SMALL = {"sizes": (32,), "steps_each": (6,), "margin": 0, "shifted": False, "start": "content"}


def objective_at(*arguments: Any) -> Objective:
    """The loss of a whole picture."""
    return in_turn(losses_at(*arguments))


def settings(**changes: Any) -> GatysSettings:
    return GatysSettings(**SMALL | changes)


def whole(*styles: Tensor) -> list[Region]:
    return [Region(tuple(Style(style) for style in styles))]


def run(
    photo: Tensor, regions: Sequence[Region], chosen: GatysSettings, encoder: Encoder, **more: Any
) -> tuple[Solution, list[Step]]:
    steps: list[Step] = []

    def watch(step: Step) -> None:
        steps.append(replace(step, picture=step.picture.clone()))

    return gatys(photo, regions, chosen, encoder, Run(watch=watch, **more)), steps


def sound(picture: Tensor, size: tuple[int, int]) -> bool:
    return (
        picture.shape == (1, 3, *size)
        and bool(torch.isfinite(picture).all())
        and 0 <= float(picture.min()) <= float(picture.max()) <= 1
    )


# Losses and sizes


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("start", ["content", "noise"])
def test_loss_falls(encoder: Encoder, photo: Tensor, red: Tensor, solver: str, start: str) -> None:
    chosen = settings(
        sizes=(64,),
        steps_each=(40,) if solver == "adam" else (15,),
        solver=solver,
        start=start,
        smoothness_weight=1.0,
        rate=0.005,
    )
    solution, steps = run(photo, whole(red), chosen, encoder)
    assert sound(solution.picture, (48, 64))
    assert not any(step.cut for step in steps)
    left = objective_at(photo, whole(red), chosen, encoder)
    final = sum(term.item() for term in left(solution.picture).values())
    assert steps[0].total == pytest.approx(sum(term.item() for term in left(steps[0].picture).values()), rel=1e-4)
    assert final < 0.9 * steps[0].total
    assert final <= min(step.total for step in steps) * 1.0001  # the best seen is kept


def test_coarse_to_fine(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    chosen = GatysSettings(size=64, smallest=16, factor=2.0, steps=30, fall=1.0)
    solution, steps = run(photo, whole(red), chosen, encoder)
    assert sound(solution.picture, (48, 64))
    sizes = [step.size for step in steps]
    assert sorted(set(sizes)) == [16, 32, 64]
    assert sizes == sorted(sizes)
    shapes = {step.size: tuple(step.picture.shape[2:]) for step in steps}
    assert shapes == {16: (12, 16), 32: (24, 32), 64: (48, 64)}
    assert [step.index for step in steps if step.size == 32] == list(range(1, sizes.count(32) + 1))


def test_each_size_starts_where_the_last_ended(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    chosen = settings(sizes=(32, 64), steps_each=(8, 1), keep="last", margin=5)
    first = gatys(photo, whole(red), replace(chosen, sizes=(32,), steps_each=(8,)), encoder).picture
    _, steps = run(photo, whole(red), chosen, encoder)
    assert torch.equal(steps[-1].picture, resize(first, (48, 64)))


def test_moments_are_carried(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    chosen = settings(sizes=(32, 64), steps_each=(8, 4))
    carried, afresh = (gatys(photo, whole(red), replace(chosen, carry_moments=c), encoder).picture for c in (True, False))
    assert not torch.allclose(carried, afresh, atol=1e-3)


def test_best_within_the_last_size(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    """Losses of sizes do not compare: a smaller one at a smaller size is no result."""
    chosen = settings(sizes=(64, 32), steps_each=(10, 1))
    solution, _ = run(photo, whole(red), chosen, encoder)
    assert solution.picture.shape[2:] == (24, 32)


@pytest.mark.parametrize("keep", ["best", "last"])
def test_one_step(encoder: Encoder, photo: Tensor, red: Tensor, keep: str) -> None:
    solution, steps = run(photo, whole(red), settings(steps_each=(1,), keep=keep), encoder)
    assert len(steps) == 1
    assert sound(solution.picture, (24, 32))
    assert torch.equal(solution.picture, steps[0].picture) == (keep != "last")  # here the start is the better one


@pytest.mark.parametrize("size", [(5, 5), (1, 9), (30, 20)])
@pytest.mark.parametrize("margin", [0, 1, 4])
def test_frames(size: tuple[int, int], margin: int) -> None:
    picture = torch.rand(1, 3, *size)
    margin = min(margin, min(size) - 1)
    frame = framed(picture, margin)
    assert frame.shape == (1, 3, size[0] + 2 * margin, size[1] + 2 * margin)
    assert torch.equal(unframed(frame, margin), picture)
    if margin:
        assert torch.equal(frame[..., margin - 1, margin], picture[..., 1, 0])  # reflected
        assert torch.equal(frame[..., 0, -1], picture[..., margin, -1 - margin])


@pytest.mark.parametrize("margin", [3, 100])
def test_a_margin_is_not_seen(encoder: Encoder, photo: Tensor, red: Tensor, margin: int) -> None:
    chosen = settings(sizes=(16, 32), steps_each=(2, 20), margin=margin, keep="last")
    solution, steps = run(photo, whole(red), chosen, encoder)
    assert sound(solution.picture, (24, 32))
    assert [(step.size, tuple(step.picture.shape[2:])) for step in steps] == [(16, (12, 16))] * 2 + [(32, (24, 32))] * 20
    assert torch.equal(steps[0].picture, resize(photo, (12, 16)))
    without = gatys(photo, whole(red), replace(chosen, margin=0), encoder).picture
    assert not torch.allclose(solution.picture, without, atol=0.01)


def test_objectives_of_a_framed_picture(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    """The same as of a photo that was framed before."""
    guide = torch.rand(1, 1, 48, 64)
    ours = objective_at(photo, [Region((Style(red),), guide)], settings(margin=4, shifted=False, style_scale=1.0), encoder)
    before = objective_at(framed(photo, 4), [Region((Style(red),), framed(guide, 4))], settings(style_scale=64 / 72), encoder)
    picture = torch.rand(1, 3, 56, 72)
    for name, term in ours(picture).items():
        assert before(picture)[name].item() == pytest.approx(term.item(), rel=1e-4, abs=1e-7)


def test_offsets_take_turns_for_adam_only(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    def totals(**changes: Any) -> list[float]:
        objective = objective_at(photo, whole(red), settings(margin=8, **changes), encoder)
        picture = framed(photo.roll(3, 2), 8)
        return [float(sum(objective(picture).values())) for _ in range(5)]

    turning = totals(shifted=True)
    assert turning[0] == turning[4]
    assert len(set(turning[:4])) == 4
    assert len(set(totals(shifted=True, solver="lbfgs"))) == 1
    assert len(set(totals(shifted=False))) == 1


def total(terms: dict[str, Tensor]) -> float:
    return sum(term.item() for term in terms.values())


def test_shifted_looks_take_turns(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    """Each look is that of the part of photo and picture at its offset; the fifth is the first again."""
    chosen = settings(margin=5, shifted=True, style_scale=1.0, smoothness_weight=0.0)
    objective = objective_at(photo, whole(red), chosen, encoder)
    picture = torch.rand(1, 3, 58, 74)
    found = [objective(picture) for _ in range(8)]
    for (y, x), terms in zip(OFFSETS, found, strict=False):
        part = (..., slice(y, 55 + y), slice(x, 71 + x))
        alone = settings(style_scale=64 / 71, smoothness_weight=0.0)
        expected = objective_at(framed(photo, 5)[part], whole(red), alone, encoder)(picture[part])
        assert terms == {name: pytest.approx(term.item(), rel=1e-3, abs=1e-6) for name, term in expected.items()}
    assert [total(terms) for terms in found[:4]] == [total(terms) for terms in found[4:]]
    assert len({total(terms) for terms in found}) == 4


@pytest.mark.parametrize("changes", [{"solver": "lbfgs"}, {"margin": 3}, {"shifted": False}])
def test_looks_that_are_not_shifted(encoder: Encoder, photo: Tensor, red: Tensor, changes: dict[str, Any]) -> None:
    """L-BFGS wants one function; a margin must hold the offsets."""
    chosen = settings(**{"margin": 5, "shifted": True} | changes)
    objective = objective_at(photo, whole(red), chosen, encoder)
    picture = framed(photo.flip(3), chosen.margin)
    assert total(objective(picture)) == total(objective(picture))


def test_shifted_runs(encoder: Encoder, photo: Tensor, red: Tensor, left: Tensor) -> None:
    chosen = settings(sizes=(16, 64), steps_each=(3, 6), margin=8, shifted=True, start="noise")
    regions = [Region((), left), Region((Style(red),))]
    solution, steps = run(photo, regions, chosen, encoder)
    assert sound(solution.picture, (48, 64))
    assert [step.size for step in steps] == [16] * 3 + [64] * 6
    assert torch.equal(solution.picture[..., :32], photo[..., :32])
    assert torch.equal(solution.picture, gatys(photo, regions, chosen, encoder).picture)


@pytest.mark.parametrize("size", [(2, 2), (2, 80), (9, 5)])
def test_shifted_looks_at_small_photos(encoder: Encoder, red: Tensor, size: tuple[int, int]) -> None:
    picture = gatys(torch.rand(1, 3, *size), whole(red), settings(margin=8, shifted=True), encoder).picture
    assert torch.isfinite(picture).all()


# Starts and seeds


def test_starts(encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor) -> None:
    def first(start: str, **more: Any) -> Tensor:
        given = {"start": more.pop("start_picture")} if "start_picture" in more else {}
        return run(photo, whole(red), settings(steps_each=(1,), start=start, **more), encoder, **given)[1][0].picture

    small, noise = resize(photo, (24, 32)), first("noise")
    assert torch.equal(first("content"), small)
    assert torch.equal(first("style"), resize(red, (24, 32)))
    assert torch.equal(first("picture", start_picture=blue), resize(blue, (24, 32)))
    assert noise.mean().item() == pytest.approx(0.5, abs=0.03)
    assert noise.var().item() == pytest.approx(1 / 12, abs=0.01)  # uniform in [0, 1]
    for share in (0.0, 0.3, 1.0):
        assert torch.allclose(first("mix", noise_share=share), (1 - share) * small + share * noise, atol=1e-6)
    with pytest.raises(InputError, match="--start-picture"):
        first("picture")


def test_seeds(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    def made(seed: int, start: str) -> Tensor:
        torch.rand(seed + 1)  # what others draw in between does not matter
        return gatys(photo, whole(red), settings(seed=seed, start=start), encoder).picture

    assert torch.equal(made(3, "noise"), made(3, "noise"))
    assert torch.equal(made(3, "mix"), made(3, "mix"))
    assert not torch.allclose(made(3, "noise"), made(4, "noise"), atol=0.1)
    assert torch.equal(made(3, "content"), made(4, "content"))


# Several styles


@pytest.mark.parametrize("statistic", ["gram", "moments", "wasserstein"])
def test_a_style_without_weight_is_not_there(encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor, statistic: str) -> None:
    chosen = settings(statistic=statistic)
    alone = gatys(photo, whole(red), chosen, encoder).picture
    with_none = gatys(photo, [Region((Style(red, 1.0), Style(blue, 0.0)))], chosen, encoder).picture
    assert torch.equal(alone, with_none)
    assert torch.equal(alone, gatys(photo, [Region((Style(red, 0.2),))], chosen, encoder).picture)


def test_order_of_styles_does_not_matter(encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor) -> None:
    styles = (Style(red, 0.7), Style(blue, 0.3))
    one, other = (objective_at(photo, [Region(order)], settings(), encoder)(photo) for order in (styles, styles[::-1]))
    assert one.keys() == other.keys()
    for name, term in one.items():
        assert term.item() == pytest.approx(other[name].item(), rel=1e-4, abs=1e-7)
    first, second = (gatys(photo, [Region(order)], settings(), encoder).picture for order in (styles, styles[::-1]))
    assert (first - second).abs().mean() < 1e-3


def test_weights_lean_towards_a_style(encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor) -> None:
    def redness(weight: float) -> float:
        regions = [Region((Style(red, weight), Style(blue, 1 - weight)))]
        picture = gatys(photo, regions, settings(steps_each=(40,), content_weight=0.0), encoder).picture
        return float((picture[:, 0] - picture[:, 2]).mean())

    found = [redness(weight) for weight in (0.1, 0.5, 0.9)]
    assert found[0] < found[1] < found[2]


# Regions


@pytest.fixture
def left() -> Tensor:
    """The left half of the photo."""
    return (torch.arange(64) < 32).float().expand(1, 1, 48, 64)


# Layers that look no farther than ten pixels, one size, so that halves cannot see each other.
NEAR = {"sizes": (64,), "steps_each": (12,), "style_layers": "relu1_1,relu2_1", "content_layers": "relu2_1", "keep": "last"}


def test_regions_have_their_own_styles(encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor, left: Tensor) -> None:
    chosen = settings(**NEAR)
    made = {
        name: gatys(photo, [Region((Style(red),), left), Region((Style(style),), 1 - left)], chosen, encoder).picture
        for name, style in (("red", red), ("blue", blue))
    }
    difference = (made["red"] - made["blue"]).abs().mean((0, 1, 2))
    assert difference[44:].mean() > 10 * difference[:20].mean()

    def warmth(picture: Tensor) -> float:
        return float((picture[:, 0] - picture[:, 2]).mean())

    assert warmth(made["red"][..., 40:]) > warmth(made["blue"][..., 40:]) + 0.02
    assert warmth(made["blue"][..., :24]) > warmth(made["blue"][..., 40:]) + 0.02


def test_a_region_pulls_only_where_it_is(encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor, left: Tensor) -> None:
    """Pixels beyond its layers' sight do not feel another region's style at all."""
    pulls = []
    for style in (red, blue):
        picture = photo.clone().requires_grad_()
        objective = objective_at(
            photo, [Region((Style(red),), left), Region((Style(style),), 1 - left)], settings(**NEAR), encoder
        )
        torch.stack(list(objective(picture).values())).sum().backward()
        pulls.append(picture.grad)
    scale = pulls[0].abs().max()
    assert (pulls[0] - pulls[1])[..., :24].abs().max() < 1e-5 * scale
    assert (pulls[0] - pulls[1])[..., 40:].abs().max() > 0.1 * scale


def test_a_region_without_a_guide_is_the_rest(encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor, left: Tensor) -> None:
    named = [Region((Style(red),), left), Region((Style(blue),), 1 - left)]
    rest = [Region((Style(red),), left), Region((Style(blue),))]
    one, other = (gatys(photo, regions, settings(**NEAR), encoder).picture for regions in (named, rest))
    assert torch.equal(one, other)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_region_of_everything_is_no_region(encoder: Encoder, photo: Tensor, red: Tensor, preset: str) -> None:
    chosen = replace(PRESETS[preset](), margin=0)
    plain, guided = (
        objective_at(photo, [Region((Style(red),), guide)], chosen, encoder) for guide in (None, torch.ones(1, 1, 48, 64))
    )
    pulls = []
    for objective in (plain, guided):
        picture = photo.flip(3).requires_grad_()
        torch.stack(list(objective(picture).values())).sum().backward()
        pulls.append(picture.grad)
    for name, term in plain(photo.flip(3)).items():
        assert guided(photo.flip(3))[name].item() == pytest.approx(term.item(), rel=1e-3)
    assert (pulls[0] - pulls[1]).norm() < 1e-2 * pulls[0].norm()


@pytest.mark.parametrize("preset", ["default", "gatys-2016", "style-transfer-pytorch"])
def test_regions_count_by_their_area(encoder: Encoder, photo: Tensor, red: Tensor, preset: str) -> None:
    """One style in two regions that share every pixel as 3 to 7 is that style everywhere."""
    chosen = replace(PRESETS[preset](), margin=0)
    shared = [Region((Style(red),), torch.full((1, 1, 48, 64), part)) for part in (0.3, 0.7)]
    expected, found = (objective_at(photo, regions, chosen, encoder)(photo.flip(3)) for regions in (whole(red), shared))
    for name, term in expected.items():
        assert found[name].item() == pytest.approx(term.item(), rel=1e-3), name
    first = objective_at(photo, shared[:1], chosen, encoder)(photo.flip(3))
    for name, term in expected.items():
        if name.startswith("style"):
            assert first[name].item() == pytest.approx(0.3 * term.item(), rel=1e-3), name


@pytest.mark.parametrize("preset", list(PRESETS))
def test_regions_that_leave_no_rest(
    encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor, left: Tensor, preset: str
) -> None:
    """The style of the rest has nowhere to go and adds nothing."""
    chosen = replace(PRESETS[preset](), margin=0)
    covered = [Region((Style(red),), left), Region((Style(blue),), 1 - left)]
    expected = objective_at(photo, covered, chosen, encoder)(photo)
    found = objective_at(photo, [*covered, Region((Style(red),))], chosen, encoder)(photo)
    assert found.keys() == expected.keys()
    for name, term in expected.items():
        assert found[name].item() == pytest.approx(term.item(), rel=1e-4, abs=1e-9)


def test_kept_regions_are_the_photo(encoder: Encoder, photo: Tensor, red: Tensor, left: Tensor) -> None:
    soft = left.clone()
    soft[..., 28:36] = 0.5
    for start in ("content", "noise"):
        chosen = settings(sizes=(32, 64), steps_each=(6, 6), start=start, keep="last")
        picture = gatys(photo, [Region((), soft), Region((Style(red),))], chosen, encoder).picture
        assert torch.equal(picture[..., :28], photo[..., :28])
        assert (picture - photo)[..., 36:].abs().mean() > 0.01


@pytest.mark.parametrize("preset", ["default", "gatys-2016"])
def test_a_photo_that_is_kept_whole(encoder: Encoder, photo: Tensor, red: Tensor, preset: str) -> None:
    chosen = replace(PRESETS[preset](), sizes=(64,), steps_each=(2,))
    picture = gatys(photo, [Region((), torch.ones(1, 1, 48, 64)), Region((Style(red),))], chosen, encoder).picture
    assert torch.equal(picture, photo)


def test_the_rest_can_be_kept(encoder: Encoder, photo: Tensor, red: Tensor, left: Tensor) -> None:
    """A region without a guide is the rest; without styles it stays as it is."""
    picture = gatys(photo, [Region((Style(red),), left), Region(())], settings(**NEAR), encoder).picture
    assert torch.equal(picture[..., 32:], photo[..., 32:])
    assert not torch.allclose(picture[..., :32], photo[..., :32], atol=0.02)


def test_a_masked_style_is_the_part_cut_out(encoder: Encoder, photo: Tensor, red: Tensor, blue: Tensor) -> None:
    """With a layer that sees single pixels' neighbours, the masked half has the statistics of that half."""
    both = torch.cat([red, blue[..., :56, :].repeat(1, 1, 1, 2)[..., :72]], 3)  # 56 x 144
    mask = (torch.arange(144) < 72).float().expand(1, 1, 56, 144)
    chosen = settings(style_layers="relu1_1", sizes=(64,), style_scale=10.0, content_weight=0.0, smoothness_weight=0.0)
    masked, cut, other = (
        objective_at(photo, [Region((style,))], chosen, encoder)(photo)["style relu1_1"].item()
        for style in (Style(both, mask=mask), Style(red), Style(both, mask=1 - mask))
    )
    assert masked == pytest.approx(cut, rel=0.03)
    assert abs(other - cut) > 0.2 * cut


# Style scale and mixing scales


def test_style_scale(encoder: Encoder, photo: Tensor) -> None:
    painting = torch.rand(1, 3, 96, 128)

    def style_term(scale: float, style: Tensor = painting) -> float:
        chosen = settings(style_scale=scale, style_layers="relu2_1")
        return objective_at(photo, whole(style), chosen, encoder)(photo)["style relu2_1"].item()

    assert style_term(1.0) == pytest.approx(style_term(2.0, resize(painting, (48, 64))), rel=1e-5)  # fits the photo's 64 px
    assert style_term(0.5) == pytest.approx(style_term(1.0, resize(painting, (24, 32))), rel=1e-5)
    assert abs(style_term(2.0) - style_term(1.0)) > 0.05 * style_term(1.0)
    assert style_term(9.0) == style_term(2.0)  # never enlarged


def test_mixing_scales(encoder: Encoder, red: Tensor, blue: Tensor) -> None:
    coarse, fine = Style(blue, 0.4), Style(red)
    chosen = GatysSettings(size=64, smallest=64, steps=100, margin=0)
    steps: list[Step] = []
    mixed = mix_scales(coarse, fine, chosen, encoder, Run(watch=steps.append))
    assert mixed.weight == 0.4
    assert sound(mixed.picture, (64, 48))
    assert {step.size for step in steps} == {64}
    fine_terms = objective_at(resize(blue, (64, 48)), whole(red), settings(style_layers="relu1_1,relu2_1"), encoder)
    before, after = (fine_terms(picture) for picture in (resize(blue, (64, 48)), mixed.picture))
    strokes = ("style relu1_1", "style relu2_1")
    assert sum(after[name] for name in strokes) < 0.8 * sum(before[name] for name in strokes)
    assert mix_scales(coarse, fine, replace(chosen, size=500, steps=2), encoder).picture.shape == (
        1,
        3,
        80,
        60,
    )  # its own size at most


@pytest.mark.parametrize("preset", list(PRESETS))
def test_mixing_scales_with_presets(encoder: Encoder, red: Tensor, blue: Tensor, preset: str) -> None:
    mixed = mix_scales(Style(blue), Style(red), replace(PRESETS[preset](), size=32, steps=3), encoder)
    assert sound(mixed.picture, (32, 24))


# Colour


def test_luminance_keeps_the_photos_chroma(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    calm = 0.35 + 0.3 * photo
    chosen = settings(sizes=(64,), colour="luminance", keep="last")
    solution, steps = run(calm, whole(red), chosen, encoder)
    assert torch.allclose(steps[0].picture, colour.grey(calm), atol=1e-6)
    found, wanted = colour.to_yiq(solution.picture), colour.to_yiq(calm)
    inside = ((solution.picture > 0.001) & (solution.picture < 0.999)).all(1)  # clamped pixels cannot keep it
    assert inside.float().mean() > 0.9
    assert (found - wanted)[:, 1:].abs().amax(1)[inside].max() < 1e-5
    assert (found - wanted)[:, :1].abs().mean() > 0.01


def test_colour_strength(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    for mode in ("luminance", "cholesky", "root", "transport"):
        none = gatys(photo, whole(red), settings(colour=mode, colour_strength=0.0), encoder).picture
        assert torch.equal(none, gatys(photo, whole(red), settings(), encoder).picture)


@pytest.mark.parametrize("mode", colour.MATCHES)
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_affine_matches_recolour_the_style(encoder: Encoder, photo: Tensor, red: Tensor, mode: str, strength: float) -> None:
    matched = (1 - strength) * red + strength * colour.match_colours(red, photo, mode)
    expected = objective_at(photo, whole(matched), settings(), encoder)(photo)
    _, steps = run(photo, whole(red), settings(sizes=(64,), steps_each=(1,), colour=mode, colour_strength=strength), encoder)
    assert steps[0].terms == {name: pytest.approx(term.item(), rel=1e-3, abs=1e-6) for name, term in expected.items()}


def test_luminance_redraws_in_grey(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    style, content = colour.match_luminance(red, photo), colour.grey(photo)
    expected = objective_at(content, whole(style), settings(), encoder)(content)
    _, steps = run(photo, whole(red), settings(sizes=(64,), steps_each=(1,), colour="luminance"), encoder)
    assert steps[0].terms == {name: pytest.approx(term.item(), rel=1e-3, abs=1e-6) for name, term in expected.items()}


# Pictures that are hard


@pytest.mark.parametrize(
    ("content", "style"),
    [("grey", "noisy"), ("noisy", "grey"), ("black", "white"), ("white", "black"), ("black", "black"), ("grey", "grey")],
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_flat_pictures(encoder: Encoder, content: str, style: str, solver: str) -> None:
    made = {name: torch.full((1, 3, 24, 32), value) for name, value in (("grey", 0.5), ("black", 0.0), ("white", 1.0))}
    made["noisy"] = torch.rand(1, 3, 24, 32)
    solution, steps = run(made[content], whole(made[style]), settings(solver=solver), encoder)
    assert sound(solution.picture, (24, 32))
    assert all(torch.isfinite(torch.tensor(step.total)) for step in steps)


@pytest.mark.parametrize(
    "changes", [{}, {"smoothness_weight": 0.0}, {"statistic": "gram"}, {"smoothness_weight": 0.0, "solver": "lbfgs"}]
)
def test_a_photo_in_its_own_style(encoder: Encoder, photo: Tensor, changes: dict[str, Any]) -> None:
    """The start is the minimum, or nearly; rounding must not count as failure."""
    solution, _ = run(photo, whole(photo), settings(**{"sizes": (64,), "steps_each": (30,)} | changes), encoder)
    assert sound(solution.picture, (48, 64))
    assert (solution.picture - photo).abs().mean() < 0.05


def test_a_long_run_towards_a_style_alone(encoder: Encoder, photo: Tensor) -> None:
    """Losses close to zero go up and down by more than their size; the run must not end with an error for it."""
    chosen = settings(steps_each=(40,), start="style", content_weight=0.0, smoothness_weight=0.0, final_rate=None)
    solution, _ = run(photo, whole(photo.flip(3)), chosen, encoder)
    assert sound(solution.picture, (24, 32))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((2, 2), (32, 32)), ((3, 2), (32, 21)), ((40, 160), (8, 32)), ((4, 160), (1, 32)), ((160, 4), (32, 1)), ((2, 40), (2, 32))],
)
@pytest.mark.parametrize("changes", [{}, {"solver": "lbfgs"}, {"colour": "luminance"}, {"colour": "transport"}])
def test_small_and_narrow_photos(
    encoder: Encoder, red: Tensor, size: tuple[int, int], expected: tuple[int, int], changes: dict[str, Any]
) -> None:
    solution, _ = run(torch.rand(1, 3, *size), whole(red), settings(**{"steps_each": (2,)} | changes), encoder)
    assert sound(solution.picture, expected)


@pytest.mark.parametrize("size", [(2, 2), (2, 80), (9, 5), (300, 200)])
@pytest.mark.parametrize("statistic", ["gram", "moments", "wasserstein"])
def test_small_and_large_styles(encoder: Encoder, photo: Tensor, size: tuple[int, int], statistic: str) -> None:
    solution, _ = run(photo, whole(torch.rand(1, 3, *size)), settings(statistic=statistic), encoder)
    assert sound(solution.picture, (24, 32))


class Faulty(Encoder):
    """Features are not finite at some calls."""

    def __init__(self, encoder: Encoder, calls: set[int]) -> None:
        torch.nn.Module.__init__(self)
        self.name, self.trunk, self.calls, self.count = encoder.name, encoder.trunk, calls, 0

    def forward(self, picture: Tensor, layers: Any) -> dict[str, Tensor]:
        found = super().forward(picture, layers)
        if picture.requires_grad:
            self.count += 1
            if self.count in self.calls:
                return {name: features * torch.nan for name, features in found.items()}
        return found


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("statistic", ["gram", "moments", "wasserstein"])
def test_features_that_are_not_finite(encoder: Encoder, photo: Tensor, red: Tensor, solver: str, statistic: str) -> None:
    faulty = Faulty(encoder, {9, 14})
    solution, steps = run(photo, whole(red), settings(steps_each=(20,), solver=solver, statistic=statistic, rate=0.005), faulty)
    assert sound(solution.picture, (24, 32))
    assert solution.picture.mean() > 0.1
    usual = [step for step in steps if not step.cut]
    assert usual[-1].total < usual[0].total
    assert faulty.count > 14


# Presets


@pytest.mark.parametrize("preset", list(PRESETS))
def test_presets_run(encoder_with: Callable[..., Encoder], photo: Tensor, red: Tensor, preset: str) -> None:
    """At first Adam may climb: with few random channels the default does for thirty steps."""
    chosen = replace(
        PRESETS[preset](), margin=0, shifted=False, sizes=(64,), steps_each=(80 if PRESETS[preset]().solver == "adam" else 8,)
    )
    encoder = encoder_with(pooling=chosen.pooling, padding=chosen.padding)
    solution, steps = run(photo, whole(red), chosen, encoder)
    assert sound(solution.picture, (48, 64))
    objective = objective_at(photo, whole(red), chosen, encoder)
    start, end = (sum(term.item() for term in objective(at).values()) for at in (steps[0].picture, solution.picture))
    assert end < 0.95 * start
    assert not any(step.cut for step in steps)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_presets_with_the_compact_encoders_layers(
    encoder_with: Callable[..., Encoder], photo: Tensor, red: Tensor, preset: str
) -> None:
    compact = encoder_with(layers=11, name="compact")
    chosen = replace(PRESETS[preset](), sizes=(32,), steps_each=(2,))
    if preset == "course-project":
        with pytest.raises(InputError, match=r"'relu5_2'.*use relu5_1 instead, .*or --encoder vgg19"):
            gatys(photo, whole(red), chosen, compact)
    else:
        assert sound(gatys(photo, whole(red), chosen, compact).picture, (24, 32))


def test_sources_are_named() -> None:
    """Every option says where its default comes from, and choices hold the default."""
    for name, field in GatysSettings.__dataclass_fields__.items():
        assert field.metadata["help"], name
        assert field.metadata["source"], name
        if field.metadata["choices"]:
            assert all(getattr(make(), name) in field.metadata["choices"] for make in PRESETS.values()), name


# What cannot be used


CHOICES = [name for name, field in GatysSettings.__dataclass_fields__.items() if field.metadata["choices"]]


@pytest.mark.parametrize("name", CHOICES)
def test_choices_are_checked(encoder: Encoder, photo: Tensor, red: Tensor, name: str) -> None:
    with pytest.raises(InputError, match=rf"{name} cannot be 'other': choose among"):
        gatys(photo, whole(red), settings(**{name: "other"}), encoder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": (32, 64)}, "1 numbers of steps were given for 2 sizes"),
        ({"neighbours": "also"}, "--statistic gram"),
        ({"colour_strength": 1.5}, "from 0 to 1"),
        ({"colour_strength": -0.1}, "from 0 to 1"),
        ({"style_layers": "relu9_1"}, "no layer 'relu9_1'"),
        ({"content_layers": "relu9_1"}, "no layer 'relu9_1'"),
        ({"content_layers": ""}, "No layers were given"),
        ({"sizes": (), "steps_each": (), "size": 0}, "size"),
        ({"sizes": (0,)}, "0"),
        ({"style_layers": "relu1_1=0"}, None),
        ({"content_weight": 0.0, "style_weight": 0.0, "smoothness_weight": 0.0}, None),
        ({"keep": "average", "average_decay": 1.0}, None),
        ({"margin": -1}, None),
    ],
)
def test_settings_that_cannot_be_used(
    encoder: Encoder, photo: Tensor, red: Tensor, changes: dict[str, Any], message: str | None
) -> None:
    with pytest.raises(InputError, match=message):
        gatys(photo, whole(red), settings(**changes), encoder)


@pytest.mark.parametrize("regions", [[], [Region(())], [Region((), torch.ones(1, 1, 4, 4))]])
def test_no_style(encoder: Encoder, photo: Tensor, regions: list[Region]) -> None:
    with pytest.raises(InputError, match="No style was given"):
        gatys(photo, regions, settings(), encoder)


@pytest.mark.parametrize("weight", ["content_weight", "style_weight", "smoothness_weight"])
@pytest.mark.parametrize("preset", ["default", "gatys-2016", "novak-nikulin"])
def test_terms_can_be_left_out(encoder: Encoder, photo: Tensor, red: Tensor, weight: str, preset: str) -> None:
    chosen = replace(PRESETS[preset](), sizes=(32,), steps_each=(2,), start="noise", **{weight: 0.0})
    solution, steps = run(photo, whole(red), chosen, encoder)
    assert sound(solution.picture, (24, 32))
    assert not any(name.startswith(weight.split("_")[0]) for name in steps[0].terms)


# Interruption


def test_interrupted(encoder: Encoder, photo: Tensor, red: Tensor) -> None:
    seen: list[Step] = []

    def watch(step: Step) -> None:
        seen.append(replace(step, picture=step.picture.clone()))
        if step.size == 64 and step.index == 4:
            raise KeyboardInterrupt

    chosen = settings(sizes=(32, 64, 96), steps_each=(5, 9, 5))
    solution = gatys(photo, whole(red), chosen, encoder, Run(watch=watch))
    assert solution.interrupted
    assert (seen[-1].size, seen[-1].index) == (64, 4)
    best = min((step for step in seen if step.size == 64), key=lambda step: step.total)
    assert torch.equal(solution.picture, best.picture)


def test_interrupted_pictures_are_finished(encoder: Encoder, photo: Tensor, red: Tensor, left: Tensor) -> None:
    """Kept regions and the photo's colours hold for an interrupted picture too."""

    def watch(step: Step) -> None:
        raise KeyboardInterrupt

    chosen = settings(sizes=(64,), start="noise")
    solution = gatys(photo, [Region((), left), Region((Style(red),))], chosen, encoder, Run(watch=watch))
    assert solution.interrupted
    assert torch.equal(solution.picture[..., :32], photo[..., :32])


def test_inputs_are_left_alone(encoder: Encoder, photo: Tensor, red: Tensor, left: Tensor) -> None:
    copies = photo.clone(), red.clone(), left.clone()
    gatys(photo, [Region((), left), Region((Style(red),))], settings(colour="transport"), encoder)
    assert all(torch.equal(a, b) for a, b in zip(copies, (photo, red, left), strict=True))
