"""``stylespace train``, ``add-style`` and ``network`` from the command line, on drawn pictures."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import stylespace as ss
from stylespace.cli.app import main
from stylespace.demo.drawings import draw
from stylespace.networks.builds import BUILDS
from stylespace.training import settings
from stylespace.training.trainer import Trainer

QUICK = [
    "--build", "tiny", "--batch", "2", "--crop", "32", "--style-sizes", "48", "--warm-up", "1", "--quiet",
    "--style-layers", "relu1_1,relu2_1", "--content-layers", "relu2_1",
]  # fmt: skip


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawings")
    for name in ("swirls", "waves", "mosaic"):
        Image.fromarray(draw(name, (96, 96))).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def folder(drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for i in range(3):
        small = np.random.default_rng(i).integers(0, 255, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(small).resize((60, 44)).save(f"photos/{i}.png")
    Path("photos/bad.png").write_bytes(b"x")
    shutil.copytree(drawings, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_train_add_and_mix(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = ["train", "photos", "--style", "swirls.png", "--style", "sea=waves.png", *QUICK, "-o", "net.safetensors"]
    assert main([*train, "--steps", "4", "--sample", "photos/0.png"]) == 0
    assert "1 photos were skipped" in capsys.readouterr().err
    assert {"samples.png", "state"} <= {p.name for p in Path("net.training").iterdir()}
    assert main([*train, "--steps", "4"]) == 1
    assert main([*train, "--steps", "6", "--force"]) == 0
    network = ss.StyleNetwork.load("net.safetensors")
    assert network.styles == ("swirls", "sea")
    assert network.provenance["steps"] == 6
    add = ["add-style", "net.safetensors", "photos", "--style", "mosaic.png", *QUICK[2:], "--steps", "3"]
    assert main([*add, "-o", "more.safetensors"]) == 0
    more = ss.StyleNetwork.load("more.safetensors")
    assert more.styles == ("swirls", "sea", "mosaic")
    assert np.array_equal(np.asarray(more("photos/1.png", "sea")), np.asarray(network("photos/1.png", "sea")))
    assert main(["network", "remove", "more.safetensors", "swirls", "-o", "less.safetensors"]) == 0
    assert main(["network", "rename", "less.safetensors", "sea", "ocean", "-o", "named.safetensors"]) == 0
    assert main(["network", "merge", "named.safetensors", "net.safetensors", "-o", "both.safetensors"]) == 0
    capsys.readouterr()
    assert main(["network", "info", "both.safetensors"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["styles"]) == ["ocean", "mosaic", "swirls", "sea"]


@pytest.mark.parametrize("ending", ["interrupted", "minutes", "interrupted within minutes"])
def test_the_same_command_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Without --force, though OUT is there; the exit code says whether all steps are done."""
    minutes = {"interrupted": [], "minutes": ["--minutes", "0.01"], "interrupted within minutes": ["--minutes", "60"]}[ending]
    train = ["train", "photos", "--style", "swirls.png", *QUICK, "--steps", "4", "-o", "net.safetensors"]
    if "interrupted" in ending:
        take, taken = Trainer._take, []

        def stop(self: Trainer) -> object:
            if len(taken) == 2:
                raise KeyboardInterrupt
            taken.append(1)
            return take(self)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "_take", stop)
            assert main([*train, *minutes]) == 130
    else:
        monkeypatch.setattr("stylespace.training.trainer.time.perf_counter", Clock())
        assert main([*train, *minutes]) == 130
    said = capsys.readouterr().err
    assert "run the same command again to continue" in said
    assert "--force" not in said
    assert 0 < ss.StyleNetwork.load("net.safetensors").provenance["steps"] < 4
    assert main([*train, *minutes]) == (130 if ending == "minutes" else 0)
    assert ss.StyleNetwork.load("net.safetensors").provenance["steps"] == (2 if ending == "minutes" else 4)
    if ending == "minutes":  # each run takes its minutes
        return
    assert main(train) == 1  # finished: it is not written over
    assert "exists already" in capsys.readouterr().err


def test_another_file_is_not_written_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where training has not come to its end."""
    train = ["train", "photos", "--style", "swirls.png", *QUICK, "--steps", "4", "-o", "net.safetensors"]
    monkeypatch.setattr("stylespace.training.trainer.time.perf_counter", Clock())
    assert main([*train, "--minutes", "0.01"]) == 130
    Path("net.safetensors").write_bytes(b"mine")
    assert main(train) == 1
    assert Path("net.safetensors").read_bytes() == b"mine"


class Clock:
    """Each look at it is a second later."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 1
        return self.seconds


@pytest.mark.parametrize("build", ["johnson", "texture"])
def test_every_build_is_trained(folder: Path, build: str) -> None:
    train = ["train", "photos", "--style", "swirls.png", "--batch", "1", "--crop", "32", "--style-sizes", "64", "--quiet"]
    assert main([*train, "--build", build, "--steps", "1", "-o", "net.safetensors"]) == 0
    assert ss.StyleNetwork.load("net.safetensors").build == build


def test_every_build_may_be_named() -> None:
    assert set(settings.BUILDS) == set(BUILDS)


def test_help_shows_what_add_style_takes(call: Any) -> None:
    text = "".join(call("add-style", "--help").out.split())
    for each in fields(settings.AddStyleSettings):
        assert (f"--{each.name.replace('_', '-')}" in text) == (each.name != "build")
    assert "stepsinall[default:600]" in text
    assert "[default:8000]" not in text


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "nothing", "--style", "swirls.png", "-o", "n.safetensors"], 1, "does not exist"),
        (["train", "photos", "--style", "gone.png", "-o", "n.safetensors"], 1, "gone.png does not exist"),
        (["train", "photos", "-o", "n.safetensors"], 2, "--style"),
        (["train", "photos", "--style", "swirls.png", "--build", "huge", "-o", "n.safetensors"], 2, "huge"),
        (
            ["train", "photos", "--style", "swirls.png", "--network", "classics", "--build", "tiny", "-o", "n.safetensors"],
            2,
            "--build",
        ),
        (["add-style", "classics", "photos", "--style", "swirls.png", "--build", "tiny", "-o", "n.safetensors"], 2, "--build"),
        (["network", "info", "swirls.png"], 1, "cannot be read as a network"),
        (["network", "info", "nowhere"], 1, "no network 'nowhere'"),
    ],
)
def test_mistakes(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str) -> None:
    assert main(arguments) == code
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
