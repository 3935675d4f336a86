"""Networks that read paintings: mixes of names, paintings and codes; codes in files of their own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from stylespace.cli.app import main
from stylespace.demo.drawings import draw
from stylespace.errors import InputError, WeightsError
from stylespace.networks.arbitrary import Reader
from stylespace.networks.builds import BUILDS
from stylespace.networks.code import StyleCode
from stylespace.networks.style_network import StyleNetwork
from stylespace.pipelines.paint import Painting, PaintSettings


@pytest.fixture
def network() -> StyleNetwork:
    torch.manual_seed(3)
    body = BUILDS["tiny"]().half().float().eval().requires_grad_(False)
    rows = (body.initial_row() + 0.3 * torch.randn(2, body.row_size)).half().float()
    reader = Reader(body.row_size, widths=(4, 6, 8), hidden=12, basis=5)
    reader.point.reset_parameters()  # as one that has learned: paintings differ
    reader.span(rows)
    reader.load_state_dict({name: value.half().float() for name, value in reader.state_dict().items()})
    return StyleNetwork(body, "tiny", rows, ["swirls", "dots"], {}, {}, reader.eval().requires_grad_(False))


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawings")
    for name in ("waves", "mosaic", "swirls"):
        Image.fromarray(draw(name, (70, 90))).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def folder(drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(drawings, tmp_path, dirs_exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 52, 3), dtype=np.uint8)).save("photo.png")
    return tmp_path


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).astype(int)


def painted(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return pixels(picture)


def test_paintings_are_styles(network: StyleNetwork, folder: Path) -> None:
    waves, mosaic = (pixels(network("photo.png", f"{name}.png")) for name in ("waves", "mosaic"))
    assert np.abs(waves - mosaic).mean() > 1
    with Image.open("waves.png") as opened:
        opened.load()
    array = np.asarray(opened)
    several = (Path("waves.png"), opened, array, [array], {network.code(opened): 2}, {"waves.png": 3.0, "dots": 0.0})
    for same in several:
        assert (pixels(network("photo.png", same)) == waves).all()
    mixed = pixels(network("photo.png", {"waves.png": 0.5, "dots": 0.5}))
    assert np.abs(mixed - waves).mean() > 0.5
    assert np.abs(mixed - pixels(network("photo.png", "dots"))).mean() > 0.5
    half = np.zeros((40, 52), np.uint8)
    half[:, :26] = 255
    mapped = pixels(network("photo.png", {"waves.png": half, "mosaic.png": 255 - half}))
    swapped = pixels(network("photo.png", {"waves.png": 255 - half, "mosaic.png": half}))
    for side, there in ((slice(10), waves), (slice(-10, None), mosaic)):
        assert np.abs(mapped - there)[:, side].mean() < np.abs(swapped - there)[:, side].mean()


def test_names_go_before_files(network: StyleNetwork, folder: Path) -> None:
    Path("dots").write_bytes(Path("waves.png").read_bytes())
    named, filed = pixels(network("photo.png", "dots")), pixels(network("photo.png", "./dots"))
    assert np.abs(named - filed).mean() > 0.5
    assert (filed == pixels(network("photo.png", "waves.png"))).all()


def test_codes(network: StyleNetwork, folder: Path) -> None:
    code = network.code("waves.png", "my waves")
    path = code.save("my-style.safetensors")
    assert path.stat().st_size < 20_000
    again = StyleCode.load(path)
    assert again.name == "my waves"
    assert again.about["title"] == "waves"
    painted = pixels(network("photo.png", "waves.png"))
    for same in (code, again, path, str(path)):
        assert (pixels(network("photo.png", same)) == painted).all()
    other = replace(network, body=BUILDS["tiny"]().eval())
    with pytest.raises(InputError, match="another network"):
        other("photo.png", code)


def test_a_network_that_reads_is_kept_whole(network: StyleNetwork, folder: Path) -> None:
    again = StyleNetwork.load(network.save("net.safetensors"))
    assert (pixels(again("photo.png", "waves.png")) == pixels(network("photo.png", "waves.png"))).all()
    alone = replace(network, reader=None)
    assert StyleNetwork.load(alone.save("alone.safetensors")).reader is None
    with pytest.raises(InputError, match="its own styles only"):
        alone("photo.png", "waves.png")
    with pytest.raises(InputError, match="give a painting's file"):
        network("photo.png", "nothing")


@pytest.mark.parametrize("wrong", ["text", "kind", "shape", "nan", "name"])
def test_damaged_codes_are_refused(network: StyleNetwork, folder: Path, wrong: str) -> None:
    code = network.code("waves.png")
    path = Path("code.safetensors")
    if wrong == "text":
        path.write_text("no")
    elif wrong == "kind":
        save_file({"row": code.row}, path)
    elif wrong == "shape":
        replace(code, row=code.row[None]).save(path)
    elif wrong == "nan":
        replace(code, row=code.row * float("nan")).save(path)
    else:
        replace(code, name=None).save(path)  # type: ignore[arg-type]
    with pytest.raises(WeightsError):
        network("photo.png", path)


def test_paint(network: StyleNetwork, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    network.save("net.safetensors")
    expected = pixels(network("photo.png", {"waves.png": 1.0, "dots": 0.5}))
    result = Painting(PaintSettings({"waves.png": 1.0, "dots": 0.5}), "net.safetensors").run(Path("photo.png"))
    assert (pixels(result.picture) == expected).all()
    command = ["paint", "photo.png", "-n", "net.safetensors", "--style", "waves.png=1", "--style", "dots=0.5", "-o", "out.png"]
    assert main(command) == 0
    assert (painted("out.png") == expected).all()
    assert main(command) == 0  # finished already
    assert "skipped" in capfd.readouterr().err
    Image.fromarray(draw("mosaic", (70, 90))).save("waves.png")
    assert main([*command, "--force"]) == 0  # another painting of that name
    assert (painted("out.png") != expected).any()
    assert main(["network", "read", "net.safetensors", "mosaic.png", "-o", "code.safetensors"]) == 0
    assert main(["network", "read", "net.safetensors", "waves.png", "-o", "code.safetensors"]) == 1  # exists already
    assert main(["paint", "photo.png", "-n", "net.safetensors", "--style", "code.safetensors", "-o", "three.png"]) == 0
    assert (painted("three.png") == pixels(network("photo.png", "mosaic.png"))).all()
    assert main(["paint", "photo.png", "-n", "net.safetensors", "--style", "gone.png", "-o", "two.png"]) == 1
    assert "gone.png" in capfd.readouterr().err
