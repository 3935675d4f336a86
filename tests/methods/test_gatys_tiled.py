"""Tiles: the same sums, losses and gradient as the whole picture's, for every statistic and term; the solver; what they are cut into."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError
from stylespace.methods.gatys import gatys
from stylespace.methods.gatys_objective import framed, objective_at, tiled_at
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.objectives.style import STATISTICS
from stylespace.pictures.region import Region, Style
from stylespace.pictures.tiles import cut, free_memory, parsed_memory
from stylespace.solvers.tiled import Tiled, minimise

BASE = GatysSettings(shifted=False, margin=0)


def noise(*size: int, seed: int = 0) -> Tensor:
    small = torch.rand(1, 3, *(max(2, s // 6) for s in size), generator=torch.Generator().manual_seed(seed))
    fine = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(seed + 9))
    return torch.nn.functional.interpolate(small, size, mode="bicubic").clamp(0, 1) * 0.8 + 0.2 * fine


@pytest.fixture(scope="module")
def compact() -> Encoder:
    """In float64: few positions and many channels make Wasserstein distances sensitive to float32's rounding, tiled or not."""
    return encoders.load("compact", precision="fp32").double()


def doubled(regions: list[Region]) -> list[Region]:
    def style(s: Style) -> Style:
        return replace(s, picture=s.picture.double(), mask=None if s.mask is None else s.mask.double())

    return [Region(tuple(map(style, r.styles)), None if r.guide is None else r.guide.double()) for r in regions]


def compared(settings: GatysSettings, encoder: Encoder, size: tuple[int, int], regions: list[Region], core: int = 64) -> None:
    exact = next(encoder.parameters()).dtype == torch.float64
    content, picture = noise(*size, seed=1), noise(*size, seed=2)
    if exact:
        content, picture, regions = content.double(), picture.double(), doubled(regions)
    one = framed(picture, settings.margin).requires_grad_()
    terms = objective_at(content, regions, settings, encoder)(one)
    torch.stack(list(terms.values())).sum().backward()
    assert one.grad is not None
    tiled = tiled_at(content, regions, settings, encoder, core)
    assert len(tiled.tiles) > 1
    found = torch.empty_like(one.grad)
    told = tiled.gradient(one.detach(), found)
    assert told.keys() == terms.keys()
    for name, value in told.items():
        assert value == pytest.approx(terms[name].item(), rel=1e-4), name
    assert float((found - one.grad).norm() / one.grad.norm()) < (1e-6 if exact else 1e-4)
    assert tiled.terms(one.detach()) == pytest.approx(told)


@pytest.mark.parametrize("statistic", sorted(STATISTICS))
def test_gradient_is_the_whole_pictures_for_every_statistic(statistic: str, compact: Encoder) -> None:
    regions = [Region((Style(noise(90, 70, seed=3), 0.7), Style(noise(80, 120, seed=4), 0.3)))]
    compared(replace(BASE, statistic=statistic), compact, (200, 168), regions)


@pytest.mark.parametrize("statistic", sorted(STATISTICS))
def test_in_float32_as_well(statistic: str) -> None:
    encoder = encoders.load("compact", precision="fp32")
    regions = [Region((Style(noise(300, 260, seed=3)),))]
    compared(replace(BASE, statistic=statistic), encoder, (304, 400), regions, core=208)


@pytest.mark.parametrize("size", [(193, 171), (64, 400), (129, 130), (255, 97)])
@pytest.mark.parametrize("margin", [0, 8])
def test_odd_sizes_and_margins(size: tuple[int, int], margin: int, compact: Encoder) -> None:
    compared(replace(BASE, margin=margin), compact, size, [Region((Style(noise(100, 90, seed=3)),))])


@pytest.mark.parametrize(
    "changes",
    [
        {"smoothness": "absolute", "smoothness_weight": 1e-4},
        {"smoothness": "neural-style", "smoothness_weight": 1e-9},
        {"style_divisor": "mean", "content_divisor": "mean", "statistic": "gram", "gram_divisor": "all"},
        {
            "style_divisor": "gatys",
            "content_divisor": "half",
            "statistic": "gram",
            "gram_divisor": "none",
            "activation_shift": -1.0,
        },
        {"content_weight": 0.0},
        {"style_weight": 0.0},
        {"content_layers": "relu3_1=0.5,relu4_1", "style_layers": "relu2_2,relu3_4"},
        {"padding": "zero"},
    ],
    ids=str,
)
def test_every_term_and_divisor(changes: dict[str, object], compact: Encoder) -> None:
    regions = [Region((Style(noise(90, 70, seed=3)),))]
    encoder = encoders.load("compact", precision="fp32", padding="zero").double() if "padding" in changes else compact
    compared(replace(BASE, **changes), encoder, (160, 192), regions)  # type: ignore[arg-type]


def test_regions_masks_and_large_styles(compact: Encoder) -> None:
    guide = torch.zeros(1, 1, 60, 60)
    guide[..., 10:35, 5:40] = 1
    guide = torch.nn.functional.avg_pool2d(guide, 3, 1, 1)
    mask = torch.ones(1, 1, 300, 200)
    mask[..., :150, :] = 0.2
    regions = [Region((Style(noise(300, 200, seed=3), 1.0, mask),), guide), Region((Style(noise(70, 90, seed=4)),))]
    compared(BASE, compact, (192, 208), regions)
    compared(replace(BASE, margin=8), compact, (193, 181), regions)


def test_pairs_of_layers(compact: Encoder) -> None:
    settings = replace(BASE, statistic="gram", neighbours="instead", style_layers="relu1_1,relu2_1,relu3_1,relu4_1")
    compared(settings, compact, (192, 160), [Region((Style(noise(90, 70, seed=3)),))])


def test_vgg_as_well(encoder: Encoder) -> None:
    compared(
        replace(BASE, style_layers="relu1_1,relu3_1,relu5_1"),
        encoder,
        (320, 288),
        [Region((Style(noise(90, 70, seed=3)),))],
        core=128,
    )


@pytest.mark.parametrize("size", [(64, 64), (65, 200), (1, 9), (300, 17)])
def test_cores_cover_the_picture_once(size: tuple[int, int]) -> None:
    seen = torch.zeros(size)
    for tile in cut(size, 64, 32, 16):
        rows, columns = tile.inside(1, (tile.seen[1] - tile.seen[0], tile.seen[3] - tile.seen[2]))
        seen[tile.window][rows, columns] += 1
        assert tile.core[0] % 16 == tile.seen[0] % 16 == tile.core[2] % 16 == tile.seen[2] % 16 == 0
    assert bool((seen == 1).all())
    with pytest.raises(InputError, match="do not fit"):
        cut(size, 60, 32, 16)


def test_memory_is_read_from_text() -> None:
    assert parsed_memory("2GB") == parsed_memory("2 g") == 2 << 30
    assert parsed_memory("1.5GiB") == 3 << 29
    assert free_memory() > 1 << 20
    for wrong in ("", "much", "-1GB", "5", "nan"):
        with pytest.raises(InputError, match="no memory budget"):
            parsed_memory(wrong)


def quadratic(goal: Tensor, tiles: int) -> Tiled:
    return Tiled(
        cut(goal.shape[-2:], tiles, 0),
        lambda seen, tile: [(seen - goal[(..., *tile.window)]).square().sum()],
        lambda sums: {"far": sums[0]},
    )


def test_solver_reaches_the_goal_and_skips_what_is_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    goal = noise(40, 30) * 0.5 + 0.2
    made = minimise(quadratic(goal, 16), torch.full_like(goal, 0.5), steps=200, rate=0.02, final_rate=0.001)
    torch.testing.assert_close(made.picture, goal, atol=0.01, rtol=0)
    assert made.steps == 200
    objective = quadratic(goal, 16)
    calls = iter(range(1000))
    good = objective.part
    objective.part = lambda seen, tile: [good(seen, tile)[0] * (float("nan") if next(calls) in (7, 8) else 1.0)]
    cuts: list[bool] = []
    made = minimise(objective, torch.full_like(goal, 0.5), steps=20, rate=0.02, watch=lambda s: cuts.append(s.cut))
    assert sum(cuts) >= 1
    assert bool(torch.isfinite(made.picture).all())


def test_a_small_budget_gives_the_same_picture_as_a_large_one() -> None:
    compact = encoders.load("compact", precision="fp32")
    content, style = noise(288, 272, seed=1), noise(120, 100, seed=3)
    settings = replace(BASE, size=288, smallest=144, steps=6, keep="last")
    untiled = gatys(content, [Region((Style(style),))], settings, compact).picture
    tiled = gatys(content, [Region((Style(style),))], replace(settings, memory="500MB"), compact).picture
    assert float((untiled - tiled).abs().mean()) < 2e-3


def test_a_history_that_does_not_fit_is_refused() -> None:
    compact = encoders.load("compact", precision="fp32")
    settings = replace(BASE, solver="lbfgs", size=512, steps=2, memory="64MB")
    with pytest.raises(InputError, match="L-BFGS"):
        gatys(noise(64, 64), [Region((Style(noise(40, 40)),))], settings, compact)
