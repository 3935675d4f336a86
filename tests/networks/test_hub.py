"""Networks put on and got from a stand-in of the Hugging Face Hub, a server on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from installed import needs

from stylespace.errors import InputError, MissingExtraError, WeightsError
from stylespace.networks.builds import BUILDS
from stylespace.networks.hub import FILE, card, is_repository
from stylespace.networks.style_network import StyleNetwork

needs("huggingface_hub")
COMMIT = "1" * 40


@pytest.fixture
def network() -> StyleNetwork:
    body = BUILDS["tiny"]().eval().requires_grad_(False)
    rows = (body.initial_row() + 0.3 * torch.randn(2, body.row_size)).half().float()
    about = {"swirls": {"title": "Swirls | and more", "artist": "Nobody", "licence": "CC0"}}
    return StyleNetwork(body, "tiny", rows, ["swirls", "waves"], about, {"steps": 7})


class StandIn(ThreadingHTTPServer):
    """Repositories in memory, and the requests that were made."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()


class Answers(BaseHTTPRequestHandler):
    """The few questions that putting and getting ask: create, preupload, commit; resolve."""

    server: StandIn

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def tell(self, content: Any, status: int = 200) -> None:
        self.answer(json.dumps(content).encode(), status)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        self.server.tokens.add(self.headers.get("Authorization"))
        if path == "/api/repos/create":
            asked = json.loads(body)
            self.tell({"url": f"http://{self.headers['Host']}/{asked.get('organization')}/{asked['name']}", "id": "owner/name"})
        elif path == "/api/validate-yaml":
            self.tell({"errors": [], "warnings": []})
        elif path.endswith("/preupload/main"):
            files = json.loads(body)["files"]
            self.tell({"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]})
        elif path.endswith("/commit/main"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            url = f"http://{self.headers['Host']}/owner/name/commit/{COMMIT}"
            self.tell({"success": True, "commitUrl": url, "commitOid": COMMIT})
        else:
            self.tell({"error": f"not known here: {path}"}, 404)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        name = path.rpartition("/")[2]
        if path.startswith("/owner/name/resolve/") and name in self.server.files:
            body = self.server.files[name]
            tag = f'"{hashlib.sha256(body).hexdigest()}"'
            self.answer(body, **{"ETag": tag, "X-Repo-Commit": COMMIT, "Content-Type": "application/octet-stream"})
        elif path.startswith("/owner/"):
            self.answer(
                b"", 404, **{"X-Error-Code": "EntryNotFound" if "/name/" in path else "RepoNotFound", "X-Repo-Commit": COMMIT}
            )
        else:
            self.tell({"error": "not known here"}, 404)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[StandIn]:
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(script: str, hub: StandIn, folder: Path) -> str:
    """In a process of its own: the Hub's client reads its settings once."""
    settings = {
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(folder / "cache"), "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }  # fmt: skip
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and not k.lower().endswith("_proxy")}
    finished = subprocess.run(
        [sys.executable, "-c", "import stylespace as ss\n" + script],
        cwd=folder, env={**inherited, **settings}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_push_and_load(network: StyleNetwork, hub: StandIn, tmp_path: Path) -> None:
    network.save(tmp_path / "net.safetensors")
    told = run(
        "try: ss.StyleNetwork.load('owner/name')\n"
        "except ss.StylespaceError as error: print(error)\n"
        "print(ss.StyleNetwork.load('net.safetensors').push('owner/name', token='hf_secret'))\n"
        "again = ss.StyleNetwork.load('owner/name')\n"
        "print(*again.styles, again.checksum())\n"
        "for name in ('owner/nothing', 'other/name'):\n"
        "    try: ss.StyleNetwork.load(name)\n"
        "    except ss.StylespaceError as error: print(type(error).__name__, error)\n",
        hub,
        tmp_path,
    ).splitlines()
    assert f"holds no {FILE}" in told[0]
    assert told[1].endswith(f"/owner/name/commit/{COMMIT}")
    assert told[2] == f"swirls waves {network.checksum()}"
    assert all(line.startswith("WeightsError There is no file") for line in told[3:5])
    assert "is not there, or is not open to you" in told[3]
    assert set(hub.files) == {FILE, "README.md"}
    assert hub.files[FILE] == (tmp_path / "net.safetensors").read_bytes()
    assert "Bearer hf_secret" in hub.tokens
    assert b"Swirls \\| and more" in hub.files["README.md"]


def test_what_is_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_repository("owner/name-1.0")
    (tmp_path / "nets").mkdir()
    for other in ("classics", "nets/mine", "owner/net.safetensors", "a/b/c", "/a/b", "../b", Path("owner/name")):
        assert not is_repository(other)
    with pytest.raises(WeightsError, match="no network 'nets/mine'"):
        StyleNetwork.load("nets/mine")


def test_mistakes(network: StyleNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="owner/name"):
        network.push("name")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for attempt in (lambda: StyleNetwork.load("owner/name"), lambda: network.push("owner/name")):
        with pytest.raises(MissingExtraError, match=r"stylespace\[hub\]"):
            attempt()


def test_card(network: StyleNetwork) -> None:
    lines = card(network, "owner/name").splitlines()
    assert lines[0] == "---"
    assert 'net = ss.StyleNetwork.load("owner/name")' in lines
    assert "| swirls | Swirls \\| and more | Nobody | CC0 |  |" in lines
    assert "| waves |  |  |  |  |" in lines
    assert lines[-1] == "Trained with steps: 7."
