"""The queue: one job at a time, in a process that is suspended while someone mixes."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stylespace.errors import InputError
from stylespace.studio.jobs.job import Job, Request, State
from stylespace.studio.jobs.process import PREVIEW, REQUEST, RESULT
from stylespace.studio.jobs.store import Store
from stylespace.studio.results import ID, Results, new_id

REST = 2.0  # seconds after the last touch until a job goes on
GRACE = 3.0  # seconds that a job has to write down where it is
DIED = "The job's process ended without a word: memory ran out, perhaps. Try a smaller size."


class Runner:
    """The jobs in ``folder``, which belongs to one server at a time."""

    def __init__(self, folder: Path, results: Results, most: int, keep_seconds: float) -> None:
        self.folder, self.results, self.most, self.keep_seconds = folder, results, most, keep_seconds
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
        if count[State.QUEUED] + count[State.RUNNING] >= self.most:
            raise QueueFull
        for name in self.store.forget(time.time() - self.keep_seconds):
            self._remove(name)
        name = new_id()
        (self.folder / name).mkdir()
        return name, self.folder / name

    def add(self, name: str, request: Request) -> Job:
        """Queue the job whose files are in its folder."""
        (self.folder / name / REQUEST).write_text(request.model_dump_json(), encoding="utf-8")
        self.store.add(name, request.kind)
        self._come.set()
        self._tell()
        return self.find(name)

    def find(self, name: str) -> Job:
        """A job. Raises ``KeyError``."""
        job = self.store.find(name) if ID.fullmatch(name) else None
        if job is None:
            raise KeyError(name)
        return job.model_copy(update={"paused": self._paused and name == self._running})

    def preview(self, name: str) -> Path | None:
        """The latest picture of a job."""
        path = self.folder / self.find(name).id / PREVIEW
        return path if path.is_file() else None

    def cancel(self, name: str) -> Job:
        """End a job; what it had made is deleted."""
        if not self.find(name).state.is_over:
            self.store.change(name, state=State.CANCELLED, ended=time.time(), message="Cancelled.")
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
            await self._run(name)

    async def _run(self, name: str) -> None:
        self.store.change(name, state=State.RUNNING)
        self._tell()
        folder = self.folder / name
        command = [sys.executable, "-m", "stylespace.studio.jobs.process", str(folder)]
        with (folder / "log.txt").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=log)
        self._running = name
        assert self._process.stdout is not None
        is_done, error = False, DIED
        async for line in self._process.stdout:
            message = json.loads(line)
            is_done = is_done or "done" in message
            error = message.get("error", error)
            self._heard(name, message)
        await self._process.wait()
        self._process = self._running = None
        self._paused = False
        if self._closing and not is_done:
            return
        if self.find(name).state != State.CANCELLED:
            self._end(name, folder, None if is_done else error)
        self._remove(name)
        self._tell()

    def _heard(self, name: str, message: dict[str, Any]) -> None:
        if "note" in message:
            self.store.change(name, message=message["note"])
        if "step" in message:
            values = {"step": message["step"], "steps": message["of"], "seconds_left": message["left"]}
            self.store.change(name, **values, **({"preview": message["preview"]} if "preview" in message else {}))
            if message["loss"] is not None:
                self.store.add_losses(name, [(message["step"], message["loss"])])
        self._tell()

    def _end(self, name: str, folder: Path, error: str | None) -> None:
        if error is not None:
            self.store.change(name, state=State.FAILED, ended=time.time(), message=error)
            return
        result, path = self.results.place(".png")
        (folder / RESULT).replace(path)
        path.touch()
        self.store.change(name, state=State.DONE, ended=time.time(), result=result, message="", seconds_left=0.0)

    def _remove(self, name: str) -> None:
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def _tell(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class QueueFull(Exception):
    """Too many jobs wait."""
