"""A studio with a tiny network, and small pictures."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from studio_calls import ADDRESS, Client

from stylespace.networks.arbitrary import Reader
from stylespace.networks.builds import BUILDS
from stylespace.networks.style_network import StyleNetwork, thumbnail

if find_spec("fastapi") is None:  # the extra ``studio``
    collect_ignore_glob = ["test_*.py"]


def network(reads: bool = False) -> StyleNetwork:
    torch.manual_seed(0)
    body = BUILDS["tiny"]().eval().requires_grad_(False)
    rows = body.initial_row().repeat(3, 1) + 0.5 * torch.randn(3, body.row_size)
    about = {"swirls": {"title": "Swirls", "artist": "Nobody", "year": 1890, "thumbnail": thumbnail(torch.rand(1, 3, 32, 32))}}
    reader = Reader(body.row_size, (4, 4), 4, 2).eval().requires_grad_(False) if reads else None
    return StyleNetwork(body, "tiny", rows, ["swirls", "waves", "dots"], about, {}, reader)


@pytest.fixture(scope="session")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return network().save(tmp_path_factory.mktemp("network") / "tiny.safetensors")


@pytest.fixture(scope="session")
def reading_network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return network(reads=True).save(tmp_path_factory.mktemp("network") / "reads.safetensors")


@pytest.fixture(scope="session")
def client(network_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Gives a client of a studio with these settings; one studio for all who ask for the same, because it starts processes."""
    from fastapi.testclient import TestClient

    from stylespace.studio.application import application
    from stylespace.studio.settings import StudioSettings

    opened: dict[str, TestClient] = {}

    def make(**settings: Any) -> TestClient:
        key = repr(sorted(settings.items()))
        if key not in opened:
            folder = tmp_path_factory.mktemp("studio")
            chosen = StudioSettings(**{"folder": folder, "network": str(network_file), "device": "cpu", **settings})
            opened[key] = TestClient(application(chosen), base_url=ADDRESS)
            opened[key].__enter__()
        return opened[key]

    yield make
    for each in opened.values():
        each.__exit__(None, None, None)
