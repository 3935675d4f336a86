"""``stylespace train``, ``add-style`` and ``network`` from the command line, on drawn pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stylespace as ss
from stylespace.cli.app import main
from stylespace.demo.drawings import draw

QUICK = ["--build", "tiny", "--batch", "2", "--crop", "32", "--style-sizes", "48", "--warm-up", "1", "--quiet"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for i in range(3):
        small = np.random.default_rng(i).integers(0, 255, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(small).resize((60, 44)).save(f"photos/{i}.png")
    Path("photos/bad.png").write_bytes(b"x")
    for name in ("swirls", "waves", "mosaic"):
        Image.fromarray(draw(name, (96, 96))).save(f"{name}.png")
    return tmp_path


def test_train_add_and_mix(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = ["train", "photos", "--style", "swirls.png", "--style", "sea=waves.png", *QUICK, "-o", "net.safetensors"]
    assert main([*train, "--steps", "4", "--sample", "photos/0.png"]) == 0
    assert "1 photos passed over" in capsys.readouterr().err
    assert {"samples.png", "checkpoint.safetensors"} <= {p.name for p in Path("net.training").iterdir()}
    assert main([*train, "--steps", "4"]) == 1
    assert main([*train, "--steps", "6", "--force"]) == 0
    network = ss.StyleNetwork.load("net.safetensors")
    assert network.styles == ("swirls", "sea")
    assert network.provenance["steps"] == 6
    assert (
        main(
            ["add-style", "net.safetensors", "photos", "--style", "mosaic.png", *QUICK, "--steps", "3", "-o", "more.safetensors"]
        )
        == 0
    )
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


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "nothing", "--style", "swirls.png", "-o", "n.safetensors"], 1, "does not exist"),
        (["train", "photos", "--style", "gone.png", "-o", "n.safetensors"], 1, "gone.png does not exist"),
        (["train", "photos", "-o", "n.safetensors"], 2, "--style"),
        (["train", "photos", "--style", "swirls.png", "--build", "huge", "-o", "n.safetensors"], 2, "huge"),
        (["network", "info", "swirls.png"], 1, "cannot be read as a network"),
        (["network", "info", "nowhere"], 1, "no network 'nowhere'"),
    ],
)
def test_mistakes(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str) -> None:
    assert main(arguments) == code
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
