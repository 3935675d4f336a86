"""What is known of one job."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field


class State(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (State.DONE, State.FAILED, State.CANCELLED)


class Job(BaseModel):
    """``place``: jobs before it in the queue. ``preview``: number of the latest preview, 0: none. ``result``: its id in ``/v1/results``."""

    id: str
    kind: str
    state: State
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


class Request(BaseModel):
    """What a job's process is told, in ``request.json`` of its folder; file names are of that folder.

    ``styles``: file to weight; ``options``: keywords of the pipeline.
    """

    kind: str
    photo: str | None = None
    styles: dict[str, float] = {}
    options: dict[str, Any] = {}
    device: str = "auto"
    threads: int | None = None
