"""The weights folder: where it is, what is in it, what is said about it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from stylespace.encoders import store
from stylespace.errors import WeightsError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, somewhere else."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name, **_: tmp_path / "cache" / name)
    return tmp_path / "cache" / "stylespace" / "weights"


def by_name() -> dict[str, store.Entry]:
    return {entry.name: entry for entry in store.entries()}


def test_published_files_are_torchvisions() -> None:
    """File names and the eight digits as in torchvision's models/vgg.py, lengths as it states them in MiB."""
    for name, digits, mebibytes in (("vgg16", "397923af", 527.796), ("vgg19", "dcbb9e9d", 548.051)):
        source = store.PUBLISHED[name]
        assert source.url == f"https://download.pytorch.org/models/{name}-{digits}.pth"
        assert source.file == f"{name}-{digits}.pth"
        assert source.sha256.startswith(digits)
        assert re.fullmatch("[0-9a-f]{64}", source.sha256)
        assert source.length is not None
        assert source.length / 2**20 == pytest.approx(mebibytes, abs=5e-4)


def test_the_lengths_are_those_of_the_old_form() -> None:
    """All parameters (torchvision's ``num_params``) in float32 and an 8-byte count each leave about 4 kB for five pickles."""
    for name, parameters, tensors in (("vgg16", 138_357_544, 32), ("vgg19", 143_667_240, 38)):
        rest = (store.PUBLISHED[name].length or 0) - 4 * parameters - 8 * tensors
        assert 3000 < rest < 5000


def test_folder_is_the_users_cache(cache: Path) -> None:
    assert store.folder() == cache
    assert store.find("vgg19") is None
    assert not cache.exists()


def test_folder_by_environment(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLESPACE_WEIGHTS", str(tmp_path / "mine"))
    assert store.folder() == tmp_path / "mine"
    assert store.find("vgg19") is None
    (tmp_path / "mine").mkdir()
    original = tmp_path / "mine" / "vgg19-dcbb9e9d.pth"
    original.write_bytes(b"publisher's")
    assert store.find("vgg19") == original
    assert store.find("vgg16") is None
    ours = tmp_path / "mine" / "vgg19.safetensors"
    ours.write_bytes(b"ours")
    assert store.find("vgg19") == ours


def test_home_is_expanded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLESPACE_WEIGHTS", "~/weights")
    assert store.folder() == Path.home() / "weights"


def test_file_by_environment(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "some.pth"
    file.write_bytes(b"weights")
    monkeypatch.setenv("STYLESPACE_WEIGHTS", str(file))
    assert store.find("vgg16") == store.find("vgg19") == file
    assert store.folder() == cache
    given = by_name()["STYLESPACE_WEIGHTS"]
    assert (given.state, given.path, given.bytes) == ("given", file, 7)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".pt"])
def test_absent_file_by_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.setenv("STYLESPACE_WEIGHTS", str(tmp_path / f"absent{suffix}"))
    for ask in (store.folder, store.entries, lambda: store.find("vgg19")):
        with pytest.raises(WeightsError, match=r"STYLESPACE_WEIGHTS names .* does not exist"):
            ask()


def test_entries_of_an_empty_machine(cache: Path) -> None:
    listing = by_name()
    assert list(listing)[-2:] == ["vgg16", "vgg19"]
    for name in ("vgg16", "vgg19"):
        entry = listing[name]
        assert (entry.state, entry.bytes, entry.sha256) == ("not downloaded", None, None)
        assert entry.path == cache / f"{name}.safetensors"
        assert store.PUBLISHED[name].url in entry.note
    assert all(entry.state == "shipped" for entry in list(listing.values())[:-2])


def test_shipped_weights_are_listed(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = tmp_path / "package" / "models"
    models.mkdir(parents=True)
    (models / "compact.safetensors").write_bytes(b"compact")
    (models / "compact.md").write_text("card")
    monkeypatch.setattr(store.stylespace, "__file__", str(models.parent / "__init__.py"))
    entry = store.entries()[0]
    assert (entry.name, entry.state, entry.bytes) == ("compact", "shipped", 7)
    assert entry.sha256 == hashlib.sha256(b"compact").hexdigest()
    assert [entry.name for entry in store.entries()] == ["compact", "vgg16", "vgg19"]


def test_downloaded_and_damaged(cache: Path) -> None:
    cache.mkdir(parents=True)
    path = cache / "vgg19.safetensors"
    record = {"url": "https://example.org/a.pth", "route": "whole file", "checked": "SHA-256", "not_checked": ""}
    store.keep(b"weights", record, path)
    assert json.loads((cache / "vgg19.json").read_text())["sha256"] == hashlib.sha256(b"weights").hexdigest()
    entry = by_name()["vgg19"]
    assert (entry.state, entry.path, entry.bytes) == ("downloaded", path, 7)
    assert entry.sha256 == hashlib.sha256(b"weights").hexdigest()
    for word in ("whole file", "SHA-256", "https://example.org/a.pth"):
        assert word in entry.note
    assert store.entries(checksums=False)[-1].sha256 is None

    path.write_bytes(b"weightz")
    assert by_name()["vgg19"].state == "damaged"
    assert store.entries(checksums=False)[-1].state == "downloaded"
    path.write_bytes(b"weigh")
    assert store.entries(checksums=False)[-1].state == "damaged"


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"url": "https://example.org"}'])
def test_files_without_a_record_are_the_users_own(cache: Path, text: str | None) -> None:
    cache.mkdir(parents=True)
    (cache / "vgg16.safetensors").write_bytes(b"weights")
    (cache / "vgg19-dcbb9e9d.pth").write_bytes(b"weights")
    if text is not None:
        (cache / "vgg16.json").write_text(text)
    assert by_name()["vgg16"].state == "given"
    assert by_name()["vgg19"].path == cache / "vgg19-dcbb9e9d.pth"


def test_keeping_leaves_nothing_half_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir(parents=True)

    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store.os, "replace", fail)
    with pytest.raises(WeightsError, match=r"cannot be written \(Permission denied\)"):
        store.keep(b"weights", {}, cache / "vgg19.safetensors")
    assert list(cache.iterdir()) == []


def test_full_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir(parents=True)
    usage = type(store.shutil.disk_usage(cache))
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(WeightsError, match=r"is full .* STYLESPACE_WEIGHTS .* --encoder compact"):
        store.keep(b"weights", {}, cache / "vgg19.safetensors")
    assert list(cache.iterdir()) == []


def test_the_file_itself_needs_no_torch() -> None:
    """``stylespace models`` is quick where the room's own ``__init__`` lets it."""
    code = (
        "import sys, importlib.util as u; import stylespace;"
        "s = u.spec_from_file_location('store', sys.argv[1]); m = u.module_from_spec(s); sys.modules['store'] = m;"
        "s.loader.exec_module(m); m.folder(); assert 'torch' not in sys.modules and 'httpx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, store.__file__], check=True)
