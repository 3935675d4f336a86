"""A network as a web page: its two graphs, and the page in Chromium."""

from __future__ import annotations

import functools
import http.server
import io
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stylespace.cli.app import main
from stylespace.errors import InputError
from stylespace.export import web
from stylespace.export.check import photos
from stylespace.export.web import LARGEST, RUNTIME_FILES, export_web, graphs
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'export'")
pytest.importorskip("onnxscript", reason="needs the extra 'export'")
RUNTIME = os.environ.get("STYLESPACE_ORT_WEB", "")  # the file of `npm pack onnxruntime-web`
CHROMIUM = os.environ.get("STYLESPACE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""


@pytest.fixture(scope="module")
def network() -> StyleNetwork:
    torch.manual_seed(0)
    body = BUILDS["tiny"]().eval().requires_grad_(False)
    rows = body.initial_row() + 0.3 * torch.randn(3, body.row_size)
    return StyleNetwork(body, "tiny", rows, ["swirls", "waves", "dots"])


@pytest.fixture(scope="module")
def exported(network: StyleNetwork) -> dict[str, bytes]:
    return graphs(network)


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A package with the files' names."""
    path = tmp_path / "onnxruntime-web.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name in RUNTIME_FILES:
            about = tarfile.TarInfo(f"package/dist/{name}")
            about.size = len(name)
            tar.addfile(about, io.BytesIO(name.encode()))
    return path


def native(folder: Path, photo: np.ndarray, weights: list[float]) -> np.ndarray:
    """What the page's graphs give in ONNX Runtime: (H, W, 3) in [0, 1]."""
    given = np.ascontiguousarray(photo.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    measure, paint = (onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), options) for name in ("measure", "paint"))
    (row,) = measure.run(None, {"photo": given, "weights": np.array(weights, np.float32)})
    (made,) = paint.run(None, {"photo": given, "row": row})
    return made[0].transpose(1, 2, 0)


def test_what_was_measured_gives_the_networks_own_picture(
    network: StyleNetwork, exported: dict[str, bytes], tmp_path: Path
) -> None:
    for name, data in exported.items():
        (tmp_path / name).write_bytes(data)
    assert (tmp_path / "weights.bin").stat().st_size < 2.2 * sum(
        p.numel() for p in network.body.parameters()
    ) + 5000  # shared, halved
    for size in ((96, 128), (64, 80)):
        photo = photos(1, size)[0]
        made = native(tmp_path, photo, [0.5, 0.0, 1.5])
        pixels = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
        wanted = network.pixels(pixels, {"swirls": 0.25, "dots": 0.75})[0].permute(1, 2, 0).numpy()
        assert np.abs(made - wanted).max() < 1 / 255


def test_the_painting_graph_has_no_reductions(exported: dict[str, bytes]) -> None:
    import onnx

    model = onnx.ModelProto.FromString(exported["paint.onnx"])
    used = {node.op_type for node in model.graph.node}
    assert not {kind for kind in used if kind.startswith("Reduce") or "Normalization" in kind}


def test_the_page_is_complete(
    network: StyleNetwork, exported: dict[str, bytes], runtime: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(web, "graphs", lambda network: dict(exported))
    network.save(tmp_path / "net.safetensors")
    assert main(["export", str(tmp_path / "net.safetensors"), "--web", "-o", str(tmp_path / "page")]) == 1
    assert "npm pack" in capsys.readouterr().err
    assert not (tmp_path / "page").exists()
    (tmp_path / "other.tgz").write_bytes(b"x")
    with pytest.raises(InputError, match="npm pack"):
        export_web(network, tmp_path / "page", tmp_path / "other.tgz")
    export_web(network, tmp_path / "page", runtime)
    held = {path.relative_to(tmp_path / "page").as_posix() for path in (tmp_path / "page").rglob("*") if path.is_file()}
    own = {"index.html", "style.css", "main.js", "painter.js", "coop.js"}
    assert held == {*own, "measure.onnx", "paint.onnx", "weights.bin", "network.json", *(f"ort/{name}" for name in RUNTIME_FILES)}
    with pytest.raises(InputError, match="holds files already"):
        export_web(network, tmp_path / "page", runtime)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """``classics`` as a page on a static host that sets no headers, open in Chromium."""
    if not RUNTIME:
        pytest.skip("needs onnxruntime-web: npm pack onnxruntime-web@1.30.0, and its file in STYLESPACE_ORT_WEB")
    if not CHROMIUM:
        pytest.skip("no Chromium here: apt-get install chromium, or name it in STYLESPACE_CHROMIUM")
    client = pytest.importorskip("playwright.sync_api", reason="needs Playwright's client: pip install playwright")
    folder = tmp_path_factory.mktemp("web") / "page"
    export_web(StyleNetwork.load("classics"), folder, RUNTIME)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with client.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        context = browser.new_context(permissions=["camera"], viewport={"width": 1280, "height": 800})
        context.set_default_timeout(300_000)
        tab = context.new_page()
        wrong: list[str] = []
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.goto(f"http://127.0.0.1:{server.server_port}/")
        tab.wait_for_selector("body[data-ready]")
        yield folder, tab
        browser.close()
    server.shutdown()
    server.server_close()
    assert not wrong


@pytest.mark.slow
def test_the_page_in_chromium(page: tuple[Path, Any]) -> None:
    from PIL import Image

    folder, tab = page
    beside = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    assert beside <= LARGEST
    assert tab.evaluate("crossOriginIsolated")  # by the service worker
    assert "threads" in tab.get_attribute("body", "data-ready")
    photo = photos(1, (192, 256))[0]
    out = io.BytesIO()
    Image.fromarray(photo).save(out, "PNG")
    tab.select_option("#size", "256")
    tab.set_input_files("#file", {"name": "photo.png", "mimeType": "image/png", "buffer": out.getvalue()})
    tab.wait_for_selector("#picture[data-settled=yes]")
    shown = tab.eval_on_selector(
        "#picture", "c => [c.height, c.width, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    high, wide, *values = shown
    assert (high, wide) == (192, 256)
    made = np.array(values, np.uint8).reshape(high, wide, 4)[..., :3].astype(float)
    network = StyleNetwork.load("classics")
    weights = [1.0] + [0.0] * (len(network.names) - 1)
    assert np.abs(made - 255 * native(folder, photo, weights)).max() <= 1  # rounding
    pixels = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
    wanted = network.pixels(pixels, network.names[0])[0].permute(1, 2, 0).numpy()
    assert np.abs(made - 255 * wanted).max() <= 2


@pytest.mark.slow
def test_sliders_and_camera(page: tuple[Path, Any]) -> None:
    _, tab = page
    before = int(tab.get_attribute("#picture", "data-shown") or 0)
    tab.click("#camera")
    tab.wait_for_function(f"Number(document.getElementById('picture').dataset.shown ?? 0) > {before + 2}")
    tab.click("#camera")
    assert tab.inner_text("#camera") == "Camera"
