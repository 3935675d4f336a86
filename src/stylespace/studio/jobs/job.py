"""What is known of one job."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class StudioJob(BaseModel):
    """``title``: of its photo, film or style. ``place``: jobs before it in the queue. ``preview``: number of the latest preview, 0: none.

    ``step`` of ``of``: steps, or frames of a film (0: their number is not known). ``result``: its id in ``/v1/results``. ``style``: what
    an ``add-style`` added to the studio's styles is called. ``device``: where it runs, or ran.
    """

    id: str
    kind: str
    title: str = ""
    state: JobState
    created: float
    ended: float | None = None
    place: int = 0
    paused: bool = False
    step: int = 0
    of: int = 0
    seconds_left: Annotated[float | None, Field(description="What the rest will take.")] = None
    preview: int = 0
    message: str = ""
    result: str | None = None
    style: str | None = None
    device: str | None = None


class RegionFiles(BaseModel):
    """Files of a part of the photo: its mask, its style (None: the photo stays), where on that the style is taken."""

    mask: str
    style: str | None = None
    style_mask: str | None = None


class Request(BaseModel):
    """What a job's process is told, in ``request.json`` of its folder; file names are of that folder.

    ``photo``: the photo, film or folder of photos. ``styles``: file, or style of ``network``, to weight. ``regions``: parts of the photo;
    their styles are for them only. ``options``: keywords of the pipeline. ``memory``: bytes that the job may take beside what it begins
    with; ``max_pixels``: of a film's frame.
    """

    kind: str
    title: str = ""
    photo: str | None = None
    styles: dict[str, float] = {}
    regions: list[RegionFiles] = []
    network: str | None = None
    options: dict[str, Any] = {}
    threads: int | None = None
    memory: int | None = None
    max_pixels: int = 0
