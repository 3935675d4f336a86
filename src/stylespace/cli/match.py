"""``stylespace match``: corresponding places in two pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stylespace.cli import options
from stylespace.cli.options import FILES


def command(
    a: Annotated[Path, typer.Argument(metavar="A", help="A picture.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="PAIRS.png", rich_help_panel=FILES,
            help="Both pictures with numbered pairs; PAIRS.json is written beside it.",
        ),
    ] = None,
    encoder: Annotated[str, typer.Option(metavar="compact|vgg19|vgg16", help="Network whose features are compared.")] = "compact",
    fast: Annotated[bool, typer.Option("--fast", help="Stop at the second level of five, as the authors' fast setting does.")] = False,
    count: Annotated[int | None, typer.Option(metavar="N", min=1, help="Number of pairs, one for each part of A.")] = None,
    clean: Annotated[bool, typer.Option(help="Keep only strong pairs that are far apart and do not cross.")] = True,
    weights: options.Weights = None,
    force: options.Force = False,
    threads: options.Threads = None,
    as_json: options.Json = False,
    traceback: options.Traceback = False,
) -> None:  # fmt: skip
    """Find corresponding places in two pictures: neural best buddies (Aberman et al. 2018).

    stylespace match cat.jpg tiger.jpg -o pairs.png

    The pictures may be of different kinds, such as a photograph and a painting. PAIRS.json holds the places in shares of width and height;
    --json prints it, and needs no -o.
    """
    import torch

    from stylespace.errors import InputError
    from stylespace.pipelines.match import match
    from stylespace.storage.atomic import write_whole

    if out is None and not as_json:
        raise typer.BadParameter("Give the name of a PNG file for the pairs, or --json.", param_hint="--out")
    if out is not None and out.suffix.lower() != ".png":
        raise typer.BadParameter(f"'{out}' is not a PNG file: give a name that ends in .png.", param_hint="--out")
    written = [] if out is None else [out, out.with_suffix(".json")]
    for path in written:
        if path.exists() and not force:
            raise InputError(f"{path} exists already: choose another name, or replace it with --force.")
    if threads:
        torch.set_num_threads(threads)
    found = match(a, b, encoder=encoder, fast=fast, count=count, clean=clean, weights=weights)
    if not len(found):
        raise InputError(f"No corresponding places were found in {a} and {b}: they may be too plain; try --no-clean.")
    if out is not None:
        sheet = found.draw(a, b)
        write_whole(out, lambda temporary: sheet.save(temporary, "PNG"))
        found.save(written[1])
    typer.echo(found.json() if as_json else "\n".join(map(str, written)))
