"""``models``, ``score``, ``match`` and ``demo``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylespace.demo import demo
from stylespace.demo.drawings import DRAWINGS
from stylespace.encoders.store import entries
from stylespace.metrics.score import BETTER
from stylespace.pictures import read_settings

pytestmark = pytest.mark.usefixtures("folder")


def test_models(call: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STYLESPACE_WEIGHTS", str(tmp_path / "cache"))
    said = call("models")
    assert said.code == 0
    for entry in entries():
        for word in (entry.name, entry.state, str(entry.path), entry.note, entry.sha256 or ""):
            assert word in said.out
    listed = json.loads(call("models", "--json", "--no-checksums").out)
    assert [line["name"] for line in listed] == [entry.name for entry in entries(checksums=False)]
    assert all(line["sha256"] is None for line in listed)


def test_score(call: Any, compact_weights: Path) -> None:
    flags = ["--weights", compact_weights, "--size", 32]
    perfect = json.loads(call("score", "photo.png", "style.png", "photo.png", *flags).out)
    other = json.loads(call("score", "photo.png", "style.png", "second.png", "--style", "second.png=0.5", *flags).out)
    assert perfect["content"] == pytest.approx(0, abs=1e-6)
    assert other["content"] > 1e-4
    said = call("score", "photo.png", "style.png", "photo.png", "--json", *flags)
    assert (json.loads(said.out), said.err) == (perfect, "")
    assert call("score", "photo.png", "nothing.png", "photo.png").code == 1
    assert call("score", "photo.png", "style.png").code == 2


def test_score_on_a_terminal(call: Any, compact_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["score", "photo.png", "style.png", "photo.png", "--weights", compact_weights, "--size", 32]
    monkeypatch.setattr("stylespace.cli.score._terminal", lambda: True)
    lines = [line.split(maxsplit=2) for line in call(*command).out.splitlines()]
    found = {words[0]: words[1:] for words in lines}
    assert (found["content"], found["structure.luminance"]) == (["0.0000", "lower is better"], ["1.0000", "higher is better"])
    assert set(BETTER) <= set(found)
    assert json.loads(call(*command, "--json").out)["encoder"] == "compact"


def test_match_as_json(call: Any, compact_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylespace.pipelines.match.SIDE", 64)
    said = call("match", "photo.png", "photo.png", "--weights", compact_weights, "--no-clean", "--count", 3, "--json")
    assert (said.code, said.err) == (0, "")
    pairs = json.loads(said.out)["pairs"]
    assert 1 <= len(pairs) <= 3
    assert all(pair["a"] == pair["b"] and pair["activation"] >= 0 for pair in pairs)
    assert {path.suffix for path in Path().iterdir()} == {".png", ".jpg"}  # no file was written
    written = call("match", "photo.png", "photo.png", "--weights", compact_weights, "--no-clean", "--count", 3, "-o", "pairs.png")
    assert written.out.split() == ["pairs.png", "pairs.json"]
    assert json.loads(Path("pairs.json").read_text())["pairs"] == pairs
    assert "--json" in call("match", "photo.png", "photo.png").err


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two styles, drawn small, instead of all."""
    monkeypatch.setattr(demo.Demo.__init__, "__defaults__", (("waves", "linocut"), False))
    monkeypatch.setattr(demo, "DRAWING", (48, 48))
    monkeypatch.setattr(demo, "SIZE", 64)


def test_the_demo_has_enough_styles() -> None:
    styles = demo.Demo(Path("demo")).styles
    assert len(set(styles)) >= 4
    assert set(styles) <= set(DRAWINGS)


@pytest.mark.usefixtures("short")
def test_demo(call: Any, compact_weights: Path) -> None:
    command = ["demo", "-o", "shown", "--size", 32, "--steps", 2, "--weights", compact_weights]
    said = call(*command)
    assert said.code == 0, said.err
    made = {"photo.png", "style-waves.png", "style-linocut.png", "waves.png", "linocut.png", "sheet.png", "network.png"}
    assert {path.name for path in Path("shown").iterdir()} == made
    assert str(Path("shown/sheet.png")) in said.out
    with Image.open("shown/sheet.png") as sheet:
        assert np.asarray(sheet).std() > 20

    assert "waves.png is finished already" in call(*command).err
    read = read_settings("shown/waves.png")
    changed = call(*command[:-4], "--steps", 3, *command[-2:])  # an older demo gives way
    assert (changed.code, read_settings("shown/waves.png")["settings"]["steps"]) == (0, 3)
    assert read["settings"]["steps"] == 2


@pytest.mark.usefixtures("short")
def test_the_demo_leaves_foreign_files_alone(call: Any, compact_weights: Path) -> None:
    before = Path("photo.png").read_bytes()
    said = call("demo", "-o", ".", "--size", 32, "--steps", 2, "--weights", compact_weights)
    assert said.code == 1
    assert "photo.png exists already and is not the demo's" in said.err
    assert Path("photo.png").read_bytes() == before
    assert not Path("waves.png").exists()
