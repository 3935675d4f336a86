"""``/v1/styles``: the network's styles, and paintings taken as styles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel

from stylespace.studio.painter import OWN
from stylespace.studio.routes.answers import MISSING
from stylespace.studio.routes.queueing import opened
from stylespace.studio.state import Here

router = APIRouter(prefix="/v1", tags=["styles"])


class ShownStyle(BaseModel):
    """A style, with what is known of it."""

    name: str
    title: str
    artist: str = ""
    year: str = ""
    own: bool = False


class ShownStyles(BaseModel):
    """The network's styles. ``reads``: whether any painting can be one."""

    network: str
    reads: bool
    styles: list[ShownStyle]


class StyleText(BaseModel):
    """A style's code in base64."""

    code: str


@router.get("/styles")
def styles(studio: Here) -> ShownStyles:
    """All styles of the network, and those that were added. Paintings are known only to who has their names."""
    painter = studio.painter
    found = [_style(name, painter.network.about.get(name, {})) for name in painter.network.names]
    found += [_style(name, code.about, own=True) for name, code in painter.added.items()]
    return ShownStyles(network=painter.name, reads=painter.reading is not None, styles=found)


@router.get("/styles/{name}", responses=MISSING)
def style(studio: Here, name: str) -> ShownStyle:
    """One style; also a painting, by its name."""
    network = studio.painter.known(name)
    if network is None:
        raise HTTPException(404, "There is no such style, or not any more.")
    return _style(name, network.about.get(name, {}), own=name not in studio.painter.network.names)


@router.delete("/styles/{name}", status_code=204, responses=MISSING)
def forget(studio: Here, name: str) -> None:
    """Take away a painting, or a style that was added. The network's own stay."""
    if not studio.painter.forget(name):
        raise HTTPException(404, "No style of this name was added: the network's own stay.")


@router.get("/styles/{name}/thumbnail", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}, **MISSING})
def thumbnail(studio: Here, name: str) -> Response:
    """A small picture of a style."""
    network = studio.painter.known(name)
    data = b"" if network is None else network.thumbnail(name)
    if not data:
        raise HTTPException(404, "There is no picture of this style.")
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})


@router.get("/styles/{name}/code", responses=MISSING)
def code(studio: Here, name: str) -> StyleText:
    """A painting's or an added style's code, which a saved mix carries: then ``stylespace paint --mix`` needs no studio."""
    found = studio.painter.code(name)
    if found is None:
        raise HTTPException(404, "No style of this name was added: the network's own need no code.")
    return StyleText(code=found.text())


@router.post("/styles", status_code=201, responses=MISSING)
async def read(
    studio: Here,
    painting: Annotated[UploadFile | None, File(description="Any painting.")] = None,
    library: Annotated[str | None, Form(description="Or the key of a reference of the library.")] = None,
    title: Annotated[str, Form(max_length=80, description="What to call it; else as its file.")] = "",
) -> ShownStyle:
    """Take a painting as a style, where the network reads paintings. It is forgotten when the server stops."""
    source = painting or library
    if source is None:
        raise HTTPException(422, "There is no painting: give 'painting', or the key of a reference as 'library'.")
    named = (painting.filename or "").rpartition(".")[0] if painting is not None else ""
    title = title or named[:80] or "painting"
    async with studio.place():
        name = await studio.work(studio.pool, "read", lambda: studio.painter.read(opened(studio, source), title))
    return ShownStyle(name=name, title=title, own=name.startswith(OWN))


def _style(name: str, about: Mapping[str, Any], *, own: bool = False) -> ShownStyle:
    title = str(about.get("title") or name.replace("_", " ").capitalize())
    return ShownStyle(name=name, title=title, artist=str(about.get("artist") or ""), year=str(about.get("year") or ""), own=own)
