"""Downloads from a server on this machine that serves well, drops connections, lies about lengths and serves wrong bytes."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from safetensors.torch import load_file

from stylespace.encoders import download, server, store
from stylespace.encoders.download import fetch
from stylespace.encoders.store import Published
from stylespace.encoders.weights import read_weights
from stylespace.errors import InputError, WeightsError

DEPTHS, WIDTHS = (2, 2, 3, 3, 3), (4, 5, 6, 7, 8)
BLOCK = 2048


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder, no proxies, and blocks that suit small files."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("STYLESPACE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(server, "BLOCK", BLOCK)
    monkeypatch.setattr(download, "GAP", 256)
    return tmp_path / "weights"


@pytest.fixture(params=["2017", "old", "zip"])
def form(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def state(torchvision_state: Callable) -> dict[str, torch.Tensor]:
    return torchvision_state(DEPTHS, WIDTHS)


@pytest.fixture
def data(tmp_path: Path, state: dict[str, torch.Tensor], save_weights: Callable) -> bytes:
    return save_weights(state, tmp_path / "published.pth", "2017").read_bytes()


def source(served: Any, data: bytes, known_length: bool = True, digits: int = 64) -> Published:
    digest = hashlib.sha256(data).hexdigest()[:digits]
    return Published("tiny", "Tiny VGG", served.url(), digest, len(data) if known_length else None, DEPTHS, WIDTHS)


def get(served: Any, data: bytes, known_length: bool = True, **options: Any) -> Path:
    return fetch(source(served, data, known_length), pause=0, **options)


def record(path: Path) -> dict[str, Any]:
    return json.loads(path.with_suffix(".json").read_text())


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"tiny.lock"}


def assert_right(path: Path, state: dict[str, torch.Tensor]) -> None:
    found = read_weights(path)
    convolutions = [value for name, value in state.items() if name.startswith("features")]
    assert len(found) == 2 + len(convolutions)
    assert all(torch.equal(a, b) for a, b in zip(list(found.values())[2:], convolutions, strict=True))
    assert found["input.bias"][0].item() == pytest.approx(-0.485 / 0.229)
    assert left_in(path.parent) == {"tiny.safetensors", "tiny.json"}
    assert store.record(path) is not None


def convolution_bytes(state: dict[str, torch.Tensor]) -> int:
    return sum(4 * value.numel() for name, value in state.items() if name.startswith("features"))


def test_convolutions_only(tmp_path: Path, state: dict, save_weights: Callable, serve: Callable, form: str) -> None:
    data = save_weights(state, tmp_path / "a.pth", form).read_bytes()
    served = serve(data)
    path = get(served, data)
    assert_right(path, state)
    assert convolution_bytes(state) < served.sent < len(data) / 3
    assert all(request.status == 206 for request in served.requests)
    assert all(request.if_range == '"first"' for request in served.requests[1:])
    kept = record(path)
    assert kept["route"] == download.CONVOLUTIONS
    assert "SHA-256" in kept["not_checked"]
    assert "SHA-256" not in kept["checked"]
    assert "TLS" not in kept["checked"]  # this server has none
    assert kept["version"] == '"first"'
    assert kept["length"] == len(data)
    assert kept["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(load_file(path)) >= {"conv1_1.weight", "conv5_3.bias", "input.weight"}


def test_the_layout_may_span_blocks(
    tmp_path: Path, state: dict, save_weights: Callable, serve: Callable, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "BLOCK", 512)
    data = save_weights(state, tmp_path / "a.pth", form).read_bytes()
    served = serve(data)
    path = get(served, data)
    assert_right(path, state)
    assert record(path)["route"] == download.CONVOLUTIONS
    assert served.sent < len(data) / 3


def test_whole_file_where_ranges_are_not_served(
    tmp_path: Path, state: dict, save_weights: Callable, serve: Callable, form: str
) -> None:
    data = save_weights(state, tmp_path / "a.pth", form).read_bytes()
    path = get(serve(data, ranges=False), data)
    assert_right(path, state)
    kept = record(path)
    assert kept["route"] == download.WHOLE
    assert kept["checked"].startswith("SHA-256")
    assert kept["not_checked"] == ""
    assert "ranges" in kept["why_whole"]


@pytest.mark.parametrize("tags", [{"etag": None}, {"etag": 'W/"weak"'}])
def test_whole_file_where_the_version_has_no_name(state: dict, data: bytes, serve: Callable, tags: dict) -> None:
    path = get(serve(data, **tags), data)
    assert_right(path, state)
    assert record(path)["route"] == download.WHOLE


def test_a_date_names_a_version(state: dict, data: bytes, serve: Callable) -> None:
    date = "Mon, 27 Mar 2017 21:00:00 GMT"
    served = serve(data, etag=None, modified=date)
    path = get(served, data)
    assert_right(path, state)
    assert record(path)["route"] == download.CONVOLUTIONS
    assert {request.if_range for request in served.requests[1:]} == {date}


def test_both_ways_leave_the_same_file(
    folder: Path, tmp_path: Path, state: dict, data: bytes, serve: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(data)
    part = get(served, data)
    monkeypatch.setenv("STYLESPACE_WEIGHTS", str(tmp_path / "other"))
    whole = get(served, data, full=True)
    assert whole != part
    assert whole.read_bytes() == part.read_bytes()
    assert (record(part)["route"], record(whole)["route"]) == (download.CONVOLUTIONS, download.WHOLE)


def test_what_is_there_is_not_fetched_again(state: dict, data: bytes, serve: Callable) -> None:
    served = serve(data)
    path = get(served, data)
    asked = len(served.requests)
    assert get(served, data) == path
    assert len(served.requests) == asked
    get(served, data, full=True)
    assert record(path)["route"] == download.WHOLE
    asked = len(served.requests)
    get(served, data, full=True)
    get(served, data)
    assert len(served.requests) == asked
    assert_right(path, state)


def test_a_cut_file_in_the_folder_is_fetched_again(state: dict, data: bytes, serve: Callable) -> None:
    served = serve(data)
    path = get(served, data)
    path.write_bytes(path.read_bytes()[:100])
    assert_right(get(served, data), state)


def test_dropped_whole_file_goes_on(state: dict, data: bytes, serve: Callable) -> None:
    served = serve(data, script=[{}, {"drop": 30_000}, {"drop": 50_000}, {"drop": 1}])
    path = get(served, data, full=True)
    assert_right(path, state)
    probe, *parts = served.requests
    assert [part.range for part in parts] == [None, "bytes=30000-", "bytes=80000-", "bytes=80001-"]
    assert sum(part.sent for part in parts) == len(data)
    assert probe.sent == BLOCK


def test_dropped_ranges_go_on(state: dict, data: bytes, serve: Callable) -> None:
    """Not a byte of the tensors is sent twice; a block of the layout that was dropped is."""
    calm = serve(data)
    get(calm, data).unlink()
    layout = sum(request.sent == BLOCK for request in calm.requests)
    served = serve(data, script=[*[{}] * layout, {"drop": 10}, {}, {"drop": 0}, {"drop": 7}])
    path = get(served, data)
    assert_right(path, state)
    assert record(path)["route"] == download.CONVOLUTIONS
    assert served.sent == calm.sent
    assert len(served.requests) == len(calm.requests) + 3
    path.unlink()
    served = serve(data, script=[{"drop": 100}, {}, {"drop": 30}])
    assert_right(get(served, data), state)
    assert served.sent == calm.sent + 130


def test_dropped_file_without_ranges_starts_again(state: dict, data: bytes, serve: Callable) -> None:
    served = serve(data, ranges=False, script=[{}, {"drop": 60_000}, {"drop": 30_000}])
    path = get(served, data)
    assert_right(path, state)
    assert [request.status for request in served.requests] == [200, 200, 200, 200]
    assert served.requests[-1].sent == len(data)


@pytest.mark.parametrize("full", [True, False])
def test_another_run_goes_on(folder: Path, state: dict, data: bytes, serve: Callable, full: bool) -> None:
    calm = serve(data)
    get(calm, data, full=full).unlink()
    sent = [request.sent for request in calm.requests]
    served = serve(data, script=[*[{}] * sent.index(max(sent)), {"drop": 500}, *[{"drop": 0}] * (server.TRIES - 1)])
    with pytest.raises(WeightsError, match="could not be downloaded"):
        get(served, data, full=full)
    (part,) = folder.glob("*.part")
    have = part.stat().st_size
    assert have >= 500
    asked, before = len(served.requests), served.sent
    assert_right(get(served, data, full=full), state)
    assert served.sent - before == calm.sent - have
    if full:
        assert [request.range for request in served.requests[asked:]] == [f"bytes=0-{BLOCK - 1}", "bytes=500-"]


def test_what_another_way_left_is_cleared(folder: Path, state: dict, data: bytes, serve: Callable) -> None:
    served = serve(data, script=[{}, {"drop": 500}, *[{"drop": 0}] * server.TRIES])
    with pytest.raises(WeightsError):
        get(served, data, full=True)
    assert list(folder.glob("*.part"))
    served.script.clear()
    assert_right(get(served, data), state)


def test_parts_of_another_version_are_not_gone_on_with(folder: Path, state: dict, data: bytes, serve: Callable) -> None:
    served = serve(data, script=[{}, {"drop": 500}, *[{"drop": 0}] * server.TRIES])
    with pytest.raises(WeightsError):
        get(served, data, full=True)
    served.etag = '"second"'
    assert_right(get(served, data, full=True), state)
    assert served.requests[-1].range is None


def test_interruption_keeps_what_has_arrived(folder: Path, state: dict, data: bytes, serve: Callable) -> None:
    def interrupt(received: int, wanted: int | None) -> None:
        if received > 20_000:
            raise KeyboardInterrupt

    served = serve(data)
    with pytest.raises(KeyboardInterrupt):
        get(served, data, full=True, progress=interrupt)
    (part,) = folder.glob("*.part")
    have = part.stat().st_size
    assert have > 20_000
    assert_right(get(served, data, full=True), state)
    assert served.requests[-1].range == f"bytes={have}-"


@pytest.mark.parametrize("lie", [-1000, -1, 1, 1000])
@pytest.mark.parametrize("ranges", [True, False])
def test_content_length_that_lies_once(state: dict, data: bytes, serve: Callable, lie: int, ranges: bool) -> None:
    served = serve(data, ranges=ranges, script=[{}, {"lie": lie}])
    path = get(served, data, full=True)
    assert_right(path, state)


@pytest.mark.parametrize("known_length", [True, False])
@pytest.mark.parametrize("lie", [-1000, 1000])
@pytest.mark.parametrize("ranges", [True, False])
def test_content_length_that_always_lies(
    folder: Path, state: dict, data: bytes, serve: Callable, lie: int, ranges: bool, known_length: bool
) -> None:
    """Right in the end or an error in one sentence; never a wrong file and never an endless loop."""
    served = serve(data, ranges=ranges, script=[{"lie": lie}] * 100)
    if lie > 0 and (ranges or known_length):
        assert_right(get(served, data), state)
    else:
        with pytest.raises(WeightsError, match="--encoder compact"):
            get(served, data, known_length=known_length)
        assert not {name for name in left_in(folder) if not name.endswith((".part", ".part.json"))}
        assert ranges or left_in(folder) == set()
    assert len(served.requests) < 60


def test_a_range_that_lies_about_its_place(state: dict, data: bytes, serve: Callable) -> None:
    served = serve(data, script=[{}, {"content_range": f"bytes 5-9/{len(data)}"}])
    path = get(served, data)
    assert_right(path, state)
    assert record(path)["route"] == download.WHOLE
    assert "bytes 5-9" in record(path)["why_whole"]


def test_going_on_at_the_wrong_place_is_noticed(state: dict, data: bytes, serve: Callable) -> None:
    served = serve(data, script=[{}, {"drop": 1000}, {"content_range": f"bytes 5-9/{len(data)}"}])
    assert_right(get(served, data, full=True), state)
    assert [request.range for request in served.requests[1:]] == [None, "bytes=1000-", None]
    assert len(served.requests) == 4


def test_wrong_bytes_leave_nothing(folder: Path, data: bytes, serve: Callable) -> None:
    wrong = bytearray(data)
    wrong[len(data) // 2] ^= 1
    served = serve(bytes(wrong))
    with pytest.raises(WeightsError, match=r"does not have the publisher's checksum .*--encoder compact.*--weights FILE"):
        get(served, data, full=True)
    assert left_in(folder) == set()
    assert served.sent == BLOCK + len(data)


def test_eight_digits_of_a_checksum_are_checked(folder: Path, state: dict, data: bytes, serve: Callable) -> None:
    path = fetch(source(serve(data), data, digits=8), full=True, pause=0)
    assert "first 8 digits" in record(path)["checked"]
    path.unlink()
    with pytest.raises(WeightsError, match="checksum"):
        fetch(source(serve(data[:-1] + b"\xff"), data, digits=8), full=True, pause=0)


def test_wrong_after_being_put_together_is_fetched_once_more_in_one(state: dict, data: bytes, serve: Callable) -> None:
    """A server that serves ranges of another file under the same ETag: one clean try settles it."""
    served = serve(data)

    def swap(number: int) -> None:
        served.data = bytes(len(data)) if number == 3 else data

    served.before, served.script = swap, [{}, {"drop": 400}]
    assert_right(get(served, data, full=True), state)
    assert [request.range for request in served.requests[1:]] == [None, "bytes=400-", None]


@pytest.mark.parametrize("form", ["old", "zip"])
def test_wrong_tensors_in_ranges_fall_back(
    folder: Path, tmp_path: Path, state: dict, save_weights: Callable, serve: Callable, form: str
) -> None:
    """A wrong framing or CRC sends it to the whole file, whose checksum is wrong too: nothing is kept."""
    data = bytearray(save_weights(state, tmp_path / "a.pth", form).read_bytes())
    right = bytes(data)
    place = right.index(state["features.0.weight"].numpy().tobytes())
    data[place if form == "zip" else place - 8] ^= 1
    served = serve(bytes(data))
    with pytest.raises(WeightsError, match="checksum"):
        get(served, right)
    assert left_in(folder) == set()
    assert served.requests[-1].range is None


@pytest.mark.parametrize("spoil", ["not finite", "shape", "missing", "type"])
def test_odd_contents_fall_back(
    folder: Path, tmp_path: Path, state: dict, save_weights: Callable, serve: Callable, spoil: str
) -> None:
    """Even where the checksum is that of the odd file, it is not kept."""
    if spoil == "not finite":
        state["features.7.bias"][0] = torch.nan
    elif spoil == "shape":
        state["features.0.weight"] = torch.zeros(4, 3, 5, 5)
    elif spoil == "missing":
        del state["features.28.bias"]
    else:
        state["features.0.bias"] = torch.zeros(4, dtype=torch.int64)
    data = save_weights(state, tmp_path / "a.pth", "old").read_bytes()
    served = serve(data)
    with pytest.raises(WeightsError):
        get(served, data)
    assert left_in(folder) == set()
    assert served.requests[-1].range is None


def test_another_network_is_not_kept(
    folder: Path, tmp_path: Path, torchvision_state: Callable, save_weights: Callable, serve: Callable
) -> None:
    data = save_weights(torchvision_state((2, 2, 4, 4, 4), WIDTHS), tmp_path / "a.pth", "zip").read_bytes()
    with pytest.raises(WeightsError, match="does not have the layers of Tiny VGG"):
        get(serve(data), data)
    assert left_in(folder) == set()


def test_a_file_of_another_length_is_not_taken_in_parts(state: dict, data: bytes, serve: Callable) -> None:
    path = get(serve(data + b"more"), data)
    assert_right(path, state)
    assert f"{len(data) + 4} bytes long instead of {len(data)}" in record(path)["why_whole"]


def test_a_file_that_ends_early(folder: Path, data: bytes, serve: Callable) -> None:
    with pytest.raises(WeightsError, match="could not be downloaded"):
        get(serve(data[:-1]), data)
    assert not list(folder.glob("*.safetensors"))


def test_a_page_instead_of_the_file(folder: Path, data: bytes, serve: Callable) -> None:
    with pytest.raises(WeightsError, match="could not be downloaded"):
        get(serve(b"<html>Please sign in to this network</html>"), data)
    assert not list(folder.glob("*.safetensors"))


def test_missing_file_is_asked_for_once(folder: Path, data: bytes, serve: Callable) -> None:
    served = serve(data, script=[{"status": 404}] * 10)
    with pytest.raises(WeightsError, match=r"answered 404 Not Found\).*--encoder compact.*--weights FILE"):
        get(served, data)
    assert len(served.requests) == 1
    assert left_in(folder) == set()


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again(state: dict, data: bytes, serve: Callable, status: int) -> None:
    served = serve(data, script=[{"status": status}, {}, {"status": status}, {"status": status}])
    path = get(served, data)
    assert_right(path, state)
    assert record(path)["route"] == download.CONVOLUTIONS


def test_a_server_in_lasting_trouble(folder: Path, data: bytes, serve: Callable) -> None:
    served = serve(data, script=[{"status": 503}] * 20)
    with pytest.raises(WeightsError, match="answered 503"):
        get(served, data)
    assert len(served.requests) == server.TRIES


def test_pauses_double(data: bytes, serve: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(server.time, "sleep", pauses.append)
    with pytest.raises(WeightsError):
        fetch(source(serve(data, script=[{"status": 503}] * 20), data), pause=0.5)
    assert pauses == [0.5, 1, 2, 4]


@pytest.mark.parametrize("right", ["new", "old"])
@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_a_file_that_changes_between_ranges(
    folder: Path,
    data: bytes,
    serve: Callable,
    torchvision_state: Callable,
    save_weights: Callable,
    right: str,
    heeds_if_range: bool,
) -> None:
    """The new version has the same layout. Nothing of the two is mixed, at whatever request it comes: a checksum decides."""
    new_state = torchvision_state(DEPTHS, WIDTHS, seed=1)
    new = save_weights(new_state, folder.parent / "b.pth", "2017").read_bytes()
    calm = serve(data)
    get(calm, data).unlink()
    for change in range(2, len(calm.requests) + 1):
        served = serve(data, heeds_if_range=heeds_if_range)

        def swap(number: int, served: Any = served, change: int = change) -> None:
            if number == change:
                served.data, served.etag = new, '"second"'

        served.before = swap
        if right == "new":
            path = get(served, new)
            assert_right(path, new_state)
            assert "changed" in record(path)["why_whole"]
            path.unlink()
        else:
            with pytest.raises(WeightsError, match="checksum"):
                get(served, data)
            assert not list(folder.glob("*.safetensors")) + list(folder.glob("*.part*"))


@pytest.mark.parametrize(("heeds_if_range", "answers"), [(True, [206, 200, 200]), (False, [206, 200, 206, 200])])
def test_a_whole_file_that_changes_when_gone_on_with(
    folder: Path,
    data: bytes,
    serve: Callable,
    torchvision_state: Callable,
    save_weights: Callable,
    heeds_if_range: bool,
    answers: list[int],
) -> None:
    other_state = torchvision_state(DEPTHS, WIDTHS, seed=1)
    other = save_weights(other_state, folder.parent / "b.pth", "2017").read_bytes()
    served = serve(data, heeds_if_range=heeds_if_range, script=[{}, {"drop": 1000}])

    def swap(number: int) -> None:
        if number == 3:
            served.data, served.etag = other, '"second"'

    served.before = swap
    assert_right(get(served, other, full=True), other_state)
    assert [request.status for request in served.requests] == answers


def test_no_connection(folder: Path, data: bytes, serve: Callable) -> None:
    served = serve(data)
    wanted = source(served, data)
    served.stop()
    with pytest.raises(WeightsError, match=r"Tiny VGG .*--encoder compact, which works without a download.*--weights FILE"):
        fetch(wanted, pause=0)
    assert left_in(folder) == set()


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="choose among vgg16, vgg19"):
        fetch("compact")


def test_no_name_service(folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"VGG-19 .*download\.pytorch\.org.*--encoder compact.*--weights FILE"):
        fetch("vgg19", pause=0)


def test_bad_proxy_settings(data: bytes, serve: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://nowhere")
    with pytest.raises(WeightsError, match=r"proxy settings.*--encoder compact"):
        get(serve(data), data)


def test_encryption_is_not_given_up(data: bytes) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "https":
            return httpx.Response(302, headers={"Location": "http://example.org/file.pth"})
        return httpx.Response(200, content=data)

    wanted = Published("tiny", "Tiny VGG", "https://example.org/file.pth", "0", None, DEPTHS, WIDTHS)
    with (
        httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True) as client,
        pytest.raises(WeightsError, match="not encrypted"),
    ):
        server.Server(wanted, client, 0).probe()


def test_endless_redirects(data: bytes) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(302, headers={"Location": str(request.url)}))
    wanted = Published("tiny", "Tiny VGG", "https://example.org/file.pth", "0", None, DEPTHS, WIDTHS)
    with httpx.Client(transport=transport, follow_redirects=True) as client, pytest.raises(WeightsError, match="redirects"):
        server.Server(wanted, client, 0).probe()


@pytest.mark.parametrize("full", [True, False])
def test_progress(data: bytes, serve: Callable, full: bool) -> None:
    seen: list[tuple[int, int | None]] = []
    get(serve(data, script=[{}, {"drop": 700}]), data, full=full, progress=lambda *step: seen.append(step))
    received = [step[0] for step in seen]
    assert received == sorted(set(received))
    assert len({wanted for _, wanted in seen}) == 1
    assert seen[-1][0] == seen[-1][1]
    assert (seen[-1][0] == len(data)) == full


def test_two_at_once_download_once(state: dict, data: bytes, serve: Callable) -> None:
    both = threading.Barrier(2)
    started = threading.Event()
    served = serve(data)
    served.before = lambda number: started.wait(10)
    paths: list[Path] = []

    def run() -> None:
        both.wait(10)
        paths.append(get(served, data))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    threads[0].join(0.3)
    assert not paths
    started.set()
    for thread in threads:
        thread.join(30)
    assert len(set(paths)) == 1
    assert len(paths) == 2
    assert_right(paths[0], state)
    calm = serve(data)
    paths[0].unlink()
    get(calm, data)
    assert (len(served.requests), served.sent) == (len(calm.requests), calm.sent)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_the_device_that_is_always_full(folder: Path, data: bytes, serve: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, mode="r", **more: opened(
            Path("/dev/full") if mode == "ab" else path, "wb" if mode == "ab" else mode, **more
        ),
    )
    with pytest.raises(WeightsError, match=r"The disk of .* is full"):
        get(serve(data), data)
    assert left_in(folder) == set()


def test_full_disk_is_said_beforehand(folder: Path, data: bytes, serve: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(store.shutil.disk_usage(folder.parent))
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: usage(10**6, 10**6, 1000))
    for full in (False, True):
        with pytest.raises(WeightsError, match=r"The disk of .* is full .*MB are needed"):
            get(serve(data), data, full=full)
        assert not list(folder.glob("*.safetensors"))


@pytest.mark.parametrize("full", [True, False])
def test_disk_that_fills_up_gets_its_space_back(
    folder: Path, data: bytes, serve: Callable, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    class Full(io.FileIO):
        """Takes 100 bytes of a piece, then nothing."""

        def write(self, piece: Any) -> int:
            if self.tell() > 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(piece[:100])

    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r", **more: Full(path, mode) if mode == "ab" else opened(path, mode, **more)
    )
    with pytest.raises(WeightsError, match=r"The disk of .* is full"):
        get(serve(data), data, full=full)
    assert left_in(folder) == set()


def test_a_folder_that_cannot_be_made(tmp_path: Path, data: bytes, serve: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("STYLESPACE_WEIGHTS", str(tmp_path / "file" / "folder"))
    with pytest.raises(WeightsError, match=r"cannot be written \(.*\): set STYLESPACE_WEIGHTS"):
        get(serve(data), data)


def test_failed_downloads_let_the_lock_go(state: dict, data: bytes, serve: Callable) -> None:
    served = serve(data, script=[{"status": 404}])
    with pytest.raises(WeightsError):
        get(served, data)
    assert_right(get(served, data), state)


def test_listing_after_a_download(data: bytes, serve: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = source(serve(data), data)
    monkeypatch.setitem(store.PUBLISHED, "tiny", wanted)
    path = fetch(wanted, pause=0)
    entry = store.entries()[-1]
    assert (entry.name, entry.state, entry.path) == ("tiny", "downloaded", path)
    assert entry.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert download.CONVOLUTIONS in entry.note
    assert store.find("tiny") == path
