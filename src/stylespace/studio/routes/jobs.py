"""``/v1/transfer``, ``/v1/learn-style`` and ``/v1/jobs``: work that takes minutes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, HTTPException, UploadFile
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field, RootModel

from stylespace.errors import InputError
from stylespace.methods.registry import METHODS, POINTS, STYLES, accepting
from stylespace.pipelines import learn_style as learning
from stylespace.pipelines.transfer import resolve
from stylespace.studio.jobs.job import Request, StudioJob
from stylespace.studio.routes.answers import MISSING, parsed
from stylespace.studio.routes.queueing import Files, Keys, SettingsText, WeightsText, checked, pictures, place, styles_of, titled
from stylespace.studio.routes.regions import Masks, RegionsText, files, table
from stylespace.studio.state import Here, Studio

router = APIRouter(prefix="/v1", tags=["jobs"])
ALIVE = 15.0  # seconds after which a silent stream says that it is still there
MOST_POINTS = 200
TRANSFERS = tuple(name for name, row in METHODS.items() if STYLES in row.accepts)
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Place = tuple[Share, Share]


class Points(RootModel[Annotated[list[tuple[Place, Place]], Field(max_length=MOST_POINTS)]]):
    """Pairs of a place in the photo and one in the style."""


class Curve(BaseModel):
    """Points of the curve: step and loss."""

    losses: list[tuple[int, float]]


@router.post("/transfer", status_code=202, responses=MISSING)
async def transfer(
    studio: Here,
    photo: Annotated[UploadFile, File(description="The photo.")],
    styles: Files = None,
    library: Keys = None,
    weights: WeightsText = "[]",
    method: Annotated[str, Form(description="How it is optimised.", json_schema_extra={"enum": list(TRANSFERS)})] = "gatys",
    quality: Annotated[
        Literal["draft", "good", "best"] | None, Form(description="How much is done; left out: as the settings say.")
    ] = None,
    settings: SettingsText = "{}",
    masks: Masks = None,
    regions: RegionsText = "[]",
    points: Annotated[
        str,
        Form(
            description="Pairs of places that should look alike, as JSON: [[[0.5, 0.4], [0.3, 0.4]]], shares of width and height."
        ),
    ] = "[]",
) -> StudioJob:
    """Optimise a photo towards pictures: slower than ``/v1/paint``, for any style and closer to it."""
    if method not in TRANSFERS:
        raise InputError(f"The method '{method[:40]}' cannot transfer a style: choose among {', '.join(TRANSFERS)}.")
    chosen = checked(settings)
    resolve("default", quality, None, chosen, method)
    pairs = parsed(Points, "points", points).root
    if pairs and POINTS not in METHODS[method].accepts:
        raise InputError(f"Points guide {accepting(POINTS)}, not {method}: leave them out, or give another method.")
    rows = table(regions, len(masks or ()), len(styles or ()) + len(library or ()), method)
    with place(studio) as (name, folder):
        await studio.keep(photo, folder / "photo.png")
        named = await styles_of(studio, folder, styles or [], library or [], weights)
        drawn = await pictures(studio, folder, masks or [], [], "mask")
        request = Request(
            kind="transfer", title=titled(photo), photo="photo.png", styles=named, regions=files(rows, drawn, list(named)),
            options={"method": method, "quality": quality, "points": pairs, **chosen},
            threads=studio.settings.threads,
        )  # fmt: skip
        return studio.jobs.add(name, request)


@router.post("/learn-style", status_code=202, responses=MISSING)
async def learn_style(
    studio: Here, references: Files = None, library: Keys = None, weights: WeightsText = "[]", settings: SettingsText = "{}"
) -> StudioJob:
    """Learn the style picture that many references have in common."""
    chosen = checked(settings)
    if chosen.get("regions", 1) != 1:
        raise InputError("The studio learns one picture of all references: leave regions out.")
    learning.resolve("default", chosen)
    with place(studio) as (name, folder):
        named = await styles_of(studio, folder, references or [], library or [], weights)
        request = Request(
            kind="learn-style", title=titled(*references or ()), styles=named, options=chosen, threads=studio.settings.threads,
        )  # fmt: skip
        return studio.jobs.add(name, request)


@router.get("/jobs/{name}", responses=MISSING)
async def job(studio: Here, name: str) -> StudioJob:
    """How far a job is."""
    return _found(studio, name)


@router.delete("/jobs/{name}", responses=MISSING)
async def cancel(studio: Here, name: str) -> StudioJob:
    """Cancel a job."""
    _found(studio, name)
    return studio.jobs.cancel(name)


@router.get("/jobs/{name}/losses", responses=MISSING)
async def losses(studio: Here, name: str) -> Curve:
    """A job's curve so far."""
    _found(studio, name)
    return Curve(losses=studio.jobs.store.losses(name))


@router.get("/jobs/{name}/preview", response_class=FileResponse, responses={200: {"content": {"image/jpeg": {}}}, **MISSING})
async def preview(studio: Here, name: str) -> FileResponse:
    """The latest picture of a job that runs."""
    _found(studio, name)
    path = studio.jobs.preview(name)
    if path is None:
        raise HTTPException(404, "There is no preview yet.")
    return FileResponse(path, media_type="image/jpeg")


@router.get(
    "/jobs/{name}/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}, **MISSING}
)
async def events(studio: Here, name: str) -> StreamingResponse:
    """A job's state and its curve, the whole of it first, as server-sent events ``job`` and ``losses``, until it is over."""
    _found(studio, name)
    return StreamingResponse(_events(studio, name), media_type="text/event-stream")


async def _events(studio: Studio, name: str) -> AsyncIterator[str]:
    last, step = None, 0
    while True:
        changed = studio.jobs.changed
        try:
            now = studio.jobs.find(name)
        except KeyError:
            return
        if new := studio.jobs.store.losses(name, step):
            step = new[-1][0]
            yield f"event: losses\ndata: {json.dumps(new)}\n\n"
        if now != last:
            last = now
            yield f"event: job\ndata: {now.model_dump_json()}\n\n"
        if now.state.is_over:
            return
        try:
            await asyncio.wait_for(changed.wait(), ALIVE)
        except TimeoutError:
            yield ": still here\n\n"


def _found(studio: Studio, name: str) -> StudioJob:
    try:
        return studio.jobs.find(name)
    except KeyError:
        raise HTTPException(404, "There is no such job, or not any more.") from None
