"""``stylespace library`` from the command line, and queries as styles."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from installed import needs
from PIL import Image

import stylespace as ss
from stylespace.cli.app import main

needs("lancedb")


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with five pictures, an index, a bad file, all added."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STYLESPACE_LIBRARY", str(tmp_path / "library"))
    Path("refs").mkdir()
    for i in range(5):
        small = np.random.default_rng(i).integers(0, 255, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(small).resize((50, 40)).save(f"refs/{i}.png")
    with open("refs/index.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "title", "artist", "year", "tags"])
        writer.writerows(
            [f"{i}.png", f"Picture {i}", "Anna" if i < 3 else "Berta", 1900 + i, "oil" if i % 2 else "ink"] for i in range(5)
        )
    Path("refs/bad.png").write_bytes(b"x")
    Image.new("RGB", (60, 40), (120, 90, 60)).save("photo.png")
    assert main(["library", "add", "refs", "--tag", "set"]) == 0
    said = capsys.readouterr()
    assert "5 added, 0 already there, 1 skipped" in said.err
    assert "bad.png" in said.err
    return tmp_path


def test_search_and_info(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "search", "artist=anna,tag=ink"]) == 0
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()] == ["Picture 0", "Picture 2"]
    assert main(["library", "search", "like=refs/3.png,limit=1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["title"] == "Picture 3"
    assert main(["library", "info", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["references"], told["tags"]["set"], told["artists"]) == (5, 5, {"Anna": 3, "Berta": 2})
    assert main(["library", "info"]) == 0
    assert "5 references" in capsys.readouterr().out
    assert main(["library", "blend", "photo.png", "tag=ink"]) == 0
    assert "duality gap" in capsys.readouterr().err
    assert main(["library", "blend", "photo.png", "tag=ink", "--json"]) == 0
    blend = json.loads(capsys.readouterr().out)
    assert sum(each["weight"] for each in blend["references"]) == pytest.approx(1, abs=0.01)
    assert {"title", "path", "tags"} <= set(blend["references"][0])
    assert blend["duality_gap"] < 0.05


def test_what_was_done_as_json(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def printed(*arguments: str) -> Any:
        assert main(["library", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    again = printed("add", "refs")
    assert (again["added"], again["there_already"], [Path(path).name for path in again["passed_over"]]) == (0, 5, ["bad.png"])
    assert printed("tag", "tag=ink", "--add", "paper") == {"changed": 3}
    assert printed("remove", "tag=oil") == {"matching": 2, "removed": 0}
    assert printed("remove", "tag=oil", "--yes") == {"matching": 2, "removed": 2}
    assert printed("info")["references"] == 3


def test_tag_remove_export(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "tag", "tag=ink", "--add", "Paper", "--remove", "set"]) == 0
    assert main(["library", "remove", "tag=oil"]) == 0
    assert "2 would be removed" in capsys.readouterr().out
    assert main(["library", "remove", "tag=oil", "--yes"]) == 0
    assert main(["library", "export", "-o", "all.csv"]) == 0
    with open("all.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["tags"] for row in rows] == ["ink;paper"] * 3
    capsys.readouterr()
    assert main(["library", "export", "year=1904"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["artist"] == "Berta"
    assert main(["library", "add", "all.csv", "--library", "second"]) == 0


def test_a_query_is_a_style(filled: Path, compact_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Blended, explained, skipped when run again, repeated to the pixel."""
    small = ["--weights", str(compact_weights), "--size", "48", "--steps", "3"]
    arguments = ["transfer", "photo.png", "--style", "library:tag=ink", *small, "-o", "out.png"]
    assert main([*arguments, "--explain"]) == 0
    assert "references of the library make up the blend" in capsys.readouterr().err
    assert main(arguments) == 0
    assert "skipped" in capsys.readouterr().err
    assert main(["transfer", "--from", "out.png", "-o", "again.png"]) == 0
    assert np.array_equal(np.asarray(Image.open("out.png")), np.asarray(Image.open("again.png")))


def test_a_style_is_learned_from_a_query(filled: Path, compact_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From Python as on the command line, of all that matches; without the extra, a sentence says what to install."""
    small = ["--weights", str(compact_weights), "--size", "48", "--steps", "3"]
    assert main(["learn-style", "library:tag=ink", *small, "-o", "style.png"]) == 0
    learned = ss.learn_style("library:tag=ink", 48, 3, weights=compact_weights)
    named = ss.learn_style([Path(f"refs/{i}.png") for i in (0, 2, 4)], 48, 3, weights=compact_weights)
    assert np.array_equal(np.asarray(Image.open("style.png")), np.asarray(learned.picture))
    assert np.array_equal(np.asarray(named.picture), np.asarray(learned.picture))


def test_a_query_without_the_extra(
    filled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], compact_weights: Path
) -> None:
    monkeypatch.setitem(sys.modules, "stylespace.library", None)
    assert main(["learn-style", "library:tag=ink", "--weights", str(compact_weights), "-o", "style.png"]) == 1
    assert "pip install 'stylespace[library]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["library", "search", "colour=red"], 1, "no field 'colour'"),
        (["library", "add", "nothing"], 1, "does not exist"),
        (["library", "search", "", "--library", "empty"], 1, "There is no library"),
        (["library", "blend", "photo.png", "tag=none"], 1, "Nothing in the library"),
        (["transfer", "photo.png", "--style", "library:tag=none"], 1, "Nothing in the library"),
        (["transfer", "photo.png", "--style", "library:", "--style", "refs/1.png"], 2, "stands alone"),
        (["transfer", "photo.png", "--style", "library:", "--method", "gatys"], 2, "blended"),
        (["learn-style", "library:tag=none"], 1, "Nothing in the library"),
        (["learn-style", "library:", "refs/1.png"], 2, "stands alone"),
        (["library"], 2, "add"),
    ],
)
def test_mistakes(filled: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str) -> None:
    assert main(arguments) == code
    said: Any = capsys.readouterr()
    assert words in said.out + said.err
    assert "Traceback" not in said.err


def test_described_anew(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = json.loads(Path("library/library.json").read_text())
    Path("library/library.json").write_text(json.dumps(about | {"encoder": {"name": "compact", "sha256": "0" * 64}}))
    assert main(["library", "search", "like=refs/3.png"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "run 'stylespace library describe' to describe its pictures again" in said
    assert main(["library", "describe"]) == 0
    assert "5 of 5 described again" in capsys.readouterr().err
    assert main(["library", "search", "like=refs/3.png,limit=1"]) == 0
    Path("refs/2.png").unlink()
    capsys.readouterr()
    assert main(["library", "describe", "--json", "--quiet"]) == 1
    said = capsys.readouterr()
    assert "2.png cannot be described" in said.err
    assert json.loads(said.out)["described"] == 4
