"""The last step of painting: the photo's colours, and how much of the photo shows through."""

from __future__ import annotations

import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.pictures import colour as colours

COLOURS = ("style", "luminance", "cholesky", "root", "transport")
PALETTE = "palette"  # the mean and spread of the style pictures' own colours: StyleNetwork.in_palette


def check(colour: str, strength: float, *more: str) -> None:
    """Raise ``InputError`` for what :func:`finished` does not take. ``more``: other colours that are known."""
    if not 0 <= strength <= 1:
        raise InputError(f"The strength is {strength}: give a number from 0 (the photo) to 1.")
    if colour not in (*COLOURS, *more):
        raise InputError(f"The colour '{colour}' is unknown: choose among {', '.join((*COLOURS, *more))}.")


def finished(made: Tensor, photo: Tensor, colour: str = "style", strength: float = 1.0) -> Tensor:
    """``made`` (1, 3, H, W; sRGB) with the colours asked for, mixed with its ``photo`` of the same size; in [0, 1].

    ``colour``: ``style`` as it is; or the photo's by ``luminance`` (Gatys et al. 2016, "Preserving Color"), or by an affine match:
    ``cholesky``, ``root``, ``transport``. ``strength``: from 0, the photo, to 1.
    """
    check(colour, strength)
    if colour == "luminance":
        made = colours.from_yiq(torch.cat([colours.to_yiq(made)[:, :1], colours.to_yiq(photo)[:, 1:]], 1))
    elif colour != "style":
        made = colours.match_colours(made, photo, colour)
    return (photo.lerp(made, strength) if strength < 1 else made).clamp(0, 1)
