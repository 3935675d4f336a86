"""Forms that several addresses share."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import HTTPException
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class Problem(BaseModel):
    """Why a request was refused, in a sentence."""

    detail: str


TROUBLES: dict[int | str, dict[str, Any]] = {
    413: {"model": Problem, "description": "The upload is too large."},
    422: {"model": Problem, "description": "Something in the request cannot be used."},
    429: {"model": Problem, "description": "Too many are waiting."},
}
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "There is no such thing, or not any more."}}


def parsed(model: type[Model], field: str, text: str) -> Model:
    """A form's ``field`` that holds JSON, as ``model``. Raises 422."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([field, *map(str, first["loc"])])
        raise HTTPException(422, f"{where}: {first['msg']}.") from error
