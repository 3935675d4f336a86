"""``/v1/blend`` and ``/v1/match``: how pictures compare, told at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, UploadFile
from pydantic import BaseModel

from stylespace.pictures.picture import Picture
from stylespace.studio.encoding import smaller
from stylespace.studio.routes.answers import MISSING
from stylespace.studio.routes.queueing import MOST_STYLES, Files, Keys, opened
from stylespace.studio.state import Here, Studio

router = APIRouter(prefix="/v1", tags=["compare"])
SIDE = 1024  # pixels


class Share(BaseModel):
    """A reference of a blend. ``number``: its place among those given, the library's last; ``distance_alone``: without the others."""

    number: int
    weight: float
    distance_alone: float


class FoundBlend(BaseModel):
    """The blend nearest to a photo. ``distance``: from the photo; ``best_single``: the nearest reference alone."""

    references: list[Share]
    distance: float
    best_single: Share
    of: int


class FoundPair(BaseModel):
    """A place in the photo and one in the style, (right, down) in shares of width and height."""

    a: tuple[float, float]
    b: tuple[float, float]
    activation: float


class Pairs(BaseModel):
    """Corresponding places, strongest first."""

    pairs: list[FoundPair]


Photo = Annotated[UploadFile, File(description="The photo.")]


@router.post("/blend", responses=MISSING)
async def blend(studio: Here, photo: Photo, styles: Files = None, library: Keys = None) -> FoundBlend:
    """The weights with which pictures together are nearest to a photo, as ``stylespace space blend`` finds them."""
    sources: list[UploadFile | str] = [*(styles or []), *(library or [])]
    if not 0 < len(sources) <= MOST_STYLES:
        raise HTTPException(422, f"{len(sources)} style pictures were given: give from 1 to {MOST_STYLES}.")
    async with studio.place():
        return await studio.work(studio.pool, "blend", lambda: _blended(_small(studio, photo, *sources)))


@router.post("/match", responses=MISSING)
async def match(
    studio: Here,
    photo: Photo,
    style: Annotated[UploadFile | None, File(description="The style picture.")] = None,
    library: Annotated[str | None, Form(description="Or the key of a reference of the library.")] = None,
    count: Annotated[int | None, Form(ge=1, le=100, description="Number of pairs; none: as many as are clear.")] = None,
) -> Pairs:
    """Places of a photo and a style picture that correspond, as ``stylespace match`` finds them."""
    source = style or library
    if source is None:
        raise HTTPException(422, "There is no style picture: give 'style', or the key of a reference as 'library'.")
    async with studio.place():
        return await studio.work(studio.pool, "match", lambda: _matched(_small(studio, photo, source), count))


def _small(studio: Studio, *sources: UploadFile | str) -> list[Picture]:
    """Pictures as large as is needed to compare them."""
    return [smaller(opened(studio, source), SIDE) for source in sources]


def _blended(pictures: list[Picture]) -> FoundBlend:
    from stylespace.styles.space import StyleSpace

    photo, *pictures = pictures
    found = StyleSpace.fit(pictures).blend(photo)
    means = [sum(float(share[i]) for share in found.shares.values()) / len(found.shares) for i in range(len(pictures))]
    shares = [Share(number=i, weight=means[i], distance_alone=float(found.singles[i])) for i in range(len(pictures))]
    heaviest = sorted((share for share in shares if share.weight > 0), key=lambda share: -share.weight)
    best = min(shares, key=lambda share: share.distance_alone)
    return FoundBlend(references=heaviest, distance=found.distance, best_single=best, of=len(pictures))


def _matched(pictures: list[Picture], count: int | None) -> Pairs:
    from stylespace.pipelines.match import match

    found = match(*pictures, count=count)
    strength = found.activation or (0.0,) * len(found)
    return Pairs(pairs=[FoundPair(a=a, b=b, activation=s) for a, b, s in zip(found.a, found.b, strength, strict=True)])
