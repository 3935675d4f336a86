"""``/v1/health`` and ``/metrics``."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel

import stylespace
from stylespace.studio.state import Here

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """That the server answers, and how many wait."""

    status: str
    version: str
    network: str
    waiting: int


@router.get("/v1/health")
def health(studio: Here) -> Health:
    """Whether the server is well."""
    return Health(status="ok", version=stylespace.__version__, network=studio.painter.name, waiting=studio.waiting)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(studio: Here) -> Response:
    """Figures for Prometheus."""
    for state, count in studio.jobs.store.count().items():
        studio.metrics.jobs.labels(state).set(count)
    return Response(studio.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
