"""``stylespace models``: the encoders' weights."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from stylespace.cli import options


def command(
    as_json: options.Json = False,
    checksums: Annotated[bool, typer.Option(help="Read the files and print their SHA-256.")] = True,
    traceback: options.Traceback = False,
) -> None:
    """List the encoders' weights: shipped, downloaded or still to be downloaded; where, sizes, checksums."""
    from stylespace.encoders.store import entries

    listing = entries(checksums=checksums)
    if as_json:
        typer.echo(json.dumps([{**asdict(entry), "path": str(entry.path)} for entry in listing], indent=2))
        return
    for entry in listing:
        size = "" if entry.bytes is None else f"{entry.bytes / 1e6:.1f} MB"
        typer.echo(f"{entry.name:<10} {entry.state:<15} {size}".rstrip())
        for name, value in (("file", entry.path), ("sha256", entry.sha256), ("note", entry.note)):
            if value:
                typer.echo(f"  {name:<7} {value}")
