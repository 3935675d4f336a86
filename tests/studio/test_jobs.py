"""Jobs: to their end, cancelled, one after another, after a restart."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from studio_calls import Client, live, picture, pixels_of, wait

from stylespace.errors import InputError
from stylespace.studio.application import application
from stylespace.studio.jobs import runner
from stylespace.studio.jobs.job import JobState, Request
from stylespace.studio.jobs.runner import Runner
from stylespace.studio.jobs.store import Store
from stylespace.studio.results import Results
from stylespace.studio.settings import StudioSettings

SMALL = {"size": 32, "steps": 4, "encoder": "compact"}
LONG = {"size": 32, "steps": 15000}


def begin(client: Any, settings: Any = SMALL, **form: Any) -> dict[str, Any]:
    files = [("photo", ("p.png", picture())), ("styles", ("s.png", picture(seed=1))), ("styles", ("t.png", picture(seed=2)))]
    answer = client.post("/v1/transfer", data={"settings": json.dumps(settings), "weights": "[1, 0.5]", **form}, files=files)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def events(text: str) -> Iterator[tuple[str, Any]]:
    for block in text.strip().split("\n\n"):
        if not block.startswith(":"):
            kind, data = block.split("\n")
            yield kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_a_transfer_runs_to_its_end(client: Client) -> None:
    made = client()
    job = begin(made)
    assert job["state"] in ("queued", "running")
    told = list(events(made.get(f"/v1/jobs/{job['id']}/events").text))  # ends with the job
    last = [data for kind, data in told if kind == "job"][-1]
    assert last["state"] == "done", last
    steps = [step for kind, data in told if kind == "losses" for step, _ in data]
    assert steps == sorted(set(steps))
    assert len(steps) == last["of"] == last["step"]
    again = list(events(made.get(f"/v1/jobs/{job['id']}/events").text))  # a page that comes later gets the whole curve
    assert [step for kind, data in again if kind == "losses" for step, _ in data] == steps
    assert made.get(f"/v1/jobs/{job['id']}/losses").json()["losses"][0][0] == 1
    result = made.get(f"/v1/results/{last['result']}")
    assert pixels_of(result.content).shape == (24, 32, 3)


def half(right: bool) -> bytes:
    """A mask that is white on one side."""
    out = io.BytesIO()
    white = np.zeros((24, 32), np.uint8)
    white[:, 16 * right : 16 * right + 16] = 255
    Image.fromarray(white).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("form", [{}, {"method": "strotss"}, {"quality": "draft"}])
def test_styles_go_where_the_table_says(client: Client, form: dict[str, str]) -> None:
    made = client()
    colours = {name: np.full((24, 32, 3), value, np.uint8) for name, value in (("red", (220, 20, 20)), ("blue", (20, 20, 220)))}
    files = [("photo", ("p.png", picture(24, 32))), ("masks", ("left.png", half(False))), ("masks", ("right.png", half(True)))]
    for name, value in colours.items():
        out = io.BytesIO()
        Image.fromarray(value).save(out, "PNG")
        files.append(("styles", (f"{name}.png", out.getvalue())))
    # The left half in the second style, the right half as it is.
    rows = json.dumps([{"mask": 0, "style": 1}, {"mask": 1}])
    settings = {"size": 32, "encoder": "compact", **({} if "quality" in form else {"steps": 20})}
    answer = made.post("/v1/transfer", data={"settings": json.dumps(settings), "regions": rows, **form}, files=files)
    assert answer.status_code == 202, answer.text
    done = wait(made, answer.json()["id"], lambda job: job["state"] == "done")
    result = made.get(f"/v1/results/{done['result']}")
    seen = pixels_of(result.content).astype(int)
    assert np.abs(seen[:, 20:] - pixels_of(picture(24, 32)).astype(int)[:, 20:]).max() <= 1
    left = seen[:, :12].mean((0, 1))
    assert left[2] > left[0] + 30, left  # blue, not red
    about = made.get(f"/v1/results/{done['result']}/settings").json()
    assert [bool(area["styles"]) for area in about["areas"]] == [True, False]
    assert len(about["styles"]) == 1


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"regions": '[{"mask": 2, "style": 0}]'}, "there are 1"), ({"regions": '[{"mask": 0, "style": 9}]'}, "style 9"),
        ({"regions": '[{"mask": 0, "style_mask": 0}]'}, "without a style"), ({"regions": "[]"}, "of no region"),
        ({"regions": '[{"mask": 0, "style": 0}, {"mask": 0, "style": 1}]', "method": "blend"}, "blend"),
        ({"regions": '[{"mask": -1}]'}, "regions"), ({"regions": '[{"mask": 0, "path": "/etc"}]'}, "regions"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_is_refused_in_words(client: Client, form: dict[str, str], told: str) -> None:
    files = [("photo", ("p.png", picture())), ("styles", ("s.png", picture())), ("styles", ("t.png", picture()))]
    answer = client().post("/v1/transfer", data=form, files=[*files, ("masks", ("m.png", half(True)))])
    assert answer.status_code == 422, answer.text
    assert told in answer.json()["detail"]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot suspend processes")
def test_jobs_wait_stand_back_and_are_cancelled(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "REST", 6.0)  # for crowded machines
    made = client()
    one, two = begin(made, LONG), begin(made, LONG)
    assert made.get(f"/v1/jobs/{two['id']}").json()["place"] == 1
    wait(made, one["id"], lambda job: job["step"] > 2 and job["preview"])
    assert made.get(f"/v1/jobs/{one['id']}/preview").content[:2] == b"\xff\xd8"
    with live(made) as socket:
        socket.send_bytes(b"\x01" + picture())
        socket.send_bytes(b"\x03\0\0\0\1" + json.dumps({"styles": {"swirls": 1}}).encode())
        socket.receive_bytes()
        assert made.get(f"/v1/jobs/{one['id']}").json()["paused"] is True
    time.sleep(0.3)
    step = made.get(f"/v1/jobs/{one['id']}").json()["step"]
    time.sleep(0.7)
    assert made.get(f"/v1/jobs/{one['id']}").json()["step"] == step
    wait(made, one["id"], lambda job: job["step"] > step)
    made.delete(f"/v1/jobs/{two['id']}")
    assert made.delete(f"/v1/jobs/{one['id']}").json()["state"] == "cancelled"
    for job in (one, two):
        assert made.get(f"/v1/jobs/{job['id']}").json()["state"] == "cancelled"
    folder = made.app.state.studio.jobs.folder
    end = time.monotonic() + 20
    while any((folder / job["id"]).exists() for job in (one, two)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not [path for path in folder.iterdir() if path.is_dir()]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot suspend processes")
def test_a_job_goes_on_after_a_restart(network_file: Path, tmp_path: Path) -> None:
    settings = StudioSettings(folder=tmp_path, network=str(network_file), device="cpu")
    address = "http://127.0.0.1:8765"
    with TestClient(application(settings), base_url=address) as made:
        job = begin(made, {"size": 32, "steps": 60})
        before = wait(made, job["id"], lambda job: job["step"] > 3)
        os.kill(made.app.state.studio.jobs.lanes[0].process.pid, signal.SIGSTOP)  # type: ignore[attr-defined]
        with pytest.raises(InputError, match="Another studio"):
            application(settings)
    assert (tmp_path / "jobs" / job["id"]).is_dir()
    with TestClient(application(settings), base_url=address) as made:
        done = wait(made, job["id"], lambda job: job["state"] == "done")
        losses = made.get(f"/v1/jobs/{job['id']}/losses").json()["losses"]
        assert [step for step, _ in losses] == list(range(1, done["of"] + 1))
        assert done["of"] >= before["step"]
        assert made.get(f"/v1/results/{done['result']}").status_code == 200


def test_a_style_is_learned(client: Client) -> None:
    made = client()
    files = [("references", (f"{i}.png", picture(seed=i))) for i in range(2)]
    answer = made.post("/v1/learn-style", data={"settings": '{"size": 32, "steps": 2}'}, files=files)
    assert answer.status_code == 202, answer.text
    assert wait(made, answer.json()["id"], lambda job: job["state"] == "done")["step"] == 2


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"settings": '{"sise": 32}'}, "sise"), ({"settings": '{"encoder": "/etc/passwd"}'}, "place on the server"),
        ({"settings": '{"size": 100000}'}, "too large"), ({"settings": "nonsense"}, "settings"), ({"method": "magic"}, "method"),
        ({"weights": "[1]"}, "1 weights for 2"), ({"weights": "[1, -1]"}, "weights"), ({"settings": '{"steps": 1e9}'}, "steps"),
        ({"library": "nothing"}, "library"), ({"settings": '{"size": true}'}, "size"),
    ],
)  # fmt: skip
def test_a_job_that_cannot_be_done_is_refused_in_words(client: Client, form: dict[str, str], told: str) -> None:
    made = client()
    files = [("photo", ("p.png", picture())), ("styles", ("s.png", picture())), ("styles", ("t.png", picture()))]
    answer = made.post("/v1/transfer", data=form, files=files)
    assert answer.status_code in (404, 422), answer.text
    assert told in answer.json()["detail"]
    assert not [path for path in made.app.state.studio.jobs.folder.iterdir() if path.is_dir()]


def test_unknown_jobs_are_not_found(client: Client) -> None:
    made = client()
    for name in ("x" * 22, "%2e%2e", "jobs.sqlite"):
        assert made.get(f"/v1/jobs/{name}").status_code == 404
        assert made.delete(f"/v1/jobs/{name}").status_code == 404
        assert made.get(f"/v1/jobs/{name}/events").status_code == 404


def test_the_queue_keeps_its_order_and_forgets_what_is_old(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite")
    for name in "abc":
        store.add(name, "transfer")
    store.change("a", state=JobState.RUNNING)
    store.requeue()
    assert store.next() == "a"
    third = store.find("c")
    assert third is not None
    assert third.place == 2
    store.change("a", state=JobState.DONE, ended=1.0)
    store.add_losses("a", [(1, 0.5)])
    assert store.forget(before=2.0) == ["a"]
    assert store.find("a") is None
    assert store.losses("a") == []
    assert store.next() == "b"
    store.close()


STAND_IN = """
import json, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / "device").write_text(sys.argv[2])
while not (folder / "go").exists():
    time.sleep(0.02)
(folder / "result.png").write_text("")
print(json.dumps({"done": "result.png"}))
"""


def test_each_device_does_one_job_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    monkeypatch.setattr(runner, "PROCESS", (sys.executable, str(script)))

    def opened(*devices: str) -> Runner:
        return Runner(tmp_path / "jobs", Results(tmp_path / "results", 100, 100), 9, 100, devices=devices)

    async def until(queue: Runner, true: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not true():
            assert time.monotonic() < end
            await asyncio.sleep(0.02)

    async def run() -> None:
        queue = opened("one", "two")
        queue.start()
        folders = []
        for _ in range(4):
            name, folder = queue.place()
            queue.add(name, Request(kind="transfer"))
            folders.append(folder)
        names = [folder.name for folder in folders]
        ran = lambda: {i: path.read_text() for i, f in enumerate(folders) if (path := f / "device").is_file()}  # noqa: E731
        await until(queue, lambda: ran() == {0: "one", 1: "two"})
        assert [queue.find(name).state for name in names] == [JobState.RUNNING] * 2 + [JobState.QUEUED] * 2
        assert queue.find(names[2]).place == 2
        await until(queue, lambda: all(lane.process for lane in queue.lanes))  # the queue, too, knows that they have begun
        queue.dragged()
        assert [queue.find(name).paused for name in names] == [hasattr(signal, "SIGSTOP")] * 2 + [False] * 2
        queue._go_on()
        (folders[1] / "go").write_text("")
        await until(queue, lambda: ran() == {0: "one", 2: "two"})  # the first goes on undisturbed
        assert queue.find(names[1]).state == JobState.DONE
        assert queue.find(names[2]).device == "two"
        queue.cancel(names[3])
        await queue.close()

        for folder in (folders[0], folders[2]):
            (folder / "device").unlink()
        queue = opened("two", "one")
        queue.start()
        await until(queue, lambda: ran() == {0: "one", 2: "two"})  # each where it was begun
        await queue.close()

        for folder in (folders[0], folders[2]):
            (folder / "device").unlink()
        queue = opened("three")
        queue.start()
        await until(queue, lambda: ran() == {0: "three"})  # theirs are gone: both there, one after the other
        (folders[0] / "go").write_text("")
        await until(queue, lambda: ran() == {2: "three"})
        (folders[2] / "go").write_text("")
        await until(queue, lambda: queue.find(names[2]).state == JobState.DONE)
        await queue.close()

    asyncio.run(run())


def test_a_process_that_dies_is_told(tmp_path: Path) -> None:
    async def died() -> Any:
        queue = Runner(tmp_path / "jobs", Results(tmp_path / "results", 100, 100), 2, 100)
        queue.start()
        name, folder = queue.place()
        job = queue.add(name, Request(kind="no such kind"))
        assert folder.is_dir()
        while not queue.find(job.id).state.is_over:
            await asyncio.wait_for(queue.changed.wait(), 60)
        await asyncio.sleep(0)
        found = queue.find(job.id)
        await queue.close()
        return found

    found = asyncio.run(died())
    assert found.state == JobState.FAILED
    assert "unexpected" in found.message


def test_a_job_that_is_silent_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "SILENCE", 0.2)

    async def silent() -> tuple[bytes, int]:
        queue = Runner(tmp_path / "jobs", Results(tmp_path / "results", 100, 100), 2, 100)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "import time; time.sleep(600)", stdout=asyncio.subprocess.PIPE
        )
        told = await queue._line(queue.lanes[0], process)
        code = await process.wait()
        await queue.close()
        return told, code

    told, code = asyncio.run(silent())
    assert b"half an hour" in told
    assert code != 0
