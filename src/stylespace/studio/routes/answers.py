"""Forms that several addresses share."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import HTTPException
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class Refusal(BaseModel):
    """Why a request was refused, in a sentence."""

    detail: str


ALWAYS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "The request cannot be read."},
    401: {"model": Refusal, "description": "The token is missing or wrong."},
    403: {"model": Refusal, "description": "Another site's page called."},
    413: {"model": Refusal, "description": "The upload is too large."},
    421: {"model": Refusal, "description": "The server was called by another name."},
    422: {"model": Refusal, "description": "Something in the request cannot be used."},
    429: {"model": Refusal, "description": "Too many call, or wait."},
}
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Refusal, "description": "There is no such thing, or not any more."}}


def parsed(model: type[Model], field: str, text: str) -> Model:
    """A form's ``field`` that holds JSON, as ``model``. Raises 422."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([field, *map(str, first["loc"])])
        raise HTTPException(422, f"{where}: {first['msg']}.") from error
