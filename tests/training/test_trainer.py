"""Training: it learns, goes on to the same bits, adds styles without touching the others."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylespace import encoders
from stylespace.demo.drawings import draw
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError, StylespaceError
from stylespace.objectives.repetition import autocorrelation, repetition
from stylespace.objectives.smoothness import squared_variation
from stylespace.objectives.stability import instability, smooth_flow
from stylespace.objectives.style import STATISTICS
from stylespace.pictures.warp import sample
from stylespace.storage.journal import RECORD, Journal
from stylespace.training import photos as photos_module
from stylespace.training.loss import Goal, TrainingLoss, combined
from stylespace.training.photos import Photos, prepare
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import ABOUT, STATE, Trainer, TrainingStep, TrainingStyle

SMALL = TrainingSettings(
    build="tiny", steps=8, batch=2, crop=32, style_sizes=(48, 64), warm_up=2, average_decay=0.9,
    style_layers="relu1_1,relu2_1", content_layers="relu2_1",
)  # fmt: skip


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return encoders.load("compact", precision="fp32")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Photos:
    folder = tmp_path_factory.mktemp("photos")
    paths = []
    for i in range(6):
        small = np.random.default_rng(i).integers(0, 255, (5, 7, 3), dtype=np.uint8)
        paths.append(folder / f"{i}.png")
        Image.fromarray(small).resize((60, 44), Image.Resampling.BICUBIC).save(paths[-1])
    paths.append(folder / "bad.png")
    paths[-1].write_bytes(b"x")
    return prepare(paths, 32, folder / "cache")


@cache
def style(name: str, seed: int = 0) -> TrainingStyle:
    pixels = torch.from_numpy(draw(name, (96, 96), seed=seed).copy()).permute(2, 0, 1)[None].float() / 255
    return TrainingStyle(name, pixels, {"title": name})


def trainer(photos: Photos, folder: Path, encoder: Encoder, settings: TrainingSettings = SMALL, **more: object) -> Trainer:
    return Trainer(photos, [style("swirls"), style("waves")], settings, folder, encoder=encoder, **more)  # type: ignore[arg-type]


def test_photos(photos: Photos, tmp_path: Path) -> None:
    assert len(photos) == 6
    assert len(photos.skipped) == 1
    crops = photos.crops([0, 3], 32, torch.Generator().manual_seed(0))
    assert crops.shape == (2, 3, 32, 32)
    assert torch.equal(crops, photos.crops([0, 3], 32, torch.Generator().manual_seed(0)))
    with pytest.raises(InputError, match="no photos"):
        prepare([], 32, tmp_path)
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(InputError, match="None of the 1"):
        prepare([tmp_path / "x.png"], 32, tmp_path)


def test_photos_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.full((40, 50, 3), 99, np.uint8)).save(tmp_path / "a.png")
    first = prepare([tmp_path / "a.png"], 32, tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(photos_module, "_square", None)  # nothing is decoded a second time
        second = prepare([tmp_path / "a.png"], 32, tmp_path / "cache")
    assert np.array_equal(first.squares, second.squares)
    assert first.sha256 == second.sha256
    Image.fromarray(np.full((40, 50, 3), 7, np.uint8)).save(tmp_path / "a.png")  # another photo under the same name
    third = prepare([tmp_path / "a.png"], 32, tmp_path / "cache")
    assert (third.squares == 7).all()
    assert third.sha256 != first.sha256


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("statistic", ["wasserstein", "gram"])
def test_the_batched_loss_is_the_objectives(encoder: Encoder, statistic: str, levels: int) -> None:
    """The same numbers as optimisation's own distances on the features themselves, picture by picture, mean over the levels."""
    painted, photos, paintings = torch.rand(3, 3, 3, 40, 48)
    content, style = {"relu2_1": 1.0}, {"relu1_1": 0.25, "relu2_1": 0.75}

    def seen(picture: Tensor, level: int) -> dict[str, Tensor]:
        return encoder(F.avg_pool2d(picture, 2**level), style)

    targets = []
    for p in paintings.split(1):
        measured = [{n: combined([(f, 1.0)], statistic) for n, f in seen(p, level).items()} for level in range(levels)]
        targets.append([Goal(measured, {"relu2_1": autocorrelation(seen(p, 0)["relu2_1"])})])
    balance = torch.tensor([1.0, 2.0, 0.5])
    found = TrainingLoss(encoder, content, style, statistic, 0.5, 3.0, 40.0, targets, balance)(
        painted, photos, [2, 0, 1], [0, 0, 0]
    )
    single = STATISTICS[statistic]
    for i, of in enumerate([2, 0, 1]):
        distance = 0.0
        for level in range(levels):
            given, wanted = seen(painted[i : i + 1], level), seen(paintings[of : of + 1], level)
            for name, weight in style.items():
                goal = single.prepare(single.measure(wanted[name], None, 0.0))
                one = single.distance(single.measure(given[name], None, 0.0), goal) / single.energy(goal)
                distance += weight * float(one) / levels
        assert float(found["style"][i]) == pytest.approx(float(balance[of]) * distance, rel=1e-3, abs=1e-6)
        given, photo = seen(painted[i : i + 1], 0), seen(photos[i : i + 1], 0)
        there = photo["relu2_1"]
        off = (given["relu2_1"] - there).square().sum() / (there - there.mean((2, 3), keepdim=True)).square().sum()
        assert float(found["content"][i]) == pytest.approx(0.5 * float(off), rel=1e-4)
        more = repetition(*(autocorrelation(x["relu2_1"]) for x in (given, seen(paintings[of : of + 1], 0))))
        assert float(found["repetition"][i]) == pytest.approx(40 * float(more), rel=1e-3, abs=1e-9)
        assert float(found["smoothness"][i]) == pytest.approx(3 * float(squared_variation(painted[i : i + 1])))


def test_it_learns(photos: Photos, tmp_path: Path, encoder: Encoder) -> None:
    found: list[TrainingStep] = []
    run = trainer(photos, tmp_path, encoder, replace(SMALL, steps=60), samples=[torch.rand(1, 3, 40, 40)])
    assert run.run(progress=found.append)
    first = found[0].losses["style"]
    assert found[-1].losses["style"] < 0.8 * first
    assert (tmp_path / "samples.png").stat().st_size > 1000
    lines = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [20, 40, 60]
    network = run.network()
    assert network.styles == ("swirls", "waves")
    assert network.about["waves"]["title"] == "waves"
    assert network.about["waves"]["losses"]["style"] > 0
    assert network.thumbnail("waves")[:2] == b"\xff\xd8"
    assert network.provenance["steps"] == 60


def test_it_learns_to_hold_still(photos: Photos, tmp_path: Path, encoder: Encoder) -> None:
    flow = smooth_flow(6, (32, 32), torch.Generator().manual_seed(9))
    seen = photos.crops(range(6), 32, torch.Generator().manual_seed(9))
    found = []
    for weight in (0.0, 3.0):
        run = trainer(photos, tmp_path / str(weight), encoder, replace(SMALL, steps=24, stability_weight=weight))
        assert run.run()
        network = run.network()
        with torch.no_grad():
            painted, again = (network.body(x, network.rows[:1].expand(6, -1)) for x in (seen, sample(seen, flow, "bicubic")))
        found.append(float(instability(painted, again, flow).mean()))
    assert found[1] < 0.9 * found[0], found


@pytest.mark.parametrize("stability", [0.0, 0.5])
def test_going_on_gives_the_same_bits(photos: Photos, tmp_path: Path, encoder: Encoder, stability: float) -> None:
    settings = replace(SMALL, stability_weight=stability)
    whole = trainer(photos, tmp_path / "whole", encoder, settings)
    whole.run()

    def stop(step: TrainingStep) -> None:
        if step.step == 5:
            raise KeyboardInterrupt

    first = trainer(photos, tmp_path / "parts", encoder, settings)
    assert not first.run(progress=stop)
    second = trainer(photos, tmp_path / "parts", encoder, settings)
    assert second.step == 5
    assert second.run()
    for name, value in whole.parameters.items():
        assert torch.equal(value, second.parameters[name]), name
        assert torch.equal(whole.average[name], second.average[name]), name
    assert whole.recent == second.recent


def test_what_cannot_be_gone_on_with(photos: Photos, tmp_path: Path, encoder: Encoder, compact_weights: Path) -> None:
    trainer(photos, tmp_path, encoder).run()
    trainer(photos, tmp_path, encoder, replace(SMALL, steps=9))
    with pytest.raises(InputError, match="other rate"):
        trainer(photos, tmp_path, encoder, replace(SMALL, rate=1.0))
    with pytest.raises(InputError, match="other styles: repeat"):
        Trainer(photos, [style("mosaic")], SMALL, tmp_path, encoder=encoder)
    with pytest.raises(InputError, match="other styles: repeat"):  # of the same names
        Trainer(photos, [style("swirls", 1), style("waves")], SMALL, tmp_path, encoder=encoder)
    with pytest.raises(InputError, match="other encoder: repeat"):
        trainer(photos, tmp_path, encoders.load("compact", weights=compact_weights, precision="fp32"))
    with pytest.raises(InputError, match="other photos: repeat"):  # as many
        trainer(replace(photos, sha256="other"), tmp_path, encoder)
    (tmp_path / STATE / RECORD).write_bytes(b"x")
    with pytest.raises(InputError, match="a state that cannot be read"):
        trainer(photos, tmp_path, encoder)


def test_a_new_style_leaves_the_others(photos: Photos, tmp_path: Path, encoder: Encoder) -> None:
    run = trainer(photos, tmp_path / "a", encoder)
    run.run()
    network = run.network()
    picture = torch.rand(1, 3, 40, 40)
    before = [network.pixels(picture, mix) for mix in ("swirls", {"swirls": 0.5, "waves": 0.5})]
    adding = Trainer(photos, [style("mosaic")], SMALL, tmp_path / "b", network=network, encoder=encoder)
    assert list(adding.parameters) == ["rows"]
    adding.run()
    more = adding.network()
    assert more.styles == ("swirls", "waves", "mosaic")
    assert not torch.equal(more.rows[2], network.rows.mean(0))
    for old, mix in zip(before, ("swirls", {"swirls": 0.5, "waves": 0.5}), strict=True):
        assert torch.equal(old, more.pixels(picture, mix))


def test_a_new_style_does_not_go_on_with_another_network(photos: Photos, tmp_path: Path, encoder: Encoder) -> None:
    run = trainer(photos, tmp_path / "a", encoder)
    run.run()
    network = run.network()
    Trainer(photos, [style("mosaic")], SMALL, tmp_path / "b", network=network, encoder=encoder).run()
    for changed in (network.rename("waves", "sea"), replace(network, rows=network.rows + 1)):
        with pytest.raises(InputError, match="other base network: repeat"):
            Trainer(photos, [style("mosaic")], SMALL, tmp_path / "b", network=changed, encoder=encoder)


def test_a_loss_that_is_no_number_is_cut(photos: Photos, tmp_path: Path, encoder: Encoder) -> None:
    run = trainer(photos, tmp_path, encoder)
    good = run.loss
    calls = 0

    def broken(*arguments: object) -> dict[str, torch.Tensor]:
        nonlocal calls
        calls += 1
        terms = good(*arguments)  # type: ignore[arg-type]
        return {k: v * float("nan") for k, v in terms.items()} if calls == 3 else terms

    run.loss = broken  # type: ignore[assignment]
    cuts: list[TrainingStep] = []
    assert run.run(progress=lambda s: cuts.append(s) if s.cut else None)
    assert [s.step for s in cuts] == [3]
    assert run.scale == 0.5
    assert all(torch.isfinite(p).all() for p in run.parameters.values())


def test_mistakes(photos: Photos, tmp_path: Path, encoder: Encoder) -> None:
    with pytest.raises(InputError, match="no styles"):
        Trainer(photos, [], SMALL, tmp_path, encoder=encoder)
    with pytest.raises(InputError, match="same name"):
        Trainer(photos, [style("waves"), style("waves")], SMALL, tmp_path, encoder=encoder)
    with pytest.raises(InputError, match="20 x 20"):
        Trainer(photos, [TrainingStyle("small", torch.rand(1, 3, 20, 20))], SMALL, tmp_path, encoder=encoder)


def test_a_crash_while_saving_and_a_second_run(
    photos: Photos, tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands for the end of the process."""

    def killed(*_: object) -> None:
        raise Killed

    run = trainer(photos, tmp_path, encoder)
    run.run(every=0)
    with monkeypatch.context() as patched:
        patched.setattr("stylespace.storage.journal.os.replace", killed)  # the tensors are there, their record is not
        with pytest.raises(Killed):
            run.save()
    assert trainer(photos, tmp_path, encoder).step == SMALL.steps
    other = Journal(tmp_path / STATE, ABOUT)
    with pytest.raises(InputError, match="Another process"):
        trainer(photos, tmp_path, encoder, replace(SMALL, steps=9)).run()
    other.leave()
    assert trainer(photos, tmp_path, encoder, replace(SMALL, steps=9)).run()


def test_a_full_disk_leaves_the_state_before(
    photos: Photos, tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainer(photos, tmp_path, encoder)
    run.run()
    kept = {path.name: path.read_bytes() for path in (tmp_path / STATE).iterdir() if path.is_file()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(StylespaceError, match="No space left"):
        run.save()
    assert {path.name: path.read_bytes() for path in (tmp_path / STATE).iterdir() if path.is_file()} == kept


def test_curve_and_tensorboard(photos: Photos, tmp_path: Path, encoder: Encoder) -> None:
    pytest.importorskip("tensorboard")
    run = trainer(photos, tmp_path, encoder, replace(SMALL, steps=20), tensorboard=True, samples=[torch.rand(1, 3, 40, 40)])
    run.run()
    with Image.open(tmp_path / "losses.png") as curve:
        assert curve.width > 400
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert {"loss/content", "loss/style", "loss/grid", "rate"} <= set(events.Tags()["scalars"])
    assert events.Tags()["images"] == ["samples"]


def test_batch_normalisation_is_kept(photos: Photos, tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body with running averages goes on with them."""
    from stylespace.networks.builds import BUILDS
    from stylespace.networks.johnson import Johnson

    monkeypatch.setitem(BUILDS, "tiny", lambda **_: Johnson((4, 4, 4), 1, "batch"))
    run = trainer(photos, tmp_path, encoder)
    run.run()
    again = trainer(photos, tmp_path, encoder)
    for (name, one), (_, other) in zip(run.body.named_buffers(), again.body.named_buffers(), strict=True):
        assert torch.equal(one, other), name
        assert torch.equal(one, dict(run.network().body.named_buffers())[name])
