"""``stylespace add-style``: a new style for a trained network, whose other styles do not change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.options import FILES, RUN
from stylespace.cli.settings import values, with_settings
from stylespace.cli.train import run
from stylespace.training.settings import AddStyleSettings


def add_style(
    network: Annotated[Path, typer.Argument(metavar="NET", help="A trained network.")],
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS...", help="Photos to train on: folders, files, patterns.")],
    style: Annotated[
        list[str],
        typer.Option(
            "--style", "-s", metavar="[NAME=]STYLE", rich_help_panel=FILES,
            help="A style: a picture; a folder or a query (library:tag=oil) of references of one style. Repeat for more.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="NET.safetensors", help="The new network.", rich_help_panel=FILES)],
    folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", rich_help_panel=FILES, help="Checkpoint, losses and samples. [default: OUT.training]"),
    ] = None,
    sample: Annotated[
        list[str] | None,
        typer.Option(metavar="PHOTO", help="Redraw this photo in samples.png during training. Repeat for more.", rich_help_panel=FILES),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", min=0.01, help="Stop after M minutes (exit code 130); run again to continue.", rich_help_panel=RUN),
    ] = None,
    device: options.Device = None,
    force: options.Force = False,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
    **settings: Any,
) -> None:  # fmt: skip
    """Teach a trained network a new style: only the new style's numbers are trained, so the others' pictures do not change by a bit.

    stylespace add-style mine.safetensors photos/ --style mosaic.jpg -o more.safetensors

    After a stop (Ctrl-C, --minutes or a crash) the same command continues and gives the same result.
    """
    chosen = AddStyleSettings(**values(AddStyleSettings, settings))
    run(photos, style, out, network, folder, sample, minutes, False, device, force, threads, quiet, chosen)


command = with_settings(add_style, AddStyleSettings, without=("build",))
