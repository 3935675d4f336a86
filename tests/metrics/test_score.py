from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import stylespace
from stylespace import encoders
from stylespace.encoders.encoder import Encoder
from stylespace.encoders.trunk import Trunk
from stylespace.errors import InputError, PictureError, WeightsError
from stylespace.metrics.score import BETTER, score
from stylespace.pictures import Picture, resize, to_pil


def numbers(figures: Any) -> list[float]:
    if isinstance(figures, dict):
        return [number for value in figures.values() for number in numbers(value)]
    return [figures] if isinstance(figures, int | float) else []


def test_the_photo_as_its_own_result(encoder: Encoder, portrait: Tensor, painting: Tensor) -> None:
    figures = score(portrait, painting, portrait, encoder=encoder, size=128)
    assert figures["content"] == 0
    assert figures["palette"]["to_content"] == 0
    assert figures["palette"]["to_style"] == pytest.approx(figures["palette"]["style_to_content"])
    assert figures["structure"] == {"luminance": pytest.approx(1), "self_similarity": pytest.approx(1)}
    assert figures["noise"]["out"] == figures["noise"]["content"]
    assert figures["notes"] == []
    assert figures["size"] == 128
    assert figures["encoder"] == "random"


def test_the_style_as_the_result(encoder: Encoder, portrait: Tensor, painting: Tensor) -> None:
    style = painting[..., :256].contiguous()
    photo, copy = (score(portrait, style, out, encoder=encoder, size=128) for out in (portrait, style))
    assert copy["style"]["distance"] < 1e-6
    assert copy["style"]["scale"] == 1
    assert copy["palette"]["to_style"] < 1e-6
    assert copy["content"] > 0.5
    assert copy["structure"]["luminance"] < 0.4
    for name in ("distance", "half", "quarter"):
        assert str(copy["style"][name]) != str(photo["style"][name])
    assert photo["style"]["distance"] > 0.05


def test_the_same_figures_again(encoder: Encoder, portrait: Tensor, painting: Tensor) -> None:
    once, again = (score(portrait, painting, portrait.flip(3), encoder=encoder, size=96) for _ in range(2))
    assert once == again
    assert json.loads(json.dumps(once, allow_nan=False)) == once


def test_every_judged_figure_is_there(encoder: Encoder, portrait: Tensor, painting: Tensor) -> None:
    figures = score(portrait, painting, portrait, encoder=encoder, size=64)
    for name in BETTER:
        value: Any = figures
        for key in name.split("."):
            value = value[key]
        assert isinstance(value, float), name
    assert score.__doc__ is not None
    for key in figures:
        assert f"``{key}``" in score.__doc__


def test_any_source(encoder: Encoder, portrait: Tensor, tmp_path: Path) -> None:
    array = (resize(portrait, (64, 48))[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    picture = Image.fromarray(array)
    path = tmp_path / "picture.png"
    picture.save(path)
    held = io.BytesIO()
    picture.save(held, "PNG")
    tensor = torch.from_numpy(array.astype(np.float32) / 255).permute(2, 0, 1)
    expected = score(array, array, array, encoder=encoder, size=48)
    for source in (path, str(path), held.getvalue(), picture, tensor, Picture(tensor[None].contiguous())):
        assert score(source, source, source, encoder=encoder, size=48) == expected


def test_several_styles(encoder: Encoder, portrait: Tensor, painting: Tensor, other_painting: Tensor, tmp_path: Path) -> None:
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    to_pil(painting).save(one)
    to_pil(other_painting).save(other)

    def figures(style: Any) -> dict[str, Any]:
        return score(portrait, style, one, encoder=encoder, size=64)

    assert figures([one]) == figures({one: 3.0}) == figures({str(one): 1, str(other): 0}) == figures(one)
    assert figures([one, other]) == figures({one: 2, other: 2})
    closer, farther = figures({one: 0.9, other: 0.1}), figures({one: 0.1, other: 0.9})
    assert closer["style"]["distance"] < farther["style"]["distance"]
    assert closer["palette"]["to_style"] < farther["palette"]["to_style"]


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (16, 200), (131, 64), (2, 2)])
def test_sizes(encoder: Encoder, portrait: Tensor, painting: Tensor, size: tuple[int, int]) -> None:
    figures = score(portrait, painting, resize(portrait, size), encoder=encoder, size=128)
    assert all(math.isfinite(number) for number in numbers(figures))
    assert figures["size"] == min(128, max(size))
    json.dumps(figures, allow_nan=False)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_pictures(encoder: Encoder, portrait: Tensor, painting: Tensor, value: float) -> None:
    flat = torch.full((1, 3, 70, 90), value)
    for triple in ((flat, flat, flat), (portrait, painting, flat), (flat, painting, portrait), (portrait, flat, portrait)):
        assert all(math.isfinite(number) for number in numbers(score(*triple, encoder=encoder, size=64)))
    figures = score(flat, flat, flat, encoder=encoder, size=64)
    assert figures["content"] == 0
    assert figures["style"]["distance"] < 1e-3
    assert figures["checkerboard"]["worst"] == 0
    assert figures["structure"]["self_similarity"] == pytest.approx(1)


def test_other_proportions_are_noted(encoder: Encoder, portrait: Tensor, painting: Tensor) -> None:
    figures = score(portrait, painting, resize(portrait, (100, 180)), encoder=encoder, size=96)
    assert figures["notes"] == ["The content (256 x 256) was stretched to the proportions of the result (180 x 100)."]
    assert figures["structure"]["luminance"] > 0.8
    rounded = score(resize(portrait, (191, 256)), painting, resize(portrait, (96, 128)), encoder=encoder, size=96)
    assert rounded["notes"] == []


def test_small_results_are_noted(encoder: Encoder, portrait: Tensor, painting: Tensor) -> None:
    figures = score(portrait, painting, resize(portrait, (60, 60)), encoder=encoder, size=96)
    assert figures["notes"] == ["The result was compared at its own 60 px: these figures do not compare with those at 96 px."]


def test_transparent_parts_do_not_count(encoder: Encoder, portrait: Tensor, painting: Tensor, half_transparent: Tensor) -> None:
    """What lies under the transparent half may be anything."""
    results = []
    for hidden in (0.0, 1.0):
        photo, out = portrait.clone(), portrait.flip(1).contiguous()
        photo[..., :128] = out[..., :128] = hidden
        pair = Picture(photo, half_transparent), Picture(out, half_transparent)
        results.append(score(pair[0], painting, pair[1], encoder=encoder, size=128))
    assert results[0] == results[1]
    opaque = score(portrait, painting, portrait.flip(1).contiguous(), encoder=encoder, size=128)
    assert results[0] != opaque


def test_pictures_stay_as_they_are(encoder: Encoder, portrait: Tensor, painting: Tensor) -> None:
    before = portrait.clone()
    score(portrait, painting, portrait, encoder=encoder, size=64)
    torch.testing.assert_close(portrait, before, rtol=0, atol=0)


def test_weights_from_a_file(portrait: Tensor, painting: Tensor, tmp_path: Path) -> None:
    """A compact encoder saved and named by its file gives what the loaded one gives."""
    from safetensors.torch import save_file

    from stylespace.encoders import load
    from stylespace.encoders.compact import CompactTrunk

    path = tmp_path / "weights.safetensors"
    torch.manual_seed(1)
    save_file({name: tensor.contiguous() for name, tensor in CompactTrunk().state_dict().items()}, path)
    named = score(portrait, painting, portrait, weights=path, size=64)
    given = score(portrait, painting, portrait, encoder=load("compact", weights=path, precision="fp32"), size=64)
    assert named == given
    assert named["encoder"] == "compact"


def test_mistakes(encoder: Encoder, portrait: Tensor, painting: Tensor, tmp_path: Path) -> None:
    def wrong(content: Any = portrait, style: Any = painting, out: Any = portrait, **options: Any) -> dict[str, Any]:
        return score(content, style, out, **{"encoder": encoder, "size": 64} | options)

    with pytest.raises(InputError, match="at least 16 pixels"):
        wrong(size=8)
    with pytest.raises(InputError, match="Style weights"):
        wrong(style=[])
    with pytest.raises(InputError, match="Style weights"):
        wrong(style={"a.png": -1.0})
    with pytest.raises(InputError, match="loaded already"):
        wrong(weights="weights.safetensors")
    with pytest.raises(InputError, match="encoder 'vgg11' is unknown"):
        wrong(encoder="vgg11")
    with pytest.raises(InputError, match="device 'abacus' is not available"):
        wrong(encoder="compact", device="abacus")
    with pytest.raises(WeightsError, match="does not hold"):
        wrong(encoder="compact", weights=tmp_path / "none.safetensors")
    with pytest.raises(PictureError, match="does not exist"):
        wrong(out=tmp_path / "none.png")
    with pytest.raises(InputError, match="content is transparent everywhere"):
        wrong(content=Picture(portrait, torch.zeros(1, 1, 256, 256)))
    with pytest.raises(InputError, match="no layer 'relu"):
        wrong(encoder=Encoder(Trunk((2, 2), (4, 4, 4, 4)), "short"))


def test_from_the_package() -> None:
    assert stylespace.score is score


@pytest.fixture(scope="module")
def reference(shared_weights: Path) -> Encoder:
    """The network that the compact encoder was fitted to."""
    return encoders.load("vgg16", weights=shared_weights / "vgg16_conv.safetensors", precision="fp32")


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.5, 1, 2])
def test_published_style_scales(reference: Encoder, shared_data: Path, scale: float) -> None:
    """neural-style's pictures made with its option -style_scale: the size that suits best is the one they were made with."""
    folder = shared_data / "published"
    content, style = folder / "content_golden_gate.jpg", folder / "style_starry_night.jpg"
    out = folder / f"out_golden_gate_starry_scale{str(scale).replace('.', '')}.jpg"
    assert score(content, style, out, encoder=reference)["style"]["scale"] == pytest.approx(scale, rel=0.01)


@pytest.mark.slow
def test_published_results(reference: Encoder, shared_data: Path) -> None:
    """Each is closer to its style than its photo is, and than it is to a style it was not made with, near and far."""
    folder = shared_data / "published"
    with (folder / "index.csv").open(newline="") as file:
        rows = [
            {name: folder / row[name] for name in ("output", "content")} | {"styles": row["styles"].split(";")}
            for row in csv.DictReader(file)
        ]
    every = sorted({style for row in rows for style in row["styles"]})
    for row in rows:
        own = [folder / name for name in row["styles"]]
        result = score(row["content"], own, row["output"], encoder=reference, size=384)
        photo = score(row["content"], own, row["content"], encoder=reference, size=384)
        other = score(
            row["content"], folder / next(s for s in every if s not in row["styles"]), row["output"], encoder=reference, size=384
        )
        assert result["style"]["distance"] < 0.5 * photo["style"]["distance"]
        assert result["style"]["distance"] < 0.7 * other["style"]["distance"]
        farther = min(photo["style"]["quarter"]["distance"], other["style"]["quarter"]["distance"])
        assert result["style"]["quarter"]["distance"] < 0.9 * farther
