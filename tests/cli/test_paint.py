"""``stylespace paint`` and ``export`` from the command line."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace.cli.app import main
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.settings import read_settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    body = BUILDS["tiny"](blocks=0).eval().requires_grad_(False)
    rows = body.initial_row() + 0.3 * torch.randn(2, body.row_size)
    StyleNetwork(body, "tiny", rows, ["swirls", "waves"]).save("net.safetensors")
    Path("photos").mkdir()
    for i in range(2):
        small = np.random.default_rng(i).integers(0, 255, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(small).resize((60, 44)).save(f"photos/{i}.png")
    return tmp_path


def paint(*more: str) -> int:
    return main(["paint", *more, "-n", "net.safetensors"])


def test_mix_skip_and_bad_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert paint("photos", "-s", "swirls=.25", "-s", "waves=0.75", "--size", "40", "-o", "out") == 0
    capsys.readouterr()
    assert paint("photos", "-s", "swirls=.25", "-s", "waves=0.75", "--size", "40", "-o", "out") == 0
    assert "skipped" in capsys.readouterr().err
    with Image.open("out/0.png") as picture:
        assert picture.size == (40, 29)
        painted = np.asarray(picture)
    network = StyleNetwork.load("net.safetensors")
    assert np.array_equal(painted, np.asarray(network("photos/0.png", {"swirls": 0.25, "waves": 0.75}, size=40)))
    assert read_settings("out/0.png")["settings"]["mix"] == {"swirls": 0.25, "waves": 0.75}
    assert paint("photos", "-s", "waves", "-o", "out") == 1  # other settings: not replaced
    Path("photos/bad.png").write_bytes(b"x")
    assert paint("photos", "-s", "waves", "-o", "more") == 1
    assert {p.name for p in Path("more").iterdir()} == {"0.png", "1.png"}
    assert "bad.png" in capsys.readouterr().err


def test_a_saved_mix_says_where_styles_go(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left = np.zeros((48, 64), np.uint8)
    left[:, :32] = 255
    out = io.BytesIO()
    Image.fromarray(left).save(out, "PNG")
    Image.fromarray(left // 2).save("half.png")
    maps = {"swirls": "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()}
    Path("mix.json").write_text(json.dumps({"styles": {"swirls": 0.4, "waves": 0.8}, "maps": maps}), encoding="utf-8")
    assert paint("photos/0.png", "--mix", "mix.json", "-o", "one.png") == 0
    assert paint("photos/0.png", "-s", "swirls=half.png", "-s", "waves=1", "-o", "other.png") == 0
    with Image.open("one.png") as one, Image.open("other.png") as other:
        assert np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max() <= 2
    Path("mix.json").write_text(json.dumps({"styles": {"swirls": 0.4}, "maps": {"photo:": maps["swirls"]}}), encoding="utf-8")
    Image.fromarray(left).save("left.png")
    assert paint("photos/0.png", "--mix", "mix.json", "-o", "kept.png") == 0
    assert paint("photos/0.png", "-s", "swirls", "--keep-region", "left.png", "-o", "same.png") == 0
    with Image.open("kept.png") as kept, Image.open("same.png") as same, Image.open("photos/0.png") as photo:
        assert np.array_equal(np.asarray(kept), np.asarray(same))
        apart = np.abs(np.asarray(kept).astype(int) - np.asarray(photo.convert("RGB")).astype(int))
    assert apart[:, : apart.shape[1] // 2 - 2].max() <= 1
    assert apart[:, apart.shape[1] // 2 + 2 :].max() > 8
    capsys.readouterr()
    assert paint("photos/0.png", "--from", "kept.png", "-o", "no.png") == 1  # the map is not in it
    assert "maps" in capsys.readouterr().err
    Path("mix.json").write_text(json.dumps({"styles": {"swirls": 0.4}, "maps": {"swirls": "x"}}), encoding="utf-8")
    assert paint("photos/0.png", "--mix", "mix.json", "-o", "no.png") == 1
    assert "maps" in capsys.readouterr().err


def test_a_result_says_how_to_paint_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    how = ["-s", "swirls=.25", "-s", "waves=.75", "--strength", "0.5", "--colour", "luminance", "--size", "40"]
    assert paint("photos/0.png", *how, "-o", "one.png") == 0
    assert main(["paint", "photos/0.png", "--from", "one.png", "-o", "other.png"]) == 0
    with Image.open("one.png") as one, Image.open("other.png") as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))
    assert paint("photos/0.png", "--from", "photos/0.png", "-o", "no.png") == 1
    assert paint("photos/0.png", "--from", "one.png", "-s", "waves", "-o", "no.png") == 2
    assert not Path("no.png").exists()


def test_a_mix_that_the_studio_saved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    look = {"styles": {"swirls": 0.25, "waves": 0.75}, "strength": 0.5, "colour": "luminance", "stroke": 2}
    Path("mix.json").write_text(json.dumps(look), encoding="utf-8")
    assert paint("photos/0.png", "--mix", "mix.json", "-o", "one.png") == 0
    same = ["-s", "swirls=.25", "-s", "waves=.75", "--strength", "0.5", "--colour", "luminance", "--style-size", "640"]
    assert paint("photos/0.png", *same, "-o", "other.png") == 0
    with Image.open("one.png") as one, Image.open("other.png") as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))
    assert paint("photos/0.png", "--mix", "mix.json", "-s", "swirls", "-o", "no.png") == 2
    for bad in ("[]", "{", '{"styles": {"swirls": "x"}}'):
        Path("bad.json").write_text(bad, encoding="utf-8")
        assert paint("photos/0.png", "--mix", "bad.json", "-o", "no.png") == 1
        assert "bad.json" in capsys.readouterr().err
    assert not Path("no.png").exists()


def test_maps_colour_and_strength(folder: Path) -> None:
    half = np.zeros((44, 60), np.uint8)
    half[:, :30] = 255
    Image.fromarray(half).save("left.png")
    Image.fromarray(255 - half).save("right.png")
    assert paint("photos/0.png", "-s", "swirls=left.png", "-s", "waves=right.png", "-o", "both.png") == 0
    network = StyleNetwork.load("net.safetensors")
    wanted = network("photos/0.png", {"swirls": "left.png", "waves": "right.png"})
    with Image.open("both.png") as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(wanted))
    assert paint("photos/0.png", "-s", "swirls", "--strength", "0", "-o", "none.png") == 0
    with Image.open("none.png") as none, Image.open("photos/0.png") as photo:
        assert np.array_equal(np.asarray(none), np.asarray(photo))
    assert paint("photos/0.png", "-s", "swirls", "--colour", "luminance", "--bits", "16", "-o", "deep.png") == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-s", "stars"], 1, "no style 'stars'"),
        ([], 2, "swirls, waves"),
        (["-s", "swirls=0"], 1, "No style has a weight"),
        (["-s", "swirls=-1"], 1, "-1"),
        (["-s", "swirls", "--strength", "2"], 1, "strength"),
        (["-s", "swirls", "--colour", "red"], 1, "luminance"),
        (["-s", "swirls", "--engine", "abacus"], 1, "openvino"),
        (["-s", "swirls", "--engine", "openvino"], 1, "stylespace export"),
        (["-s", "swirls", "--bits", "12"], 2, "12 bits"),
        (["-s", "swirls=none.png"], 1, "none.png"),
    ],
)
def test_mistakes(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str) -> None:
    assert paint("photos/0.png", *arguments, "-o", "out.png") == code
    told = capsys.readouterr()
    assert words in told.err + told.out
    assert "Traceback" not in told.err
    assert not Path("out.png").exists()


def test_export_and_paint(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("openvino")
    assert main(["export", "net.safetensors", "-o", "net.onnx"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "net.onnx"
    assert {line.split(":")[0] for line in told[1:]} == {"openvino", "onnxruntime"}
    assert main(["export", "net.safetensors", "-o", "net.onnx"]) == 1
    for engine in ("auto", "onnxruntime"):
        out = f"{engine}.png"
        assert main(["paint", "photos/0.png", "-n", "net.onnx", "-s", "waves", "--engine", engine, "-o", out]) == 0
        assert paint("photos/0.png", "-s", "waves", "-o", "torch.png", "--force") == 0
        with Image.open(out) as one, Image.open("torch.png") as other:
            assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).max() <= 1
    capsys.readouterr()
    assert main(["paint", "photos/0.png", "-n", "net.onnx", "-s", "waves", "--engine", "torch", "-o", "x.png"]) == 1
    assert "exported network" in capsys.readouterr().err
    for wrong in (["--to", "tflite"], ["--pixels", "words"], ["--photos", "photos"]):
        assert main(["export", "net.safetensors", "-o", "other.onnx", *wrong]) == 2


def test_what_would_be_ignored_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert paint("photos/0.png", "-s", "swirls", "--style-size", "300", "--stage", "1", "-o", "out.png") == 1
    assert "leave --stage or --style-size out" in capsys.readouterr().err
    assert paint("photos/0.png", "-s", "swirls=1", "-s", "swirls=3", "-o", "out.png") == 2
    assert "'swirls' is given twice" in capsys.readouterr().err
    assert not Path("out.png").exists()
