"""The page in Chromium, as people use it."""

from __future__ import annotations

import json
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
from films import moving
from studio_calls import picture, pixels_of

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("STYLESPACE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
PATIENCE = 60_000  # milliseconds, on a crowded machine


@pytest.fixture(scope="module")
def address(reading_network_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server as users start it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = ["--port", str(port), "--no-browser", "--network", str(reading_network_file), "--device", "cpu"]
    command = [sys.executable, "-m", "stylespace", "studio", *given, "--folder", str(tmp_path_factory.mktemp("folder"))]
    server = subprocess.Popen(command)
    try:
        end = time.monotonic() + 180
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
        found = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        yield found
        found.close()


@pytest.fixture
def tab(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens tabs of one visitor; errors on the page fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    wrong: list[str] = []

    def opened(with_photo: bool = True, fragment: str = "", wide: int = 1280) -> Any:
        page = context.new_page()
        page.set_viewport_size({"width": wide, "height": 800})
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


PASTE = """([data, name, type]) => {
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([new Uint8Array(data)], name, { type }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""


def test_a_photo_is_pasted_mixed_at_random_and_compared(tab: Callable[..., Any]) -> None:
    page = tab(with_photo=False)
    page.evaluate(PASTE, [list(picture(96, 128)), "photo.png", "image/png"])
    number = shown(page)
    page.click("text=Random mix")
    shown(page, number)
    weights = page.eval_on_selector_all("[data-style]", "found => found.map((each) => Number(each.value))")
    assert sum(weight > 0 for weight in weights) >= 2
    page.focus("#divider")
    page.keyboard.press("End")
    assert page.evaluate("getComputedStyle(document.getElementById('before')).clipPath") == "inset(0px 0% 0px 0px)"  # the photo
    page.keyboard.press("Home")
    assert page.evaluate("getComputedStyle(document.getElementById('before')).clipPath") == "inset(0px 100% 0px 0px)"


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
        .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.title)).map((e) => e.outerHTML)""")
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


def paint_well(page: Any, size: int, quality: str = "good") -> None:
    """Begin a job with one painting, at a size that the page does not offer."""
    page.click("#tab-paintings")
    choose(page, "text=Choose paintings…", picture(64, 64, seed=5), "painting.png")
    page.wait_for_selector(".tray .style")
    page.eval_on_selector("#size", "(s, size) => s.add(new Option(size, size, true, true))", size)
    page.wait_for_selector("#method option", state="attached")
    page.select_option("#quality", quality)
    page.get_by_role("button", name="Paint it well", exact=True).click()


def test_a_job_comes_to_its_end(tab: Callable[..., Any]) -> None:
    page = tab()
    paint_well(page, 32, "good")
    page.wait_for_selector(".job[data-state=done] svg polyline")
    page.click(".job >> text=Show")
    until(page, "document.getElementById('after').width === 32")
    with page.expect_download() as download:
        page.click(".job >> text=Save result")
    from stylespace.pictures.settings import read_settings

    assert read_settings(Path(download.value.path()).read_bytes())["settings"]["size"] == 32
    page.click(".job >> text=Use as a painting")
    page.wait_for_selector(".tray .style:nth-child(2)")


def test_a_painting_goes_where_the_brush_put_it_in_the_job_too(tab: Callable[..., Any]) -> None:
    page = tab()
    page.click("#tab-paintings")
    for seed in (3, 4):
        choose(page, "text=Choose paintings…", picture(64, 64, seed=seed), f"number{seed}.png")
        page.wait_for_selector(f"#brush-style option:has-text('number{seed}')", state="attached")
    page.select_option("#brush-style", label="Number4")
    page.get_by_role("button", name="Left", exact=True).click()  # the brush lies on this side, too
    page.wait_for_selector(".maps >> text=number4")
    page.select_option("#brush-style", label="The photo, unchanged")
    page.get_by_role("button", name="Bottom", exact=True).click()
    page.wait_for_selector(".maps >> text=The photo, unchanged")
    page.wait_for_selector("text=One painting goes where the brush put it; elsewhere the others do.")
    page.evaluate("""() => {
      const real = window.fetch;
      window.fetch = (address, options) => {
        if (address === "/v1/transfer") window.sent = options.body;
        return real(address, options);
      };
    }""")
    page.eval_on_selector("#size", "(s, size) => s.add(new Option(size, size, true, true))", 32)
    page.select_option("#quality", "draft")
    page.get_by_role("button", name="Paint it well", exact=True).click()
    until(page, "Boolean(window.sent)")
    assert json.loads(page.evaluate("window.sent.get('regions')")) == [{"mask": 0, "style": 1}, {"mask": 1}]
    assert page.evaluate("window.sent.getAll('masks').length") == 2
    mask = page.evaluate("window.sent.get('masks').arrayBuffer().then((data) => [...new Uint8Array(data)])")
    white = pixels_of(bytes(mask))
    assert white[:, :5, 0].min() == 255
    assert white[:, -5:, 0].max() == 0
    over(page)


def over(page: Any) -> None:
    """Wait until the job is done; its process takes long to start on a crowded machine."""
    page.wait_for_selector(".job:is([data-state=done], [data-state=failed])", timeout=5 * PATIENCE)
    assert page.get_attribute(".job", "data-state") == "done", page.inner_text(".job")


def test_a_job_is_found_again_and_cancelled(tab: Callable[..., Any]) -> None:
    page = tab()
    paint_well(page, 512)
    page.wait_for_selector(".job[data-state=running] svg")
    page.reload()
    page.wait_for_selector(".job[data-state=running] svg polyline")
    second = tab(with_photo=False)
    second.wait_for_selector(".job[data-state=running]")
    second.click(".job >> text=Cancel")
    page.wait_for_selector(".job[data-state=cancelled]")
    page.click(".job >> text=Remove")
    page.wait_for_selector(".job", state="detached")


def drop(page: Any, where: str, data: bytes, name: str, kind: str = "image/png") -> None:
    files = page.evaluate_handle(
        """([data, name, type]) => {
          const files = new DataTransfer();
          files.items.add(new File([new Uint8Array(data)], name, { type }));
          return files;
        }""",
        [list(data), name, kind],
    )
    page.dispatch_event(where, "drop", {"dataTransfer": files})


def test_a_photo_is_dropped_and_a_painting_is_a_slider_at_once(tab: Callable[..., Any]) -> None:
    page = tab(with_photo=False)
    drop(page, "#frame", picture(96, 128), "photo.png")
    number = shown(page)
    before = pixels(page)
    drop(page, "#styles", picture(64, 64, seed=3), "Harbour.png")
    page.wait_for_selector("input[aria-label='Weight of Harbour'][data-style]")
    number = shown(page, number)
    assert page.inner_text("#status").startswith("Network:")  # no longer that it is read
    assert page.input_value("[aria-label='Weight of Harbour'][data-style]") == "1"
    assert pixels(page) != before
    with page.expect_download() as download:
        page.click("text=Save mix")
    saved = json.loads(Path(download.value.path()).read_bytes())
    assert list(saved["codes"]) == list(saved["styles"])
    page.reload()  # the mix is in the address, and the server knows the painting
    page.wait_for_selector("input[aria-label='Weight of Harbour'][data-style]")
    choose(page, "#drop", picture(96, 128))
    number = shown(page)
    page.click("#history-list button:last-child")  # the mix before
    until(page, "document.querySelector('[data-style=swirls]').value == 1")
    shown(page, number)
    assert pixels(page) == before
    page.click("#style-list [aria-label='Remove Harbour']")
    page.wait_for_selector("[aria-label='Weight of Harbour'][data-style]", state="detached")


def test_the_addresses_are_listed(tab: Callable[..., Any]) -> None:
    page = tab(with_photo=False)
    page.goto(page.url.split("#")[0] + "docs")
    page.wait_for_selector("h2:has-text('POST /v1/paint')")
    assert "The photo. (needed)" in page.inner_text("main")
    assert "Answers: 200" in page.inner_text("main")


def test_many_paintings_are_blended_and_why(tab: Callable[..., Any]) -> None:
    page = tab()
    page.click("#tab-paintings")
    for seed in (3, 4):
        choose(page, "text=Choose paintings…", picture(64, 64, seed=seed), f"number{seed}.png")
        page.wait_for_selector(f".tray >> text=number{seed}")
    page.get_by_role("button", name="Blend to suit the photo").click()
    until(page, "document.getElementById('panel-paintings').textContent.includes('the nearest alone, Number')")
    weights = page.eval_on_selector_all(".tray input", "found => found.map((each) => Number(each.value))")
    assert sum(weights) == pytest.approx(1, abs=0.011)


def test_points_are_dragged_and_painted_with(tab: Callable[..., Any]) -> None:
    page = tab()
    page.click("#tab-paintings")
    choose(page, "text=Choose paintings…", picture(64, 64, seed=5), "painting.png")
    page.click("text=Match points…")
    page.click("text=Add a point")
    page.keyboard.press("ArrowRight")  # the point in the painting has the focus
    box = page.locator(".board >> nth=0 >> img").bounding_box()
    page.hover(".board >> nth=0 >> .point")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75, steps=3)
    page.mouse.up()
    page.evaluate("""() => {
      const real = window.fetch;
      window.fetch = (address, options) => {
        if (address === "/v1/transfer") window.sent = options.body.get("points");
        return real(address, options);
      };
    }""")
    page.click("text=Paint with these points")
    until(page, "window.sent")
    ((a, b),) = json.loads(page.evaluate("window.sent"))
    assert a == pytest.approx([0.25, 0.75], abs=0.03)
    assert b == pytest.approx([0.51, 0.5])
    page.click(".job >> text=Cancel")
    page.wait_for_selector(".job[data-state=cancelled]")


def test_a_camera_is_painted_and_its_picture_taken(tab: Callable[..., Any]) -> None:
    page = tab(with_photo=False)
    page.click("text=Camera")
    number = shown(page, 3)
    assert shown(page, number) > number  # it goes on by itself
    page.click("text=Take picture")
    page.wait_for_selector("text=Camera")
    assert page.is_enabled("text=Full resolution")


def film(path: Path) -> bytes:
    av = pytest.importorskip("av", reason="needs PyAV: pip install av")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(10):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(moving(number), format="rgb24")))
        out.mux(stream.encode())
    return path.read_bytes()


def test_a_film_is_painted_as_it_plays_and_whole_as_a_job(tab: Callable[..., Any], tmp_path: Path) -> None:
    page = tab(with_photo=False)
    choose(page, "#drop", film(tmp_path / "film.webm"), "film.webm", "video/webm")
    shown(page, 3)
    page.click("text=Paint the video")
    page.wait_for_selector(".job h3:has-text('Painting a video: film.webm')")
    page.click(".job >> text=Cancel")
    page.wait_for_selector(".job[data-state=cancelled]")
    page.click("text=Stop here")
    page.wait_for_selector("text=Video…")


def test_references_of_the_library_are_searched_and_taken(tab: Callable[..., Any]) -> None:
    page = tab()
    asked: list[str] = []
    known = {"artist": "Nobody", "year": 1890, "tags": [], "width": 64, "height": 64}
    found = {"references": [{"key": f"{i}" * 64, "title": f"Picture {i}", **known} for i in (1, 2)]}

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        if "thumbnail" in route.request.url:
            route.fulfill(body=picture(), content_type="image/png", headers={"cross-origin-resource-policy": "same-origin"})
        else:
            route.fulfill(json=found)

    page.route("**/v1/library**", answer)
    page.click("#tab-library")
    page.fill("#library-query", "tag=oil")
    page.keyboard.press("Enter")
    page.wait_for_selector(".found figure:nth-child(2)")
    page.click("[aria-label='Pictures similar to Picture 2']")
    page.wait_for_selector("text=2 pictures like Picture 2")
    assert any("query=tag%3Doil" in url and "like=2222" in url for url in asked)
    page.click("[aria-label='Take Picture 1 as a style']")
    page.wait_for_selector(".tray .style", state="attached")


def test_a_mix_is_saved_with_its_maps_and_opened_again(tab: Callable[..., Any]) -> None:
    page = tab()
    number = shown(page)
    page.select_option("#brush-style", "dots")
    page.get_by_role("button", name="Left", exact=True).click()
    number = shown(page, number)
    painted = pixels(page)
    with page.expect_download() as download:
        page.click("text=Save mix")
    saved = Path(download.value.path()).read_bytes()
    assert set(json.loads(saved)["maps"]) == {"dots"}
    page.click("text=Clear")
    page.click("[aria-label='Dots goes everywhere again']")
    page.wait_for_selector(".maps canvas", state="detached")
    choose(page, "text=Open mix…", saved, "mix.json", "application/json")
    until(page, "document.querySelector('[data-style=dots]').value == 1")
    end = time.monotonic() + PATIENCE / 1000
    while pixels(page) != painted:
        assert time.monotonic() < end
        page.wait_for_timeout(50)


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


AMENDED = """([address, settings]) => {
  window.real ??= window.fetch;
  window.fetch = (asked, options) => {
    if (asked === address) options.body.set("settings", settings);
    return window.real(asked, options);
  };
}"""


def followed_and_cancelled(page: Any) -> None:
    """A job shows how far it is, a picture and its curve, and ends when it is told to."""
    running = ".job[data-state=running]"
    page.wait_for_selector(f"{running} svg polyline", timeout=5 * PATIENCE)
    page.wait_for_selector(f"{running} img[src*='/preview']", timeout=5 * PATIENCE)
    until(page, f"document.querySelector(\"{running} [role=status]\").textContent.startsWith('Step ')")
    assert 0 < page.eval_on_selector(f"{running} progress", "bar => bar.value") < 1
    page.click(f"{running} >> text=Cancel")
    page.wait_for_selector(".job[data-state=cancelled]")
    page.click(".job >> text=Remove")
    page.wait_for_selector(".job", state="detached")


def test_a_style_is_learned_and_used(tab: Callable[..., Any]) -> None:
    page = tab()
    page.click("#tab-paintings")
    for seed in (3, 4):
        choose(page, "text=Choose paintings…", picture(64, 64, seed=seed), f"number{seed}.png")
        page.wait_for_selector(f".tray >> text=number{seed}")
    page.evaluate(AMENDED, ["/v1/learn-style", '{"size": 32, "steps": 15000}'])
    page.click("text=Learn their style")
    followed_and_cancelled(page)
    page.evaluate(AMENDED, ["/v1/learn-style", '{"size": 32, "steps": 3}'])
    page.click("text=Learn their style")
    over(page)
    page.click(".job >> text=Use as a painting")
    page.wait_for_selector(".tray .style:nth-child(3)")
    page.click("#tab-mix")
    page.wait_for_selector("input[data-style][aria-label='Weight of Learned style']")


def test_a_style_is_added_and_is_a_slider(tab: Callable[..., Any]) -> None:
    page = tab()
    number, before = shown(page), pixels(page)
    page.click("#tab-paintings")
    choose(page, "text=Choose paintings…", picture(64, 64, seed=3), "first.png")
    page.wait_for_selector(".tray >> text=first")
    page.fill("#style-name", "Mosaic")
    tiny = {"batch": 2, "crop": 32, "style_sizes": [48], "warm_up": 1}
    page.evaluate(AMENDED, ["/v1/add-style", json.dumps({"steps": 15000, **tiny})])
    page.get_by_role("button", name="Add to the network", exact=True).click()
    followed_and_cancelled(page)
    page.evaluate(AMENDED, ["/v1/add-style", json.dumps({"steps": 3, **tiny})])
    page.get_by_role("button", name="Add to the network", exact=True).click()
    over(page)
    page.click("#tab-mix")
    page.wait_for_selector("#style-list [data-style=Mosaic]")
    number = shown(page)
    page.click("text=Clear")
    slide(page, "Mosaic", 1)
    shown(page, number)
    assert pixels(page) != before
    page.reload()
    page.click("[aria-label='Remove Mosaic']")  # it stayed
    page.wait_for_selector("[data-style=Mosaic]", state="detached")


REACHED = """() => {
  window.reached = new Set();
  window.unseen = [];
  document.addEventListener("focusin", ({ target }) => {
    reached.add(target);
    const ring = target.id === "divider" ? getComputedStyle(document.getElementById("handle"), "::after") : getComputedStyle(target);
    if (ring.outlineStyle === "none") unseen.push(target.outerHTML);
  });
}"""
UNREACHED = """() => [...document.querySelectorAll("button, input, select, a[href], [tabindex]")]
    .filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility() && !reached.has(e)).map((e) => e.outerHTML)"""


def test_every_control_is_reached_by_tab_and_shows_it(tab: Callable[..., Any]) -> None:
    page = tab()
    page.click("#tab-paintings")
    choose(page, "text=Choose paintings…", picture(64, 64, seed=3), "first.png")
    page.wait_for_selector(".tray >> text=first")
    page.click("#tab-mix")
    page.evaluate(REACHED)
    for name in ("mix", "paintings", "library"):
        page.focus(f"#tab-{name}")
        if page.get_attribute(f"#tab-{name}", "aria-selected") != "true":
            page.focus("[role=tab][aria-selected=true]")
            page.keyboard.press("ArrowRight")
        for _ in range(80):
            if not (left := page.evaluate(UNREACHED)):
                break
            page.keyboard.press("Tab")
        assert left == []
    assert page.evaluate("window.unseen") == []


ROLES = "button|slider|combobox|searchbox|textbox|tab|tabpanel|link|img|group|region|progressbar|dialog|radio|checkbox"


def test_a_screen_reader_is_told_what_everything_is(tab: Callable[..., Any]) -> None:
    page = tab()
    found = {}
    for name in ("mix", "paintings", "library"):
        page.click(f"#tab-{name}")
        found[name] = page.locator("body").aria_snapshot()
        assert not re.search(rf"^\s*- ({ROLES})(:|$| \[)", found[name], re.MULTILINE), found[name]
    wanted = (
        'heading "Stylespace" [level=1]', 'img "The photo, redrawn: Swirls"', 'tab "Mix" [selected]', 'tabpanel "Mix"', 'group "Styles"',
        'slider "Weight of Dots"', 'combobox "Colours"', 'slider "Stroke size"', 'group "Where a style goes"', "- banner", "- main",
        "- status",
    )  # fmt: skip
    for each in wanted:
        assert each in found["mix"], found["mix"]
    assert 'combobox "Method"' in found["paintings"]
    assert 'searchbox "Search"' in found["library"]


def test_little_moves_where_people_want_less_motion(browser: Any, address: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]")
    timed = """() => [...document.querySelectorAll("*")].filter((e) => {
      const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(e);
      return /[1-9]/.test(transitionDuration) || animationName !== "none" || scrollBehavior === "smooth";
    }).map((e) => e.tagName)"""
    assert page.evaluate(timed) == []
    context.close()


@pytest.mark.parametrize("wide", [380, 1280])
def test_nothing_jumps(tab: Callable[..., Any], wide: int) -> None:
    page = tab(with_photo=False, wide=wide)
    page.evaluate("""() => {
      window.jumped = 0;
      const heard = (list) => list.getEntries().forEach((entry) => (window.jumped += entry.hadRecentInput ? 0 : entry.value));
      new PerformanceObserver(heard).observe({ type: "layout-shift", buffered: true });
    }""")
    choose(page, "#drop", picture(96, 128))
    number = shown(page)
    for name in ("dots", "waves"):
        slide(page, name, 0.5)
        number = shown(page, number)
    choose(page, "text=Photo…", b"nonsense", "photo.png")
    until(page, "document.getElementById('problem').textContent.includes('not a picture')")
    paint_well(page, 512)
    page.wait_for_selector(".job[data-state=running] svg polyline", timeout=5 * PATIENCE)
    page.click(".job >> text=Cancel")
    page.wait_for_selector(".job[data-state=cancelled]")
    assert page.evaluate("window.jumped") < 0.01


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
