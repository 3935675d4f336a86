"""``/v1/transfer``, ``/v1/learn-style`` and ``/v1/jobs``: work that takes minutes."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, HTTPException, UploadFile
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field, RootModel

from stylespace.errors import InputError
from stylespace.methods.registry import METHODS, POINTS, STYLES, accepting
from stylespace.pictures.picture import Picture
from stylespace.pictures.writing import write
from stylespace.pipelines import learn_style as learning
from stylespace.pipelines.transfer import resolve
from stylespace.studio.jobs.job import Job, Request
from stylespace.studio.jobs.runner import QueueFull
from stylespace.studio.routes.answers import MISSING, TROUBLES, parsed
from stylespace.studio.routes.library import reference
from stylespace.studio.state import Here, Studio

router = APIRouter(prefix="/v1", tags=["jobs"])
ALIVE = 15.0  # seconds after which a silent stream says that it is still there
LARGEST, MOST_STEPS, MOST_STYLES, MOST_POINTS = 4096, 20_000, 200, 200
TRANSFERS = tuple(name for name, row in METHODS.items() if STYLES in row.accepts)


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Place = tuple[Share, Share]


class Settings(RootModel[dict[str, bool | int | float | str | list[int] | None]]):
    """Fields of the method's settings."""


class Weights(RootModel[list[Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]]]):
    """A weight for each style."""


class Points(RootModel[Annotated[list[tuple[Place, Place]], Field(max_length=MOST_POINTS)]]):
    """Pairs of a place in the photo and one in the style."""


class Curve(BaseModel):
    """Points of the curve: step and loss."""

    losses: list[tuple[int, float]]


Files = Annotated[list[UploadFile] | None, File(description="Pictures.")]
Keys = Annotated[list[str] | None, Form(description="Keys of references of the library.")]
SettingsText = Annotated[str, Form(description='Settings of the method, as JSON: {"size": 768, "content_weight": 0.1}.')]
WeightsText = Annotated[str, Form(description="A weight for each picture, those of the library last, as JSON: [1, 0.5].")]


@router.post("/transfer", status_code=202, responses=TROUBLES)
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
    points: Annotated[
        str,
        Form(
            description="Pairs of places that should look alike, as JSON: [[[0.5, 0.4], [0.3, 0.4]]], shares of width and height."
        ),
    ] = "[]",
) -> Job:
    """Optimise a photo towards pictures: slower than ``/v1/paint``, for any style and closer to it."""
    if method not in TRANSFERS:
        raise InputError(f"The method '{method[:40]}' cannot transfer a style: choose among {', '.join(TRANSFERS)}.")
    chosen = _checked(settings)
    resolve("default", quality, None, chosen, method)
    pairs = parsed(Points, "points", points).root
    if pairs and POINTS not in METHODS[method].accepts:
        raise InputError(f"Points guide {accepting(POINTS)}, not {method}: leave them out, or give another method.")
    with _place(studio) as (name, folder):
        await asyncio.to_thread(write, await studio.picture(photo), folder / "photo.png")
        named = await _styles(studio, folder, styles or [], library or [], weights)
        request = Request(
            kind="transfer", photo="photo.png", styles=named, options={"method": method, "quality": quality, "points": pairs, **chosen},
            device=studio.settings.device, threads=studio.settings.threads,
        )  # fmt: skip
        return studio.jobs.add(name, request)


@router.post("/learn-style", status_code=202, responses=TROUBLES)
async def learn_style(
    studio: Here, references: Files = None, library: Keys = None, weights: WeightsText = "[]", settings: SettingsText = "{}"
) -> Job:
    """Learn the style picture that many references have in common."""
    chosen = _checked(settings)
    if chosen.get("regions", 1) != 1:
        raise InputError("The studio learns one picture of all references: leave regions out.")
    learning.resolve("default", chosen)
    with _place(studio) as (name, folder):
        named = await _styles(studio, folder, references or [], library or [], weights)
        given = Request(
            kind="learn-style", styles=named, options=chosen, device=studio.settings.device, threads=studio.settings.threads
        )
        return studio.jobs.add(name, given)


@router.get("/jobs/{name}", responses=MISSING)
async def job(studio: Here, name: str) -> Job:
    """How far a job is."""
    return _found(studio, name)


@router.delete("/jobs/{name}", responses=MISSING)
async def cancel(studio: Here, name: str) -> Job:
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
    told, step = None, 0
    while True:
        changed = studio.jobs.changed
        try:
            now = studio.jobs.find(name)
        except KeyError:
            return
        if new := studio.jobs.store.losses(name, step):
            step = new[-1][0]
            yield f"event: losses\ndata: {json.dumps(new)}\n\n"
        if now != told:
            told = now
            yield f"event: job\ndata: {now.model_dump_json()}\n\n"
        if now.state.is_over:
            return
        try:
            await asyncio.wait_for(changed.wait(), ALIVE)
        except TimeoutError:
            yield ": still here\n\n"


class _place:  # noqa: N801 (used like a function)
    """A new job's id and folder, which goes when the request fails."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def __enter__(self) -> tuple[str, Path]:
        try:
            self.name, self.folder = self.studio.jobs.place()
        except QueueFull:
            raise HTTPException(429, "Too many jobs are waiting: try again when one is done.", {"retry-after": "60"}) from None
        return self.name, self.folder

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


async def _styles(studio: Studio, folder: Path, files: list[UploadFile], keys: list[str], weights: str) -> dict[str, float]:
    """Files of the job's folder with their weights. Only pictures that we have written go there."""
    count = len(files) + len(keys)
    shares = parsed(Weights, "weights", weights).root or [1.0] * count
    if not 0 < count <= MOST_STYLES:
        raise HTTPException(422, f"{count} style pictures were given: give from 1 to {MOST_STYLES}.")
    if len(shares) != count:
        raise HTTPException(422, f"There are {len(shares)} weights for {count} style pictures: give one for each, or none.")
    named: dict[str, float] = {}
    sources: list[UploadFile | str] = [*files, *keys]
    for number, source in enumerate(sources):
        found = await picture_of(studio, source)
        named[f"style-{number}.png"] = shares[number]
        await asyncio.to_thread(write, found, folder / f"style-{number}.png")
    return named


async def picture_of(studio: Studio, source: UploadFile | str) -> Picture:
    """An upload, or a reference of the library by its key."""
    if not isinstance(source, str):
        return await studio.picture(source)
    data = await asyncio.to_thread(reference(source).read_bytes)
    return await asyncio.to_thread(studio.decoder.decode, data)


def _checked(text: str) -> dict[str, Any]:
    """Settings that name no place on the server, and are not larger than a server should take on."""
    settings = parsed(Settings, "settings", text).root
    for name, value in settings.items():
        if isinstance(value, str) and (not value.isprintable() or set(value) & set("/\\~") or value.startswith(".")):
            raise HTTPException(422, f"settings.{name} cannot be used here: a place on the server cannot be named.")
    sizes = [settings.get("size") or 0, *(sizes if isinstance(sizes := settings.get("sizes"), list) else [])]
    if any(isinstance(size, int | float) and size > LARGEST for size in sizes):
        raise HTTPException(422, f"settings.size is too large for a server: give at most {LARGEST}.")
    if isinstance(steps := settings.get("steps"), int | float) and steps > MOST_STEPS:
        raise HTTPException(422, f"settings.steps is too large for a server: give at most {MOST_STEPS}.")
    return settings


def _found(studio: Studio, name: str) -> Job:
    try:
        return studio.jobs.find(name)
    except KeyError:
        raise HTTPException(404, "There is no such job, or not any more.") from None
