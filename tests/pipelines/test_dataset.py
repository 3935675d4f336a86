"""Data sets redrawn: the same bytes wherever, in whatever order and after whatever stop."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import tiny_network

from stylespace.errors import InputError, PictureError, StylespaceError
from stylespace.methods.deformable_settings import DeformableSettings
from stylespace.networks.arbitrary import Reader
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.warp import Warp
from stylespace.pipelines.dataset import Plan, part, restyle, run
from stylespace.pipelines.dataset.along import Move
from stylespace.pipelines.dataset.draws import Choice, Draw
from stylespace.pipelines.dataset.manifest import Manifest
from stylespace.pipelines.dataset.pool import on_pool
from stylespace.pipelines.dataset.work import DEATHS, Trail, Worker
from stylespace.pipelines.paint import Painting, PaintSettings
from stylespace.pipelines.task import Task

pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'dataset'")
STYLES = {"swirls": 1.0, "waves": 2.0, "dots": 1.0}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Orders are carried out in this process; slow tests start real ones."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(run, "on_pool", in_place)


def in_place(orders: Iterator[Any], job: Any, workers: int) -> Iterator[Any]:
    worker = Worker(job)
    for order in orders:
        yield worker.do(order)


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_network(tmp_path_factory.mktemp("network") / "net.safetensors", STYLES)


def jpeg(number: int, size: tuple[int, int] = (40, 28)) -> bytes:
    small = np.random.default_rng(number).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize(size).save(out, "JPEG")
    return out.getvalue()


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three classes of three pictures with labels and masks, and a file of its own."""
    folder = tmp_path / "photos"
    for number in range(9):
        place = folder / "abc"[number % 3] / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(jpeg(number, (40 + 4 * (number % 2), 28)))
        place.with_suffix(".txt").write_text(f"{number} 0.5 0.5 0.25 0.25\n")
        mask = folder / "masks" / place.relative_to(folder).with_suffix(".png")
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((28, 40), number, np.uint8)).save(mask)
    (folder / "classes.json").write_text('["a", "b", "c"]')
    return folder


def shard(path: Path, numbers: range) -> Path:
    with tarfile.open(path, "w") as tar:
        for number in numbers:
            for name, data in (
                (f"{number:03d}.cls", b"%d" % number),
                (f"{number:03d}.jpg", jpeg(number)),
                (f"{number:03d}.json", b"{}"),
            ):
                about = tarfile.TarInfo(name)
                about.size, about.mtime = len(data), number
                tar.addfile(about, io.BytesIO(data))
    return path


def table(path: Path, count: int) -> Path:
    import pyarrow as pa

    rows = [{"image": {"bytes": jpeg(i), "path": f"{i}.jpg"}, "label": i, "bbox": [[1.0, 2.0, 3.0, 4.0]]} for i in range(count)]
    pq.write_table(pa.Table.from_pylist(rows).replace_schema_metadata({"huggingface": "{}"}), path, row_group_size=4)
    return path


def work(network: Path, **settings: Any) -> Painting:
    return Painting(PaintSettings({}, **settings), network, "cpu", 1)


def redraw(source: Any, out: Path, network: Path, **more: Any) -> run.Totals:
    plan = Plan(**{"seed": 3, **more.pop("plan", {})})
    return restyle(source, out, more.pop("styles", STYLES), work=work(network), plan=plan, **{"workers": 2, **more})


def files(folder: Path) -> dict[str, bytes]:
    """Everything that a run leaves, except what it remembers."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".stylespace" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def provenance(out: Path) -> list[dict[str, Any]]:
    return pq.read_table(out / "provenance.parquet").to_pylist()


def test_folders_with_labels_and_masks(photos: Path, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = redraw(photos, out, network, plan={"masks": "masks"})
    assert (told.done, told.failed) == (9, 0)
    made, given = files(out), files(photos)
    assert set(made) == {*given, "provenance.parquet"}
    for name, data in given.items():
        assert (made[name] == data) == (not name.endswith(".jpg")), name
    painter = StyleNetwork.load(network)
    for row in provenance(out):
        if row["state"] != "done":
            continue
        (style,) = row["styles"]
        after = pixels(out / row["source"])
        assert after.shape == pixels(photos / row["source"]).shape
        wanted = np.asarray(painter(photos / row["source"], style["style"])).astype(int)
        assert np.abs(after - wanted).mean() < 6  # JPEG's loss
    assert {row["styles"][0]["style"] for row in provenance(out) if row["state"] == "done"} == set(STYLES)


def test_neither_order_nor_parts_nor_layout_matter(
    photos: Path, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redraw(photos, tmp_path / "one", network)
    monkeypatch.setattr(part.chunks, "__defaults__", (1, 1))
    monkeypatch.setattr(run, "on_pool", lambda orders, job, workers: in_place(iter(list(orders)[::-1]), job, workers))
    redraw(photos, tmp_path / "two", network, styles=dict(reversed(STYLES.items())))
    assert files(tmp_path / "one") == files(tmp_path / "two")
    (tmp_path / "flat").mkdir()
    for path in photos.glob("[abc]/*.jpg"):
        shutil.copy(path, tmp_path / "flat" / f"other-{path.name}")
    redraw(tmp_path / "flat", tmp_path / "three", network)
    one = {row["source_sha256"]: row["target_sha256"] for row in provenance(tmp_path / "one") if row["state"] == "done"}
    for row in provenance(tmp_path / "three"):
        assert one[row["source_sha256"]] == row["target_sha256"]


def test_shards(network: Path, tmp_path: Path) -> None:
    shard(tmp_path / "s-00.tar", range(5))
    shard(tmp_path / "s-01.tar", range(5, 8))
    redraw(tmp_path / "s-{00..01}.tar", tmp_path / "out", network, plan={"versions": 2})
    with tarfile.open(tmp_path / "out" / "s-00.tar") as tar:
        names = tar.getnames()
        assert names[:6] == ["000-1.cls", "000-1.json", "000-1.jpg", "000-2.cls", "000-2.json", "000-2.jpg"]
        held = {name: tar.extractfile(name).read() for name in names}  # type: ignore[union-attr]
    assert len(names) == 30
    assert [held[f"{i:03d}-2.cls"] for i in range(5)] == [b"%d" % i for i in range(5)]
    assert Image.open(io.BytesIO(held["004-1.jpg"])).size == (40, 28)
    assert [row["target"] for row in provenance(tmp_path / "out")][-1] == "s-01.tar/007-2.jpg"
    assert not list((tmp_path / "out" / ".stylespace" / "pieces").glob("*/*"))


def test_parquet(network: Path, tmp_path: Path) -> None:
    table(tmp_path / "t.parquet", 10)
    redraw(tmp_path / "t.parquet", tmp_path / "out", network)
    before, after = (pq.read_table(folder / "t.parquet") for folder in (tmp_path, tmp_path / "out"))
    assert after.schema.equals(before.schema, check_metadata=True)
    assert after.drop_columns("image").equals(before.drop_columns("image"))
    for one, other in zip(before["image"].to_pylist(), after["image"].to_pylist(), strict=True):
        assert one["path"] == other["path"]
        assert one["bytes"] != other["bytes"]
        assert Image.open(io.BytesIO(other["bytes"])).size == (40, 28)


def test_lists(photos: Path, network: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("photos/b/1.jpg\tbee\nphotos/a/0.jpg\tay one\nphotos/a/none.jpg\n")
    told = redraw(tmp_path / "list.txt", tmp_path / "out", network)
    assert told.failed == 1
    assert (tmp_path / "out" / "list.txt").read_text() == "b/1.jpg\tbee\na/0.jpg\tay one\n"
    assert set(files(tmp_path / "out")) == {"a/0.jpg", "b/1.jpg", "list.txt", "provenance.parquet"}


def test_a_broken_picture_is_told_and_left_out(photos: Path, network: Path, tmp_path: Path) -> None:
    (photos / "a" / "0.jpg").write_bytes(b"no picture")
    shard(photos / "s.tar", range(3))
    data = bytearray((photos / "s.tar").read_bytes())
    at = data.index(jpeg(1))
    data[at : at + 4] = b"\0\0\0\0"
    (photos / "s.tar").write_bytes(data)
    assert redraw(photos, tmp_path / "out", network).failed == 2
    failed = [row for row in provenance(tmp_path / "out") if row["state"] == "failed"]
    assert [row["source"] for row in failed] == ["a/0.jpg", "s.tar/001"]
    assert all(row["error"] for row in failed)
    with tarfile.open(tmp_path / "out" / "s.tar") as tar:
        assert tar.getnames() == ["000.cls", "000.json", "000.jpg", "002.cls", "002.json", "002.jpg"]
    (photos / "a" / "0.jpg").write_bytes(jpeg(0))  # mended: the next run does it
    assert redraw(photos, tmp_path / "out", network).done == 1


@pytest.mark.parametrize("kind", ["folder", "shard", "table"])
def test_after_a_full_disk_it_goes_on(
    kind: str, photos: Path, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part.chunks, "__defaults__", (2, 1 << 20))
    made: dict[str, Callable[[], Path]] = {
        "folder": lambda: photos, "shard": lambda: shard(tmp_path / "s.tar", range(6)), "table": lambda: table(tmp_path / "t.parquet", 6),
    }  # fmt: skip
    source = made[kind]()
    redraw(source, tmp_path / "whole", network)
    wanted = files(tmp_path / "whole")
    stops, flush = 0, os.fsync
    while True:
        left = 2

        def full(number: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            flush(number)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            try:
                redraw(source, tmp_path / "out", network)
                break
            except StylespaceError as error:
                assert "make room" in str(error)  # noqa: PT017
                stops += 1
        assert all(wanted[name] == data for name, data in files(tmp_path / "out").items())  # what is there is whole
        if stops > 20:
            redraw(source, tmp_path / "out", network)
            break
    assert stops
    assert files(tmp_path / "out") == wanted


def test_a_full_disk_under_the_manifest(photos: Path, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        with Manifest._reworded(self=arguments[0]):
            raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "note", full)
        with pytest.raises(StylespaceError, match="make room"):
            redraw(photos, tmp_path / "out", network)
    redraw(photos, tmp_path / "out", network)
    redraw(photos, tmp_path / "whole", network)
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_nothing_is_done_twice(photos: Path, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shard(photos / "s.tar", range(3))
    assert redraw(photos, out, network).done == 21  # masks, too: nobody said that they are any
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")}
    os.utime(photos / "a" / "0.jpg")  # touched, not changed
    assert redraw(photos, out, network).done == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")} == before
    (photos / "a" / "0.jpg").write_bytes(jpeg(77))
    (out / "b" / "1.jpg").unlink()
    (out / "s.tar").unlink()
    assert redraw(photos, out, network).done == 5
    redraw(photos, tmp_path / "whole", network)
    assert files(out) == files(tmp_path / "whole")


def test_mistakes(photos: Path, network: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no style 'swirl': did you mean 'swirls'"):
        redraw(photos, tmp_path / "out", network, styles={"swirl": 1.0})
    with pytest.raises(PictureError, match="does not exist"):
        redraw(tmp_path / "none", tmp_path / "out", network)
    assert not (tmp_path / "out").exists()
    redraw(photos, tmp_path / "out", network)
    with pytest.raises(InputError, match="other settings \\(seed\\)"):
        redraw(photos, tmp_path / "out", network, plan={"seed": 4})
    with pytest.raises(PictureError, match="holds other files"):
        redraw(photos, photos, network)
    (tmp_path / "s.tar").write_bytes(b"x" * 2000)
    with pytest.raises(PictureError, match="cannot be read as a shard"):
        redraw(tmp_path / "s.tar", tmp_path / "more", network)


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that reads paintings."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        body = BUILDS["tiny"]().eval().requires_grad_(False)
        reader = Reader(body.row_size).eval().requires_grad_(False)
        rows = body.initial_row() + 0.3 * torch.randn(1, body.row_size)
    path = tmp_path_factory.mktemp("network") / "reading.safetensors"
    StyleNetwork(body, "tiny", rows, ["swirls"], reader=reader).save(path)
    return path


@pytest.fixture
def paintings(tmp_path: Path) -> Path:
    folder = tmp_path / "paintings"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(jpeg(100 + number))
    return folder


def painted_as(out: Path, photos: Path, network: StyleNetwork) -> list[str]:
    """The styles of all results, each of which is what ``network`` paints by itself."""
    rows = [row for row in provenance(out) if row["state"] == "done"]
    for row in rows:
        (style,) = row["styles"]
        photo = photos / row["source"]
        code = style["style"] if style["style"] in network.names else network.code(style["style"])
        wanted = np.asarray(network(photo, code)).astype(int)
        assert np.abs(pixels(out / row["target"]) - wanted).max() <= 1
    return [row["styles"][0]["style"] for row in rows]


def test_paintings_and_folders_as_styles(photos: Path, reading: Path, paintings: Path, tmp_path: Path) -> None:
    told = redraw(
        photos, tmp_path / "out", reading, styles={str(paintings): 3.0, "swirls": 1.0}, plan={"masks": "masks", "format": "png"}
    )
    assert (told.done, told.failed) == (9, 0)
    drawn = painted_as(tmp_path / "out", photos, StyleNetwork.load(reading))
    assert set(drawn) <= {"swirls", *map(str, paintings.iterdir())}
    assert len(set(drawn)) > 2
    # A painting is known by its content: elsewhere, the same draws and the same bytes.
    moved = paintings.rename(tmp_path / "moved")
    redraw(photos, tmp_path / "again", reading, styles={str(moved): 3.0, "swirls": 1.0}, plan={"masks": "masks", "format": "png"})
    first, again = files(tmp_path / "out"), files(tmp_path / "again")
    assert {name: data for name, data in first.items() if name != "provenance.parquet"} == {
        name: data for name, data in again.items() if name != "provenance.parquet"
    }


def test_codes_as_styles(photos: Path, reading: Path, network: Path, paintings: Path, tmp_path: Path) -> None:
    plain = StyleNetwork.load(reading)
    code = plain.code(paintings / "0.jpg").save(tmp_path / "first.safetensors")
    redraw(photos, tmp_path / "coded", reading, styles=[code], plan={"masks": "masks", "format": "png"})
    redraw(photos, tmp_path / "painted", reading, styles=[paintings / "0.jpg"], plan={"masks": "masks", "format": "png"})
    coded, painted = (
        {n: d for n, d in files(tmp_path / out).items() if "masks" not in n and n.endswith(".png")}
        for out in ("coded", "painted")
    )
    assert len(coded) == 9
    assert coded == painted
    with pytest.raises(InputError, match="made by another network"):
        redraw(photos, tmp_path / "other", network, styles=[code])


def test_a_library_query_as_style(
    photos: Path, reading: Path, paintings: Path, compact_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lancedb", reason="needs the extra 'library'")
    from stylespace import encoders
    from stylespace.library import describing
    from stylespace.library.adding import add
    from stylespace.library.store import Library

    monkeypatch.setenv("STYLESPACE_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setattr(describing, "network", lambda: encoders.load("compact", weights=compact_weights, precision="fp32"))
    add(Library(), [paintings / "0.jpg", paintings / "1.jpg"], tags=["oil"])
    add(Library(), [paintings / "2.jpg"], tags=["ink"])
    redraw(photos, tmp_path / "out", reading, styles=["library:tag=oil"], plan={"masks": "masks", "format": "png"})
    drawn = painted_as(tmp_path / "out", photos, StyleNetwork.load(reading))
    assert {Path(name).name for name in drawn} == {"0.jpg", "1.jpg"}


def test_draws_follow_their_weights_and_each_other_little() -> None:
    three = Draw((Choice("a", 1.0), Choice("b", 2.0), Choice("c", 1.0)), seed=1)
    drawn = [three.of(str(i), 1)[0][0].name for i in range(4000)]
    shares = [drawn.count(name) / 4000 for name in "abc"]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.03)
    four = Draw((*three.choices, Choice("d", 1.0)), seed=1)
    changed = [
        (old, new) for old, new in zip(drawn, (four.of(str(i), 1)[0][0].name for i in range(4000)), strict=True) if old != new
    ]
    assert {new for _, new in changed} == {"d"}
    assert len(changed) / 4000 == pytest.approx(0.2, abs=0.03)
    mixes = [Draw(three.choices, 1, "mix", 2).of(str(i), 1) for i in range(2000)]
    assert all(len({choice.name for choice, _ in mix}) == 2 for mix in mixes)
    first = [mix[0][1] for mix in mixes]
    assert np.histogram(first, 4, (0, 1))[0] / 2000 == pytest.approx([0.25] * 4, abs=0.04)  # uniform over mixes
    assert Draw(three.choices, 1, "all").of("x", 1) == [(c, w) for c, w in zip(three.choices, (0.25, 0.5, 0.25), strict=True)]


def test_a_picture_that_ends_its_process_is_given_up(tmp_path: Path, photos: Path, network: Path) -> None:
    (order,) = run.containers([photos], tmp_path / "out", Plan())[0].parts()
    for _ in range(DEATHS):
        trail = Trail(tmp_path / "out", order)
        assert not trail.begin(0)
        assert not trail.begin(1)  # and here the process ends
    trail = Trail(tmp_path / "out", order)
    assert not trail.begin(0)
    assert "ended 3 times" in trail.begin(1)
    assert not trail.begin(2)


WARP = Warp(((0.5, 0.5), (0.4, 0.6)), ((0.6, 0.45), (0.5, 0.55)), (64, 96))


def test_masks_and_boxes_are_warped_as_pictures_are() -> None:
    mask = np.zeros((64, 96), np.uint8)
    mask[24:40, 36:60] = 200
    picture = torch.from_numpy(mask)[None, None].float() / 255
    warped = WARP.apply(picture)[0, 0] > 100 / 255
    out = io.BytesIO()
    palette = Image.fromarray(mask).convert("P")
    palette.putpalette([i // 3 for i in range(768)])
    palette.save(out, "PNG")
    move = Move((64, 96), (64, 96), WARP)
    moved = Image.open(io.BytesIO(move.mask("m.png", out.getvalue())))
    assert moved.mode == "P"
    assert np.mean((np.asarray(moved) == 200) != warped.numpy()) < 0.01
    rows, columns = torch.where(warped)
    around = [float(columns.min()), float(rows.min()), float(columns.max()) + 1, float(rows.max()) + 1]
    box = Move((64, 96), (64, 96), WARP, "xyxy").pixels([36, 24, 60, 40])
    assert box == pytest.approx(around, abs=1.2)
    told = json.loads(move.json(b'{"label": 3, "bbox": [36, 24, 24, 16], "objects": {"boxes": [[36, 24, 24, 16]]}}'))
    assert told["label"] == 3
    assert (
        told["bbox"] == told["objects"]["boxes"][0] == pytest.approx([box[0], box[1], box[2] - box[0], box[3] - box[1]], abs=0.01)
    )
    kind, *shares = move.yolo(b"7 0.5 0.5 0.25 0.25\n").split()
    assert kind == b"7"
    assert [float(n) for n in shares] == pytest.approx(
        [(box[0] + box[2]) / 192, (box[1] + box[3]) / 128, (box[2] - box[0]) / 96, (box[3] - box[1]) / 64], abs=0.001
    )
    assert b"<xmin>" in move.voc(b"<a><bndbox><xmin>36</xmin><ymin>24</ymin><xmax>60</xmax><ymax>40</ymax></bndbox></a>")
    assert move.beside("caption.txt", b"a cat\n") == b"a cat\n"
    still = Move((64, 96), (64, 96))
    assert still.beside("m.png", b"anything") == b"anything"
    assert Move((64, 96), (32, 48)).pixels([36, 24, 24, 16]) == [18, 12, 12, 8]


@pytest.mark.slow
def test_deformable_warps_masks_along(photos: Path, compact_weights: Path, tmp_path: Path) -> None:
    for path in [*photos.rglob("*.jpg")][1:]:
        path.unlink()
    style = tmp_path / "style.png"
    Image.fromarray(np.random.default_rng(5).integers(0, 255, (32, 40, 3), dtype=np.uint8)).save(style)
    task = Task(DeformableSettings(size=40, steps=3), weights=compact_weights, device="cpu", threads=1)
    restyle(photos, tmp_path / "out", [style], work=task, plan=Plan(masks="masks"), workers=1)
    (row,) = [row for row in provenance(tmp_path / "out") if row["state"] == "done"]
    assert json.loads(row["warp"])["size"]
    assert len(list((tmp_path / "out" / "masks").rglob("*.png"))) == 1


DRIVER = """
import sys
from pathlib import Path
from stylespace.pipelines.dataset import Plan, part, restyle
from stylespace.pipelines.paint import Painting, PaintSettings
if __name__ == "__main__":
    part.chunks.__defaults__ = (2, 1 << 20)
    source, out, network, ray = sys.argv[1:]
    work = Painting(PaintSettings({}), network, "cpu", 1)
    print("up", flush=True)
    restyle(source, out, {"swirls": 1.0, "waves": 2.0, "dots": 1.0}, work=work, plan=Plan(seed=3), workers=2, ray=ray or None,
            progress=lambda told: print(told.done, flush=True))
    print("finished", flush=True)
"""


def child(source: Path, out: Path, network: Path, ray: str = "") -> subprocess.Popen[str]:
    script = out.parent / "driver.py"
    script.write_text(DRIVER)
    return subprocess.Popen(
        [sys.executable, str(script), str(source), str(out), str(network), ray], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled"}, start_new_session=True,
    )  # fmt: skip


def workers_of(process: int) -> list[int]:
    """The worker processes of a driver."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process and "spawn_main" in (folder / "cmdline").read_text():
                found.append(int(folder.name))
        except (OSError, IndexError):
            continue
    return found


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(24):
        (folder / f"{number:02d}.jpg").write_bytes(jpeg(number, (320, 240)))
    shard(folder / "s.tar", range(12))
    return folder


@pytest.fixture
def undisturbed(many: Path, network: Path, tmp_path: Path) -> dict[str, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "on_pool", in_place)
        redraw(many, tmp_path / "whole", network)
    return files(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_killed_workers(many: Path, network: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    killed = 0
    with child(many, tmp_path / "out", network) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.strip().isdigit() and killed < 3:
                for worker in workers_of(running.pid)[:1]:
                    os.kill(worker, signal.SIGKILL)
                    killed += 1
    assert running.returncode == 0
    assert killed
    assert files(tmp_path / "out") == undisturbed


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_a_killed_driver(many: Path, network: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    for _ in range(3):
        with child(many, tmp_path / "out", network) as running:
            assert running.stdout is not None
            for line in running.stdout:
                if line.strip().isdigit():
                    running.kill()
                    break
        # Its workers may be at work still: what they write is the same.
        made = {name: data for name, data in files(tmp_path / "out").items() if name in undisturbed}
        assert all(undisturbed[name] == data for name, data in made.items())
    with child(many, tmp_path / "out", network) as last:
        assert last.communicate(timeout=600)[0].endswith("finished\n")
    assert files(tmp_path / "out") == undisturbed


@pytest.mark.slow
def test_ray_gives_the_same(many: Path, network: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    with child(many, tmp_path / "out", network, "local") as running:
        assert running.communicate(timeout=600)[0].endswith("finished\n")
    assert files(tmp_path / "out") == undisturbed


NODES = """
import os, runpy, sys, threading, time
from ray.cluster_utils import Cluster
if __name__ == "__main__":
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 200 << 20})
    second = cluster.add_node(num_cpus=1, object_store_memory=200 << 20)
    out = sys.argv[2]
    def cut():
        while not any(name.endswith(".jpg") for name in (os.listdir(out) if os.path.isdir(out) else ())):
            time.sleep(0.2)
        cluster.remove_node(second)
        print("node gone", flush=True)
    threading.Thread(target=cut, daemon=True).start()
    sys.argv = [sys.argv[0], *sys.argv[1:4], cluster.address]
    runpy.run_path(os.path.join(os.path.dirname(sys.argv[0]), "driver.py"), run_name="__main__")
"""


@pytest.mark.slow
def test_a_ray_cluster_that_loses_a_node(many: Path, network: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "nodes.py").write_text(NODES)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "nodes.py"), str(many), str(tmp_path / "out"), str(network)], capture_output=True, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled"}, timeout=900,
    )  # fmt: skip
    assert done.stdout.endswith("finished\n"), done.stderr[-2000:]
    assert "node gone" in done.stdout
    assert files(tmp_path / "out") == undisturbed


@pytest.mark.slow
def test_processes_give_the_same(many: Path, network: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    assert run.on_pool is on_pool
    redraw(many, tmp_path / "out", network)
    assert files(tmp_path / "out") == undisturbed
