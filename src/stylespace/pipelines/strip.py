"""Pictures along an axis of a style space, to show what changes from one end of a set of references to the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stylespace.errors import InputError
from stylespace.pipelines.result import Result
from stylespace.pipelines.transfer import transfer
from stylespace.styles.space import PrincipalAxis, StyleSpace


def strip(
    space: StyleSpace,
    axis: PrincipalAxis,
    photo: Any = None,
    *,
    count: int = 5,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> list[Result]:
    """``count`` results from one end of ``axis`` to the other; each point is the blend of the space nearest to it.

    ``photo``: what is redrawn; None: textures without content, from noise. ``settings``: as for :func:`stylespace.transfer`. Raises
    ``InputError`` when a reference's picture is not available (a loaded space only has files).
    """
    if count < 2:
        raise InputError(f"A strip needs 2 or more pictures, not {count}.")
    texture = {"content_weight": 0.0, "start": "noise"} if photo is None else {}
    made = []
    for number, weights in enumerate(space.along(axis, count), 1):
        styles = {}
        for name, weight in weights.items():
            source = space.source(name)
            if source is None:
                raise InputError(f"{name} was not a file, so the saved space does not have its picture: fit the space again.")
            styles[source if _can_be_key(source) else _read(source)] = weight
        content = photo if photo is not None else next(iter(styles))
        made.append(transfer(content, styles, method="gatys", encoder=space.encoder, **{**texture, **settings}))
        if progress:
            progress(number, count)
    return made


def _can_be_key(source: Any) -> bool:
    return source.__hash__ is not None


def _read(source: Any) -> Any:
    from stylespace.pictures.reading import read

    return read(source)
