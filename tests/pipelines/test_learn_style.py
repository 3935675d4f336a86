"""The learned style picture: routes, regions, resuming, tiles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import stylespace as ss
from stylespace import encoders
from stylespace.cli.app import main
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError, PictureError
from stylespace.methods.learned_style import WeightedReference, fitted, objective_at, target
from stylespace.methods.learned_style_settings import LearnedStyleSettings
from stylespace.pictures.picture import Picture
from stylespace.pipelines.learn_style import Learned, learn_style
from stylespace.pipelines.run import Progress
from stylespace.pipelines.sources import regions_of
from stylespace.statistics import clusters
from stylespace.styles.parts import Regions

QUICK: dict[str, Any] = {"size": 48, "smallest": 32, "steps": 12, "snapshots": (2, 12)}


@pytest.fixture(scope="module")
def encoder(compact_weights: Path) -> Encoder:
    return encoders.load("compact", weights=compact_weights)


def plaid(seed: int, size: tuple[int, int] = (40, 56)) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 255, (4 + seed % 3, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize(size[::-1], Image.Resampling.NEAREST))


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.copy()).permute(2, 0, 1)[None].float() / 255


def references(count: int) -> list[WeightedReference]:
    return [WeightedReference(lambda i=i: tensor(plaid(i)), 1 / count) for i in range(count)]  # type: ignore[misc]


def test_it_learns(encoder: Encoder) -> None:
    result = learn_style([plaid(0), plaid(1)], encoder=encoder, **{**QUICK, "steps": 40})
    assert isinstance(result, Learned)
    assert result.picture.size == (48, 48)
    assert sorted(result.snapshots) == [2, 12]
    last = [r for r in result.losses if r["size"] == 48]
    assert last[-1]["total"] < 0.7 * last[0]["total"]
    assert ss.learn_style is learn_style


@pytest.mark.parametrize("statistic", ["gram", "moments", "mmd-linear", "mmd-poly", "mmd-gaussian", "wasserstein"])
def test_every_statistic(encoder: Encoder, statistic: str) -> None:
    result = learn_style([plaid(0)], encoder=encoder, statistic=statistic, **QUICK)
    assert torch.isfinite(result.source.pixels).all()


def test_the_exact_target_is_the_full_sum_up_to_a_constant(encoder: Encoder) -> None:
    """sum_i alpha_i ||G(x) - G(s_i)||^2 = ||G(x) - sum_i alpha_i G(s_i)||^2 + c, whatever x."""
    settings = LearnedStyleSettings(statistic="gram", style_layers="relu2_1")
    refs = [WeightedReference(lambda i=i: tensor(plaid(i)), a) for i, a in enumerate((0.5, 0.3, 0.2))]  # type: ignore[misc]
    statistic = fitted(refs, 48, {"relu2_1": 1.0}, settings, encoder)
    exact = target(refs, 48, statistic, settings, encoder)["relu2_1"]
    alone = [target([WeightedReference(r.picture)], 48, statistic, settings, encoder)["relu2_1"] for r in refs]
    differences = []
    for seed in (10, 11, 12):
        measured = target([WeightedReference(lambda s=seed: tensor(plaid(s)))], 48, statistic, settings, encoder)["relu2_1"]  # type: ignore[misc]
        distance = statistic["relu2_1"].distance
        full = sum(r.alpha * float(distance(measured, a)) for r, a in zip(refs, alone, strict=True))
        differences.append(full - float(distance(measured, exact)))
    assert differences == pytest.approx([differences[0]] * 3, rel=1e-3)


def test_weights_count(encoder: Encoder, tmp_path: Path) -> None:
    for i in range(2):
        Image.fromarray(plaid(i)).save(tmp_path / f"{i}.png")
    one = learn_style({tmp_path / "0.png": 1.0, tmp_path / "1.png": 0.0}, encoder=encoder, **QUICK)
    alone = learn_style([tmp_path / "0.png"], encoder=encoder, **QUICK)
    assert torch.equal(one.source.pixels, alone.source.pixels)
    with pytest.raises(InputError, match="negative"):
        learn_style({tmp_path / "0.png": -1.0}, encoder=encoder, **QUICK)


def test_the_stochastic_route_draws_by_weight(encoder: Encoder) -> None:
    drawn = []

    def reader(i: int) -> Any:
        def read() -> torch.Tensor:
            drawn.append(i)
            return tensor(plaid(i))

        return read

    refs = [WeightedReference(reader(0), 0.9), WeightedReference(reader(1), 0.1)]
    objective = objective_at(32, refs, LearnedStyleSettings(route="stochastic", statistic="gram"), encoder)
    drawn.clear()
    for _ in range(60):
        objective(torch.rand(1, 3, 32, 32))
    assert 0 < drawn.count(1) < 15
    assert len(drawn) == 60


@pytest.mark.parametrize("settings", [{}, {"route": "stochastic"}, {"tileable": True}, {"regions": 2}])
def test_going_on_gives_the_same_pixels(encoder: Encoder, tmp_path: Path, settings: dict[str, Any]) -> None:
    refs, settings = [], {**settings, "style_layers": "relu1_1,relu2_1"}
    for i in range(3):
        refs.append(tmp_path / f"{i}.png")
        Image.fromarray(plaid(i, (64, 64))).save(refs[-1])
    whole = learn_style(refs, encoder=encoder, **QUICK, **settings)
    checkpoint = tmp_path / "state"

    def stop(progress: Progress) -> None:
        if progress.done == 9:
            raise KeyboardInterrupt

    first = learn_style(refs, encoder=encoder, checkpoint=checkpoint, progress=stop, **QUICK, **settings)
    assert first.interrupted
    assert checkpoint.exists()
    with pytest.raises(InputError, match="other references or settings"):
        learn_style(refs, encoder=encoder, checkpoint=checkpoint, seed=5, **QUICK, **settings)
    second = learn_style(refs, encoder=encoder, checkpoint=checkpoint, **QUICK, **settings)
    assert not checkpoint.exists()
    assert torch.equal(second.source.pixels, whole.source.pixels)
    assert [r["total"] for r in second.losses] == [r["total"] for r in whole.losses]


def test_going_on_wants_the_same_pictures_in_memory_too(encoder: Encoder, tmp_path: Path) -> None:
    checkpoint = tmp_path / "state"

    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    learn_style([plaid(0)], encoder=encoder, checkpoint=checkpoint, progress=stop, **QUICK)
    with pytest.raises(InputError, match="other references or settings"):
        learn_style([plaid(1)], encoder=encoder, checkpoint=checkpoint, **QUICK)
    assert not learn_style([plaid(0)], encoder=encoder, checkpoint=checkpoint, **QUICK).interrupted


def test_tiles_fit(encoder: Encoder) -> None:
    """Across the border neighbours differ no more than inside."""
    result = learn_style([plaid(3)], encoder=encoder, tileable=True, **{**QUICK, "steps": 60})
    x = result.source.pixels
    inside = (x[..., 1:] - x[..., :-1]).abs().mean()
    across = (x[..., 0] - x[..., -1]).abs().mean()
    assert across < 1.6 * inside


def test_size_and_proportions(encoder: Encoder) -> None:
    result = learn_style([plaid(0)], encoder=encoder, proportions=1.5, **QUICK)
    assert result.picture.size == (48, 32)
    with pytest.raises(InputError, match="proportions"):
        learn_style([plaid(0)], encoder=encoder, proportions=-1, **QUICK)


def halves(seed: int) -> np.ndarray:
    """Left: fine noise; right: plain."""
    generator = np.random.default_rng(seed)
    picture = np.full((64, 96, 3), generator.integers(60, 200, 3), dtype=np.uint8)
    picture[:, :48] = generator.integers(0, 255, (64, 48, 3), dtype=np.uint8)
    return picture


def test_parts_are_the_same_in_all_pictures() -> None:
    network = encoders.load("compact")
    from stylespace.styles.parts import look

    signs = [look(tensor(halves(i)), network) for i in range(3)]
    centres = clusters.centres(signs, 2)
    assert torch.equal(centres, clusters.centres(signs, 2))
    for sign in signs:
        maps = clusters.parts(sign, centres)
        assert torch.equal(maps.sum(0), torch.ones_like(maps[0]))
        noisy = int(maps[:, 0, :, : maps.shape[-1] // 2 - 1].mean((1, 2)).argmax())
        assert maps[noisy, 0, :, : maps.shape[-1] // 2 - 1].mean() > 0.9
        assert maps[noisy, 0, :, maps.shape[-1] // 2 + 1 :].mean() < 0.1
        assert noisy == int(clusters.parts(signs[0], centres)[:, 0, :, 0].mean(1).argmax())
    with pytest.raises(InputError, match="too plain"):
        clusters.centres([torch.zeros(1, 4, 3, 3)], 2)


def test_masks_learn_apart(encoder: Encoder, tmp_path: Path) -> None:
    refs, masks = [], {}
    mask = np.zeros((64, 96), dtype=np.uint8)
    mask[:, :48] = 255
    for i in range(2):
        refs.append(tmp_path / f"{i}.png")
        Image.fromarray(halves(i)).save(refs[-1])
        masks[refs[-1]] = mask
    result = learn_style(refs, masks=masks, encoder=encoder, **QUICK)
    first, second = result.parts
    assert first is not None
    assert second is not None
    assert not torch.equal(first.source.pixels, second.source.pixels)
    assert result.regions is not None
    assert result.regions.centres.shape[0] == 2
    with pytest.raises(InputError, match="one of them"):
        learn_style(refs, masks=masks, regions=2, encoder=encoder, **QUICK)
    with pytest.raises(InputError, match=r"for 'gone\.png', which is not one of"):
        learn_style(refs, masks={"gone.png": mask}, encoder=encoder, **QUICK)


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compact_weights: Path, capsys: Any) -> None:
    """Regions are learned, found again in a photo, and redrawn; the picture is a style for anything."""
    monkeypatch.chdir(tmp_path)
    Path("refs").mkdir()
    for i in range(3):
        Image.fromarray(halves(i)).save(f"refs/{i}.png")
    Path("refs/bad.png").write_bytes(b"x")
    Image.fromarray(halves(9)).save("photo.png")
    small = ["--weights", str(compact_weights), "--size", "48", "--steps", "6"]
    assert main(["learn-style", "refs", *small, "--snapshots", "2", "--losses", "l.jsonl", "-o", "style.png"]) == 0
    assert "bad.png" in capsys.readouterr().err
    assert {"style.png", "style-2.png", "style-curve.png", "l.jsonl"} <= {p.name for p in Path().iterdir()}
    assert main(["learn-style", "refs", *small, "-o", "style.png"]) == 1
    assert main(["learn-style", "refs", *small, "--regions", "2", "-o", "parts.png"]) == 0
    assert {"parts-1.png", "parts-2.png", "parts-regions.safetensors"} <= {p.name for p in Path().iterdir()}
    assert main(["transfer", "photo.png", "--style", "style.png", *small, "-o", "one.png"]) == 0
    assert main(["transfer", "photo.png", "--style-regions", "parts-regions.safetensors", *small, "-o", "two.png"]) == 0
    assert main(["transfer", "--from", "two.png", "-o", "three.png"]) == 0
    assert np.array_equal(np.asarray(Image.open("two.png")), np.asarray(Image.open("three.png")))
    Path("parts-1.png").unlink()
    assert main(["transfer", "photo.png", "--style-regions", "parts-regions.safetensors", *small, "-o", "four.png"]) == 1
    assert "put it beside" in capsys.readouterr().err


def test_regions_merge_what_has_no_partner(tmp_path: Path) -> None:
    network = encoders.load("compact")
    from stylespace.styles.parts import look

    sign = look(tensor(halves(0)), network)
    centres = clusters.centres([sign], 3)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    regions = Regions(centres, (tmp_path / "a.png", None, tmp_path / "a.png"), network.identity)
    maps = regions.maps(tensor(halves(0)), network)
    assert maps[1].sum() == 0
    assert torch.equal(maps.sum(0), torch.ones_like(maps[0]))
    loaded = Regions.load(regions.save(tmp_path / "r.safetensors"))
    assert torch.equal(loaded.centres, centres)
    assert loaded.pictures == regions.pictures
    assert loaded.encoder == network.identity
    other = replace(regions, encoder={"name": "compact", "sha256": "0" * 64})
    with pytest.raises(InputError, match=r"style regions needs the encoder 'compact' \(weights 000000000000\)"):
        regions_of(other, Picture(tensor(halves(0))), network, 10_000)


def test_mistakes(encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(PictureError):
        learn_style([tmp_path / "no.png"], encoder=encoder, **QUICK)
    with pytest.raises(PictureError, match="no references"):
        learn_style([], encoder=encoder, **QUICK)
    with pytest.raises(InputError, match="no setting 'magic'"):
        learn_style([plaid(0)], encoder=encoder, magic=1, **QUICK)
    with pytest.raises(InputError, match="preset"):
        learn_style([plaid(0)], encoder=encoder, preset="magic", **QUICK)
    (tmp_path / "state").write_bytes(b"no")
    with pytest.raises(InputError, match="is a file"):
        learn_style([plaid(0)], encoder=encoder, checkpoint=tmp_path / "state", **QUICK)
