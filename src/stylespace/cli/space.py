"""``stylespace space``: what a set of references has in common, and how it varies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from stylespace.cli import options
from stylespace.cli.options import FILES
from stylespace.cli.progress import Reporter


def space(
    references: Annotated[list[str], typer.Argument(metavar="REF...", help="Pictures, folders, patterns, or one saved space.")],
    photo: Annotated[
        str | None, typer.Option(metavar="PHOTO", help="Print its nearest references; redraw it along the axes.", rich_help_panel=FILES)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="STRIP.png", help="Draw a strip of pictures along each axis.", rich_help_panel=FILES),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.safetensors", help="Save the space, which can later replace REF.", rich_help_panel=FILES)
    ] = None,
    axes: Annotated[int, typer.Option(metavar="N", min=1, help="Principal axes.", rich_help_panel="What to do")] = 2,
    count: Annotated[int, typer.Option(metavar="N", min=2, help="Number of pictures along an axis.", rich_help_panel="What to do")] = 5,
    size: Annotated[int, typer.Option(metavar="N", min=32, help="Long side of the strip's pictures.", rich_help_panel="What to do")] = 256,
    encoder: Annotated[
        str, typer.Option(metavar="NAME", help="Network whose features are compared.", rich_help_panel="What to do")
    ] = "compact",
    force: options.Force = False,
    weights: options.Weights = None,
    device: options.Device = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
) -> None:  # fmt: skip
    """Print a set's principal axes and the references at their ends as JSON; draw what changes along them.

    stylespace space paintings/ --photo photo.jpg -o strip.png
    """
    import torch

    from stylespace.cli import sources
    from stylespace.cli.failures import tell
    from stylespace.pictures import read, write
    from stylespace.pictures.pillow import to_pil
    from stylespace.pictures.sheet import Cell, sheet
    from stylespace.pictures.writing import check_target
    from stylespace.pipelines.run import choose_device
    from stylespace.pipelines.strip import strip
    from stylespace.styles.space import StyleSpace

    for target in (out, save):
        if target is not None and target.exists() and not force:
            check_target(target, force=False)
    if threads:
        torch.set_num_threads(threads)
    with Reporter(quiet) as reporter:
        where = str(choose_device(device or "auto"))
        if len(references) == 1 and references[0].endswith(".safetensors"):
            found = StyleSpace.load(references[0], device=where, weights=weights)
        else:
            listed = list(sources.weighted_styles(references, None))
            found = StyleSpace.fit(listed, encoder=encoder, size=size, device=where, weights=weights)
        for error in found.failures.values():
            tell(f"Skipped: {error}")
        ways = found.axes(axes)
        summary = {
            "references": len(found),
            "axes": [
                {
                    "share": round(axis.share, 4),
                    "low": found.names[int(axis.coordinates.argmin())],
                    "high": found.names[int(axis.coordinates.argmax())],
                }
                for axis in ways
            ],
            **({} if photo is None else {"nearest": [{"reference": n, "distance": d} for n, d in found.nearest(photo)]}),
        }
        if save is not None:
            found.save(save)
        if out is not None and ways:
            rows = []
            for i, axis in enumerate(ways, 1):
                reporter.say(f"axis {i} of {len(ways)}, {count} pictures")
                made = strip(found, axis, photo, count=count, size=size)
                rows.append([Cell(to_pil(result.source.pixels)) for result in made])
            labels = [f"axis {i}: {axis.share:.0%}" for i, axis in enumerate(ways, 1)]
            write(read(sheet(rows, row_labels=labels, side=size)), out, force=force, settings={"space": summary})
    typer.echo(json.dumps(summary, indent=2))


command = space
