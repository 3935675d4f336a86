"""The page's files, and the list of addresses at ``/docs``."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

FOLDER = Path(__file__).resolve().parent.parent / "page"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".webp": "image/webp"}
FILES = {path.name: path for path in FOLDER.iterdir() if path.suffix in TYPES}  # a name that is asked for is only looked up here
router = APIRouter(include_in_schema=False)


@router.get("/")
def index() -> FileResponse:
    """The page."""
    return file("index.html")


@router.get("/docs")
def docs() -> FileResponse:
    """The addresses, from the OpenAPI document."""
    return file("docs.html")


@router.get("/page/{name}")
def file(name: str) -> FileResponse:
    """A file of the page."""
    if name not in FILES:
        raise HTTPException(404, "There is no such file.")
    return FileResponse(FILES[name], media_type=TYPES[FILES[name].suffix], headers={"cache-control": "no-cache"})
