"""``stylespace score``: how close a result is to its content and style."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from stylespace.cli import options


def command(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photo.")],
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="The style picture.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The result.")],
    traceback: options.Traceback = False,
) -> None:
    """Print how close OUT is to CONTENT and to STYLE, as JSON.

    Distances are 0 for the same picture and grow with difference: content; style, at full, half and quarter size; palette;
    structure; checkerboard.
    """
    from stylespace.metrics.score import score

    typer.echo(json.dumps(score(content, style, out), indent=2))
