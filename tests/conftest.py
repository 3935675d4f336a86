"""What every test stands on: few threads, fixed seeds, no network beyond this machine, no settings of the user's."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before torch and matplotlib are imported: they read these once.
os.environ.setdefault("OMP_NUM_THREADS", os.environ.get("STYLESPACE_TEST_THREADS", "1"))
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait leave their core to the other workers
os.environ["MPLBACKEND"] = "Agg"

import numpy as np
import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("STYLESPACE_SHARED", REPOSITORY.parent / "shared"))
SHARED_FIXTURES = {"shared_data", "shared_weights"}
THIS_MACHINE = {None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0"}


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "what precision='auto' means in this run; auto: what the probe finds"
    parser.addoption("--precision", choices=("auto", "fp32", "bf16"), default="auto", help=told)


def pytest_configure(config: pytest.Config) -> None:
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if (chosen := config.getoption("precision")) != "auto":
        from stylespace.encoders import precision

        fast = precision.dtype(chosen, torch.device("cpu"))
        precision._seconds = lambda dtype, device: 0.1 if dtype == fast else 0.9  # what the probe measures


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as ``shared`` what asks for the shared fixtures, and skip it where the folder is absent."""
    for item in items:
        if SHARED_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("shared")
        if item.get_closest_marker("shared") and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason=f"needs the shared folder: no {SHARED.name}/ beside the repository"))


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


def _shared_folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs {SHARED.name}/{name}")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with ``photos``, ``content``, ``paintings`` and others."""
    return _shared_folder("data")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Folder with the reference encoders' weights."""
    return _shared_folder("weights")


@pytest.fixture(autouse=True)
def seeds() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (libraries draw from it)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_user_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("STYLESPACE_") and name not in ("STYLESPACE_SHARED", "STYLESPACE_TEST_THREADS"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def offline() -> Iterator[None]:
    """Other machines' names cannot be looked up and their addresses cannot be reached, as on a machine without a network."""
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def look_up_here(host: Any, *arguments: Any, **keywords: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in THIS_MACHINE:
            raise socket.gaierror(socket.EAI_NONAME, f"tests are offline: {name} was looked up")
        return look_up(host, *arguments, **keywords)

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in THIS_MACHINE:
            raise ConnectionRefusedError(f"tests are offline: {address[0]} was called")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up_here)
        patch.setattr(socket.socket, "connect", connect_here)
        yield


@pytest.fixture(scope="session")
def compact_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the compact encoder's form with random weights, for tests that must not depend on what it learned."""
    from safetensors.torch import save_file

    from stylespace.encoders.compact import CompactTrunk

    with torch.random.fork_rng():
        torch.manual_seed(0)
        trunk = CompactTrunk()
        for module in trunk.modules():
            if isinstance(module, torch.nn.Conv2d):  # activations keep their size however deep they lie
                torch.nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        state = {name: tensor.contiguous() for name, tensor in trunk.state_dict().items()}
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file(state, path)
    return path
