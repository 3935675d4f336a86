"""Networks over tiles: equal to the whole picture for every build, within scratch, from file to file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips
import torch
from PIL import Image
from torch import Tensor

from stylespace.errors import InputError, PictureError
from stylespace.networks import large, planes
from stylespace.networks.body import Body
from stylespace.networks.builds import BUILDS
from stylespace.networks.large import painted
from stylespace.networks.planes import Box, Plane, Workspace, boxes
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.streaming import Raw, decoded, encoded, shrunk, size_of
from stylespace.pipelines.paint import Painting, PaintSettings
from stylespace.storage.journal import Journal

SMALL = {
    "tiny": {},
    "published": {"widths": (4, 6, 8), "blocks": 2},
    "johnson": {"widths": (4, 6, 8), "blocks": 1, "upsampling": "nearest"},
    "johnson transposed": {"widths": (4, 6, 8), "blocks": 1},
    "multimodal": {"widths": (4, 6, 8), "enhance": (4, 6, 8), "refine": (4, 6, 8), "blocks": 1},
}


def body(name: str) -> tuple[Body, Tensor]:
    torch.manual_seed(0)
    made = BUILDS[name.split()[0]](**SMALL[name]).eval().requires_grad_(False)
    return made, made.initial_row() + 0.3 * torch.randn(made.row_size)


def held(picture: Tensor) -> tuple[Tensor, object, object]:
    out = torch.full_like(picture, torch.nan)

    def write(box: Box, part: Tensor) -> None:
        out[..., box[0] : box[1], box[2] : box[3]] = part

    return out, lambda box: picture[..., box[0] : box[1], box[2] : box[3]], write


@pytest.mark.parametrize("size", [(128, 96), (133, 171), (40, 300)])
@pytest.mark.parametrize("name", SMALL)
def test_exactly_the_whole_pictures(name: str, size: tuple[int, int]) -> None:
    network, row = body(name)
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    out, fetch, write = held(picture)
    seen: list[tuple[int, int]] = []
    work = painted(network, row, size, fetch, write, cells=5000, progress=lambda *at: seen.append(at))  # type: ignore[arg-type]
    assert float((out - network(picture, row)).abs().max()) < 1e-3 / 255 * 10
    assert work.maps == len(network.channels)
    assert work.used == 0  # scratch goes with the maps
    assert work.most > 0
    assert seen[-1] == (len(network.channels), len(network.channels) + 1)


def test_half_precision_scratch_is_near() -> None:
    network, row = body("tiny")
    picture = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    work = Workspace(5000, half=True)
    made = network(Plane(work, 3, (128, 128), lambda box: picture[..., box[0] : box[1], box[2] : box[3]]), row[None])  # type: ignore[arg-type]
    assert isinstance(made, Plane)
    assert float((made.whole() - network(picture, row)).abs().max()) < 1 / 255


def test_scratch_has_a_limit() -> None:
    network, row = body("tiny")
    picture = torch.rand(1, 3, 128, 128)
    _, fetch, write = held(picture)
    with pytest.raises(InputError, match="--scratch"):
        painted(network, row, (128, 128), fetch, write, scratch=10_000)  # type: ignore[arg-type]


def test_what_looks_around_itself_is_refused_not_painted_wrongly() -> None:
    plane = Plane(Workspace(), 3, (32, 32), lambda box: torch.zeros(1, 3, box[1] - box[0], box[3] - box[2]))
    for wrong in (
        lambda: torch.nn.functional.max_pool2d(plane, 3, 1, 1),
        lambda: torch.nn.functional.conv2d(plane, torch.zeros(1, 3, 3, 3), padding=1),
        lambda: torch.nn.functional.pad(plane, (1, 1, 1, 1), mode="circular"),
        lambda: torch.nn.functional.interpolate(plane, scale_factor=3),
        lambda: torch.var_mean(plane, (1, 2), correction=0, keepdim=True),
    ):
        with pytest.raises(InputError, match="--tiles whole"):
            wrong()


def test_boxes_cover_once() -> None:
    seen = torch.zeros(37, 50)
    for top, bottom, left, right in boxes((37, 50), 16):
        seen[top:bottom, left:right] += 1
    assert bool((seen == 1).all())


@pytest.mark.parametrize(("suffix", "bits"), [(".tif", 8), (".tif", 16), (".png", 16), (".jpg", 8)])
def test_files_are_streamed_both_ways(tmp_path: Path, suffix: str, bits: int) -> None:
    y, x = np.mgrid[:90, :120]
    samples = np.stack([x * 2, y * 2, (x + y)], 2).astype(np.uint8)
    Image.fromarray(samples).save(tmp_path / "in.png")
    raw = decoded(tmp_path / "in.png", max_pixels=10**6)
    assert raw.size == size_of(tmp_path / "in.png") == (90, 120)
    assert torch.allclose(raw.read((10, 20, 5, 9)) * 255, torch.from_numpy(samples[10:20, 5:9]).permute(2, 0, 1)[None].float())
    assert shrunk(raw, 30).shape == (1, 3, 22, 30)
    path = encoded(raw, tmp_path / f"out{suffix}", bits=bits, settings={"method": "x"})
    again = pyvips.Image.new_from_file(str(path))
    assert (again.width, again.height, again.format) == (120, 90, "ushort" if bits == 16 else "uchar")
    apart = np.abs(again.numpy().astype(int) / (257 if bits == 16 else 1) - samples).max()
    assert apart <= (12 if suffix == ".jpg" else 0)
    with pytest.raises(PictureError, match="exists already"):
        encoded(raw, path, bits=bits)
    raw.close()


def test_turned_grey_and_transparent_pictures(tmp_path: Path) -> None:
    grey = Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20))
    exif = Image.Exif()
    exif[0x112] = 6
    grey.save(tmp_path / "turned.png", exif=exif)
    raw = decoded(tmp_path / "turned.png", max_pixels=10**6)
    assert raw.size == size_of(tmp_path / "turned.png") == (20, 10)
    assert raw.bands == 3
    Image.fromarray(np.zeros((10, 20, 4), np.uint8)).save(tmp_path / "clear.png")
    assert decoded(tmp_path / "clear.png", max_pixels=10**6).bands == 4
    assert decoded(tmp_path / "clear.png", max_pixels=10**6, size=40).size == (20, 40)
    with pytest.raises(PictureError, match="more than the limit"):
        decoded(tmp_path / "clear.png", max_pixels=100)
    Image.new("CMYK", (20, 10)).save(tmp_path / "cmyk.jpg")
    with pytest.raises(PictureError, match="cannot be streamed"):
        decoded(tmp_path / "cmyk.jpg", max_pixels=10**6)


def test_painting_streams_what_is_asked_and_gives_the_same(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((270, 180), Image.Resampling.BICUBIC).save(tmp_path / "photo.png")
    made = {}
    for tiles in ("whole", "exact"):
        painting = Painting(PaintSettings({"starry_night": 0.5, "great_wave": 0.5}, size=0, tiles=tiles, strength=0.9))
        result = painting.run(tmp_path / "photo.png")
        with Image.open(result.save(tmp_path / f"{tiles}.png")) as image:
            made[tiles] = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(made["whole"] - made["exact"]).max() <= 1
    small = Painting(PaintSettings({"udnie": 1.0}, size=0, memory="420MB"))
    assert type(small.run(tmp_path / "photo.png")).__name__ == "Streamed"
    for wrong, words in (
        ({"tiles": "fast"}, "'fast' is unknown: choose among auto, whole, exact"), ({"tiles": "exact", "colour": "root"}, "luminance"),
        ({"tiles": "exact", "engine": "openvino"}, "PyTorch"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            Painting(PaintSettings({"udnie": 1.0}, **wrong)).run(tmp_path / "photo.png")  # type: ignore[arg-type]


def test_raw_is_deleted() -> None:
    raw = Raw((4, 4), 3, 8)
    raw.write((0, 4, 0, 4), torch.ones(1, 3, 4, 4))
    assert raw.path.exists()
    raw.close()
    assert not raw.path.exists()


class Killed(BaseException):
    """Stands for the end of the process."""


WRITTEN = Journal.write


def killed_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends after so many records."""
    left = writes

    def killing(self: Journal, *given: object) -> None:
        nonlocal left
        WRITTEN(self, *given)  # type: ignore[arg-type]
        left -= 1
        if not left:
            raise Killed

    monkeypatch.setattr(Journal, "write", killing)


@pytest.mark.parametrize("name", ["tiny", "published", "multimodal"])
def test_what_was_killed_goes_on_where_it_was(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planes, "NOTED", -1.0)
    monkeypatch.setattr(large, "NOTED", -1.0)
    network, row = body(name)
    size = (96, 80)
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    expected, fetch, write = held(picture)
    counted = 0

    def counting(box: Box) -> Tensor:
        nonlocal counted
        counted += 1
        return fetch(box)  # type: ignore[operator, no-any-return]

    painted(network, row, size, counting, write, cells=3000)  # type: ignore[arg-type]
    whole = counted
    out = Raw(size, 3, 16, tmp_path / "out")

    def put(box: Box, part: Tensor) -> None:
        out.write(box, part)

    kills = counted = 0
    for writes in range(1, 1000, 7):
        killed_after(writes, monkeypatch)
        journal = Journal(tmp_path / "j", {"name": name})
        try:
            painted(network, row, size, counting, put, cells=3000, journal=journal)
            break
        except Killed:
            kills += 1
        finally:
            journal.leave()
    assert kills > 3
    torch.testing.assert_close(out.read((0, size[0], 0, size[1])), expected, atol=1e-4, rtol=0)
    assert counted < whole + 30 * kills  # little is done twice
    assert not list((tmp_path / "j").glob("map-*"))  # what is not needed any more is not kept


def test_a_streamed_picture_goes_on_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planes, "NOTED", -1.0)
    monkeypatch.setattr(large, "NOTED", -1.0)
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (160, 200, 3), np.uint8)).save(photo)
    painting = Painting(PaintSettings({"starry_night": 1.0}, size=0, tiles="exact"))
    painting.run(photo).save(tmp_path / "expected.png")
    killed_after(9, monkeypatch)
    folder = tmp_path / ".made.png.unfinished"
    with pytest.raises(Killed):
        painting.run(photo, unfinished=folder)
    assert (folder / "given.scratch").exists()
    painting.run(photo, unfinished=folder).save(tmp_path / "made.png")
    assert not folder.exists()
    assert np.array_equal(np.asarray(Image.open(tmp_path / "made.png")), np.asarray(Image.open(tmp_path / "expected.png")))


def test_where_memory_runs_out_it_is_painted_in_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    painting = Painting(PaintSettings({"starry_night": 0.5, "udnie": 0.5}))
    expected = painting.run(photo).source.pixels

    def short(*_: object) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB.")

    monkeypatch.setattr(StyleNetwork, "pixels", short)
    said: list[str] = []
    torch.testing.assert_close(painting.run(photo, note=said.append).source.pixels, expected, atol=1 / 255, rtol=0)
    assert said == ["Memory ran out: painting in tiles on the processor."]
    with pytest.raises(torch.OutOfMemoryError):
        Painting(PaintSettings({"starry_night": 1.0}, style_size=640)).run(photo)


def test_what_cannot_be_decoded_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "photo.tif").write_bytes(b"II*\0 no picture")
    with pytest.raises(PictureError):
        Painting(PaintSettings({"starry_night": 1.0}, tiles="exact")).run(tmp_path / "photo.tif", unfinished=tmp_path / "u")
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)).save(whole)
    (tmp_path / "torn.png").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(PictureError):
        Painting(PaintSettings({"starry_night": 1.0}, tiles="exact")).run(tmp_path / "torn.png", unfinished=tmp_path / "u")
    assert not (tmp_path / "u").exists()
