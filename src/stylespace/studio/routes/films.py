"""``/v1/video``: a film redrawn, as a job."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, HTTPException, UploadFile

from stylespace.errors import InputError, MissingExtraError
from stylespace.methods.registry import METHODS
from stylespace.networks.finishing import PALETTE
from stylespace.pipelines.transfer import resolve
from stylespace.studio.films import kind_of
from stylespace.studio.jobs.job import Request, StudioJob
from stylespace.studio.look import Colour
from stylespace.studio.routes.answers import MISSING
from stylespace.studio.routes.jobs import TRANSFERS
from stylespace.studio.routes.paint import looking
from stylespace.studio.routes.queueing import Files, Keys, SettingsText, WeightsText, checked, place, styles_of, titled
from stylespace.studio.state import Here

router = APIRouter(prefix="/v1", tags=["jobs"])
LARGEST, LONGEST = 4096, 86_400
METHOD = {"enum": ["network", *TRANSFERS]}


@router.post("/video", status_code=202, responses=MISSING)
async def video(
    studio: Here,
    film: Annotated[UploadFile, File(description="A film (MP4, MOV, MKV, WebM, AVI, Ogg), a GIF, WebP or APNG.")],
    styles: Annotated[str, Form(description="With a network: its styles and their weights, as JSON.")] = "{}",
    paintings: Files = None,
    library: Keys = None,
    weights: WeightsText = "[]",
    method: Annotated[str, Form(description="The network, or a method that optimises each frame.", json_schema_extra=METHOD)] = "network",
    strength: Annotated[float, Form(ge=0, le=1, description="From 0, the film, to 1.")] = 1.0,
    colour: Annotated[Colour, Form(description="Colours: the style's, or the film's.")] = "style",
    size: Annotated[int | None, Form(ge=2, le=LARGEST, description="Long side in pixels. Default: the film's.")] = None,
    steady: Annotated[Literal["off", "fast", "best"], Form(description="How much the frames are held still.")] = "fast",
    start: Annotated[float, Form(ge=0, le=LONGEST, description="Begin here, in seconds.")] = 0.0,
    end: Annotated[float | None, Form(gt=0, le=LONGEST, description="End before this, in seconds.")] = None,
    every: Annotated[int, Form(ge=1, le=1000, description="Take every n-th frame.")] = 1,
    loop: Annotated[bool, Form(description="The last frame meets the first.")] = False,
    form: Annotated[Literal["mp4", "webm", "mov", "mkv", "gif", "webp"], Form(alias="format", description="Of the result.")] = "mp4",
    settings: SettingsText = "{}",
) -> StudioJob:  # fmt: skip
    """Redraw a film, with its own times, sound and colours, in a mix of the network's styles, or by a method in pictures' style."""
    if colour == PALETTE:
        raise InputError("The paintings' palette is for pictures: choose other colours for a film.")
    if end is not None and end <= start:
        raise InputError("The end lies before the start: give a later end.")
    own, chosen = method == "network", checked(settings)
    if not own and method not in METHODS:
        raise InputError(f"The method '{method[:40]}' cannot redraw a film: choose among network, {', '.join(TRANSFERS)}.")
    if own and (chosen or paintings or library):
        raise InputError("The network takes neither settings nor pictures here: add a painting to its styles first (/v1/styles).")
    look = looking(styles, strength=strength, colour=colour) if own else None
    if look is None:
        resolve("default", "good", None, chosen, method)
    else:
        studio.painter.check(look)
    _can_read()
    with place(studio) as (name, folder):
        suffix = kind_of(await film.read(64))
        await film.seek(0)
        await studio.keep_bytes(film, folder / f"film{suffix}")
        if look is not None:
            network, named = studio.painter.written(look, folder)
        else:
            network, named = None, await styles_of(studio, folder, paintings or [], library or [], weights)
        options = {
            "strength": strength,
            "colour": colour,
            "size": size,
            "steady": steady,
            "start": start,
            "end": end,
            "every": every,
        }
        request = Request(
            kind="video", title=titled(film), photo=f"film{suffix}", styles=named, network=network,
            options={**options, "loop": loop, "method": method, "suffix": f".{form}", **chosen},
            threads=studio.settings.threads, memory=studio.settings.job_bytes, max_pixels=studio.settings.max_pixels,
        )  # fmt: skip
        return studio.jobs.add(name, request)


def _can_read() -> None:
    from stylespace.film.extra import pyav

    try:
        pyav("Films need PyAV")
    except MissingExtraError as error:
        raise HTTPException(422, str(error)) from error
