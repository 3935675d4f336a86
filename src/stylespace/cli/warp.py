"""``stylespace warp``: the warp of a deformable transfer applied to any picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stylespace.cli import options
from stylespace.cli.options import FILES


def command(
    warp: Annotated[Path, typer.Argument(metavar="WARP.json", help="A warp that deformable --parts wrote.")],
    photo: Annotated[Path, typer.Argument(metavar="PICTURE", help="Any picture, of any size.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="The warped picture.", rich_help_panel=FILES)],
    strength: Annotated[float, typer.Option(metavar="X", help="How strongly to apply it: 0 not at all, 1 fully.")] = 1.0,
    bits: Annotated[int | None, typer.Option(metavar="8|16", help="Bits a channel. [default: 8]", rich_help_panel=FILES)] = None,
    force: options.Force = False,
    max_pixels: options.MaxPixels = None,
    traceback: options.Traceback = False,
) -> None:
    """Apply the warp of a deformable transfer to any picture, at its full resolution.

    stylespace warp out-warp.json photo.jpg -o warped.png
    """
    from dataclasses import replace

    from stylespace.errors import InputError
    from stylespace.pictures import read, write
    from stylespace.pictures.warp import Warp
    from stylespace.pictures.writing import check_target
    from stylespace.pipelines.sources import MAX_PIXELS

    if bits not in (None, 8, 16):
        raise typer.BadParameter(f"{bits} bits cannot be written: 8 or 16.", param_hint="--bits")
    if not -4 <= strength <= 4:
        raise InputError(f"The strength is {strength}: give a number from -4 to 4.")
    check_target(out, bits=bits or 8, force=force)
    loaded = Warp.load(warp)
    picture = read(photo, max_pixels=max_pixels or MAX_PIXELS)
    alpha = None if picture.alpha is None else loaded.apply(picture.alpha, strength).clamp(0, 1)
    made = replace(picture, pixels=loaded.apply(picture.pixels, strength).clamp(0, 1), alpha=alpha)
    typer.echo(write(made, out, bits=bits or 8, force=force))
