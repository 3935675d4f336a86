"""``--from``: a result made again from what is stored in it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace import encoders
from stylespace.cli.app import main
from stylespace.cli.failures import sentence
from stylespace.errors import InputError, PictureError, StylespaceError
from stylespace.methods.gatys_settings import PRESETS, GatysSettings
from stylespace.methods.inversion_settings import InversionSettings
from stylespace.pictures import read, read_settings, vips, write
from stylespace.pictures.settings import packet
from stylespace.pipelines.record import same
from stylespace.pipelines.repeat import stored
from stylespace.pipelines.result import Result
from stylespace.pipelines.sources import Area
from stylespace.pipelines.task import Task
from stylespace.pipelines.transfer import resolve, transfer

TINY = {"size": 32, "smallest": 16, "steps": 4, "encoder": "compact", "content_layers": "relu4_2"}


def pictures() -> None:
    """In the current folder, the same each time."""
    random = np.random.default_rng(0)
    for name in ("photo.png", "style.png", "second.png"):
        Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(name)
    mask = np.zeros((24, 32), np.uint8)
    mask[:, :16] = 255
    Image.fromarray(mask).save("mask.png")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pictures()
    return tmp_path


def made(task: Task, name: str = "result.png", **how: Any) -> Result:
    result = task.run(Path("photo.png"))
    result.save(name, **how)
    return result


def same_pixels(one: str, other: str) -> bool:
    return torch.equal(read(one).pixels, read(other).pixels)


def full(weights: Path) -> Task:
    """A task that uses everything that can be stored."""
    return Task(
        resolve("style-transfer-pytorch", "draft", None, TINY | {"start": "picture", "colour": "cholesky", "seed": 7}),
        {Path("style.png"): 0.75, Path("second.png"): 0.1},
        (Area(Path("mask.png"), {Path("second.png"): 1.0}, Path("mask.png")), Area(Path("mask.png"))),
        Path("second.png"),
        Path("style.png"),
        weights,
        threads=1,
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, compact_weights: Path) -> Path:
    """A folder with ``full.png``, of everything that can be stored, and ``plain.png``: made once, copied by tests of what is stored."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        pictures()
        made(full(compact_weights), "full.png")
        made(Task(resolve("default", None, None, TINY), {Path("style.png"): 1.0}, weights=compact_weights), "plain.png")
    return folder


@pytest.fixture
def repeatable(folder: Path, results: Path) -> Path:
    """The folder, with ``result.png`` of everything that can be stored."""
    shutil.copy(results / "full.png", "result.png")
    return folder


@pytest.mark.parametrize("preset", [*PRESETS])
def test_identical_to_the_pixel(folder: Path, compact_weights: Path, preset: str) -> None:
    """Exact equality of 16-bit files: the same machine, threads, seeds and settings."""
    settings = resolve(preset, None, None, TINY | {"start": "noise", "precision": "fp32", "solver": "adam"})
    first = made(Task(settings, {Path("style.png"): 1.0}, weights=compact_weights), bits=16)
    again = stored("result.png")
    assert again.bits == 16
    assert again.differences == ()
    assert again.photo == Path("photo.png")
    repeated = again.task.run(again.photo)
    assert torch.equal(repeated.source.pixels, first.source.pixels)
    assert [record["total"] for record in repeated.losses] == [record["total"] for record in first.losses]
    repeated.save("again.png", bits=16)
    assert same_pixels("result.png", "again.png")


def test_everything_comes_back(repeatable: Path, compact_weights: Path) -> None:
    task = full(compact_weights)
    again = stored("result.png").task
    assert again.settings == replace(task.settings, precision=again.settings.precision)
    assert again == replace(task, settings=again.settings, device="cpu")


def test_inversion(folder: Path, compact_weights: Path) -> None:
    settings = InversionSettings(size=32, smallest=16, steps=3, layer="relu2_1")
    first = made(Task(settings, weights=compact_weights))
    again = stored("result.png", changes={"seed": 0})
    assert torch.equal(again.task.run(again.photo).source.pixels, first.source.pixels)
    assert stored("result.png", changes={"layer": "relu1_1"}).task.settings == replace(again.task.settings, layer="relu1_1")


def test_the_command_line_repeats(folder: Path, compact_weights: Path) -> None:
    made(full(compact_weights), "result.png", bits=16)
    assert main(["transfer", "--from", "result.png", "-o", "again.png", "--quiet"]) == 0
    assert same_pixels("result.png", "again.png")
    assert read("again.png").bits == 16
    assert main(["transfer", "--from", "again.png", "-o", "third.png", "--quiet"]) == 0
    assert same_pixels("result.png", "third.png")


def test_changes(repeatable: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Options given with --from replace what is stored; another photo or style too."""
    flags = ["--from", "result.png", "--seed", "8", "--size", "24", "--steps", "5", "--style", "second.png"]
    assert main(["transfer", "second.png", *flags, "-o", "other.png"]) == 0
    before, after = read_settings("result.png"), read_settings("other.png")
    assert after["photo"]["path"] == "second.png"
    assert [style["path"] for style in after["styles"]] == ["second.png"]
    assert after["areas"] == before["areas"]
    assert after["settings"]["seed"] == 8
    assert after["settings"]["sizes"][-1] == 24
    assert len(after["settings"]["sizes"]) == len(before["settings"]["sizes"])
    assert sum(after["settings"]["steps_each"]) == pytest.approx(5, abs=3)
    assert main(["inversion", "--from", "result.png"]) == 2
    assert "made with gatys" in capfd.readouterr().err


def test_files_beside_the_result(repeatable: Path) -> None:
    """A folder that was moved as a whole, called from elsewhere."""
    (repeatable / "moved").mkdir()
    for name in ("photo.png", "style.png", "second.png", "mask.png", "result.png"):
        os.replace(name, f"moved/{name}")
    again = stored("moved/result.png")
    assert again.photo == Path("moved/photo.png")
    assert set(again.task.styles) == {Path("moved/style.png"), Path("moved/second.png")}


@pytest.mark.parametrize("name", ["photo.png", "style.png", "mask.png"])
def test_a_file_that_moved_or_changed(repeatable: Path, name: str) -> None:
    data = Path(name).read_bytes()
    Path(name).write_bytes(data + b"more")
    with pytest.raises(InputError, match=rf"{name}, has changed since"):
        stored("result.png")
    Path(name).unlink()
    with pytest.raises(InputError, match=rf"{name}, is missing: put it back"):
        stored("result.png")
    if name == "photo.png":
        assert stored("result.png", photo_given=True).photo is None
    if name == "style.png":
        instead: dict[str, Any] = {"styles": {Path("second.png"): 1.0}, "start_picture": Path("second.png")}
        assert stored("result.png", instead=instead).task.styles == {Path("second.png"): 1.0}


def test_objects_cannot_be_found_again(folder: Path, compact_weights: Path) -> None:
    task = replace(full(compact_weights), strokes=None)
    task.run(Path("photo.png").read_bytes()).save("result.png")
    with pytest.raises(InputError, match=r"photo of result\.png was not a file"):
        stored("result.png")
    assert stored("result.png", photo_given=True).task.styles == task.styles


def rewritten(change: Any) -> None:
    record = read_settings("result.png")
    change(record)
    write(read("result.png"), "result.png", force=True, settings=record)


def test_what_cannot_be_repeated(repeatable: Path, results: Path) -> None:
    with pytest.raises(PictureError, match="no Stylespace settings"):
        stored("photo.png")
    for change, words in (
        (lambda record: record.update(method="weaving"), "weaving"),
        (lambda record: record["settings"].update(magic=1), "magic"),
        (lambda record: record.pop("styles"), "incomplete"),
        (lambda record: record.pop("settings"), "cannot repeat"),
    ):
        shutil.copy(results / "full.png", "result.png")
        rewritten(change)
        with pytest.raises(InputError, match=words):
            stored("result.png")


def test_differences_are_told(repeatable: Path) -> None:
    rewritten(lambda record: record.update(torch="1.0"))
    assert stored("result.png").differences == (f"torch 1.0, now {torch.__version__}",)


def test_the_precision_of_then(folder: Path, compact_weights: Path) -> None:
    """What 'auto' chose is repeated, not chosen again."""
    made(replace(full(compact_weights), settings=replace(full(compact_weights).settings, precision="auto")))
    rewritten(lambda record: record.update(dtype="bfloat16"))
    assert stored("result.png").task.settings.precision == "bf16"
    assert stored("result.png", changes={"precision": "auto"}).task.settings.precision == "auto"


def test_settings_survive_json(folder: Path) -> None:
    """Every field of every preset is the same after the way through a file."""
    for build in PRESETS.values():
        settings = build()
        values = json.loads(json.dumps({f.name: getattr(settings, f.name) for f in fields(settings)}))
        back = GatysSettings(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
        assert back == settings


def refused(code: int, capfd: pytest.CaptureFixture[str], *words: str) -> None:
    said = capfd.readouterr().err
    assert code == 1
    assert said.count("\n") == 1, said
    assert all(word in said for word in words), said


def test_another_encoder_is_refused(folder: Path, compact_weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One that was passed, one of an earlier version: each is named, and --encoder compact repeats with the one that is there."""
    passed = encoders.load("compact", weights=compact_weights, precision="fp32")
    settings = resolve("default", None, None, TINY | {"precision": "fp32"})
    made(Task(settings, {Path("style.png"): 1.0}, encoder=passed))
    wanted, here = read_settings("result.png")["encoder"], encoders.load("compact", precision="fp32").identity
    assert wanted == passed.identity == {"name": "compact", "sha256": passed.checksum}
    again = ["transfer", "--from", "result.png", "-o", "again.png", "--quiet"]
    names = [f"'compact' (weights {each['sha256'][:12]})" for each in (wanted, here)]
    refused(
        main(again), capfd, f"result.png needs the encoder {names[0]}, but {names[1]} is here", "--encoder compact", "--weights"
    )
    assert not Path("again.png").exists()
    assert main([*again, "--weights", str(compact_weights)]) == 0
    assert same_pixels("result.png", "again.png")
    assert main([*again, "--encoder", "compact", "--force"]) == 0
    assert not same_pixels("result.png", "again.png")
    assert read_settings("again.png")["encoder"] == here
    rewritten(lambda record: record.pop("encoder"))
    refused(main([*again, "--force"]), capfd, "needs the encoder 'compact' of an earlier version of Stylespace")
    assert main([*again, "--encoder", "compact", "--force"]) == 0


def test_encoder_compact_does_without_the_stored_weights(folder: Path, compact_weights: Path) -> None:
    made(Task(resolve("default", None, None, TINY), {Path("style.png"): 1.0}, weights=compact_weights))
    assert stored("result.png").task.weights is not None
    assert stored("result.png", changes={"encoder": "compact"}).task.weights is None


def test_a_passed_encoder_is_what_the_record_says(folder: Path, compact_weights: Path) -> None:
    passed = encoders.load("compact", weights=compact_weights, precision="fp32", pooling="average", padding="zero")
    task = Task(resolve("default", None, None, TINY), {Path("style.png"): 1.0}, encoder=passed)
    result = made(task)
    record = read_settings("result.png")
    assert (record["settings"]["pooling"], record["settings"]["padding"]) == ("average", "zero")
    assert same(record, task.inputs(Path("photo.png")))
    assert not same(record, replace(task, encoder=None).inputs(Path("photo.png")))
    again = stored("result.png", instead={"weights": compact_weights}).task
    assert torch.equal(again.run(Path("photo.png")).source.pixels, result.source.pixels)
    with pytest.raises(InputError, match="has the pooling 'average': leave pooling out"):
        transfer("photo.png", "style.png", encoder=passed, pooling="max", **{k: v for k, v in TINY.items() if k != "encoder"})


@pytest.mark.parametrize(
    "change",
    [
        {"method": ["gatys"]}, {"method": None}, {"settings": []}, {"settings": {"steps": "many"}}, {"settings": {"steps": 10**400}},
        {"settings": {"size": True}}, {"settings": {"seed": None}}, {"settings": {"solver": {"a": 1}}}, {"styles": None}, {"styles": "x"},
        {"styles": [3]}, {"styles": [{"path": 3, "sha256": ""}]}, {"styles": [{"path": "x" * 5000, "sha256": ""}]}, {"areas": [None]},
        {"styles": [{"path": "style.png", "sha256": None, "weight": "x"}]}, {"photo": []}, {"photo": {"path": "a\0b"}}, {"threads": "x"},
        {"threads": 1e999}, {"points": [[1, 2]]}, {"points": 3}, {"encoder": 3}, {"encoder": {"name": None}}, {"weights": 3},
    ],
    ids=str,
)  # fmt: skip
def test_records_that_were_changed_are_refused_in_a_sentence(folder: Path, results: Path, change: dict[str, Any]) -> None:
    record = read_settings(results / "plain.png")
    for name, value in change.items():
        record[name] = record[name] | value if name == "settings" and isinstance(value, dict) else value
    text = json.dumps(record)  # Infinity and all
    image = vips.Image.new_from_file(str(results / "plain.png"))
    block = packet({}).replace(b"{}", escape(text).encode())
    vips.with_block(image, "xmp-data", block).pngsave("changed.png")
    with pytest.raises(StylespaceError) as raised:
        stored("changed.png")
    said = sentence(raised.value)
    assert len(said) < 800
    assert "\n" not in said
