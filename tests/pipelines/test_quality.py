"""What qualities stand for where a network is here that reads paintings; starts that it draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import stylespace as ss
from stylespace.cli.app import main
from stylespace.demo.drawings import draw
from stylespace.errors import InputError, WeightsError
from stylespace.methods.gatys_settings import GatysSettings
from stylespace.methods.registry import METHODS, QUALITIES
from stylespace.methods.strotss_settings import StrotssSettings
from stylespace.networks.arbitrary import Reader
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures import fit, read, resize
from stylespace.pictures.colour import match_colours
from stylespace.pipelines.repeat import stored
from stylespace.pipelines.transfer import resolve


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, StyleNetwork]:
    """Small networks in the place of those in the package; photo and painting in the working folder."""
    made = {}
    folder = tmp_path / "models"
    folder.mkdir()
    for seed, name in enumerate(("classics", "arbitrary")):
        torch.manual_seed(seed)
        body = BUILDS["tiny"]().half().float().eval().requires_grad_(False)
        rows = (body.initial_row() + 0.3 * torch.randn(2, body.row_size)).half().float()
        network = StyleNetwork(body, "tiny", rows, ["swirls", "dots"])
        if name == "arbitrary":
            network.reader = Reader(body.row_size, widths=(4, 6, 8), hidden=12, basis=5).eval().requires_grad_(False)
            network.reader.point.reset_parameters()  # as one that has learned: paintings differ
            network.reader.span(rows)
            network.reader.load_state_dict({key: value.half().float() for key, value in network.reader.state_dict().items()})
        network.save(folder / f"{name}.safetensors")
        made[name] = network
    for module in ("shipped", "style_network"):
        monkeypatch.setattr(f"stylespace.networks.{module}.MODELS", folder)
    monkeypatch.chdir(tmp_path)
    for name in ("waves", "mosaic"):
        Image.fromarray(draw(name, (70, 90))).save(f"{name}.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (36, 48, 3), dtype=np.uint8)).save("photo.png")
    return made


def test_levels(networks: dict[str, StyleNetwork], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = {quality: resolve("default", quality, None, {}) for quality in QUALITIES}
    assert {found.start for found in levels.values()} == {"network"}
    assert levels["draft"].steps == 0 < levels["good"].steps < levels["best"].steps
    assert levels["good"].smallest > GatysSettings().smallest
    assert resolve("default", "good", None, {"steps": 7, "size": 64}).steps == 7
    assert type(resolve("default", "good", None, {}, "blend")).__name__ == "BlendSettings"
    # Nothing asked for, another method, a preset, or a schedule or start of one's own: as ever.
    assert resolve("default", None, None, {}) == GatysSettings()
    assert resolve("default", "best", None, {}, "strotss") == StrotssSettings(steps=1600)
    assert resolve("gatys-2016", "good", None, {}) == GatysSettings.paper()
    assert resolve("default", "good", None, {"start": "noise"}) == GatysSettings(start="noise")
    monkeypatch.setattr("stylespace.networks.shipped.MODELS", tmp_path)
    assert resolve("default", "good", None, {}) == GatysSettings()
    assert resolve("default", "draft", None, {}) == GatysSettings(steps=round(QUALITIES["draft"] * GatysSettings().steps))
    assert all(row.qualities for row in METHODS.values())


def test_a_draft_is_one_pass(networks: dict[str, StyleNetwork], compact_weights: Path) -> None:
    arbitrary = networks["arbitrary"]
    result = ss.transfer("photo.png", "waves.png", quality="draft", size=48, weights=compact_weights, precision="fp32")
    painted = arbitrary.taking("waves.png")[0].pixels(read("photo.png").pixels, "waves.png")
    waves = read("waves.png").pixels
    in_its_colours = match_colours(painted, resize(waves, fit(waves.shape[-2:], 48))).clamp(0, 1)
    assert (result.source.pixels - in_its_colours).abs().max() < 1e-3
    assert not result.losses
    assert result.record["start_network"]["name"] == "arbitrary"
    result.save("out.png")
    again = stored("out.png")
    assert again.task.settings.start == "network"
    assert again.photo is not None
    assert torch.equal(again.task.run(again.photo).source.pixels, result.source.pixels)
    networks["classics"].save(Path("models", "arbitrary.safetensors"))
    with pytest.raises(InputError, match="another network"):
        stored("out.png")
    assert stored("out.png", changes={"start": "content"}).task.settings.start == "content"


def test_optimisation_begins_with_it(networks: dict[str, StyleNetwork], compact_weights: Path) -> None:
    small = {"sizes": (32, 48), "steps_each": (1, 1), "precision": "fp32", "weights": compact_weights}
    half = np.zeros((36, 48), np.uint8)
    half[:, 24:] = 255
    made = {
        start: ss.transfer("photo.png", {"waves.png": 2, "mosaic.png": 1}, areas=[ss.Area(half)], start=start, **small)  # type: ignore[arg-type]
        for start in ("network", "content")
    }
    warm, cold = (made[start].source.pixels for start in ("network", "content"))
    assert len(made["network"].losses) == 2
    assert (warm - cold)[..., :20].abs().mean() > 0.02
    assert torch.equal(warm[..., 40:], cold[..., 40:])  # left alone


def test_starts_that_cannot_be(networks: dict[str, StyleNetwork], compact_weights: Path) -> None:
    small = {"size": 32, "steps": 1, "start": "network", "precision": "fp32", "weights": compact_weights}
    with pytest.raises(InputError, match="reads no paintings"):
        ss.transfer("photo.png", "waves.png", start_network="classics", **small)  # type: ignore[arg-type]
    Path("models", "arbitrary.safetensors").unlink()
    with pytest.raises(WeightsError, match="no network 'arbitrary'"):
        ss.transfer("photo.png", "waves.png", **small)  # type: ignore[arg-type]


def test_paint_takes_the_network_that_reads(networks: dict[str, StyleNetwork], capfd: pytest.CaptureFixture[str]) -> None:
    """Names alone are painted by classics; a painting, a code or a mix with one by the network that reads."""

    def painted(*styles: str) -> np.ndarray:
        given = [part for style in styles for part in ("--style", style)]
        assert main(["paint", "photo.png", *given, "-o", "out.png", "--force"]) == 0
        with Image.open("out.png") as picture:
            return np.asarray(picture).astype(int)

    def wanted(name: str, mix: object) -> np.ndarray:
        return np.asarray(networks[name]("photo.png", mix)).astype(int)

    assert (painted("dots") == wanted("classics", "dots")).all()
    assert (painted("waves.png") == wanted("arbitrary", "waves.png")).all()
    with Image.open("waves.png") as opened:
        waves = np.asarray(opened).astype(float)
    assert main(["paint", "photo.png", "--style", "waves.png", "--colour", "palette", "-o", "palette.png"]) == 0
    with Image.open("palette.png") as opened:
        bright = np.asarray(opened).astype(float)
    assert np.abs(bright.mean((0, 1)) - waves.mean((0, 1))).max() < 12  # a thumbnail's, and clipped
    assert np.abs(painted("waves.png").mean((0, 1)) - waves.mean((0, 1))).max() > 12
    assert (bright == np.asarray(networks["arbitrary"]("photo.png", "waves.png", colour="palette"))).all()
    assert main(["paint", "photo.png", "--style", "dots", "--colour", "palette", "-o", "no.png"]) == 1  # has no thumbnail
    networks["arbitrary"].code("mosaic.png").save("code.safetensors")
    mix = {"dots": 2.0, "waves.png": 1.0, "code.safetensors": 1.0}
    assert (painted("dots=2", "waves.png=1", "code.safetensors=1") == wanted("arbitrary", mix)).all()
    Path("models", "arbitrary.safetensors").unlink()
    capfd.readouterr()
    assert main(["paint", "photo.png", "--style", "waves.png", "-o", "two.png"]) == 1
    assert "stylespace transfer" in capfd.readouterr().err
    assert not Path("two.png").exists()
