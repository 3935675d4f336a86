"""How a picture is to look: the part of a request that the page, links and files share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Colour = Literal["style", "palette", "luminance", "cholesky", "root", "transport"]
SIDE = 16384


class Look(BaseModel):
    """A mix, and how it is painted. ``size``: long side in pixels, 0: the photo's; ``stroke``: size of strokes, 1: as trained."""

    model_config = ConfigDict(extra="forbid")

    styles: Annotated[dict[Name, Weight], Field(min_length=1, max_length=200)]
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0
    colour: Colour = "style"
    stroke: Annotated[float, Field(ge=0.25, le=4)] = 1.0
    size: Annotated[int | None, Field(ge=0, le=SIDE)] = None
