"""``/v1/results``: what was made, by its id."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from stylespace.pictures.settings import read_settings
from stylespace.studio.routes.answers import MISSING
from stylespace.studio.state import Here

router = APIRouter(prefix="/v1", tags=["paint"])
PICTURES = (".png", ".jpg", ".webp", ".tif", ".avif")


@router.get("/results/{name}/settings", responses=MISSING)
def settings(studio: Here, name: str) -> dict[str, Any]:
    """What a result was made from: what the file itself holds, and ``--from`` repeats; of a blend also its weights."""
    path = studio.results.find(name)
    if path is None or path.suffix not in PICTURES:
        raise HTTPException(404, "There is no such picture, or not any more.")
    return read_settings(path.read_bytes())


@router.get("/results/{name}", response_class=FileResponse, responses=MISSING)
def result(studio: Here, name: str) -> FileResponse:
    """A result, while it is kept."""
    path = studio.results.find(name)
    if path is None:
        raise HTTPException(404, "The result is no longer here: make it again.")
    return FileResponse(path, filename=f"stylespace-{name[:6]}{path.suffix}")
