"""What the addresses that begin jobs share: a place in the queue, pictures in the job's folder, settings that a server can take on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import File, Form, HTTPException, UploadFile
from pydantic import Field, RootModel

from stylespace.pictures.picture import Picture
from stylespace.pictures.writing import write
from stylespace.studio.jobs.runner import QueueFull
from stylespace.studio.routes.answers import parsed
from stylespace.studio.routes.library import reference
from stylespace.studio.state import Studio

MOST_STYLES = 200
# The largest numbers that a setting may have here.
LIMITS = {
    "size": 4096, "sizes": 4096, "steps": 20_000, "steps_each": 20_000, "crop": 512, "batch": 16, "style_sizes": 2048, "end": 86_400,
}  # fmt: skip

Files = Annotated[list[UploadFile] | None, File(description="Pictures.")]
Keys = Annotated[list[str] | None, Form(description="Keys of references of the library.")]
SettingsText = Annotated[str, Form(description='Settings of the method, as JSON: {"size": 768, "content_weight": 0.1}.')]
WeightsText = Annotated[str, Form(description="A weight for each picture, those of the library last, as JSON: [1, 0.5].")]


class GivenSettings(RootModel[dict[str, bool | int | float | str | list[int] | None]]):
    """Fields of the method's settings."""


class Weights(RootModel[list[Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]]]):
    """A weight for each style."""


@contextmanager
def place(studio: Studio) -> Iterator[tuple[str, Path]]:
    """A new job's id and folder, which goes when the request fails. Raises 429 where too many wait."""
    try:
        name, folder = studio.jobs.place()
    except QueueFull:
        raise HTTPException(429, "Too many jobs are waiting: try again when one is done.", {"retry-after": "60"}) from None
    try:
        yield name, folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


async def styles_of(studio: Studio, folder: Path, files: list[UploadFile], keys: list[str], weights: str) -> dict[str, float]:
    """Files of the job's folder with their weights."""
    count = len(files) + len(keys)
    shares = parsed(Weights, "weights", weights).root or [1.0] * count
    if not 0 < count <= MOST_STYLES:
        raise HTTPException(422, f"{count} style pictures were given: give from 1 to {MOST_STYLES}.")
    if len(shares) != count:
        raise HTTPException(422, f"There are {len(shares)} weights for {count} style pictures: give one for each, or none.")
    names = await pictures(studio, folder, files, keys, "style")
    return dict(zip(names, shares, strict=True))


async def pictures(studio: Studio, folder: Path, files: list[UploadFile], keys: list[str], called: str) -> list[str]:
    """Names of the pictures' files in ``folder``. Only pictures that we have written go there."""
    folder.mkdir(exist_ok=True)
    names = [f"{called}-{number}.png" for number in range(len(files) + len(keys))]
    sources: list[UploadFile | str] = [*files, *keys]
    for name, source in zip(names, sources, strict=True):
        await studio.work(studio.files, "upload", partial(_written, studio, source, folder / name))
    return names


def opened(studio: Studio, source: UploadFile | str) -> Picture:
    """An upload, or a reference of the library by its key; takes a while, so in a thread."""
    return studio.decoded(source) if not isinstance(source, str) else studio.decoder.decode(reference(source).read_bytes())


def _written(studio: Studio, source: UploadFile | str, path: Path) -> None:
    write(opened(studio, source), path)


def checked(text: str) -> dict[str, Any]:
    """Settings that name no place on the server, and are not larger than a server should take on."""
    settings = parsed(GivenSettings, "settings", text).root
    for name, value in settings.items():
        if isinstance(value, str) and (not value.isprintable() or set(value) & set("/\\~") or value.startswith(".")):
            raise HTTPException(422, f"settings.{name} cannot be used here: a place on the server cannot be named.")
        most = LIMITS.get(name)
        if most is not None and any(number > most for number in _numbers(value)):
            raise HTTPException(422, f"settings.{name} is too large for a server: give at most {most}.")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}


def titled(*uploads: UploadFile) -> str:
    """What the first of them is called."""
    name = (uploads[0].filename or "") if uploads else ""
    return "".join(letter for letter in name if letter.isprintable())[:80]


def _numbers(value: Any) -> list[float]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int | float)]
