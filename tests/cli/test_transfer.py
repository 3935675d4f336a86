"""``stylespace transfer`` from files to files."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import stylespace
from stylespace.cli.progress import Reporter
from stylespace.cli.sources import areas, jobs, weighted_styles
from stylespace.cli.transfer import report
from stylespace.methods.gatys_settings import PRESETS
from stylespace.pictures import read, read_settings
from stylespace.pipelines.batch import Job, Outcome
from stylespace.pipelines.sources import Area

pytestmark = pytest.mark.usefixtures("folder")


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def files() -> set[str]:
    return {path.as_posix() for path in Path().rglob("*") if path.is_file()}


def test_one_photo(call: Any, tiny: list[str]) -> None:
    said = call("transfer", "photo.png", "--style", "style.png", "-o", "out.png", *tiny)
    assert (said.code, said.out) == (0, "out.png\n")
    assert "32 px" in said.err
    assert pixels("out.png").shape == (24, 32, 3)
    stored = read_settings("out.png")
    assert stored["method"] == "gatys"
    assert stored["settings"]["steps"] == 2
    assert stored["photo"]["path"] == "photo.png"
    assert stored["interrupted"] is False


def test_quiet(call: Any, tiny: list[str]) -> None:
    said = call("gatys", "photo.png", "-s", "style.png", "-o", "out.png", "-q", *tiny)
    assert (said.code, said.out, said.err) == (0, "", "")
    assert Path("out.png").is_file()


@pytest.mark.parametrize("out", [None, "made/", "there"])
def test_names_of_results(call: Any, tiny: list[str], out: str | None) -> None:
    Path("there").mkdir()
    said = call("transfer", "photo.png", "-s", "style.png", *([] if out is None else ["-o", out]), *tiny)
    wanted = {None: "photo-style.png", "made/": "made/photo.png", "there": "there/photo.png"}[out]
    assert (said.code, Path(said.out.strip()).as_posix()) == (0, wanted)
    assert wanted in files()


def test_many_photos_and_one_bad(call: Any, tiny: list[str]) -> None:
    Path("bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    photos = ["photo.png", "bad.png", "nowhere.png", "other.jpg"]
    said = call("transfer", *photos, "-s", "style.png", "-o", "done", *tiny)
    assert said.code == 1
    assert {name for name in files() if name.startswith("done/")} == {"done/photo.png", "done/other.png"}
    lines = [line for line in said.err.splitlines() if line.startswith("stylespace: ")]
    assert "nowhere.png does not exist" in lines[0]
    assert "bad.png is damaged" in lines[1]
    assert lines[2] == "stylespace: 2 of 4 photos could not be done."

    first = os.stat("done/photo.png").st_mtime_ns
    again = call("transfer", *photos, "-s", "style.png", "-o", "done", *tiny)
    assert again.code == 1
    assert again.out == ""
    assert again.err.count("finished already: skipped") == 2
    assert os.stat("done/photo.png").st_mtime_ns == first


def test_folders_and_patterns(call: Any, tiny: list[str]) -> None:
    Path("in").mkdir()
    os.replace("photo.png", "in/photo.png")
    assert call("transfer", "in", "-s", "style.png", "-o", "out", *tiny).out == f"{Path('out/photo.png')}\n"
    assert "skipped" in call("transfer", "in/*.png", "-s", "style.png", "-o", "out", *tiny).err


def test_other_settings_are_not_overwritten(call: Any, tiny: list[str]) -> None:
    command = ["transfer", "photo.png", "-s", "style.png", "-o", "out.png", *tiny]
    assert call(*command).code == 0
    before = Path("out.png").read_bytes()
    said = call(*command, "--seed", "3")
    assert said.code == 1
    assert said.err.startswith("stylespace: out.png exists already, made from another photo, style or settings:")
    assert Path("out.png").read_bytes() == before
    assert call(*command, "--seed", "3", "--force").code == 0
    assert read_settings("out.png")["settings"]["seed"] == 3
    assert "skipped" in call(*command, "--seed", "3").err


def test_another_photo_or_style_of_the_same_name(call: Any, tiny: list[str]) -> None:
    command = ["transfer", "photo.png", "-s", "style.png", "-o", "out.png", *tiny]
    assert call(*command).code == 0
    os.replace("style.png", "moved.png")
    os.replace("photo.png", "there.png")
    assert "skipped" in call("transfer", "there.png", "-s", "moved.png", "-o", "out.png", *tiny).err
    os.replace("second.png", "style.png")
    os.replace("there.png", "photo.png")
    assert call(*command).code == 1


def test_a_foreign_file_is_left_alone(call: Any, tiny: list[str]) -> None:
    Path("out.png").write_bytes(Path("second.png").read_bytes())
    before = files()
    said = call("transfer", "photo.png", "-s", "style.png", "-o", "out.png", *tiny)
    assert said.code == 1
    assert "out.png exists already" in said.err
    assert files() == before
    assert Path("out.png").read_bytes() == Path("second.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "photo.png", "--force"], "is the photo itself"),
        (["-o", "out.txt"], ".png, .jpg"),
        (["-o", "style.png/out.png"], "is a file, not a folder"),
        (["-o", "out.jpg", "--bits", "16"], "cannot hold 16 bits"),
        (["-o", "out.png", "--content-layers", "relu5_4"], "relu5_1 instead"),
        (["-o", "out.png", "--weights", "nothing.safetensors"], "nothing.safetensors"),
        (["-o", "out.png", "--start-picture", "nothing.png"], "nothing.png does not exist"),
        (["-o", "out.png", "--max-pixels", "100"], "--max-pixels"),
        (["-o", "out.png", "--losses", "mask.png"], "mask.png exists already"),
        (["-o", "out.png", "--style", "nothing.png"], "nothing.png does not exist"),
        (["-o", "out.png", "--style", "second.png=-2"], "negative"),
    ],
)
def test_what_cannot_be_done(call: Any, tiny: list[str], arguments: list[str], words: str) -> None:
    before = {name: Path(name).read_bytes() for name in files()}
    said = call("transfer", "photo.png", "-s", "style.png", *tiny, *arguments)
    assert said.code == 1
    assert said.err.splitlines()[-1].startswith("stylespace: ")
    assert words in said.err
    assert {name: Path(name).read_bytes() for name in files()} == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--style", "style.png"], "at least one photo"),
        (["photo.png"], "at least one style"),
        (["photo.png", "--style", "style.png", "--bits", "12"], "8 or 16"),
        (["photo.png", "--style", "style.png", "--quality", "great"], "draft, good, best"),
        (["photo.png", "--style", "style.png", "--preset", "mine"], "neural-style"),
        (
            ["photo.png", "--style", "style.png", "--method", "magic"],
            "gatys, blend, strotss, nnst, deformable, quilting, analogies, photoreal, inversion",
        ),
        (["photo.png", "--style", "style.png", "--device", "tpu"], "auto, cpu, cuda, mps"),
        (["photo.png", "--style", "style.png", "--snapshots", "1,x"], "15,150,1500"),
        (["photo.png", "--style", "style.png", "--snapshots", "0"], "15,150,1500"),
        (["photo.png", "--style", "style.png", "--curve", "curve.txt"], ".png, .svg, .pdf"),
        (["photo.png", "--style", "style.png", "--region", "mask.png"], "MASK=STYLE"),
        (["photo.png", "other.jpg", "--style", "style.png", "-o", "out.png"], "give a folder"),
        (["photo.png", "--style", "style.png", "--method", "inversion"], "not inversion: leave it out"),
        (["photo.png", "--style", "style.png", "--size", "0"], "size cannot be 0"),
        (["photo.png", "--style", "style.png", "--method", "nnst", "--point", "0,0=1,1"], "strotss and deformable, not nnst"),
        (["--from", "out.png", "--preset", "default"], "--preset"),
    ],
)
def test_wrong_usage(call: Any, arguments: list[str], words: str) -> None:
    said = call("transfer", *arguments)
    assert said.code == 2
    assert words in " ".join(said.err.split())


@pytest.mark.parametrize("preset", sorted(set(PRESETS) - {"default"}))
def test_presets_are_not_overridden(call: Any, compact_weights: Path, preset: str) -> None:
    """Defaults of options do not replace a preset's settings; only what is typed does."""
    typed = {"encoder": "compact", "size": 32, "steps": 3, "precision": "fp32", "content_layers": "relu4_2"}
    flags = [part for name, value in typed.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    said = call(
        "transfer", "photo.png", "-s", "style.png", "-o", "o.png", "--preset", preset, "--weights", compact_weights, *flags
    )
    assert said.code == 0, said.err
    stored = read_settings("o.png")["settings"]
    published = PRESETS[preset]()
    follow = {"sizes", "steps_each"}  # scaled to the size and steps that were typed
    for name in stored.keys() - typed.keys() - follow:
        assert stored[name] == getattr(published, name), name
    assert {name: stored[name] for name in typed} == typed
    assert stored["sizes"][-1] == 32
    assert len(stored["sizes"]) == len(published.sizes)


def test_a_preset_without_its_layers_says_so(call: Any, compact_weights: Path) -> None:
    command = ["transfer", "photo.png", "-s", "style.png", "-o", "o.png", "--preset", "course-project", "--encoder", "compact"]
    said = call(*command, "--weights", compact_weights, "--size", 32, "--steps", 2)
    assert said.code == 1
    assert "no layer 'relu5_2'" in said.err


def test_quality(call: Any, compact_weights: Path) -> None:
    flags = ["--weights", compact_weights, "--sizes", "16", "--steps-each", "2", "--quality", "draft"]
    assert call("transfer", "photo.png", "-s", "style.png", "-o", "o.png", *flags).code == 0
    assert read_settings("o.png")["settings"]["steps"] == round(0.33 * PRESETS["default"]().steps)


def test_standard_input(call: Any, tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def piped(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    photo = Path("photo.png").read_bytes()
    piped(photo)
    assert call("transfer", "-", "-s", "style.png", "--preview", *tiny).out.split() == [
        "picture-style-preview.png",
        "picture-style.png",
    ]
    assert call("transfer", "photo.png", "-s", "style.png", *tiny).code == 0
    assert (pixels("picture-style.png") == pixels("photo-style.png")).all()
    piped(photo)
    assert "skipped" in call("transfer", "-", "-s", "style.png", *tiny).err
    piped(b"")
    said = call("transfer", "-", "-s", "style.png", "-o", "none.png", *tiny)
    assert (said.code, said.err) == (
        1,
        "stylespace: Standard input is empty: give a picture (JPEG, PNG, TIFF, WebP, AVIF, HEIF or GIF).\n",
    )


def test_what_is_written_beside(call: Any, tiny: list[str]) -> None:
    command = ["transfer", "photo.png", "-s", "style.png", "-o", "o.png", *tiny, "--losses", "l.jsonl", "--curve", "c.svg"]
    before = files()
    said = call(*command, "--snapshots", "1,2,900", "--preview")
    assert said.code == 0
    assert said.out.split() == ["o-preview.png", "o.png"]
    assert files() - before == {"o.png", "o-preview.png", "o-1.png", "o-2.png", "l.jsonl", "c.svg"}
    assert pixels("o-preview.png").shape[1] == 8
    records = [json.loads(line) for line in Path("l.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 2]
    assert read_settings("o-1.png")["snapshot"] == 1
    assert "skipped" in call(*command, "--snapshots", "1,2,900", "--preview").err
    Path("o.png").unlink()
    said = call(*command)
    assert said.code == 1
    assert "l.jsonl exists already" in said.err


def test_beside_many(call: Any, tiny: list[str]) -> None:
    assert call("transfer", "photo.png", "other.jpg", "-s", "style.png", "-o", "d", *tiny, "--losses", "x/l.jsonl").code == 0
    assert {"x/l-photo.jsonl", "x/l-other.jsonl"} <= files()


def test_sixteen_bits(call: Any, tiny: list[str]) -> None:
    command = ["transfer", "photo.png", "-s", "style.png", "-o", "o.png", *tiny]
    assert call(*command, "--bits", "16").code == 0
    assert read("o.png").bits == 16
    assert "skipped" in call(*command, "--bits", "16").err
    assert call(*command).code == 0  # asked for otherwise: written anew
    assert read("o.png").bits == 8


def test_regions(call: Any, tiny: list[str]) -> None:
    """The kept half is the photo; --style is for the rest."""
    assert call("transfer", "photo.png", "-s", "style.png", "-o", "all.png", *tiny).code == 0
    assert (
        call(
            "transfer", "photo.png", "-s", "style.png", "-o", "kept.png", "--keep-region", "mask.png", "--keep", "last", *tiny
        ).code
        == 0
    )
    flags = ["--region", "mask.png=second.png:mask.png", "--strokes", "second.png", "--start-picture", "second.png"]
    assert call("transfer", "photo.png", "-s", "style.png", "-o", "two.png", *flags, *tiny).code == 0
    with Image.open("photo.png") as picture:
        photo = np.asarray(picture.resize((32, 24), Image.Resampling.BICUBIC)).astype(float)
    assert np.abs(pixels("kept.png")[:, :14] - photo[:, :14]).max() <= 3
    assert (pixels("kept.png")[:, 20:] != photo[:, 20:].round()).mean() > 0.5
    stored = read_settings("two.png")
    assert stored["settings"]["start"] == "picture"
    assert stored["areas"][0]["styles"][0]["path"] == "second.png"
    assert stored["strokes"]["path"] == stored["start_picture"]["path"] == "second.png"
    assert "skipped" in call("transfer", "photo.png", "-s", "style.png", "-o", "two.png", *flags, *tiny).err


def test_inversion(call: Any, tiny: list[str]) -> None:
    assert call("inversion", "photo.png", "--layer", "relu1_1", *tiny).out == "photo-relu1_1.png\n"
    assert "skipped" in call("transfer", "photo.png", "--method", "inversion", "--layer", "relu1_1", *tiny).err


def test_styles_with_weights() -> None:
    assert weighted_styles(["style.png", "second.png=0.25", "style.png=2"], None) == {
        Path("style.png"): 3.0,
        Path("second.png"): 0.25,
    }
    Path("refs").mkdir()
    for name in ("a.png", "b.png"):
        Path("refs", name).write_bytes(b"x")
    Path("odd=1.png").write_bytes(b"x")
    assert weighted_styles(["refs=3", "odd=1.png"], None) == {
        Path("refs/a.png"): 1.5,
        Path("refs/b.png"): 1.5,
        Path("odd=1.png"): 1.0,
    }


def test_areas() -> None:
    second, mask = Path("second.png"), Path("mask.png")
    assert areas(["mask.png=second.png", "mask.png=second.png:mask.png"], ["mask.png"]) == (
        Area(mask, {second: 1.0}, None),
        Area(mask, {second: 1.0}, mask),
        Area(mask),
    )


def test_results_of_the_same_name() -> None:
    photos = [Path("a/x.png"), Path("a/x.jpg"), Path("b/x.jpg"), Path("b/y.jpg")]
    made = [job.target.as_posix() for job in jobs(photos, "out", "", several=True, max_pixels=None)]
    assert made == ["out/x-png.png", "out/a-x-jpg.png", "out/b-x-jpg.png", "out/y.png"]
    again = [job.target.as_posix() for job in jobs([Path("x.png"), Path("X.PNG")], "out", "", several=True, max_pixels=None)]
    assert len({name.casefold() for name in again}) == 2


def test_what_an_interruption_says(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Work that left its state continues from there; the message does not say that it begins again."""
    job = Job("photo.png", Path("out.png"), "photo.png")
    for state, words in ((False, "to finish."), (True, "to continue from there (its state is in .out.png.unfinished).")):
        Path(".out.png.unfinished").mkdir() if state else None
        with Reporter(True) as reporter:
            assert report([Outcome(job, "interrupted")], reporter, trace=False, total=1) == 130
        said = capfd.readouterr().err
        assert said == f"stylespace: Interrupted: out.png is not written yet; run the same command again {words}\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c(tiny: list[str], call: Any) -> None:
    """The best so far is saved and marked; the next run finishes that photo and the others."""
    # Started in the background of a shell it would be deaf to Ctrl-C.
    deaf_no_more = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{deaf_no_more}; import sys; from stylespace.cli.app import main; sys.exit(main())"
    flags = [*tiny, "--steps", "100000"]
    command = [sys.executable, "-c", program, "transfer", "photo.png", "other.jpg", "-s", "style.png", "-o", "o", *flags]
    environment = os.environ | {"PYTHONPATH": str(Path(stylespace.__file__).parents[1])}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stderr is not None
        assert "32 px" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
        assert running.wait(60) == 130
    assert said == "stylespace: Interrupted: the best so far is in o/photo.png; run the same command again to finish.\n"
    assert {name for name in files() if name.startswith("o/")} == {"o/photo.png"}
    assert pixels("o/photo.png").shape == (24, 32, 3)
    assert read_settings("o/photo.png")["interrupted"] is True

    again = call("transfer", "photo.png", "-s", "style.png", "-o", "o/photo.png", *tiny)
    assert again.code == 1  # another number of steps: not the same result
    record = read_settings("o/photo.png")
    assert record["settings"]["steps"] == 100000
