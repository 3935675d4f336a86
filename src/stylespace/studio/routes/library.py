"""``/v1/library``: search among the references."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response
from pydantic import BaseModel

from stylespace.errors import InputError
from stylespace.studio.routes.answers import MISSING
from stylespace.studio.state import Here

router = APIRouter(prefix="/v1/library", tags=["library"])
MOST = 200


class ShownReference(BaseModel):
    """A picture of the library; its path stays with the server."""

    key: str
    title: str
    artist: str
    year: int | None
    tags: list[str]
    width: int
    height: int


class ShownReferences(BaseModel):
    """What matches a query."""

    references: list[ShownReference]


@router.get("", responses=MISSING)
def search(
    studio: Here,
    query: Annotated[
        str, Query(max_length=1000, description="As 'stylespace library search' takes it: tag=oil,year=1880..1900.")
    ] = "",
    like: Annotated[
        str | None, Query(pattern="^[0-9a-f]{8,64}$", description="Key of a reference: the nearest to it first.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> ShownReferences:
    """References that match a query."""
    library, parse = _library()
    wanted = parse(query)
    if wanted.like is not None:
        raise InputError("Give the key of a reference as 'like': a path on the server cannot be asked for.")
    numbers = None
    if like is not None:
        known = library.search(_by_key(like), numbers=True)
        if not known.references:
            raise HTTPException(404, "The library has no such reference.")
        numbers = known.numbers[0][0].float()
    found = library.search(type(wanted)(wanted.condition, None, min(limit, wanted.limit or limit)), like=numbers)
    shown = [ShownReference(**{name: getattr(each, name) for name in ShownReference.model_fields}) for each in found.references]
    return ShownReferences(references=shown)


@router.get("/{key}/thumbnail", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}, **MISSING})
def thumbnail(studio: Here, key: str) -> Response:
    """A small picture of a reference."""
    reference(key)
    library, _ = _library()
    return Response(library.thumbnail(key), media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})


def reference(key: str) -> Path:
    """The file of a reference by its key. Raises 404."""
    library, _ = _library()
    found = library.search(_by_key(key)).references if key.isalnum() and len(key) <= 64 else []
    if not found:
        raise HTTPException(404, "The library has no such reference.")
    return Path(found[0].path)


def _by_key(key: str) -> Any:
    from stylespace.library.query import Query as Wanted
    from stylespace.library.query import quoted

    return Wanted(f"key = {quoted(key)}")


def _library() -> tuple[Any, Any]:
    try:
        from stylespace.library import Library
        from stylespace.library.query import parse
    except ImportError as error:
        raise InputError("Libraries need an extra: pip install 'stylespace[library]'.") from error
    return Library(), parse
