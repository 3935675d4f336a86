"""Films and new styles, as jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from films import moving
from studio_calls import ADDRESS, Client, paint, picture, pixels_of, wait

from stylespace.errors import InputError, PictureError
from stylespace.networks.style_network import StyleNetwork
from stylespace.studio.application import application
from stylespace.studio.films import kind_of
from stylespace.studio.painter import StudioPainter
from stylespace.studio.settings import StudioSettings

LEARN = {"steps": 3, "batch": 2, "crop": 32, "style_sizes": [48], "warm_up": 1}


def drawn(path: Path, frames: int) -> bytes:
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(frames):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(moving(number), format="rgb24")))
        out.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return drawn(tmp_path_factory.mktemp("film") / "film.mp4", 6)


def begin(client: Any, film: bytes, **form: Any) -> Any:
    data = {"styles": '{"swirls": 0.5, "dots": 0.5}', "steady": "off", **form}
    return client.post("/v1/video", data=data, files=[("film", ("holiday.mp4", film))])


def test_a_film_is_redrawn(client: Client, film: bytes, tmp_path: Path) -> None:
    from stylespace.film.reading import open_film

    made = client()
    answer = begin(made, film, size=48)
    assert answer.status_code == 202, answer.text
    assert answer.json()["title"] == "holiday.mp4"
    done = wait(made, answer.json()["id"], lambda job: job["state"] == "done")
    assert (done["step"], done["of"]) == (6, 6)
    assert done["preview"] > 0
    result = made.get(f"/v1/results/{done['result']}")
    assert result.headers["content-type"] == "video/mp4"
    path = tmp_path / "result.mp4"
    path.write_bytes(result.content)
    assert open_film(path).info.size == (32, 48)
    assert made.app.state.studio.jobs.folder.as_posix().encode() not in result.content  # no place on the server is told


@pytest.mark.slow
def test_a_film_goes_on_after_a_restart(network_file: Path, tmp_path: Path) -> None:
    from stylespace.film.reading import open_film

    settings = StudioSettings(folder=tmp_path / "studio", network=str(network_file), device="cpu")
    long = drawn(tmp_path / "long.mp4", 400)
    with TestClient(application(settings), base_url=ADDRESS) as made:
        job = begin(made, long).json()["id"]
        before = wait(made, job, lambda job: job["step"] > 5)
    assert before["state"] == "running"
    with TestClient(application(settings), base_url=ADDRESS) as made:
        done = wait(made, job, lambda job: job["state"] == "done")
        path = tmp_path / "result.mp4"
        path.write_bytes(made.get(f"/v1/results/{done['result']}").content)
    assert sum(1 for _ in open_film(path).frames()) == 400


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"styles": "{}"}, "styles"), ({"styles": '{"no such": 1}'}, "no such"), ({"method": "magic"}, "magic"),
        ({"method": "gatys"}, "style pictures"), ({"start": 3, "end": 2}, "later end"), ({"settings": '{"steps": 3}'}, "neither"),
        ({"size": 1}, "size"), ({"colour": "palette"}, "for pictures"),
    ],
)  # fmt: skip
def test_a_film_that_cannot_be_redrawn_is_refused_in_words(client: Client, film: bytes, form: Any, told: str) -> None:
    made = client()
    answer = begin(made, film, **form)
    assert answer.status_code == 422, answer.text
    assert told in answer.json()["detail"]
    assert not [path for path in made.app.state.studio.jobs.folder.iterdir() if path.is_dir()]


def test_films_are_known_by_their_bytes() -> None:
    assert kind_of(b"\0\0\0\x20ftypisom\0\0\0\0") == ".mp4"
    assert kind_of(b"RIFF\0\0\0\0AVI LIST") == ".avi"
    for playlist in (
        b"#EXTM3U\nfile:///etc/passwd",
        b"ffconcat version 1.0",
        b"<?xml version='1.0'?><MPD>",
        b"",
        b"RIFF\0\0\0\0WAVEfmt ",
    ):
        with pytest.raises(PictureError, match="no film"):
            kind_of(playlist)


def test_a_damaged_film_fails_in_words(client: Client, film: bytes) -> None:
    made = client()
    answer = begin(made, film[:60] + bytes(500))
    failed = wait(made, answer.json()["id"], lambda job: job["state"] == "failed")
    assert "cannot be read as a film" in failed["message"]
    small = client(max_pixels=2000)
    failed = wait(small, begin(small, film).json()["id"], lambda job: job["state"] == "failed")
    assert "2,000 pixels at most" in failed["message"]


def learn(client: Any, name: str = "my mosaic", **form: Any) -> Any:
    files = [("photos", (f"{i}.png", picture(48, 48, seed=i))) for i in range(2)]
    files += [("paintings", ("a.png", picture(96, 96, seed=7)))]
    return client.post("/v1/add-style", data={"name": name, "settings": json.dumps(LEARN), **form}, files=files)


def test_a_style_is_added_and_stays(network_file: Path, tmp_path: Path) -> None:
    settings = StudioSettings(folder=tmp_path, network=str(network_file), device="cpu")
    with TestClient(application(settings), base_url=ADDRESS) as made:
        answer = learn(made)
        assert answer.status_code == 202, answer.text
        done = wait(made, answer.json()["id"], lambda job: job["state"] == "done")
        assert done["style"] == "my mosaic"
        assert done["step"] == 3
        assert [s["name"] for s in made.get("/v1/styles").json()["styles"]] == ["swirls", "waves", "dots", "my mosaic"]
        before = pixels_of(paint(made, {"my mosaic": 1}).content)
        file = tmp_path / "learned.safetensors"
        file.write_bytes(made.get(f"/v1/results/{done['result']}").content)
        expected = StyleNetwork.load(file)(picture(), "my mosaic")
        assert np.abs(before.astype(int) - np.asarray(expected).astype(int)).max() <= 1
        refused = learn(made)
        assert refused.status_code == 422
        assert "another name" in refused.json()["detail"]
    with TestClient(application(settings), base_url=ADDRESS) as made:
        assert np.array_equal(pixels_of(paint(made, {"my mosaic": 1}).content), before)
        assert made.get("/v1/styles/my mosaic/thumbnail").content[:2] == b"\xff\xd8"
        assert made.get("/v1/styles/my mosaic").json()["own"] is True
        assert made.delete("/v1/styles/my mosaic").status_code == 204
        assert made.delete("/v1/styles/swirls").status_code == 404
    assert "my mosaic" not in StudioPainter(str(network_file), "cpu", folder=tmp_path / "styles").styles


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "../up"}, "name"), ({"settings": '{"build": "fast"}'}, "build"), ({"settings": '{"crop": 4096}'}, "too large"),
        ({"settings": '{"style_sizes": [48, 9000]}'}, "too large"), ({"settings": '{"stepz": 1}'}, "stepz"),
        ({"name": "swirls"}, "already"),
    ],
)  # fmt: skip
def test_a_style_that_cannot_be_learned_is_refused_in_words(client: Client, form: Any, told: str) -> None:
    answer = learn(client(), **form)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_a_style_of_another_network_is_not_adopted(network_file: Path, tmp_path: Path) -> None:
    import torch

    from stylespace.networks.builds import BUILDS

    painter = StudioPainter(str(network_file), "cpu")
    torch.manual_seed(5)
    other = BUILDS["tiny"]().eval().requires_grad_(False)
    file = StyleNetwork(other, "tiny", other.initial_row()[None], ["new"]).save(tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="another one"):
        painter.adopt("new", file)


def test_a_shipped_network_reads_paintings_where_the_studios_does_not(
    network_file: Path, reading_network_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stylespace.pictures.reading import read
    from stylespace.studio import painter as module
    from stylespace.studio.look import Look

    load = StyleNetwork.load
    monkeypatch.setattr(module, "is_shipped", lambda name: name == "arbitrary")
    chosen = lambda name, *rest: load(reading_network_file if name == "arbitrary" else name, *rest)  # noqa: E731
    monkeypatch.setattr(StyleNetwork, "load", chosen)
    painter = StudioPainter(str(network_file), "cpu")
    name = painter.read(read(picture(seed=3)), "cat")
    photo = read(picture())
    result = painter.paint(photo, Look(styles={name: 1.0, "swirls": 0.5}))
    assert result.record["weights"]["name"] == "arbitrary"
    assert painter.paint(photo, Look(styles={"swirls": 0.5})).record["weights"]["name"] == str(network_file)
    painter.network.names[1] = "only here"
    with pytest.raises(InputError, match="different networks"):
        painter.check(Look(styles={name: 1.0, "only here": 1.0}))
