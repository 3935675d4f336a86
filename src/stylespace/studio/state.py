"""What the addresses of one server share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

from fastapi import Depends, HTTPException, UploadFile
from starlette.requests import HTTPConnection

from stylespace.pictures.picture import Picture
from stylespace.studio.jobs.runner import Runner
from stylespace.studio.metrics import Metrics
from stylespace.studio.painter import Painter
from stylespace.studio.results import Results
from stylespace.studio.settings import StudioSettings
from stylespace.studio.uploads import Decoder

Made = TypeVar("Made")


class Studio:
    """One server. ``pool`` paints single pictures, one at a time; ``live`` paints for whoever drags a slider."""

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        self.painter = Painter(settings.network, settings.device, settings.threads)
        self.decoder = Decoder(settings)
        self.results = Results(settings.folder / "results", settings.keep_seconds, settings.keep_bytes)
        self.jobs = Runner(settings.folder / "jobs", self.results, settings.jobs, settings.keep_seconds)
        self.metrics = Metrics()
        self.pool = ThreadPoolExecutor(1, "paint")
        self.live = ThreadPoolExecutor(1, "live")
        self.waiting = 0

    def warm(self) -> None:
        """Do what is done once, before the first visitor needs it."""
        self.decoder.warm()
        self.painter.warm()

    async def picture(self, upload: UploadFile) -> Picture:
        """The picture that was uploaded."""
        data = await upload.read(self.settings.max_bytes + 1)
        return await asyncio.to_thread(self.decoder.decode, data)

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

    async def close(self) -> None:
        """End threads and processes; unfinished jobs go on with the next start."""
        await self.jobs.close()
        self.pool.shutdown(cancel_futures=True)
        self.live.shutdown(cancel_futures=True)
        self.decoder.close()


def _studio(connection: HTTPConnection) -> Studio:
    found: Studio = connection.app.state.studio
    return found


Here = Annotated[Studio, Depends(_studio)]
