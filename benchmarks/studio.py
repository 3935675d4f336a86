"""The studio under load, and from the pointer to the picture, on loopback.

    python benchmarks/studio.py                     all of it: some four minutes
    python benchmarks/studio.py --seconds 5         shorter; --part load, --part slider: one of the two

Load (Locust): 8 clients paint at 512 px for 60 s, the studio idle and beside an optimisation; then 64 clients, who are more than it takes.
Slider (Chromium): a slider is dragged by the mouse at 60 movements a second; from each pointer event whose frame was drawn (frames carry
numbers) to that frame on the canvas. Beside an optimisation also the first frame after a rest of ten seconds.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import torch
from PIL import Image

from common import REPOSITORY, figure, parser
from stylespace.demo.drawings import draw

SIDE, CLIENTS, MANY, REST = 512, 8, 64, 10.0
STYLES = ("starry_night", "great_wave")
CALLS = httpx.Client(timeout=120)
WATCH = """(name) => {
  const found = { asked: [], drawn: [] };
  window.found = found;
  document.addEventListener("input", (event) => found.asked.push(event.timeStamp), true);
  const canvas = document.getElementById("after");
  found.first = Number(canvas.dataset.number);
  new MutationObserver(() => found.drawn.push([Number(canvas.dataset.number), performance.now()]))
    .observe(canvas, { attributes: true, attributeFilter: ["data-number"] });
}"""


@contextmanager
def studio(folder: Path, threads: int) -> Iterator[str]:
    """The address of a server as users start it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "stylespace", "studio", "--port", str(port), "--no-browser", "--folder", str(folder)]
    server = subprocess.Popen([*command, "--threads", str(threads), "--device", "cpu"])
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                CALLS.get(f"{address}/v1/health")
                break
            except httpx.TransportError:
                assert server.poll() is None, "the server does not start"
                time.sleep(0.2)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


@contextmanager
def optimisation(address: str, photo: Path) -> Iterator[None]:
    """While it lasts a job runs."""
    files = [("photo", photo.read_bytes()), ("styles", photo.read_bytes())]
    settings = json.dumps({"size": SIDE, "steps": 20000})
    job = CALLS.post(f"{address}/v1/transfer", data={"settings": settings}, files=files).json()["id"]
    while CALLS.get(f"{address}/v1/jobs/{job}").json()["step"] < 3:
        time.sleep(0.5)
    try:
        yield
    finally:
        CALLS.delete(f"{address}/v1/jobs/{job}")


def answers(address: str) -> dict[str, float]:
    """How many there were so far, by status."""
    lines = CALLS.get(f"{address}/metrics").text.splitlines()
    found = (line.split('status="')[1].split('"} ') for line in lines if line.startswith("stylespace_answers_total{"))
    return {status: float(count) for status, count in found}


def load(address: str, photo: Path, clients: int, seconds: float, called: str) -> None:
    """Locust's figures: requests a second, seconds to a painted picture, answers by status."""
    before = answers(address)
    command = [sys.executable, "-m", "locust", "-f", str(REPOSITORY / "benchmarks" / "studio_load.py"), "--headless", "--json"]
    command += [
        "--only-summary",
        "--exit-code-on-error",
        "0",
        "-u",
        str(clients),
        "-r",
        str(clients),
        "-t",
        f"{max(1, round(seconds))}s",  # Locust takes whole seconds
        "--host",
        address,
        "--loglevel",
        "ERROR",
    ]
    environment = {**os.environ, "STYLESPACE_PHOTO": str(photo)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    counted = {status: count - before.get(status, 0) for status, count in answers(address).items()}
    statuses = {status: count for status, count in counted.items() if count}
    failures = sum(row["num_failures"] for row in rows.values())
    if clients == MANY:
        figure(
            f"studio-refused-{called}", statuses.get("429", 0.0), "> 0", unit="answers 429", statuses=statuses, clients=clients
        )
    else:
        total = sum(row["num_requests"] for row in rows.values())
        figure(
            f"studio-requests-{called}",
            total / seconds,
            "",
            unit="requests/s",
            clients=clients,
            seconds=seconds,
            statuses=statuses,
        )
        painted = rows.get("paint", {}).get("response_times", {})
        times = sorted(float(ms) for ms, count in painted.items() for _ in range(count))
        for share in (50, 95):
            value = times[min(len(times) - 1, len(times) * share // 100)] / 1000 if times else None
            figure(f"studio-paint-p{share}-{called}", value, "", unit="s", clients=clients, painted=len(times))
    wrong = sum(count for status, count in statuses.items() if status.startswith("5"))
    figure(f"studio-5xx-{called}", wrong + failures, "<= 0", unit="answers", clients=clients, statuses=statuses)


def drag(page: Any, seconds: float) -> tuple[list[float], float]:
    """Milliseconds from each pointer event whose frame was drawn to that frame, and frames a second."""
    slider = page.locator(f"[data-style={STYLES[1]}]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.1 * box["width"], middle)
    page.mouse.down()
    page.evaluate(WATCH)
    began, step = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        step += 1
        place = abs((step % 240) / 120 - 1)  # there and back in four seconds
        page.mouse.move(box["x"] + (0.1 + 0.8 * place) * box["width"], middle)
        time.sleep(max(0.0, step / 60 - passed))
    found = page.evaluate("() => window.found")
    rate = len(found["drawn"]) / seconds
    last = found["first"] + len(found["asked"])
    while page.evaluate("() => Number(document.getElementById('after').dataset.number)") < last:  # the last is always painted
        page.wait_for_timeout(50)
    found = page.evaluate("() => window.found")
    page.mouse.up()
    page.wait_for_timeout(500)
    shown = [(number - found["first"] - 1, at) for number, at in found["drawn"]]
    times = [at - found["asked"][index] for index, at in shown if 0 <= index < len(found["asked"])]
    assert found["asked"], "the slider did not move"
    return times, rate


def slider(address: str, photo: Path, seconds: float) -> None:
    """Idle, then beside an optimisation."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("STYLESPACE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(address)
        page.wait_for_selector("body[data-ready=yes]")
        with page.expect_file_chooser() as chooser:
            page.click("#drop")
        chooser.value.set_files(str(photo))
        while not page.evaluate("() => Number(document.getElementById('after').dataset.number ?? 0)"):
            page.wait_for_timeout(100)
        drag(page, min(2.0, seconds))  # engines compile for the size
        report(*drag(page, seconds), "idle", 40.0)
        with optimisation(address, photo):
            page.wait_for_timeout(1000 * REST)
            times, rate = drag(page, seconds)
            figure("studio-slider-first-frame-beside-a-job", times[0] if times else None, "<= 100", unit="ms")
            report(times[1:], rate, "beside-a-job", 40.0)
        browser.close()


def report(times: list[float], rate: float, called: str, most: float) -> None:
    times = sorted(times)
    spread = (times[len(times) // 20], times[-1 - len(times) // 20]) if times else ()
    figure(
        f"studio-slider-to-picture-{called}", statistics.median(times) if times else None, f"<= {most:g}", unit="ms", spread=spread,
        frames=len(times), side=SIDE,
    )  # fmt: skip
    figure(f"studio-slider-updates-{called}", rate, ">= 25", unit="pictures/s", side=SIDE)


def main() -> None:
    options: argparse.ArgumentParser = parser(__doc__)
    options.add_argument("--seconds", type=float, default=60.0, help="of each load; a slider is dragged for a third of it")
    options.add_argument("--part", choices=("load", "slider", "both"), default="both")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)  # what the figures say; the server is told its own
    with tempfile.TemporaryDirectory() as kept:
        photo = Path(kept) / "photo.jpg"
        Image.fromarray(draw("waves", (SIDE, SIDE))).save(photo, quality=92)
        with studio(Path(kept) / "studio", chosen.threads) as address:
            if chosen.part != "slider" and importlib.util.find_spec("locust"):
                load(address, photo, CLIENTS, chosen.seconds, "idle")
                with optimisation(address, photo):
                    load(address, photo, CLIENTS, chosen.seconds, "beside-a-job")
                load(address, photo, MANY, chosen.seconds / 4, "overload")
            if chosen.part != "load" and importlib.util.find_spec("playwright"):
                slider(address, photo, chosen.seconds / 3)


if __name__ == "__main__":
    main()
