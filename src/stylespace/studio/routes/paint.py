"""``/v1/paint``: a photo redrawn at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, HTTPException, UploadFile
from fastapi.responses import Response
from pydantic import RootModel

from stylespace.pipelines.paint import KEEP
from stylespace.studio.encoding import smaller
from stylespace.studio.look import SIDE, Colour, Look, Name, Weight
from stylespace.studio.routes.answers import parsed
from stylespace.studio.state import Here

router = APIRouter(prefix="/v1", tags=["paint"])
TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "tif": "image/tiff", "avif": "image/avif"}
Format = Literal["png", "jpg", "webp", "tif", "avif"]
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": {kind: {} for kind in TYPES.values()}}
}


MAPS, MAP_SIDE = 32, 1024  # of one request; long side, in pixels


class StyleWeights(RootModel[dict[Name, Weight]]):
    """Style to weight."""


def looking(styles: str, **look: Any) -> Look:
    """A form's ``styles``, JSON, and the rest of how a picture is to look. Raises 422."""
    mix = parsed(StyleWeights, "styles", styles).root
    return parsed(Look, "styles", Look.model_construct(styles=mix, **look).model_dump_json())


@router.post("/paint", response_class=Response, responses={**PICTURE})
async def paint(
    studio: Here,
    photo: Annotated[UploadFile, File(description="The photo.")],
    styles: Annotated[str, Form(description='Styles and their weights, as JSON: {"starry_night": 0.6, "great_wave": 0.4}.')],
    strength: Annotated[float, Form(ge=0, le=1, description="From 0, the photo, to 1.")] = 1.0,
    colour: Annotated[
        Colour, Form(description="Colours: as painted, in the mean and spread of the paintings' own (palette), or the photo's.")
    ] = "style",
    stroke: Annotated[float, Form(ge=0.25, le=4, description="Size of strokes; 1: as trained.")] = 1.0,
    size: Annotated[int | None, Form(ge=0, le=SIDE, description="Long side in pixels; 0: the photo's.")] = None,
    form: Annotated[Format, Form(alias="format", description="What the picture comes back as.")] = "png",
    maps: Annotated[
        list[UploadFile] | None,
        File(
            description=f"Pictures that are white where a style goes; a file's name is the style's, or '{KEEP}' for where the photo stays."
        ),
    ] = None,
) -> Response:
    """Redraw a photo in a mix of the network's styles. The header ``X-Result`` names the result, for ``/v1/results``."""
    look = looking(styles, strength=strength, colour=colour, stroke=stroke, size=size)
    studio.painter.check(look)
    named = {(each.filename or "").removesuffix(".png"): each for each in maps or ()}
    for each in named:
        if each not in look.styles and each != KEEP:
            raise HTTPException(422, f"The map '{each[:80]}' is of no style in the mix: name its file as the style.")
    if len(named) > MAPS:
        raise HTTPException(422, f"{len(named)} maps were given: give {MAPS} at most.")

    def painted(path: Path) -> None:  # decoded only when it is its turn, so that what waits takes no memory
        drawn = {each: smaller(studio.decoded(upload), MAP_SIDE) for each, upload in named.items()}
        studio.painter.paint(studio.decoded(photo), look, drawn).save(path)

    async with studio.place():
        name, path = studio.results.place(f".{form}")
        await studio.work(studio.pool, "paint", lambda: painted(path))
        made = await asyncio.to_thread(path.read_bytes)
    headers = {"X-Result": name, "content-disposition": f'inline; filename="stylespace-{name[:6]}.{form}"'}
    return Response(made, media_type=TYPES[form], headers=headers)
