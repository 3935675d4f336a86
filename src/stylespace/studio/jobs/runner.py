"""The queue: one job at a time on each device, in processes that are suspended while someone mixes."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stylespace.errors import InputError, StylespaceError
from stylespace.studio.jobs.job import JobState, Request, StudioJob
from stylespace.studio.jobs.kinds import FILM, NETWORK, PICTURE
from stylespace.studio.jobs.lane import Lane
from stylespace.studio.jobs.process import PREVIEW, REQUEST
from stylespace.studio.jobs.store import Store
from stylespace.studio.results import ID, Results, new_id

PROCESS = (sys.executable, "-m", "stylespace.studio.jobs.process")  # takes a folder and a device
REST = 2.0  # seconds after the last touch until a job goes on
GRACE = 3.0  # seconds that a job has to write down where it is
SILENCE = 1800.0  # seconds without a word after which a job is given up
HANGS = "The job has told nothing for half an hour and was ended: its file is damaged, perhaps."
DIED = "The job's process ended without a word: memory ran out, perhaps. Try a smaller size."
BROKEN = "The job cannot be run: its files are gone, or damaged. Begin it again."
Made = Callable[[Request, Path], str | None]


class Runner:
    """The jobs in ``folder``, which belongs to one server at a time.

    ``devices``: each does one job at a time; a job stays with the one that began it. ``most``: jobs, and ``keep_bytes``: of all their
    files, above which no more are taken. ``made``: called with each result; gives the name of the style that it became.
    """

    def __init__(
        self, folder: Path, results: Results, most: int, keep_seconds: float, keep_bytes: int = 1 << 40, made: Made | None = None,
        devices: Sequence[str] = ("cpu",),
    ) -> None:  # fmt: skip
        self.folder, self.results, self.most, self.keep_seconds, self.keep_bytes = folder, results, most, keep_seconds, keep_bytes
        self._made = made
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "lock", thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InputError(f"Another studio works in {folder}: stop it, or give another --folder.") from None
        self.store = Store(folder / "jobs.sqlite")
        self.changed = asyncio.Event()
        self.lanes = [Lane(device) for device in devices]
        self._closing = False
        self._resume: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._come = asyncio.Event()

    def start(self) -> None:
        """Go on with what was there; called within the server's loop."""
        self.store.requeue([lane.device for lane in self.lanes])
        self._tasks = [asyncio.create_task(self._work(lane)) for lane in self.lanes]

    async def close(self) -> None:
        """Stop; what is unfinished goes on with the next start."""
        self._closing = True
        self._go_on()
        for lane in self.lanes:
            lane.send(signal.SIGINT)
        ends = [asyncio.ensure_future(lane.process.wait()) for lane in self.lanes if lane.process is not None]
        if ends:
            await asyncio.wait(ends, timeout=GRACE)
        for lane in self.lanes:
            lane.kill()
        self._come.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.store.close()
        self._lock.release()

    def place(self) -> tuple[str, Path]:
        """An id and a folder for a new job's files. Raises ``QueueFull``."""
        count = self.store.count()
        self.tidy()
        if count[JobState.QUEUED] + count[JobState.RUNNING] >= self.most or self._bytes() > self.keep_bytes:
            raise QueueFull
        name = new_id()
        (self.folder / name).mkdir()
        return name, self.folder / name

    def tidy(self) -> None:
        """Forget jobs that ended long ago."""
        for name in self.store.forget(time.time() - self.keep_seconds):
            self._remove(name)

    def add(self, name: str, request: Request) -> StudioJob:
        """Queue the job whose files are in its folder."""
        (self.folder / name / REQUEST).write_text(request.model_dump_json(), encoding="utf-8")
        self.store.add(name, request.kind, request.title)
        self._come.set()
        self._tell()
        return self.find(name)

    def find(self, name: str) -> StudioJob:
        """A job. Raises ``KeyError``."""
        job = self.store.find(name) if ID.fullmatch(name) else None
        if job is None:
            raise KeyError(name)
        return job.model_copy(update={"paused": any(lane.paused for lane in self.lanes if lane.running == name)})

    def preview(self, name: str) -> Path | None:
        """The latest picture of a job."""
        path = self.folder / self.find(name).id / PREVIEW
        return path if path.is_file() else None

    def cancel(self, name: str) -> StudioJob:
        """End a job; what it had made is deleted."""
        if not self.find(name).state.is_over:
            self.store.change(name, state=JobState.CANCELLED, ended=time.time(), message="Cancelled.")
            lane = next((lane for lane in self.lanes if lane.running == name), None)
            if lane is not None:
                lane.kill()
            else:
                self._remove(name)
            self._tell()
        return self.find(name)

    def dragged(self) -> None:
        """Someone moves a slider: suspend all jobs until two seconds after the last touch."""
        stopped = [lane.pause() for lane in self.lanes]
        if any(stopped):
            self._tell()
        if not any(lane.paused for lane in self.lanes):
            return
        if self._resume is not None:
            self._resume.cancel()
        self._resume = asyncio.get_running_loop().call_later(REST, self._go_on)

    def _go_on(self) -> None:
        for lane in self.lanes:
            lane.go_on()
        self._tell()

    async def _work(self, lane: Lane) -> None:
        while not self._closing:
            name = self.store.next(lane.device)
            if name is None:
                self._come.clear()
                await self._come.wait()
                continue
            try:
                await self._run(name, lane)
            except (OSError, ValueError):  # its folder is gone, or what it told cannot be read: the next one's turn
                lane.free()
                self.store.change(name, state=JobState.FAILED, ended=time.time(), message=BROKEN)
                self._remove(name)
                self._tell()

    async def _run(self, name: str, lane: Lane) -> None:
        self.store.change(name, state=JobState.RUNNING, device=lane.device)
        lane.running = name
        self._tell()
        folder = self.folder / name
        with (folder / "log.txt").open("ab") as log:
            lane.process = process = await asyncio.create_subprocess_exec(
                *PROCESS, str(folder), lane.device, stdout=PIPE, stderr=log
            )
        if self.find(name).state == JobState.CANCELLED:  # meanwhile
            lane.kill()
        made, error = None, DIED
        while line := await self._line(lane, process):
            message = json.loads(line)
            made = message.get("done", made)
            error = message.get("error", error)
            self._heard(name, message)
        await process.wait()
        lane.free()
        if self._closing and made is None:
            return
        if self.find(name).state != JobState.CANCELLED:
            if made is None:
                self.store.change(name, state=JobState.FAILED, ended=time.time(), message=error)
            else:
                await self._end(name, folder / made)
        self._remove(name)
        self._tell()

    async def _line(self, lane: Lane, process: Process) -> bytes:
        """The next thing that a job tells; one that is silent for too long, and not suspended, is ended."""
        assert process.stdout is not None
        while True:
            try:
                return await asyncio.wait_for(process.stdout.readline(), SILENCE)
            except TimeoutError:
                if not lane.paused:
                    with suppress(ProcessLookupError):
                        process.kill()
                    return json.dumps({"error": HANGS}).encode()

    def _heard(self, name: str, message: dict[str, Any]) -> None:
        if "note" in message:
            self.store.change(name, message=message["note"])
        if "step" in message:
            values = {"step": message["step"], "steps": message["of"], "seconds_left": message["left"]}
            self.store.change(name, **values, **({"preview": message["preview"]} if "preview" in message else {}))
            if message["loss"] is not None:
                self.store.add_losses(name, [(message["step"], message["loss"])])
        self._tell()

    async def _end(self, name: str, made: Path) -> None:
        if made.name not in (PICTURE, NETWORK) and made.stem != FILM:
            raise ValueError(f"no result is called {made.name}")
        request = Request.model_validate_json((made.parent / REQUEST).read_text(encoding="utf-8"))
        result, path = self.results.place(made.suffix)
        made.replace(path)
        path.touch()
        style, message = None, ""
        if self._made is not None:
            try:
                style = await asyncio.to_thread(self._made, request, path)
            except StylespaceError as error:
                message = str(error)
        self.store.change(
            name, state=JobState.DONE, ended=time.time(), result=result, message=message, seconds_left=0.0, style=style
        )

    def _bytes(self) -> int:
        """What all jobs have on disk."""
        total = 0
        for path in self.folder.rglob("*"):
            with suppress(OSError):  # it went meanwhile
                total += path.stat().st_size
        return total

    def _remove(self, name: str) -> None:
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def _tell(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class QueueFull(Exception):
    """Too many jobs wait."""
