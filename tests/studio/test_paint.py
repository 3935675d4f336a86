"""``/v1/paint`` and what belongs to it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from studio_calls import MIX, Client, live, paint, picture, pixels_of

from stylespace.cli.app import main
from stylespace.networks.shipped import ARBITRARY, is_shipped
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.settings import read_settings
from stylespace.studio import painter


def test_a_photo_is_painted_as_in_python(client: Client, network_file: Path) -> None:
    answer = paint(client())
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    expected = StyleNetwork.load(network_file)(picture(), MIX)
    assert np.abs(pixels_of(answer.content).astype(int) - np.asarray(expected).astype(int)).max() <= 1
    record = read_settings(answer.content)
    assert record["settings"]["mix"] == MIX
    assert record["method"] == "network"


def test_strength_colour_stroke_size_and_format(client: Client) -> None:
    made = client()
    plain = pixels_of(paint(made).content).astype(int)
    photo = pixels_of(picture()).astype(int)
    assert np.abs(pixels_of(paint(made, strength=0).content).astype(int) - photo).max() <= 1
    for changed in ({"colour": "luminance"}, {"stroke": 2}, {"stroke": 0.5}):
        assert np.abs(pixels_of(paint(made, **changed).content).astype(int) - plain).max() > 4, changed
    answer = paint(made, size=32, format="jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert pixels_of(answer.content).shape == (24, 32, 3)


def plain(colour: tuple[int, int, int], noise: int = 20) -> bytes:
    """A painting of about one colour."""
    pixels = np.random.default_rng(0).integers(-noise, noise + 1, (48, 48, 3)) + np.array(colour)
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_a_picture_has_the_palette_of_its_paintings_each_where_it_goes(client: Client, reading_network_file: Path) -> None:
    made = client(network=str(reading_network_file))
    colours = {(210, 60, 50): "", (50, 80, 200): ""}
    for colour in colours:
        colours[colour] = made.post("/v1/styles", files={"painting": ("p.png", plain(colour))}).json()["name"]
    red, blue = colours.values()
    seen = pixels_of(paint(made, {red: 1}, colour="palette").content)
    assert np.abs(seen.mean((0, 1)) - next(iter(colours))).max() < 8
    sides = {red: np.pad(np.full((48, 32), 255, np.uint8), ((0, 0), (0, 32)))}
    sides[blue] = 255 - sides[red]
    maps = []
    for name, side in sides.items():
        out = io.BytesIO()
        Image.fromarray(side).save(out, "PNG")
        maps.append(("maps", (f"{name}.png", out.getvalue())))
    seen = pixels_of(paint(made, {red: 1, blue: 1}, files=maps, colour="palette").content)
    for half, colour in zip((seen[:, :24], seen[:, 40:]), colours, strict=True):
        assert np.abs(half.mean((0, 1)) - colour).max() < 20
    with live(made) as socket:
        socket.send_bytes(b"\x01" + picture())
        socket.send_bytes(b"\x03\0\0\0\1" + json.dumps({"styles": {red: 1}, "colour": "palette"}).encode())
        assert np.abs(pixels_of(socket.receive_bytes()[4:]).mean((0, 1)) - next(iter(colours))).max() < 12
    answer = paint(made, {"dots": 1}, colour="palette")
    assert answer.status_code == 422
    assert "'dots' is not known" in answer.json()["detail"]


def test_a_map_says_where_a_style_goes(client: Client) -> None:
    made = client()
    left = np.zeros((48, 64), np.uint8)
    left[:, :32] = 255
    shown = []
    for drawn in (left, 255 - left):
        out = io.BytesIO()
        Image.fromarray(drawn).save(out, "PNG")
        shown.append(("maps", (("swirls", "dots")[len(shown)] + ".png", out.getvalue(), "image/png")))
    answer = paint(made, files=shown)
    assert answer.status_code == 200, answer.text
    both = pixels_of(answer.content).astype(int)
    # Instance normalisation sees the whole picture, so the sides agree in kind, not to the bit.
    one, other = (pixels_of(paint(made, {name: 1}).content).astype(int) for name in ("swirls", "dots"))
    assert np.abs(both - one)[:, :16].mean() < np.abs(both - other)[:, :16].mean()
    assert np.abs(both - other)[:, -16:].mean() < np.abs(both - one)[:, -16:].mean()
    wrong = paint(made, files=[("maps", ("nothing.png", picture(), "image/png"))])
    assert wrong.status_code == 422
    assert "nothing" in wrong.json()["detail"]


@pytest.mark.parametrize(
    ("mix", "told"),
    [
        ({"swirl": 1}, "swirl"), ({}, "styles"), ({"swirls": -1}, "styles"), ("nonsense", "styles"), ("[1]", "styles"),
        ({"swirls": 0}, "weight"), ({"../../etc/passwd.png": 1}, "no style"), ({"conftest.py": 1}, "no style"),
        ({"painting:unknown": 1}, "no longer here"), ('{"swirls": NaN}', "styles"), ('{"swirls": 1e999}', "styles"),
    ],
)  # fmt: skip
def test_a_mix_that_cannot_be_used_is_told_in_words(client: Client, mix: Any, told: str) -> None:
    answer = paint(client(), mix)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_a_path_is_never_a_style(client: Client, reading_network_file: Path, tmp_path: Path) -> None:
    """Also not where the network reads paintings, and in Python would take the file."""
    file = tmp_path / "secret.png"
    file.write_bytes(picture())
    answer = paint(client(network=str(reading_network_file)), {str(file): 1})
    assert answer.status_code == 422
    assert "no style" in answer.json()["detail"]


def test_styles_and_thumbnails(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter, "is_shipped", lambda _: False)  # so that nothing reads paintings
    made = client()
    answer = made.get("/v1/styles").json()
    assert [style["name"] for style in answer["styles"]] == ["swirls", "waves", "dots"]
    assert answer["styles"][0] == {"name": "swirls", "title": "Swirls", "artist": "Nobody", "year": "1890", "own": False}
    assert answer["reads"] is False
    assert made.get("/v1/styles/swirls/thumbnail").content[:2] == b"\xff\xd8"
    assert made.get("/v1/styles/waves/thumbnail").status_code == 404
    refused = made.post("/v1/styles", files={"painting": ("a.png", picture())})
    assert refused.status_code == 422
    assert "add-style" in refused.json()["detail"]


def test_a_painting_is_a_style_like_any_other(client: Client, reading_network_file: Path) -> None:
    made = client(network=str(reading_network_file))
    style = made.post("/v1/styles", files={"painting": ("my-cat.png", picture(seed=3))}).json()
    assert style["title"] == "my-cat"
    assert style["own"] is True
    assert made.get(f"/v1/styles/{style['name']}/thumbnail").content[:2] == b"\xff\xd8"
    own = paint(made, {style["name"]: 1, "swirls": 1})
    assert own.status_code == 200, own.text
    assert np.abs(pixels_of(own.content).astype(int) - pixels_of(paint(made, {"swirls": 1}).content)).max() > 4


def test_a_painting_mixes_with_the_shipped_styles(client: Client) -> None:
    if not is_shipped(ARBITRARY):
        pytest.skip("no network that reads paintings is shipped")
    made = client(network="classics")
    known = {style["name"] for style in made.get("/v1/styles").json()["styles"]}
    assert known <= set(made.app.state.studio.painter.reading.names)  # each can be mixed with a painting
    own = made.post("/v1/styles", files={"painting": ("Red.png", plain((210, 60, 50)))}).json()["name"]
    alone, half = (pixels_of(paint(made, {own: 1, **more}).content).astype(int) for more in ({}, {"great_wave": 1}))
    assert np.abs(alone - half).mean() > 4
    reds, blues = (alone.mean((0, 1))[i] for i in (0, 2))
    assert reds > blues + 20


def test_a_picture_of_an_own_painting_is_repeated_without_the_studio(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_shipped(ARBITRARY):
        pytest.skip("no network that reads paintings is shipped")
    monkeypatch.chdir(tmp_path)
    made = client(network="classics")
    own = made.post("/v1/styles", files={"painting": ("Red.png", plain((210, 60, 50)))}).json()["name"]
    mix = {own: 0.5, "great_wave": 0.5}
    answer = paint(made, mix, colour="palette")
    painted = pixels_of(answer.content).astype(int)
    Path("photo.png").write_bytes(picture())
    Path("studio.png").write_bytes(answer.content)
    code = made.get(f"/v1/styles/{own}/code").json()["code"]
    assert made.get("/v1/styles/great_wave/code").status_code == 404
    for name, codes in (("mix.json", {own: code}), ("lost.json", {})):
        Path(name).write_text(json.dumps({"styles": mix, "colour": "palette", "codes": codes}), encoding="utf-8")
    for number, how in enumerate((["--from", "studio.png"], ["--mix", "mix.json"])):
        assert main(["paint", "photo.png", *how, "-o", f"{number}.png"]) == 0
        assert np.abs(pixels_of(Path(f"{number}.png").read_bytes()).astype(int) - painted).max() <= 1
    assert main(["paint", "photo.png", "--from", "1.png", "-o", "again.png"]) == 0  # what was repeated can be, too
    assert main(["paint", "photo.png", "--mix", "lost.json", "-o", "no.png"]) == 1


def test_results_are_kept_by_id(client: Client) -> None:
    made = client()
    answer = paint(made)
    again = made.get(f"/v1/results/{answer.headers['x-result']}")
    assert again.content == answer.content
    assert made.get(f"/v1/results/{answer.headers['x-result']}/settings").json() == read_settings(answer.content)
    for name in ("x" * 22, "..%2f..%2fetc%2fpasswd", "%2e%2e"):
        assert made.get(f"/v1/results/{name}").status_code == 404
        assert made.get(f"/v1/results/{name}/settings").status_code == 404


def test_health_metrics_and_openapi(client: Client) -> None:
    made = client()
    assert paint(made).status_code == 200
    assert made.get("/v1/health").json()["status"] == "ok"
    assert 'stylespace_paint_seconds_count{kind="paint"} ' in made.get("/metrics").text
    document = made.get("/openapi.json").json()
    assert "/v1/paint" in document["paths"]
    assert made.get("/docs").status_code == 200


def test_too_many_at_once_are_told_to_wait(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = client()
    monkeypatch.setattr(made.app.state.studio, "waiting", made.app.state.studio.settings.waiting)
    answer = paint(made)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
