"""Calls of a studio that its tests share."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

ADDRESS = "http://127.0.0.1:8765"
Client = Callable[..., Any]
MIX = {"swirls": 0.6, "dots": 0.4}


def picture(high: int = 48, wide: int = 64, form: str = "PNG", seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (high, wide, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def paint(client: Any, mix: Any = MIX, data: bytes | None = None, files: Any = (), **form: Any) -> Any:
    styles = mix if isinstance(mix, str) else json.dumps(mix)
    photo = ("photo", ("photo.png", picture() if data is None else data, "image/png"))
    return client.post("/v1/paint", data={"styles": styles, **form}, files=[photo, *files])


def live(client: Any, **headers: str) -> Any:
    """A connection for live mixing; the test client would call another host by default."""
    return client.websocket_connect("ws://127.0.0.1:8765/v1/live", headers=headers)


def wait(client: Any, name: str, until: Any, seconds: float = 600) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job = client.get(f"/v1/jobs/{name}").json()
        if until(job):
            return dict(job)
        assert job["state"] in ("queued", "running"), job
        time.sleep(0.1)
    raise AssertionError(job)
