"""The style space and blends: what a user of many references may expect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import stylespace as ss
from stylespace import encoders
from stylespace.cli.app import main
from stylespace.encoders.encoder import Encoder
from stylespace.errors import InputError, PictureError
from stylespace.pictures import reading
from stylespace.pictures.decoding import decode
from stylespace.pictures.picture import Picture
from stylespace.statistics.gram import triangle
from stylespace.storage.tensors import read_tensors, write_tensors
from stylespace.styles import space
from stylespace.styles.space import StyleSpace, describe, distinct

SMALL: dict[str, Any] = {"size": 48, "sizes": (48,), "steps_each": (4,)}


@pytest.fixture(scope="module")
def encoder(compact_weights: Path) -> Encoder:
    return encoders.load("compact", weights=compact_weights)


def picture(seed: int, size: tuple[int, int] = (40, 52)) -> np.ndarray:
    generator = np.random.default_rng(seed)
    base = generator.integers(0, 255, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(base).resize(size[::-1], Image.Resampling.BICUBIC))


def fitted(pictures: list[Any], encoder: Encoder) -> StyleSpace:
    return StyleSpace.fit(pictures, encoder=encoder, size=48)


def test_triangles_keep_inner_products() -> None:
    a, b = (m + m.T for m in torch.randn(2, 6, 6, dtype=torch.float64))
    assert triangle(a) @ triangle(b) == pytest.approx(float((a * b).sum()))


def test_a_photo_among_the_references_gets_all(encoder: Encoder) -> None:
    blend = fitted([picture(i) for i in range(6)], encoder).blend(picture(3))
    assert blend.weights == pytest.approx({"reference 4": 1.0}, abs=1e-4)
    assert blend.distance == pytest.approx(0, abs=1e-6)
    assert blend.best_single[0] == "reference 4"


def test_duplicates_share(encoder: Encoder) -> None:
    once = fitted([picture(i) for i in range(4)], encoder).blend(picture(9))
    twice = fitted([picture(i) for i in (0, 1, 2, 3, 0, 1, 2, 3)], encoder).blend(picture(9))
    assert twice.distance == pytest.approx(once.distance, rel=1e-4)
    share = next(iter(twice.shares.values()))
    assert share[:4] == pytest.approx(share[4:], abs=1e-3)


def test_order_does_not_matter(encoder: Encoder) -> None:
    one = fitted([picture(i) for i in range(8)], encoder).blend(picture(20))
    other = fitted([picture(i) for i in reversed(range(8))], encoder).blend(picture(20))
    first, second = next(iter(one.shares.values())), next(iter(other.shares.values()))
    assert first == pytest.approx(second[::-1], abs=1e-4)


@pytest.mark.parametrize("count", [1, 2, 200])
def test_any_number(encoder: Encoder, count: int) -> None:
    space = fitted([picture(i, (20, 24)) for i in range(count)], encoder)
    blend = space.blend(picture(1000, (20, 24)))
    assert sum(blend.weights.values()) == pytest.approx(1)
    assert blend.distance <= blend.best_single[1] + 1e-9
    assert len(space.blend(picture(1000, (20, 24)), limit=3).weights) <= 3
    json.dumps(blend.explained())


def test_layerwise_comes_nearer(encoder: Encoder) -> None:
    space = fitted([picture(i) for i in range(6)], encoder)
    joint, by_layer = space.blend(picture(30)), space.blend(picture(30), layerwise=True)
    assert by_layer.distance <= joint.distance + 1e-9
    assert len({tuple(share.round(6)) for share in by_layer.shares.values()}) > 1
    assert all(share.sum() == pytest.approx(1) for share in by_layer.shares.values())
    assert sum(by_layer.weights.values()) == pytest.approx(1)


def test_nearest(encoder: Encoder) -> None:
    found = fitted([picture(i) for i in range(5)], encoder).nearest(picture(2), 2)
    assert found[0][0] == "reference 3"
    assert found[0][1] == pytest.approx(0, abs=1e-6)
    assert found[1][1] > found[0][1]


def test_axes(encoder: Encoder) -> None:
    space = fitted([picture(i) for i in range(6)], encoder)
    axes = space.axes(5)
    assert [axis.share for axis in axes] == sorted((axis.share for axis in axes), reverse=True)
    assert sum(axis.share for axis in axes) == pytest.approx(1, abs=1e-6)
    for axis in axes:
        assert axis.direction.sum() == pytest.approx(0, abs=1e-9)
        assert axis.coordinates.mean() == pytest.approx(0, abs=1e-9)
    coordinates = np.stack([axis.coordinates for axis in axes])
    assert coordinates @ coordinates.T == pytest.approx(np.diag(np.diag(coordinates @ coordinates.T)), abs=1e-6)
    ways = space.along(axes[0], 3)
    ends = axes[0].coordinates
    assert max(ways[0], key=ways[0].get) == space.names[int(ends.argmin())]
    assert max(ways[-1], key=ways[-1].get) == space.names[int(ends.argmax())]
    assert fitted([picture(0)], encoder).axes() == []


def test_references_of_one_name_keep_their_own_weights(encoder: Encoder, tmp_path: Path) -> None:
    pictures = [Picture(torch.from_numpy(picture(i).copy()).permute(2, 0, 1)[None].float() / 255, name="frame") for i in range(3)]
    space = fitted([*pictures, pictures[0]], encoder)
    assert space.names == ("frame", "frame (2)", "frame (3)", "frame (4)")
    blend = space.blend(picture(1))
    assert len(blend.weights) == len(blend.active)
    told = {entry["reference"]: entry["distance_alone"] for entry in blend.explained()["references"]}
    for name, alone in told.items():
        assert alone == blend.singles[space.names.index(name)]
    assert distinct(["a", "a", "a (2)", "b"]) == ["a", "a (3)", "a (2)", "b"]


def test_save_and_load(encoder: Encoder, tmp_path: Path) -> None:
    paths = []
    for i in range(3):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(picture(i)).save(paths[-1])
    space = fitted([*paths, picture(7)], encoder)
    space.save(tmp_path / "space.safetensors")
    again = StyleSpace.load(tmp_path / "space.safetensors", encoder=encoder)
    assert again.names == space.names
    assert again.sources == (*paths, None)
    assert again.blend(picture(11)).weights == space.blend(picture(11)).weights
    with pytest.raises(InputError, match=rf"space.safetensors needs the encoder 'compact' \(weights {encoder.checksum[:12]}\)"):
        StyleSpace.load(tmp_path / "space.safetensors", encoder=encoders.load("compact", precision="fp32"))
    (tmp_path / "other.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match="cannot be read"):
        StyleSpace.load(tmp_path / "other.safetensors", encoder=encoder)


@pytest.mark.parametrize(
    "change",
    [
        {"names": 3}, {"names": ["a"]}, {"names": [None, "b"]}, {"paths": None}, {"layers": []}, {"layers": {"relu9_9": 1}}, {"size": "x"},
        {"size": 0}, {"encoder": None}, {"encoder": {"name": 3}}, {"format": None},
    ],
)  # fmt: skip
def test_files_that_hold_something_else(encoder: Encoder, tmp_path: Path, change: dict[str, Any]) -> None:
    space = StyleSpace.fit([torch.rand(1, 3, 32, 32) for _ in range(2)], encoder=encoder, size=32)
    record, tensors = read_tensors(space.save(tmp_path / "space.safetensors"))
    StyleSpace.load(tmp_path / "space.safetensors", encoder=encoder)
    write_tensors(tmp_path / "space.safetensors", tensors, record | change)
    with pytest.raises(InputError, match=r"fit it again|make its file again"):
        StyleSpace.load(tmp_path / "space.safetensors", encoder=encoder)
    bad = {name: tensor[:1] for name, tensor in tensors.items()}
    write_tensors(tmp_path / "space.safetensors", bad, record)
    with pytest.raises(InputError, match="does not hold"):
        StyleSpace.load(tmp_path / "space.safetensors", encoder=encoder)


def test_one_bad_reference_is_passed_over(encoder: Encoder, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"nothing")
    space = fitted([picture(0), bad], encoder)
    assert space.names == ("reference 1",)
    assert str(bad) in space.failures
    with pytest.raises(PictureError, match="None of the 1"):
        fitted([bad], encoder)
    with pytest.raises(InputError, match="at least one"):
        fitted([], encoder)


def test_one_reference_is_gatys(encoder: Encoder) -> None:
    plain = ss.transfer(picture(50), picture(1), encoder=encoder, **SMALL)
    blended = ss.transfer(picture(50), [picture(1)], method="blend", encoder=encoder, **SMALL)
    assert torch.equal(plain.source.pixels, blended.source.pixels)
    assert blended.blend is not None


def test_blend_is_gatys_with_these_weights(encoder: Encoder) -> None:
    references = [picture(i) for i in range(3)]
    blended = ss.transfer(picture(50), references, encoder=encoder, **SMALL)
    assert blended.blend is not None
    assert blended.record["method"] == "blend"
    share = next(iter(blended.blend.shares.values()))
    from stylespace.pictures import read

    weights = {read(references[i]): float(share[i]) for i in np.flatnonzero(share)}
    plain = ss.transfer(picture(50), weights, encoder=encoder, **SMALL)
    assert torch.allclose(plain.source.pixels, blended.source.pixels, atol=1e-4)


@pytest.mark.parametrize("settings", [{"layerwise": True}, {"refit": True}, {"references": 2}, {"blend_scale": "equal"}])
def test_settings_take_part(settings: dict[str, Any]) -> None:
    encoder = encoders.load("compact", precision="fp32")  # to random features one of the references is all that is wanted
    references = [picture(i) for i in range(5)]
    small = {"size": 48, "sizes": (24, 48), "steps_each": (6, 4)}
    usual = ss.transfer(picture(50), references, encoder=encoder, **small)
    other = ss.transfer(picture(50), references, encoder=encoder, **small, **settings)
    assert not torch.equal(usual.source.pixels, other.source.pixels)
    assert torch.isfinite(other.source.pixels).all()


@pytest.mark.parametrize("refit", [False, True])
def test_each_reference_is_read_and_encoded_once(
    refit: bool, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(4):
        Image.fromarray(picture(i)).save(tmp_path / f"{i}.png")
    looked: list[object] = []
    described: list[object] = []
    monkeypatch.setattr(reading, "decode", lambda data, name, limit: looked.append(name) or decode(data, name, limit))
    monkeypatch.setattr(space, "describe", lambda *given: described.append(given) or describe(*given))
    sizes = {"size": 48, "sizes": (24, 36, 48), "steps_each": (1, 1, 1)}
    ss.transfer(picture(50), tmp_path, encoder=encoder, refit=refit, **sizes)
    assert len(looked) == 4
    assert len(described) == 4 + (3 if refit else 1)  # and the photo, or the picture of each size


def test_blend_is_repeatable(encoder: Encoder) -> None:
    references = [picture(i) for i in range(5)]
    one, two = (ss.transfer(picture(50), references, encoder=encoder, refit=True, **SMALL) for _ in range(2))
    assert torch.equal(one.source.pixels, two.source.pixels)


def test_from_a_folder_on_the_command_line(
    tmp_path: Path, compact_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder is blended, explained, and repeated to the pixel from the result alone."""
    monkeypatch.chdir(tmp_path)
    Path("refs").mkdir()
    for i in range(4):
        Image.fromarray(picture(i)).save(f"refs/{i}.png")
    Path("refs/broken.png").write_bytes(b"x")
    Image.fromarray(picture(60)).save("photo.png")
    shared = ["--weights", str(compact_weights), "--size", "48", "--steps", "4"]
    assert main(["transfer", "photo.png", "--style", "refs", *shared, "--explain", "-o", "out.png"]) == 0
    said = capsys.readouterr()
    assert "blend of" in said.out
    assert "broken.png" in said.err
    assert Path("out-explain.png").stat().st_size > 1000
    Path("refs/broken.png").unlink()
    assert main(["transfer", "photo.png", "--style", "refs/*.png", *shared, "-o", "two.png"]) == 0
    assert main(["transfer", "--from", "two.png", "-o", "again.png"]) == 0
    assert np.array_equal(np.asarray(Image.open("two.png")), np.asarray(Image.open("again.png")))


def test_strip_goes_from_end_to_end(tmp_path: Path) -> None:
    from stylespace.pipelines.strip import strip

    encoder = encoders.load("compact", precision="fp32")  # random features tell too little of these pictures
    small = SMALL | {"start": "content"}  # four steps do not undo the colours that a picture starts with
    space = fitted([picture(i) for i in range(4)], encoder)
    axis = space.axes(1)[0]
    made = strip(space, axis, picture(50), count=3, **small)
    ends = [int(axis.coordinates.argmin()), int(axis.coordinates.argmax())]
    low = ss.transfer(picture(50), picture(ends[0]), encoder=encoder, **small)
    high = ss.transfer(picture(50), picture(ends[1]), encoder=encoder, **small)
    for end, near, far in (
        (made[0], low, high),
        (made[-1], high, low),
    ):  # an end of the axis is a blend, mostly of its own reference
        apart = [(end.source.pixels - other.source.pixels).abs().mean() for other in (near, far)]
        assert apart[0] < 0.5 * apart[1]
    assert not torch.allclose(made[0].source.pixels, made[-1].source.pixels, atol=1e-2)
    assert len(strip(space, axis, count=2, **small)) == 2
    with pytest.raises(InputError, match="2 or more"):
        strip(space, axis, count=1)
    space.save(tmp_path / "s.safetensors")
    with pytest.raises(InputError, match="fit the space again"):
        strip(StyleSpace.load(tmp_path / "s.safetensors", encoder=encoder), axis, picture(50))


def test_space_on_the_command_line(
    tmp_path: Path, compact_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for i in range(3):
        Image.fromarray(picture(i)).save(f"{i}.png")
    shared = ["--weights", str(compact_weights), "--size", "48"]
    assert main(["space", "0.png", "1.png", "2.png", *shared, "--photo", "1.png", "--save", "s.safetensors"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["nearest"][0]["reference"] == "1.png"
    assert told["axes"][0]["share"] >= told["axes"][1]["share"]
    assert main(["space", "s.safetensors", "--weights", str(compact_weights), "--photo", "1.png"]) == 0
    assert json.loads(capsys.readouterr().out) == told
    assert main(["space", "0.png", *shared, "--save", "s.safetensors"]) == 1
