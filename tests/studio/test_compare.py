"""``/v1/blend``, ``/v1/match``, and points of jobs."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from studio_calls import Client, picture, pixels_of

from stylespace.pictures.settings import read_settings
from stylespace.pipelines.match import match
from stylespace.studio.jobs.job import Request
from stylespace.studio.jobs.kinds import transfer
from stylespace.studio.jobs.process import Teller
from stylespace.styles.space import StyleSpace


def file(data: bytes, field: str = "styles") -> Any:
    return (field, ("picture.png", data, "image/png"))


def test_the_blend_is_the_one_of_python(client: Client) -> None:
    styles = [picture(seed=seed) for seed in (1, 2, 3)]
    answer = client().post("/v1/blend", files=[file(picture(), "photo"), *map(file, styles)])
    assert answer.status_code == 200, answer.text
    told = answer.json()
    expected = StyleSpace.fit(styles).blend(picture())
    assert told["distance"] == pytest.approx(expected.distance, rel=1e-3)
    assert sum(each["weight"] for each in told["references"]) == pytest.approx(1, abs=1e-6)
    assert told["best_single"]["distance_alone"] == pytest.approx(float(min(expected.singles)), rel=1e-3)
    assert told["of"] == 3
    assert client().post("/v1/blend", files=[file(picture(), "photo")]).status_code == 422


def test_pairs_are_those_of_python(client: Client) -> None:
    ramp = np.linspace(0, 255, 64)[None, :, None] * np.ones((48, 1, 3))
    ramp[10:20, 30:40] = (250, 20, 20)
    out = io.BytesIO()
    Image.fromarray(ramp.astype(np.uint8)).save(out, "PNG")
    a, b = out.getvalue(), picture()
    answer = client().post("/v1/match", data={"count": 3}, files=[file(a, "photo"), file(b, "style")])
    assert answer.status_code == 200, answer.text
    expected = match(pixels_of(a), pixels_of(b), count=3)
    assert [tuple(each["a"]) for each in answer.json()["pairs"]] == list(expected.a)
    assert client().post("/v1/match", files=[file(a, "photo")]).status_code == 422


@pytest.mark.parametrize(
    ("method", "points", "code"),
    [("deformable", [[[0.5, 2], [0.5, 0.5]]], 422), ("gatys", [[[0.5, 0.5], [0.5, 0.5]]], 422), ("strotss", "no", 422)],
)
def test_points_that_cannot_be_used_are_told(client: Client, method: str, points: Any, code: int) -> None:
    answer = client().post(
        "/v1/transfer", data={"method": method, "points": json.dumps(points)}, files=[file(picture(), "photo"), file(picture())]
    )
    assert answer.status_code == code
    assert "oint" in answer.json()["detail"]


def test_a_job_is_guided_by_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photo.png", "style-0.png"):
        (tmp_path / name).write_bytes(picture())
    told: list[dict[str, Any]] = []
    options = {"method": "strotss", "points": [[[0.5, 0.5], [0.2, 0.2]]], "size": 64, "steps": 1}
    request = Request(kind="transfer", photo="photo.png", styles={"style-0.png": 1.0}, options=options)
    job = Request.model_validate_json(request.model_dump_json())
    assert transfer(job, "cpu", Teller(tmp_path, told.append)) == "result.png"
    assert read_settings(tmp_path / "result.png")["points"] == options["points"]
