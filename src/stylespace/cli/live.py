"""``stylespace live``: a camera, the screen or a film, redrawn as it comes."""

from __future__ import annotations

from typing import Annotated

import typer

from stylespace.cli import options
from stylespace.cli.progress import Reporter


def live(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A camera's number, screen (or screen:2), or a film.")] = "0",
    style: Annotated[
        list[str] | None,
        typer.Option("--style", "-s", metavar="STYLE[=WEIGHT]", help="What it begins with; repeat to mix."),
    ] = None,
    to: Annotated[
        str, typer.Option(metavar="window|page|camera", help="A window, a page on this computer, a virtual camera.")
    ] = "window",
    network: Annotated[
        str | None,
        typer.Option(
            "--network", "-n", metavar="NET", help="A shipped network, a file, owner/name on the Hub. [default: as of video]"
        ),
    ] = None,
    size: Annotated[int, typer.Option(min=16, metavar="N", help="Long side.")] = 640,
    steady: Annotated[
        str, typer.Option(metavar="off|fast|best", help="Hold still: not at all; by averages of the frames so far and flow.")
    ] = "fast",
    strength: Annotated[float, typer.Option(metavar="S", help="From 0, the photo, to 1.")] = 1.0,
    colour: Annotated[
        str,
        typer.Option(
            "--colour", "--color", metavar="style|luminance|cholesky|root|transport", help="The style's colours, or the photo's."
        ),
    ] = "style",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="Of the page. [default: any that is free]")] = 0,
    seconds: Annotated[float | None, typer.Option(min=0, metavar="N", help="End after so long.")] = None,
    device: options.Device = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
) -> None:
    """Redraw a camera, the screen or a film as it comes, mixed by keys.

    stylespace live 0 --style starry_night

    stylespace live holiday.mp4 --to page

    Keys: 1 to 9 a style; left and right the one before and the next; up and down mix the next one in; [ and ] strength; space the photo;
    q ends.
    """
    from stylespace.cli.video import mix
    from stylespace.pipelines.live import live as run

    with Reporter(quiet) as reporter:
        done = run(
            source, mix(style) if style else None, to=to, network=network, size=size, steady=steady, strength=strength, colour=colour,
            seconds=seconds, port=port, device=device or "auto", threads=threads, note=reporter.say,
        )  # fmt: skip
        reporter.say(f"{done.shown} frames shown, {done.dropped} dropped, {done.rate:.1f} a second at the end.")


command = live
