"""The queue: one job at a time, in a process that is suspended while someone mixes."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stylespace.errors import InputError, StylespaceError
from stylespace.studio.jobs.job import JobState, Request, StudioJob
from stylespace.studio.jobs.kinds import FILM, NETWORK, PICTURE
from stylespace.studio.jobs.process import PREVIEW, REQUEST
from stylespace.studio.jobs.store import Store
from stylespace.studio.results import ID, Results, new_id

REST = 2.0  # seconds after the last touch until a job goes on
GRACE = 3.0  # seconds that a job has to write down where it is
SILENCE = 1800.0  # seconds without a word after which a job is given up
HANGS = "The job has told nothing for half an hour and was ended: its file is damaged, perhaps."
DIED = "The job's process ended without a word: memory ran out, perhaps. Try a smaller size."
BROKEN = "The job cannot be run: its files are gone, or damaged. Begin it again."
Made = Callable[[Request, Path], str | None]


class Runner:
    """The jobs in ``folder``, which belongs to one server at a time.

    ``most``: jobs, and ``keep_bytes``: of all their files, above which no more are taken. ``made``: called with each result; gives the
    name of the style that it became.
    """

    def __init__(
        self, folder: Path, results: Results, most: int, keep_seconds: float, keep_bytes: int = 1 << 40, made: Made | None = None
    ) -> None:
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
        self._process: Process | None = None
        self._running: str | None = None
        self._paused, self._closing = False, False
        self._resume: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._come = asyncio.Event()

    def start(self) -> None:
        """Go on with what was there; called within the server's loop."""
        self.store.requeue()
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Stop; what is unfinished goes on with the next start."""
        self._closing = True
        if self._process is not None:
            self._go_on()
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), GRACE)
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        self._come.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=GRACE)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
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
        return job.model_copy(update={"paused": self._paused and name == self._running})

    def preview(self, name: str) -> Path | None:
        """The latest picture of a job."""
        path = self.folder / self.find(name).id / PREVIEW
        return path if path.is_file() else None

    def cancel(self, name: str) -> StudioJob:
        """End a job; what it had made is deleted."""
        if not self.find(name).state.is_over:
            self.store.change(name, state=JobState.CANCELLED, ended=time.time(), message="Cancelled.")
            if name == self._running and self._process is not None:
                with suppress(ProcessLookupError):
                    self._process.kill()
            else:
                self._remove(name)
            self._tell()
        return self.find(name)

    def dragged(self) -> None:
        """Someone moves a slider: suspend the job until two seconds after the last touch."""
        if self._process is None or not hasattr(signal, "SIGSTOP"):
            return
        if not self._paused:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGSTOP)
            self._paused = True
            self._tell()
        if self._resume is not None:
            self._resume.cancel()
        self._resume = asyncio.get_running_loop().call_later(REST, self._go_on)

    def _go_on(self) -> None:
        if self._paused and self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGCONT)
        self._paused = False
        self._tell()

    async def _work(self) -> None:
        while not self._closing:
            name = self.store.next()
            if name is None:
                self._come.clear()
                await self._come.wait()
                continue
            try:
                await self._run(name)
            except (OSError, ValueError):  # its folder is gone, or what it told cannot be read: the next one's turn
                self._process = self._running = None
                self._paused = False
                self.store.change(name, state=JobState.FAILED, ended=time.time(), message=BROKEN)
                self._remove(name)
                self._tell()

    async def _run(self, name: str) -> None:
        self.store.change(name, state=JobState.RUNNING)
        self._tell()
        folder = self.folder / name
        command = [sys.executable, "-m", "stylespace.studio.jobs.process", str(folder)]
        with (folder / "log.txt").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=log)
        self._running = name
        assert self._process.stdout is not None
        made, error = None, DIED
        while line := await self._line(self._process):
            message = json.loads(line)
            made = message.get("done", made)
            error = message.get("error", error)
            self._heard(name, message)
        await self._process.wait()
        self._process = self._running = None
        self._paused = False
        if self._closing and made is None:
            return
        if self.find(name).state != JobState.CANCELLED:
            if made is None:
                self.store.change(name, state=JobState.FAILED, ended=time.time(), message=error)
            else:
                await self._end(name, folder / made)
        self._remove(name)
        self._tell()

    async def _line(self, process: Process) -> bytes:
        """The next thing that a job tells; one that is silent for too long, and not suspended, is ended."""
        assert process.stdout is not None
        while True:
            try:
                return await asyncio.wait_for(process.stdout.readline(), SILENCE)
            except TimeoutError:
                if not self._paused:
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
