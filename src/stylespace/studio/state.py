"""What the addresses of one server share."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import Depends, HTTPException, UploadFile
from starlette.requests import HTTPConnection

from stylespace.pictures.picture import Picture
from stylespace.pictures.writing import write
from stylespace.studio.encoding import smaller
from stylespace.studio.jobs.job import Request
from stylespace.studio.jobs.lane import devices
from stylespace.studio.jobs.runner import Runner
from stylespace.studio.metrics import Metrics
from stylespace.studio.painter import StudioPainter
from stylespace.studio.results import Results
from stylespace.studio.settings import StudioSettings
from stylespace.studio.uploads import Decoder

Made = TypeVar("Made")


class Studio:
    """One server. ``pool`` paints single pictures, one at a time; ``live`` paints for whoever drags a slider; ``files`` reads uploads.

    ``waiting``: pictures that are painted or wait for it; ``tables``: visitors who mix.
    """

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        self.painter = StudioPainter(
            settings.network, settings.device, settings.threads, folder=settings.folder / "styles", max_pixels=settings.max_pixels
        )
        self.decoder = Decoder(settings)
        self.results = Results(settings.folder / "results", settings.keep_seconds, settings.keep_bytes)
        self.jobs = Runner(
            settings.folder / "jobs", self.results, settings.jobs, settings.keep_seconds, settings.keep_bytes, self._made,
            devices(settings.device),
        )  # fmt: skip
        self.metrics = Metrics()
        self.pool = ThreadPoolExecutor(1, "paint")
        self.live = ThreadPoolExecutor(1, "live")
        self.files = ThreadPoolExecutor(1, "files")
        self.waiting = self.tables = 0

    def warm(self) -> None:
        """Do what is done once, before the first visitor needs it."""
        self.decoder.warm()
        self.painter.warm()

    def decoded(self, upload: UploadFile) -> Picture:
        """The picture that was uploaded; takes a while, so in a thread."""
        return self.decoder.decode(upload.file.read(self.settings.max_bytes + 1))

    async def keep(self, upload: UploadFile, path: Path) -> None:
        """Write the picture that was uploaded to ``path``: as we write it, not as it came."""
        await self.work(self.files, "upload", lambda: write(self.decoded(upload), path))

    async def keep_bytes(self, upload: UploadFile, path: Path) -> None:
        """Write what was uploaded to ``path`` as it came."""

        def copied() -> None:
            with path.open("wb") as out:
                shutil.copyfileobj(upload.file, out, 1 << 20)

        await asyncio.to_thread(copied)

    async def small(self, data: bytes, side: int) -> Picture:
        """The picture in ``data``, with a long side of ``side`` pixels at most."""
        return await self.work(self.files, "upload", lambda: smaller(self.decoder.decode(data), side))

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place among those who wait for a picture; 429 where there is none."""
        if self.waiting >= self.settings.waiting:
            raise HTTPException(429, "Too many pictures are waiting: try again in a moment.", {"retry-after": "1"})
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    async def work(self, pool: ThreadPoolExecutor, kind: str, call: Callable[[], Made]) -> Made:
        """``call`` in one of the pools, timed."""

        def timed() -> Made:
            with self.metrics.seconds.labels(kind).time():
                return call()

        return await asyncio.get_running_loop().run_in_executor(pool, timed)

    def dragged(self) -> None:
        """Someone moves a slider: heavy jobs stand back."""
        self.jobs.dragged()

    def tidy(self) -> None:
        """Delete what is too old."""
        self.results.tidy()
        self.jobs.tidy()

    def _made(self, request: Request, path: Path) -> str | None:
        """A style that was learned joins the studio's."""
        return self.painter.adopt(request.title, path) if request.kind == "add-style" else None

    async def close(self) -> None:
        """End threads and processes; unfinished jobs go on with the next start."""
        await self.jobs.close()
        self.pool.shutdown(cancel_futures=True)
        self.live.shutdown(cancel_futures=True)
        self.files.shutdown(cancel_futures=True)
        self.decoder.close()


def _studio(connection: HTTPConnection) -> Studio:
    found: Studio = connection.app.state.studio
    return found


Here = Annotated[Studio, Depends(_studio)]
