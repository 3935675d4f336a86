"""The page of ``stylespace export --web`` in headless Chromium: how far from the native network, how much slower, how large.

STYLESPACE_ORT_WEB=onnxruntime-web-1.30.0.tgz python benchmarks/browser.py     (chromium, playwright; npm pack onnxruntime-web@1.30.0)

A ratio of times: the page's painting graph in WebAssembly with threads, over the exported network in ONNX Runtime (fp32), at 512 px.
"""

from __future__ import annotations

import functools
import http.server
import io
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from common import figure, parser, quartiles

SIZE = 512
PAINT = """async ([high, wide, runs]) => {
  const worker = new Worker("painter.js", { type: "module" });
  let number = 0;
  const ask = (what, given = {}) => new Promise((done, failed) => {
    worker.onmessage = ({ data }) => data.error ? failed(new Error(data.error)) : done(data.answer);
    worker.postMessage({ what, number: ++number, ...given });
  });
  const { engine } = await ask("start", { wanted: "wasm" });
  const about = await (await fetch("network.json")).json();
  const data = new Uint8ClampedArray(4 * high * wide).map((_, i) => (i * 2654435761 >>> 24));
  const photo = { data, width: wide, height: high };
  const weights = about.styles.map((_, i) => Number(i === 0));
  const measured = [], painted = [];
  let row;
  for (let i = 0; i < runs + 2; i++) {
    const begun = performance.now();
    row = await ask("measure", { photo, weights });
    const between = performance.now();
    const made = await ask("paint", { photo, row, strength: 1 });
    if (i >= 2) { measured.push(between - begun); painted.push(made.milliseconds); }
  }
  worker.terminate();
  return { engine, measured, painted };
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


def native(folder: Path, threads: int, runs: int) -> tuple[list[float], list[float]]:
    """Seconds of the exported network, and of the page's painting graph, in ONNX Runtime."""
    import onnxruntime

    from stylespace.export.runtime import Runtime

    photo = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    painter = Runtime("classics", "onnxruntime", threads=threads)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder / "paint.onnx"), options)
    given = {"photo": np.ascontiguousarray(photo.transpose(2, 0, 1)[None].astype(np.float32) / 255)}
    given["row"] = np.zeros(session.get_inputs()[1].shape, np.float32)
    whole, fixed = [], []
    for run in range(runs + 2):
        start = time.perf_counter()
        painter(photo)
        between = time.perf_counter()
        session.run(None, given)
        if run >= 2:
            whole.append(between - start)
            fixed.append(time.perf_counter() - between)
    return whole, fixed


def apart(tab: Any) -> float:
    """Largest difference of a shown picture from PyTorch's, of 255."""
    import torch
    from PIL import Image

    from stylespace.export.check import photos
    from stylespace.networks.style_network import StyleNetwork

    photo, out = photos(1, (384, 512))[0], io.BytesIO()
    Image.fromarray(photo).save(out, "PNG")
    tab.set_input_files("#file", {"name": "photo.png", "mimeType": "image/png", "buffer": out.getvalue()})
    tab.wait_for_selector("#picture[data-settled=yes]")
    shown = tab.eval_on_selector("#picture", "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    made = np.array(shown, np.uint8).reshape(384, 512, 4)[..., :3].astype(float)
    network = StyleNetwork.load("classics")
    pixels = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
    wanted = network.pixels(pixels, network.names[0])[0].permute(1, 2, 0).numpy()
    return float(np.abs(made - 255 * wanted).max())


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=9)
    options.add_argument("--runtime", type=Path, default=Path(os.environ.get("STYLESPACE_ORT_WEB", "onnxruntime-web-1.30.0.tgz")))
    asked = options.parse_args()
    from playwright.sync_api import sync_playwright

    from stylespace.export.web import export_web
    from stylespace.networks.style_network import StyleNetwork

    chromium = os.environ.get("STYLESPACE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary) / "page"
        export_web(StyleNetwork.load("classics"), folder, asked.runtime)
        beside = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        figure("browser-megabytes beside the runtime", beside / 1e6, "<= 5", unit="MB")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.set_default_timeout(600_000)
        tab.goto(f"http://127.0.0.1:{server.server_port}/")
        tab.wait_for_selector("body[data-ready]")
        figure("browser-apart from native", apart(tab), "<= 2", unit="of 255")
        found = tab.evaluate(PAINT, [SIZE, SIZE, asked.runs])
        browser.close()
        server.shutdown()
        whole, fixed = native(folder, asked.threads, asked.runs)
    low, seconds, high = (value / 1000 for value in quartiles(found["painted"]))
    exported = quartiles(whole)[1]
    about = {"engine": found["engine"], "size": SIZE}
    figure("browser-seconds 512 px", seconds, "", unit="s", spread=(low, high), **about)
    figure("browser-seconds 512 px measuring", quartiles(found["measured"])[1] / 1000, "", unit="s", **about)
    figure("onnxruntime-seconds 512 px", exported, "", unit="s")
    figure("browser-times onnxruntime 512 px", seconds / exported, "<= 6", **about)
    figure("browser-times onnxruntime 512 px, the same graph", seconds / quartiles(fixed)[1], "", **about)


if __name__ == "__main__":
    main()
