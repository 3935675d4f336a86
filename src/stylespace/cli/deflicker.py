"""``stylespace deflicker``: frames that another tool redrew, held still."""

from __future__ import annotations

from typing import Annotated

import typer

from stylespace.cli import options
from stylespace.cli.options import FILES
from stylespace.cli.progress import Reporter


def deflicker(
    styled: Annotated[str, typer.Argument(metavar="STYLED", help="The redrawn film, animation or folder of frames.")],
    guide: Annotated[str, typer.Option("--guide", "-g", metavar="FILM", help="What it was made from, frame by frame; any size.")],
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="OUT", help="Result: a film, animation or folder, as of video.", rich_help_panel=FILES
        ),
    ],
    steady: Annotated[str, typer.Option(metavar="fast|best", help="Quick or fine optical flow.")] = "best",
    codec: Annotated[str | None, typer.Option(metavar="NAME", help="As of video.", rich_help_panel=FILES)] = None,
    crf: Annotated[
        float | None, typer.Option(metavar="Q", help="The codec's quality, lower is better.", rich_help_panel=FILES)
    ] = None,
    bits: Annotated[int | None, typer.Option(metavar="8|10|12|16", help="Bits a channel.", rich_help_panel=FILES)] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="N", help="Frames a second of folders. [default: 24]", rich_help_panel=FILES)
    ] = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
) -> None:
    """Hold frames still that another tool redrew one by one: their flicker is averaged away along the original's movement.

    stylespace deflicker styled.mp4 --guide original.mp4 -o still.mp4
    """
    from stylespace.pipelines.deflicker import deflicker

    with Reporter(quiet) as reporter:
        reporter.begin(styled)
        result = deflicker(
            styled, out, guide, steady=steady, codec=codec, bits=bits, crf=crf, rate=rate, force=force, progress=reporter.frame,
            note=reporter.say,
        )  # fmt: skip
        if result.interrupted:
            reporter.say(f"Interrupted after frame {result.frames}: run the same command again to go on.")
            raise typer.Exit(130)
        reporter.say(f"{result.path}: {result.frames} frames in {result.seconds:.1f} s.")


command = deflicker
