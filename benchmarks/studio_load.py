"""What one client of the studio does, over and over, for Locust: paints at 512 px, and now and then what a page asks for besides.

Run by benchmarks/studio.py; by hand: STYLESPACE_PHOTO=photo.jpg locust -f benchmarks/studio_load.py --headless -u 8 -t 60s --host URL
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from locust import HttpUser, task

PHOTO = Path(os.environ["STYLESPACE_PHOTO"]).read_bytes()
TOO_MANY = 429  # an answer, too


class Visitor(HttpUser):
    def on_start(self) -> None:
        self.styles = [style["name"] for style in self.client.get("/v1/styles", name="styles").json()["styles"]]
        self.turn = 0

    @task(8)
    def paint(self) -> None:
        self.turn += 1
        names = (self.styles[self.turn % len(self.styles)], self.styles[(3 * self.turn + 1) % len(self.styles)])
        form = {"styles": json.dumps(dict.fromkeys(names, 1.0)), "format": "jpg"}
        self._told(self.client.post("/v1/paint", data=form, files={"photo": PHOTO}, name="paint", catch_response=True))

    @task(1)
    def look(self) -> None:
        self._told(self.client.get(f"/v1/styles/{self.styles[0]}/thumbnail", name="thumbnail", catch_response=True))
        self._told(self.client.get("/v1/health", name="health", catch_response=True))

    def _told(self, asked: Any) -> None:
        with asked as answer:
            if answer.status_code == TOO_MANY:
                answer.success()
