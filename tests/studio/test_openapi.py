"""What /openapi.json promises is kept: Schemathesis calls every address with values that it makes up from the document."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="needs Schemathesis: pip install schemathesis")

import hypothesis  # noqa: E402 (comes with Schemathesis)
from schemathesis import checks  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of the tool itself
# Not that what fits the document is accepted: no document can say that bytes are a picture, or text is the JSON of styles that there are.
checks.load_all_checks()
CHECKS = checks.CHECKS.get_by_names(
    [
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
        "response_schema_conformance", "unsupported_method",
    ]
)  # fmt: skip
MANY = hypothesis.settings(
    max_examples=60, deadline=None, suppress_health_check=list(hypothesis.HealthCheck), derandomize=True, database=None
)
FEW = hypothesis.settings(MANY, max_examples=4)


@pytest.fixture(scope="module")
def address(network_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a thread, on a port of its own."""
    import uvicorn

    from stylespace.studio.application import application
    from stylespace.studio.settings import StudioSettings

    settings = StudioSettings(folder=tmp_path_factory.mktemp("studio"), network=str(network_file), device="cpu", jobs=2)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application(settings), log_level="warning", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def document(address: str) -> Any:
    with urllib.request.urlopen(f"{address}/openapi.json", timeout=60) as answer:
        return schemathesis.openapi.from_dict(json.load(answer))


def every_address(document: Any, address: str, settings: hypothesis.settings) -> None:
    broken: list[Exception] = []
    for found in document.get_all_operations():
        operation = found.ok()

        @settings
        @hypothesis.given(case=operation.as_strategy())
        def kept(case: Any) -> None:
            case.call_and_validate(base_url=address, checks=CHECKS, timeout=120)

        try:
            kept()
        except Exception as error:  # noqa: BLE001 (all addresses are called before any is told)
            broken.append(error)
    if broken:
        raise ExceptionGroup("Addresses that do not keep their promises", broken)


def test_addresses_keep_what_they_promise(document: Any, address: str) -> None:
    every_address(document, address, FEW)


@pytest.mark.slow
def test_addresses_keep_what_they_promise_at_length(document: Any, address: str) -> None:
    every_address(document, address, MANY)
