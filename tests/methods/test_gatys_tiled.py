"""Tiles: the same sums, losses and gradient as the whole picture's, for every statistic and term; the solver; what they are cut into."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError, StylespaceError
from stylespace.methods.gatys import Gatys, gatys
from stylespace.methods.gatys_loss import losses_at
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.objectives.style import STATISTICS
from stylespace.pictures.margin import framed
from stylespace.pictures.tiles import cut, free_memory, parsed_memory
from stylespace.solvers import adam, tiled
from stylespace.solvers.coarse_to_fine import Scale
from stylespace.solvers.keeping import Keeper
from stylespace.solvers.run import Run
from stylespace.solvers.solution import Solution
from stylespace.solvers.tiled import Place, Tiled, in_turn, minimise
from stylespace.storage.journal import Journal
from stylespace.styles.region import Region, Style

BASE = GatysSettings(shifted=False, margin=0)


def noise(*size: int, seed: int = 0) -> Tensor:
    small = torch.rand(1, 3, *(max(2, s // 6) for s in size), generator=torch.Generator().manual_seed(seed))
    fine = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(seed + 9))
    return torch.nn.functional.interpolate(small, size, mode="bicubic").clamp(0, 1) * 0.8 + 0.2 * fine


def doubled(regions: list[Region]) -> list[Region]:
    def style(s: Style) -> Style:
        return replace(s, picture=s.picture.double(), mask=None if s.mask is None else s.mask.double())

    return [Region(tuple(map(style, r.styles)), None if r.guide is None else r.guide.double()) for r in regions]


def compared(settings: GatysSettings, encoder: Encoder, size: tuple[int, int], regions: list[Region], core: int = 64) -> None:
    wide = next(encoder.parameters()).dtype == torch.float64
    content, picture = noise(*size, seed=1), noise(*size, seed=2)
    if wide:
        content, picture, regions = content.double(), picture.double(), doubled(regions)
    objective, turns = (
        in_turn(losses_at(content, regions, settings, encoder)),
        losses_at(content, regions, settings, encoder, core),
    )
    assert len(turns) == (4 if settings.shifted else 1)
    for each in turns:
        one = framed(picture, settings.margin).requires_grad_()
        terms = objective(one)
        torch.stack(list(terms.values())).sum().backward()
        assert one.grad is not None
        assert len(each.tiles) > 1
        found = torch.empty_like(one.grad)
        told = each.gradient(one.detach(), found)
        assert told.keys() == terms.keys()
        for name, value in told.items():
            assert value == pytest.approx(terms[name].item(), rel=1e-4), name
        assert float((found - one.grad).norm() / one.grad.norm()) < (1e-6 if wide else 1e-4)
        if each is turns[0]:
            assert each.terms(one.detach()) == pytest.approx(told)


@pytest.mark.parametrize("statistic", sorted(STATISTICS))
def test_gradient_is_the_whole_pictures_for_every_statistic(statistic: str, exact: Encoder) -> None:
    regions = [Region((Style(noise(90, 70, seed=3), 0.7), Style(noise(80, 120, seed=4), 0.3)))]
    compared(replace(BASE, statistic=statistic), exact, (200, 168), regions)


def test_the_shipped_encoder() -> None:
    """In float64: few positions and many channels make Wasserstein distances sensitive to float32's rounding, tiled or not."""
    compact = encoders.load("compact", precision="fp32").double()
    compared(BASE, compact, (104, 120), [Region((Style(noise(60, 70, seed=3), 0.7), Style(noise(80, 50, seed=4), 0.3)))])


@pytest.mark.parametrize(
    "statistic", [s if s in ("gram", "wasserstein") else pytest.param(s, marks=pytest.mark.slow) for s in sorted(STATISTICS)]
)
def test_in_float32_as_well(statistic: str) -> None:
    encoder = encoders.load("compact", precision="fp32")
    # Fewer positions than channels make the Wasserstein distance sensitive to rounding.
    size, core = ((304, 400), 208) if statistic == "wasserstein" else ((176, 240), 128)
    regions = [Region((Style(noise(size[0], size[0] - 40, seed=3)),))]
    compared(replace(BASE, statistic=statistic), encoder, size, regions, core)


@pytest.mark.parametrize("size", [(193, 171), (64, 400), (129, 130), (255, 97)])
@pytest.mark.parametrize("margin", [0, 8])
def test_odd_sizes_and_margins(size: tuple[int, int], margin: int, exact: Encoder) -> None:
    compared(replace(BASE, margin=margin), exact, size, [Region((Style(noise(100, 90, seed=3)),))])


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
        {"content_layers": "relu3_1=0.5,relu4_1", "style_layers": "relu2_2,relu3_3"},
        {"padding": "zero"},
    ],
    ids=str,
)
def test_every_term_and_divisor(changes: dict[str, object], exact: Encoder, encoder_with: Callable[..., Encoder]) -> None:
    regions = [Region((Style(noise(90, 70, seed=3)),))]
    encoder = deepcopy(encoder_with(layers=11, name="compact", padding="zero")).double() if "padding" in changes else exact
    compared(replace(BASE, **changes), encoder, (160, 192), regions)  # type: ignore[arg-type]


def test_regions_masks_and_large_styles(exact: Encoder) -> None:
    guide = torch.zeros(1, 1, 60, 60)
    guide[..., 10:35, 5:40] = 1
    guide = torch.nn.functional.avg_pool2d(guide, 3, 1, 1)
    mask = torch.ones(1, 1, 300, 200)
    mask[..., :150, :] = 0.2
    regions = [Region((Style(noise(300, 200, seed=3), 1.0, mask),), guide), Region((Style(noise(70, 90, seed=4)),))]
    compared(BASE, exact, (192, 208), regions)
    compared(replace(BASE, margin=8), exact, (193, 181), regions)


def test_pairs_of_layers(exact: Encoder) -> None:
    settings = replace(BASE, statistic="gram", neighbours="instead", style_layers="relu1_1,relu2_1,relu3_1,relu4_1")
    compared(settings, exact, (192, 160), [Region((Style(noise(90, 70, seed=3)),))])


@pytest.mark.parametrize("size", [(192, 168), (193, 171)])
def test_shifted_as_well(size: tuple[int, int], exact: Encoder) -> None:
    guide = torch.zeros(1, 1, 60, 60)
    guide[..., 10:35, 5:40] = 1
    regions = [Region((Style(noise(90, 70, seed=3)),), guide), Region((Style(noise(70, 90, seed=4)),))]
    compared(replace(BASE, shifted=True, margin=8), exact, size, regions)


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
    made = minimise([quadratic(goal, 16)], lambda: torch.full_like(goal, 0.5), steps=200, rate=0.02, final_rate=0.001)
    torch.testing.assert_close(made.picture, goal, atol=0.01, rtol=0)
    assert made.steps == 200
    objective = quadratic(goal, 16)
    calls = iter(range(1000))
    good = objective.part
    objective.part = lambda seen, tile: [good(seen, tile)[0] * (float("nan") if next(calls) in (7, 8) else 1.0)]
    cuts: list[bool] = []
    made = minimise([objective], lambda: torch.full_like(goal, 0.5), steps=20, rate=0.02, watch=lambda s: cuts.append(s.cut))
    assert sum(cuts) >= 1
    assert bool(torch.isfinite(made.picture).all())


@pytest.mark.parametrize("keep", ["last", "best", "average"])
def test_what_is_kept_and_moments_that_go_on_are_those_of_the_whole_picture(keep: str) -> None:
    goals = [noise(40, 30) * 0.5 + 0.2, noise(60, 45, seed=2) * 0.5 + 0.2]
    how = {"steps": 12, "rate": 0.2}  # overshoots, so that the last iterate is not the best
    whole, tiles = Solution(torch.zeros(1)), Solution(torch.zeros(1))
    for goal in goals:
        turns, start = [quadratic(goal, 16), quadratic(goal * 0.9, 48)], torch.full_like(goal, 0.5)
        moments = adam.carry(whole.moments, goal.shape[-2:])
        whole = adam.minimise(
            tiled.in_turn(turns), start, keeper=Keeper(keep, 0.8), moments=moments, taken=whole.steps, **how
        )  # fmt: skip
        tiles = minimise(
            turns, lambda start=start: start, keep=keep, decay=0.8, moments=tiles.moments, taken=tiles.steps, **how
        )  # fmt: skip
        torch.testing.assert_close(tiles.picture, whole.picture, atol=1e-5, rtol=0)
        assert tiles.steps == whole.steps
    last = minimise(turns, lambda: start, **how).picture
    assert keep == "last" or not torch.equal(tiles.picture, last)


def test_a_small_budget_gives_the_same_picture_as_a_large_one() -> None:
    compact = encoders.load("compact", precision="fp32")
    content, style = noise(400, 376, seed=1), noise(120, 100, seed=3)
    settings = replace(BASE, size=400, smallest=283, steps=2, keep="last", shifted=True, margin=8)
    untiled = gatys(content, [Region((Style(style),))], settings, compact).picture
    small = replace(settings, memory="700MB")
    wanted = Gatys(content, [Region((Style(style),))], small, compact, Run()).need(Scale(0, 400, 4, 1))
    assert wanted is not None
    assert wanted.core((400, 376)) in range(128, 200)
    tiled = gatys(content, [Region((Style(style),))], small, compact).picture
    assert float((untiled - tiled).abs().mean()) < 2e-3


def test_a_history_that_does_not_fit_is_refused() -> None:
    compact = encoders.load("compact", precision="fp32")
    settings = replace(BASE, solver="lbfgs", size=512, steps=2, memory="64MB")
    with pytest.raises(InputError, match="L-BFGS"):
        gatys(noise(64, 64), [Region((Style(noise(40, 40)),))], settings, compact)


class Killed(BaseException):
    """Stands for the end of the process."""


GOAL = noise(90, 70) * 0.5 + 0.2


def in_two_turns(journal: Journal | None, record: dict[str, object], keep: str) -> Tensor:
    """Six steps towards two goals in turn, in tiles of two sizes."""
    return minimise(
        [quadratic(GOAL, 32), quadratic(GOAL * 0.9, 48)], lambda: torch.full_like(GOAL, 0.5), steps=6, rate=0.05, final_rate=0.01,
        journal=journal, record=record, keep=keep,
    ).picture.clone()  # fmt: skip


@cache
def never_killed(keep: str) -> Tensor:
    return in_two_turns(None, {}, keep)


@pytest.mark.parametrize("after", [*range(1, 60, 7), 111, 112, 113, 114, 150])
@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("keep", ["last", "average"])
def test_a_killed_run_goes_on_at_the_tile_where_it_was(
    after: int, torn: bool, keep: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = never_killed(keep)
    monkeypatch.setattr(tiled, "BAND", 4000)
    writes = 0
    written, hold = Journal.write, Place.hold

    def write(self: Journal, *given: object) -> None:
        nonlocal writes
        writes += 1
        if not torn and writes == after:
            raise Killed
        written(self, *given)  # type: ignore[arg-type]

    def held(self: Place, phase: str, at: int, parts: list[Tensor]) -> None:
        hold(self, phase, at, parts)
        if torn and writes >= after:
            for part in parts:
                part[..., ::2] += 9.0  # half of it was written
            raise Killed

    monkeypatch.setattr(Journal, "write", write)
    monkeypatch.setattr(Place, "hold", held)
    journal = Journal(tmp_path / "j", {})
    with pytest.raises(Killed):
        in_two_turns(journal, {"stage": 0}, keep)
    journal.leave()
    monkeypatch.setattr(Journal, "write", written)
    monkeypatch.setattr(Place, "hold", hold)
    again = Journal(tmp_path / "j", {})
    assert torch.equal(in_two_turns(again, again.record or {"stage": 0}, keep), expected)
    again.remove()


def test_where_memory_runs_out_tiles_become_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    compact = encoders.load("compact", precision="fp32")
    plain = type(compact).forward
    largest = 200 * 200

    def short(self: Encoder, picture: Tensor, layers: set[str]) -> object:
        if picture.requires_grad and picture.shape[-1] * picture.shape[-2] > largest:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return plain(self, picture, layers)

    monkeypatch.setattr(type(compact), "forward", short)
    content, style = noise(300, 288, seed=1), noise(120, 100, seed=3)
    settings = replace(
        BASE, size=300, smallest=300, steps=2, keep="last", style_layers="relu1_1,relu2_1", content_layers="relu2_1"
    )
    said: list[str] = []
    made = gatys(content, [Region((Style(style),))], settings, compact, Run(note=said.append))
    assert made.picture.shape == (1, 3, 300, 288)
    assert len(said) >= 2
    assert all("continuing in tiles" in text for text in said)
    largest = 10
    with pytest.raises(StylespaceError, match="smallest tiles"):
        gatys(content, [Region((Style(style),))], settings, compact)


def test_other_errors_are_not_taken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    compact = encoders.load("compact", precision="fp32")

    def broken(self: Encoder, picture: Tensor, layers: set[str]) -> object:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(type(compact), "forward", broken)
    with pytest.raises(RuntimeError, match="multiplied"):
        gatys(noise(64, 64), [Region((Style(noise(40, 40)),))], replace(BASE, size=64, steps=1), compact)
