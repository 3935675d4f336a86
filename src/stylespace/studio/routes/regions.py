"""Which style goes where on a photo: the command line's ``--region`` and ``--keep-region`` as a table."""

from __future__ import annotations

from typing import Annotated

from fastapi import File, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field, RootModel

from stylespace.errors import InputError
from stylespace.methods.registry import AREAS, METHODS, accepting
from stylespace.studio.jobs.job import RegionFiles
from stylespace.studio.routes.answers import parsed

MOST = 32  # regions, and masks
Number = Annotated[int, Field(ge=0)]
Masks = Annotated[list[UploadFile] | None, File(description="Pictures that are white where a region is.")]
RegionsText = Annotated[
    str,
    Form(
        description="Which style goes where, as JSON with numbers of masks and styles (those of the library last):"
        ' [{"mask": 0, "style": 1}, {"mask": 1}]. Without a style the photo stays as it is there; "style_mask": the mask that is white'
        " where the style is taken from its picture. Styles that are not named here are for the rest, which stays as it is without one."
    ),
]


class RegionRow(BaseModel):
    """A region: numbers of its mask, its style (None: the photo stays) and of the mask of that style."""

    model_config = ConfigDict(extra="forbid")

    mask: Number
    style: Number | None = None
    style_mask: Number | None = None


class RegionTable(RootModel[Annotated[list[RegionRow], Field(max_length=MOST)]]):
    """All regions."""


def table(text: str, masks: int, styles: int, method: str) -> list[RegionRow]:
    """The table in a form's ``regions``, with so many ``masks`` and ``styles``. Raises 422 and ``InputError``."""
    rows = parsed(RegionTable, "regions", text).root
    if masks > MOST:
        raise InputError(f"{masks} masks were given: give {MOST} at most.")
    for row in rows:
        for what, number, count in (
            ("mask", row.mask, masks),
            ("style", row.style, styles),
            ("style_mask", row.style_mask, masks),
        ):
            if number is not None and number >= count:
                raise InputError(f"regions names {what} {number}, but there are {count}: count from 0.")
        if row.style is None and row.style_mask is not None:
            raise InputError("regions has a style_mask without a style: give both, or leave it out.")
    if masks and not rows:
        raise InputError("The masks are of no region: say in regions which style goes where.")
    if rows and AREAS not in METHODS[method].accepts:
        raise InputError(f"Regions are for {accepting(AREAS)}, not {method}: leave them out, or give another method.")
    if METHODS[method].blends and {row.style for row in rows} >= set(range(styles)):
        raise InputError("A blend chooses among the styles for the rest of the photo: leave one of them out of regions.")
    return rows


def files(rows: list[RegionRow], masks: list[str], styles: list[str]) -> list[RegionFiles]:
    """The same with the names of files."""
    return [
        RegionFiles(
            mask=masks[row.mask],
            style=None if row.style is None else styles[row.style],
            style_mask=None if row.style_mask is None else masks[row.style_mask],
        )
        for row in rows
    ]
