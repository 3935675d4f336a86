"""``/v1/blend`` and ``/v1/match``: how pictures compare, told at once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, UploadFile
from pydantic import BaseModel

from stylespace.studio.routes.answers import TROUBLES
from stylespace.studio.routes.jobs import MOST_STYLES, Files, Keys, picture_of
from stylespace.studio.state import Here

router = APIRouter(prefix="/v1", tags=["compare"])


class Share(BaseModel):
    """A reference of a blend. ``number``: its place among those given, the library's last; ``distance_alone``: without the others."""

    number: int
    weight: float
    distance_alone: float


class Blend(BaseModel):
    """The blend nearest to a photo. ``distance``: from the photo; ``best_single``: the nearest reference alone."""

    references: list[Share]
    distance: float
    best_single: Share
    of: int


class Pair(BaseModel):
    """A place in the photo and one in the style, (right, down) in shares of width and height."""

    a: tuple[float, float]
    b: tuple[float, float]
    activation: float


class Pairs(BaseModel):
    """Corresponding places, strongest first."""

    pairs: list[Pair]


Photo = Annotated[UploadFile, File(description="The photo.")]


@router.post("/blend", responses=TROUBLES)
async def blend(studio: Here, photo: Photo, styles: Files = None, library: Keys = None) -> Blend:
    """The weights with which pictures together are nearest to a photo, as ``stylespace space blend`` finds them."""
    sources: list[UploadFile | str] = [*(styles or []), *(library or [])]
    if not 0 < len(sources) <= MOST_STYLES:
        raise HTTPException(422, f"{len(sources)} style pictures were given: give from 1 to {MOST_STYLES}.")
    async with studio.place():
        content = await studio.picture(photo)
        pictures = [await picture_of(studio, source) for source in sources]
        return await studio.work(studio.pool, "blend", lambda: _blended(content, pictures))


@router.post("/match", responses=TROUBLES)
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
        content, other = await studio.picture(photo), await picture_of(studio, source)
        return await studio.work(studio.pool, "match", lambda: _matched(content, other, count))


def _blended(photo: Any, pictures: list[Any]) -> Blend:
    from stylespace.styles.space import StyleSpace

    found = StyleSpace.fit(pictures).blend(photo)
    means = [sum(float(share[i]) for share in found.shares.values()) / len(found.shares) for i in range(len(pictures))]
    shares = [Share(number=i, weight=means[i], distance_alone=float(found.singles[i])) for i in range(len(pictures))]
    heaviest = sorted((share for share in shares if share.weight > 0), key=lambda share: -share.weight)
    best = min(shares, key=lambda share: share.distance_alone)
    return Blend(references=heaviest, distance=found.distance, best_single=best, of=len(pictures))


def _matched(photo: Any, style: Any, count: int | None) -> Pairs:
    from stylespace.pipelines.match import match

    found = match(photo, style, count=count)
    strength = found.activation or (0.0,) * len(found)
    return Pairs(pairs=[Pair(a=a, b=b, activation=s) for a, b, s in zip(found.a, found.b, strength, strict=True)])
