"""The page in Chromium, as people use it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from studio_calls import picture

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("STYLESPACE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
PATIENCE = 60_000  # milliseconds, on a crowded machine


@pytest.fixture(scope="module")
def address(network_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server as users start it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = ["--port", str(port), "--no-browser", "--network", str(network_file), "--device", "cpu"]
    command = [sys.executable, "-m", "stylespace", "studio", *given, "--folder", str(tmp_path_factory.mktemp("folder"))]
    server = subprocess.Popen(command)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/health", timeout=5)
                break
            except OSError:
                assert server.poll() is None
                assert time.monotonic() < end
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM:
        pytest.skip("no Chromium here: apt-get install chromium, or name it in STYLESPACE_CHROMIUM")
    client = pytest.importorskip("playwright.sync_api", reason="needs Playwright's client: pip install playwright")
    with client.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def tab(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens tabs of one visitor; errors on the page fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    wrong: list[str] = []

    def opened(with_photo: bool = True, fragment: str = "") -> Any:
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(address + fragment)
        page.wait_for_selector("body[data-ready=yes]")
        if with_photo:
            choose(page, "#drop", picture(96, 128))
            shown(page)
        return page

    yield opened
    context.close()
    assert not wrong


def choose(page: Any, press: str, data: bytes, name: str = "photo.png", kind: str = "image/png") -> None:
    with page.expect_file_chooser() as chooser:
        page.click(press)
    chooser.value.set_files({"name": name, "mimeType": kind, "buffer": data})


def until(page: Any, expression: str) -> None:
    """Wait until an expression is true there; Playwright's own waiting evaluates text in the page, which its policy forbids."""
    end = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(30)


def shown(page: Any, after: int = 0) -> int:
    """The number of the frame that is shown, once it is a later one."""
    until(page, f"Number(document.getElementById('after').dataset.number ?? 0) > {after}")
    return int(page.get_attribute("#after", "data-number"))


def pixels(page: Any) -> list[int]:
    take = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    return list(page.eval_on_selector("#after", take))


def slide(page: Any, style: str, weight: float) -> None:
    page.eval_on_selector(
        f"[data-style={style}]",
        "(s, weight) => { s.value = weight; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')); }",
        weight,
    )


def test_the_picture_follows_and_the_last_value_wins(tab: Callable[..., Any]) -> None:
    page = tab()
    number = shown(page)
    for step in range(1, 60):
        slide(page, "dots", step / 60)
    slide(page, "swirls", 0)
    slide(page, "dots", 1)
    until(page, f"document.getElementById('after').dataset.number == {number + 61}")
    last = pixels(page)
    other = tab(fragment=re.search(r"#.*", page.evaluate(LINK)).group())  # type: ignore[union-attr]
    until(other, "document.querySelector('[data-style=dots]').value == 1")
    assert pixels(other) == last
    page.click("text=Undo")
    page.click("text=Undo")  # only one style had a weight before, too
    shown(page, number + 62)
    assert pixels(page) != last


LINK = """() => {
  const look = { styles: { dots: 1 }, strength: 1, colour: "style", stroke: 1 };
  return "#mix=" + btoa(JSON.stringify(look));
}"""


def test_the_keyboard_is_enough(tab: Callable[..., Any]) -> None:
    page = tab()
    number = shown(page)
    page.focus("[data-style=waves]")
    page.keyboard.press("End")
    number = shown(page, number)
    assert page.input_value("[data-style=waves]") == "1"
    page.keyboard.press("Control+z")
    shown(page, number)
    assert page.input_value("[data-style=waves]") == "0"
    unnamed = page.evaluate("""() => [...document.querySelectorAll("button, input:not([hidden]), select")]
        .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML)""")
    assert unnamed == []


def test_a_map_is_painted(tab: Callable[..., Any]) -> None:
    page = tab()
    number = shown(page)
    slide(page, "dots", 1)
    number = shown(page, number)
    before = pixels(page)
    page.select_option("#brush-style", "dots")
    page.get_by_role("button", name="Brush", exact=True).click()
    box = page.locator("#paint").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.7, steps=5)
    page.mouse.up()
    number = shown(page, number)
    assert pixels(page) != before
    page.click("text=Whole picture again")
    shown(page, number)
    page.wait_for_timeout(500)
    assert pixels(page) == before


def test_a_job_is_found_again_and_cancelled(tab: Callable[..., Any]) -> None:
    page = tab()
    choose(page, "text=Paint it well…", picture(64, 64, seed=5), "painting.png")
    page.wait_for_selector(".job[data-state=running] svg")
    page.reload()
    page.wait_for_selector(".job[data-state=running] svg polyline")
    second = tab(with_photo=False)
    second.wait_for_selector(".job[data-state=running]")
    second.click(".job >> text=Cancel")
    page.wait_for_selector(".job[data-state=cancelled]")
    page.click(".job >> text=Remove")
    page.wait_for_selector(".job", state="detached")


def test_what_is_no_picture_is_told_in_words(tab: Callable[..., Any]) -> None:
    page = tab(with_photo=False)
    choose(page, "#drop", b"nonsense", "photo.png")
    until(page, "document.getElementById('problem').textContent.includes('not a picture')")
    choose(page, "#drop", picture(96, 128))
    shown(page)
    until(page, "document.getElementById('problem').textContent === ''")


def test_full_resolution_is_downloaded(tab: Callable[..., Any]) -> None:
    page = tab()
    with page.expect_download() as download:
        page.click("text=Full resolution")
    from stylespace.pictures.settings import read_settings

    assert read_settings(Path(download.value.path()).read_bytes())["settings"]["mix"] == {"swirls": 1.0}


@pytest.mark.parametrize("wide", [360, 900, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_any_width(browser: Any, address: str, wide: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": wide, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]")
    assert page.evaluate("document.documentElement.scrollWidth") <= wide
    if folder := os.environ.get("STYLESPACE_SCREENSHOTS"):
        choose(page, "#drop", Path(os.environ["STYLESPACE_PHOTO"]).read_bytes())
        shown(page)
        page.screenshot(path=f"{folder}/{scheme}-{wide}.png")
    context.close()
