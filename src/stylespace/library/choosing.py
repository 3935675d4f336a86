"""The references of a photo's blend, out of all that match a query."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stylespace.errors import InputError, PictureError
from stylespace.library.query import Query, parse
from stylespace.library.store import Found, Library, Reference, is_there
from stylespace.statistics import descriptor, frank_wolfe

if TYPE_CHECKING:
    from torch import Tensor

    from stylespace.statistics.frank_wolfe import Hull

GAP = 0.01
LIKE = 100  # references that ``like=`` takes when no limit is given


def choose(
    query: str,
    photo: Tensor | None,
    *,
    layers: Mapping[str, float] | None = None,
    limit: int | None = None,
    library: Library | None = None,
) -> list[Path]:
    """The pictures that the blend nearest to ``photo`` (1, 3, H, W; sRGB in [0, 1]) needs, out of **all** that match ``query``.

    Frank-Wolfe on descriptors until the duality gap is under 1 %; weights are for the exact programme on what this returns. ``photo``
    None: everything that matches. ``layers``: weights of the descriptor's layers. ``limit`` is the exact programme's; more are returned.
    Raises ``InputError`` when nothing matches, ``PictureError`` when a picture has been moved.
    """
    library = library or Library()
    wanted = parse(query)
    if not len(library):
        raise InputError(f"The library {library.folder} is empty: add pictures with 'stylespace library add FOLDER'.")
    if photo is None or wanted.like is not None:
        found = matching(library, wanted).references
    else:
        found, _ = blended(library, wanted, photo, layers or {})
    if not found:
        raise InputError(f"Nothing in the library matches '{query}': see 'stylespace library info' for its tags and artists.")
    for reference in found:
        if not is_there(reference.path):
            raise PictureError(
                f"{reference.path} is not where the library expects it: put it back, or add its new folder with 'stylespace library add'."
            )
    return [Path(reference.path) for reference in found]


def matching(library: Library, query: Query | str) -> Found:
    """What matches; with ``like=`` the nearest to that picture first, 100 unless limited."""
    from stylespace.library.describing import described_file, relative

    wanted = parse(query) if isinstance(query, str) else query
    if wanted.like is None:
        return library.search(wanted)
    numbers, energies = described_file(Path(wanted.like))
    bounded = Query(wanted.condition, wanted.like, wanted.limit or LIKE)
    return library.search(bounded, like=numbers, scale=relative(energies))


def blended(library: Library, query: Query, photo: Tensor, layers: Mapping[str, float]) -> tuple[list[Reference], Hull | None]:
    """The active set of the photo's blend over all that match ``query``, heaviest first, and how near it is."""
    from stylespace.library.describing import describe, relative

    numbers, energies = describe(photo)
    rows, pieces = library.descriptors(query.condition)
    if not pieces:
        return [], None
    weights = {name: layers.get(name, 0.0) for name in descriptor.LAYERS} if any(n in layers for n in descriptor.LAYERS) else {}
    hull = frank_wolfe.nearest(pieces, numbers, scale=relative(energies, weights), gap=GAP)
    order = (-hull.weights).argsort(kind="stable")
    return library.at([rows[int(hull.active[i])] for i in order]), hull
