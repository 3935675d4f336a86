"""``/v1/results``: what was made, by its id."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from stylespace.studio.routes.answers import MISSING
from stylespace.studio.state import Here

router = APIRouter(prefix="/v1", tags=["paint"])


@router.get("/results/{name}", response_class=FileResponse, responses=MISSING)
def result(studio: Here, name: str) -> FileResponse:
    """A result, while it is kept."""
    path = studio.results.find(name)
    if path is None:
        raise HTTPException(404, "The result is no longer here: make it again.")
    return FileResponse(path, filename=f"stylespace-{name[:6]}{path.suffix}")
