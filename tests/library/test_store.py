"""What a library keeps, finds, forgets, and survives."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace.errors import InputError, PictureError, StylespaceError
from stylespace.library import Library, choose
from stylespace.library.adding import add
from stylespace.library.choosing import blended, matching
from stylespace.library.query import parse
from stylespace.library.store import Reference
from stylespace.statistics import descriptor

Make = Callable[..., Path]


def filled(library: Library, count: int = 20) -> Library:
    generator = np.random.default_rng(0)
    rows = [
        Reference(
            f"{i:064d}", f"/nowhere/{i}.jpg", f"Title {i}", "Claude Monet" if i % 2 else "O'Keeffe", 1880 + i,
            ("oil", "night") if i % 3 else ("ink",), 10, 10, numbers=generator.normal(size=descriptor.SIZE).astype(np.float16),
        )
        for i in range(count)
    ]  # fmt: skip
    assert library.put(rows) == count
    return library


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Twenty references, for tests that only read."""
    return filled(Library(tmp_path_factory.mktemp("stocked") / "library"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", range(20)),
        ("tag=ink", range(0, 20, 3)),
        ("tag=in", []),
        ("tag=ink|night", range(20)),
        ("-tag=ink,year=1885..1890", [5, 7, 8, 10]),
        ("artist=monet,tag=ink", [3, 9, 15]),
        ('artist="monet"', []),
        ('artist="o\'keeffe",year=..1883', [0, 2]),
        ("year=1899..", [19]),
        ("year=1884", [4]),
        ("title 7 monet", [7, 17]),
        ("text=monet,limit=2", [1, 3]),
        ("path=/nowhere/11", [11]),
    ],
)
def test_search(stocked: Library, query: str, expected: list[int]) -> None:
    found = stocked.search(query).references
    assert [int(r.key) for r in found] == list(expected)


def test_like_is_by_distance(stocked: Library) -> None:
    _, pieces = stocked.descriptors("")
    numbers = torch.cat(pieces).float()
    found = stocked.search("limit=3", like=numbers[4])
    far = (numbers - numbers[4]).square().sum(1)
    assert [int(r.key) for r in found.references] == far.argsort()[:3].tolist()
    assert found.distances == pytest.approx(far.sort().values[:3].tolist(), abs=1e-3)


def test_nothing_twice(library: Library) -> None:
    filled(library)
    assert library.put([Reference("0" * 64, "/elsewhere.jpg", numbers=np.zeros(descriptor.SIZE, np.float16))]) == 0
    assert len(library) == 20


def test_tags(library: Library) -> None:
    filled(library)
    assert library.tag("tag=ink", add=["Paper"], remove=["ink"]) == 7
    assert library.tag("tag=paper", add=["paper"]) == 0
    assert [len(library.search(f"tag={tag}").references) for tag in ("ink", "paper")] == [0, 7]
    assert len(library.search("text=paper").references) == 7
    with pytest.raises(InputError, match="not a tag"):
        library.tag("", add=["a;b"])
    with pytest.raises(InputError, match="No tags"):
        library.tag("")


def test_remove_info_export(library: Library) -> None:
    filled(library)
    assert library.remove("tag=ink") == 7
    told = library.info()
    assert told["references"] == 13
    assert told["tags"] == {"night": 13, "oil": 13}
    assert len(told["moved"]) == 13
    rows = library.export("year=..1882")
    assert [row["year"] for row in rows] == [1881, 1882]
    json.dumps(rows)


def test_adding_metadata(library: Library, pictures: Make) -> None:
    folder = pictures(4)
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "title", "artist", "year", "tags"])
        writer.writerow(["000.png", "Zero, or none", "Somebody", 1900, "Oil;Sea"])
    (folder / "001.json").write_text(json.dumps({"title": "One", "tags": ["ink"], "year": 1700}))
    (folder / "002.png.json").write_text("{broken")
    (folder / "bad.png").write_bytes(b"no picture")
    done = add(library, [folder], tags=["Mine"], artist="Anybody")
    assert (done.new, done.known) == (4, 0)
    assert list(done.failures) == [str(folder / "bad.png")]
    zero, one, two, _ = library.search("").references
    assert (zero.title, zero.artist, zero.year, zero.tags) == ("Zero, or none", "Somebody", 1900, ("oil", "sea", "mine"))
    assert (one.title, one.artist, one.year, one.tags) == ("One", "Anybody", 1700, ("ink", "mine"))
    assert two.title == "002"
    assert (zero.width, zero.height) == (48, 36)
    assert library.thumbnail(zero.key)[:2] == b"\xff\xd8"
    again = add(library, [folder / "index.csv", folder])
    assert (again.new, again.known, len(library)) == (0, 4, 4)


def test_a_moved_picture_is_found_again(library: Library, pictures: Make) -> None:
    folder = pictures(2)
    add(library, [folder])
    folder.rename(folder.with_name("moved"))
    photo = torch.rand(1, 3, 32, 32)
    with pytest.raises(PictureError, match="not where the library expects it"):
        choose("library:", photo, library=library)
    done = add(library, [folder.with_name("moved")])
    assert (done.new, len(library)) == (0, 2)
    assert all(path.exists() for path in choose("library:", photo, library=library))


def test_mistakes(library: Library, pictures: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is empty"):
        choose("library:tag=oil", None, library=library)
    with pytest.raises(PictureError, match="does not exist"):
        add(library, [tmp_path / "nothing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(PictureError, match="no pictures"):
        add(library, [tmp_path / "empty"])
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(PictureError, match="column 'file'"):
        add(library, [tmp_path / "table.csv"])
    add(library, [pictures(1)])
    with pytest.raises(InputError, match="Nothing in the library"):
        choose("library:tag=missing", None, library=library)
    with pytest.raises(InputError, match="give ray"):
        add(library, [pictures(2)], workers="many")


def test_the_blend_is_over_all(library: Library) -> None:
    """The photo's descriptor is a mix of three references that are not its nearest; the blend finds them."""
    filled(library, 400)
    _, pieces = library.descriptors("")
    numbers = torch.cat(pieces).float()
    from stylespace.library import describing

    mix = numbers[[5, 100, 399]].mean(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(describing, "describe", lambda photo: (mix, [1.0] * 5))
        references, hull = blended(library, parse(""), torch.zeros(1, 3, 8, 8), {})
    assert {int(r.key) for r in references[:3]} == {5, 100, 399}
    assert hull is not None
    assert hull.gap <= 0.01
    assert hull.weights.max() == pytest.approx(1 / 3, abs=0.02)


def test_like_a_picture(library: Library, pictures: Make) -> None:
    folder = pictures(6)
    add(library, [folder])
    found = matching(library, f"like={folder / '003.png'},limit=2")
    assert found.references[0].title == "003"
    assert found.distances[0] == pytest.approx(0, abs=1e-4)
    assert choose(f"library:like={folder / '003.png'},limit=1", torch.zeros(1, 3, 8, 8), library=library) == [folder / "003.png"]


def test_descriptors_keep_distances(shared_data: Path) -> None:
    """Of real paintings: distances of descriptors follow those of whole Gram matrices."""
    from stylespace.library.describing import describe, network
    from stylespace.pictures import read
    from stylespace.pictures.resizing import fit, resize
    from stylespace.statistics.gram import gram, triangle

    whole, short = [], []
    for path in sorted((shared_data / "paintings").glob("*.jpg"))[:12]:
        pixels = read(path).pixels
        pixels = resize(pixels, fit(pixels.shape[-2:], 192))
        short.append(describe(pixels)[0])
        with torch.no_grad():
            features = network()(pixels, descriptor.LAYERS)
            whole.append([triangle(gram(f)) for f in features.values()])
    pairs = [(i, j) for i in range(12) for j in range(i)]
    for layer in range(5):
        part = slice(48 * layer, 48 * layer + 48)
        exact = torch.stack([(whole[i][layer] - whole[j][layer]).norm() for i, j in pairs])
        estimate = torch.stack([(short[i][part] - short[j][part]).norm() for i, j in pairs])
        assert torch.corrcoef(torch.stack([exact, estimate]))[0, 1] > 0.9


def test_a_full_disk(library: Library, pictures: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    add(library, [pictures(2)])
    monkeypatch.setattr(type(library.table), "add", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StylespaceError, match="it is unchanged; make room"):
        add(library, [pictures(3)])
    monkeypatch.undo()
    assert add(Library(library.folder), [pictures(3)]).new == 1


ADD = "import sys; from stylespace.library import Library; from stylespace.library import adding; adding.BATCH = 2; "
ADD += "done = adding.add(Library(sys.argv[1]), sys.argv[2:]); print(done.new)"


def child(library: Library, *sources: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", ADD, str(library.folder), *map(str, sources)], stdout=subprocess.PIPE, text=True, env=environment
    )


@pytest.mark.slow
def test_two_processes_at_once(library: Library, pictures: Make) -> None:
    folder = pictures(24)
    running = [child(library, folder) for _ in range(2)]
    new = [int(process.communicate(timeout=120)[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sum(new) == 24
    assert sorted(r.title for r in library.search("").references) == [f"{i:03d}" for i in range(24)]


@pytest.mark.slow
def test_killed_in_the_middle(library: Library, pictures: Make) -> None:
    folder = pictures(40)
    running = child(library, folder)
    until = time.monotonic() + 60
    while time.monotonic() < until and not (library.exists() and len(Library(library.folder)) >= 6):
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    before = len(Library(library.folder))
    assert 0 < before < 40
    assert add(library, [folder]).new == 40 - before
    assert len({r.key for r in library.search("").references}) == 40


def test_ctrl_c_keeps_what_was_done(library: Library, pictures: Make) -> None:
    def stop(done: object, of: int) -> None:
        if done.new == 3:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    done = add(library, [pictures(8)], progress=stop)
    assert done.interrupted
    assert (done.new, len(library)) == (3, 3)


def film(path: Path, colours: list[tuple[int, int, int]], seconds: float = 1.0) -> Path:
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, colour in enumerate(colours):
            small = np.random.default_rng(number % 3).integers(0, 60, (6, 8, 3)) + np.array(colour)
            array = np.asarray(Image.fromarray(small.clip(0, 255).astype(np.uint8)).resize((64, 48), Image.Resampling.NEAREST))
            for _ in range(int(seconds * 8)):
                for packet in stream.encode(av.VideoFrame.from_ndarray(array, format="rgb24")):
                    out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


def test_a_film(library: Library, tmp_path: Path) -> None:
    """Four shots, of which the last repeats the first: three pictures, which remember where they are from."""
    red, green, blue = (180, 10, 10), (10, 180, 10), (10, 10, 180)
    path = film(tmp_path / "film.mp4", [red, green, blue, red])
    done = add(library, [path], tags=["cartoon"])
    found = library.search("tag=cartoon").references
    assert (done.new, len(found)) == (3, 3)
    assert [r.time for r in found] == pytest.approx([0, 1, 2], abs=0.3)
    assert all(Path(r.path).is_file() and r.source == str(path) and "film" in r.tags for r in found)
    assert add(library, [path]).known == 3
    assert len(library) == 3
    (tmp_path / "no.mp4").write_bytes(b"no film")
    assert list(add(library, [tmp_path / "no.mp4"]).failures) == [str(tmp_path / "no.mp4")]
    library.remove("tag=cartoon")
    assert list(library.frames.iterdir()) == []


def test_a_folder_of_frames(library: Library, pictures: Make) -> None:
    folder = pictures(3)
    for i in range(3):
        Image.open(folder / f"{i:03d}.png").save(folder / f"{i:03d}b.png", compress_level=0)
    assert add(library, [folder], frames=True).new == 3


def test_a_film_is_a_style(
    tmp_path: Path, compact_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--style film.mp4``: its key frames are blended; the result repeats from its own settings."""
    from stylespace.cli.app import main

    monkeypatch.chdir(tmp_path)
    film(tmp_path / "film.mp4", [(180, 10, 10), (10, 180, 10), (10, 10, 180)])
    Image.new("RGB", (48, 36), (90, 120, 60)).save("photo.png")
    small = ["--weights", str(compact_weights), "--size", "48", "--steps", "3"]
    assert main(["transfer", "photo.png", "--style", "film.mp4", *small, "--explain", "-o", "out.png"]) == 0
    said = capsys.readouterr()
    assert "3 key frames" in said.err
    assert "film.mp4 at" in said.out
    assert main(["transfer", "--from", "out.png", "-o", "again.png"]) == 0
    assert np.array_equal(np.asarray(Image.open("out.png")), np.asarray(Image.open("again.png")))


def rows_of(library: Library, **values: Any) -> None:
    """Change the first row as no version of the project would."""
    import pyarrow as pa

    rows = library.table.to_arrow().to_pylist()
    rows[0] |= values
    library.table.delete("true")
    library.table.add(pa.Table.from_pylist(rows, schema=library.table.schema))


@pytest.mark.parametrize("name", ["title", "artist", "tags", "source", "year", "width", "time", "thumbnail", "words"])
def test_rows_without_metadata_are_read(library: Library, name: str) -> None:
    rows_of(filled(library, 4), **{name: None})
    assert len(library.search("").references) == 4
    assert library.info()["references"] == 4
    assert len(library.export("")) == 4
    assert library.tag("", add=["new"]) == 4


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", ""])
def test_a_path_may_be_anything(library: Library, path: str) -> None:
    rows_of(filled(library, 4), path=path)
    assert path in library.info()["moved"] or path == ""
    with pytest.raises(PictureError, match="is not where the library expects it"):
        choose("", None, library=library)


def test_a_key_may_hold_quotation_marks(library: Library) -> None:
    rows_of(filled(library, 4), key="' OR 'a' = 'a")
    assert library.tag("year=1880", add=["new"]) == 1
    assert library.remove("year=1880") == 1
    assert len(library) == 3


@pytest.mark.parametrize("values", [{"key": None}, {"path": None}])
def test_rows_without_a_picture_are_told_of(library: Library, values: dict[str, Any]) -> None:
    rows_of(filled(library, 4), **values)
    for reader in (lambda: library.search(""), library.info, lambda: library.export("")):
        with pytest.raises(StylespaceError, match=r"cannot be read \(it has a row without a picture\): put back a copy"):
            reader()


def test_a_row_without_a_descriptor_is_told_of(library: Library) -> None:
    rows_of(filled(library, 4), descriptor=None)
    with pytest.raises(StylespaceError, match="a row without a descriptor"):
        library.descriptors("")


@pytest.mark.parametrize("harm", ["cut", "gone", "zeros"])
@pytest.mark.parametrize("folder", ["data", "_versions"])
def test_damaged_files_are_one_sentence(library: Library, folder: str, harm: str) -> None:
    filled(library, 4)
    for path in (library.folder / "references.lance" / folder).iterdir():
        if harm == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:100] if harm == "cut" else bytes(path.stat().st_size))
    fresh = Library(library.folder)
    for reader in (
        fresh.info,
        lambda: fresh.search("tag=oil"),
        lambda: fresh.descriptors(""),
        lambda: fresh.tag("", add=["new"]),
    ):
        with pytest.raises(StylespaceError, match=r"could not be changed|cannot be read") as raised:
            reader()
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 600


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 10**5, "\xff", "3"])
def test_a_damaged_note_on_the_library_is_passed_over(library: Library, text: str) -> None:
    filled(library, 4)
    (library.folder / "library.json").write_bytes(text.encode("latin-1"))
    assert len(Library(library.folder).search("").references) == 4
