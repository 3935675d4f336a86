"""``/v1/add-style``: the network learns a style, as a job."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, UploadFile

from stylespace.errors import InputError
from stylespace.pipelines.transfer import adjusted
from stylespace.studio.jobs.job import Request, StudioJob
from stylespace.studio.routes.answers import MISSING
from stylespace.studio.routes.queueing import MOST_STYLES, Files, Keys, SettingsText, checked, pictures, place
from stylespace.studio.state import Here
from stylespace.training.settings import AddStyleSettings

router = APIRouter(prefix="/v1", tags=["jobs"])
MOST_PHOTOS = 500


@router.post("/add-style", status_code=202, responses=MISSING)
async def add_style(
    studio: Here,
    name: Annotated[str, Form(min_length=1, max_length=60, pattern=r"^[\w][\w .,'()-]*$", description="What to call the style.")],
    photos: Annotated[list[UploadFile], File(description="Photos to learn on; one does, a hundred are better.")],
    paintings: Files = None,
    library: Keys = None,
    settings: SettingsText = "{}",
) -> StudioJob:
    """Teach the network a style: a painting, or several of one style. Its other styles do not change.

    When the job is done the style is among the studio's styles, and stays; the result is the network with it.
    """
    title = name.strip()
    if title in studio.painter.styles:
        raise InputError(f"The network has a style '{title}' already: choose another name.")
    chosen = checked(settings)
    if "build" in chosen:
        raise InputError("A trained network keeps its body: leave build out.")
    adjusted(AddStyleSettings(), chosen)
    count = len(paintings or ()) + len(library or ())
    if not 0 < count <= MOST_STYLES:
        raise HTTPException(422, f"{count} paintings were given: give from 1 to {MOST_STYLES}.")
    if not 0 < len(photos) <= MOST_PHOTOS:
        raise HTTPException(422, f"{len(photos)} photos were given: give from 1 to {MOST_PHOTOS}.")
    with place(studio) as (job, folder):
        await pictures(studio, folder / "photos", photos, [], "photo")
        await pictures(studio, folder / "paintings", paintings or [], library or [], "painting")
        source = "paintings" if count > 1 else "paintings/painting-0.png"
        request = Request(
            kind="add-style", title=title, photo="photos", styles={source: 1.0}, network=studio.painter.source, options=chosen,
            threads=studio.settings.threads,
        )  # fmt: skip
        return studio.jobs.add(job, request)
