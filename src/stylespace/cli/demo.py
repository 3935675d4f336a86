"""``stylespace demo``: a bundled photograph in several styles."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.progress import Reporter
from stylespace.cli.transfer import check_choice, report


def command(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the pictures.")] = Path("demo"),
    size: Annotated[int | None, typer.Option(metavar="N", min=32, help="Long side in pixels. [default: 448]")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Steps for each picture.")] = None,
    force: options.Force = False,
    weights: options.Weights = None,
    device: options.Device = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
) -> None:
    """Redraw a bundled photograph with the shipped network and in styles that Stylespace draws itself: two contact sheets, offline."""
    check_choice("--device", device and device.split(":")[0], options.DEVICES)
    from stylespace.demo.demo import Demo

    begun = time.perf_counter()
    demo = Demo(out, force=force)
    chosen: dict[str, Any] = {"size": size, "steps": steps}
    how: dict[str, Any] = {"weights": weights, "device": device, "threads": threads}
    with Reporter(quiet) as reporter:
        reporter.say("Drawing the styles.")
        demo.prepare()
        reporter.say("Painting with the shipped network.")
        painted = demo.paint()
        outcomes = demo.run(
            {name: value for name, value in chosen.items() if value is not None},
            begin=lambda job: reporter.begin(job.name),
            progress=reporter.step,
            **{name: value for name, value in how.items() if value is not None},
        )
        code = report(outcomes, reporter, trace=traceback, total=len(demo.styles))
    if code:
        raise typer.Exit(code)
    sheet = demo.draw_sheet()
    typer.echo(f"The network's styles: {painted}")
    typer.echo(f"The contact sheet, after {time.perf_counter() - begun:.0f} s: {sheet}")
