"""``/v1/styles``: the network's styles, and paintings taken as styles."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel

from stylespace.studio.painter import OWN
from stylespace.studio.routes.answers import MISSING, TROUBLES
from stylespace.studio.routes.jobs import picture_of
from stylespace.studio.state import Here

router = APIRouter(prefix="/v1", tags=["styles"])


class Style(BaseModel):
    """A style, with what is known of it."""

    name: str
    title: str
    artist: str = ""
    year: str = ""
    own: bool = False


class Styles(BaseModel):
    """The network's styles. ``reads``: whether any painting can be one."""

    network: str
    reads: bool
    styles: list[Style]


@router.get("/styles")
def styles(studio: Here) -> Styles:
    """All styles of the network."""
    network = studio.painter.network
    found = []
    for name in network.styles:
        about = network.about.get(name, {})
        title = str(about.get("title") or name.replace("_", " ").capitalize())
        found.append(Style(name=name, title=title, artist=str(about.get("artist") or ""), year=str(about.get("year") or "")))
    return Styles(network=studio.painter.name, reads=studio.painter.reads, styles=found)


@router.get("/styles/{name}/thumbnail", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}, **MISSING})
def thumbnail(studio: Here, name: str) -> Response:
    """A small picture of a style."""
    painter = studio.painter
    network = painter.network
    if (code := painter.codes.get(name)) is not None:
        network = network.with_style(name, code.row, code.about)
    data = network.thumbnail(name)
    if not data:
        raise HTTPException(404, "There is no picture of this style.")
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})


@router.post("/styles", status_code=201, responses=TROUBLES)
async def read(
    studio: Here,
    painting: Annotated[UploadFile | None, File(description="Any painting.")] = None,
    library: Annotated[str | None, Form(description="Or the key of a reference of the library.")] = None,
    title: Annotated[str, Form(max_length=80, description="What to call it; else as its file.")] = "",
) -> Style:
    """Take a painting as a style, where the network reads paintings. It is forgotten when the server stops."""
    source = painting or library
    if source is None:
        raise HTTPException(422, "There is no painting: give 'painting', or the key of a reference as 'library'.")
    named = (painting.filename or "").rpartition(".")[0] if painting is not None else ""
    title = title or named[:80] or "painting"
    async with studio.place():
        picture = await picture_of(studio, source)
        name = await studio.work(studio.pool, "read", lambda: studio.painter.read(picture, title))
    return Style(name=name, title=title, own=name.startswith(OWN))
