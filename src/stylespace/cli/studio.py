"""``stylespace studio``: the page, and the same over REST."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options


def studio(
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="N", help="Port.")] = 8765,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
    network: Annotated[
        str, typer.Option("--network", "-n", metavar="NET", help="A shipped name, a file, or owner/name on the Hub.")
    ] = "classics",
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where results and jobs are kept. [default: a folder of the user's data]")
    ] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address; beyond this machine it needs --token.")] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(metavar="TEXT", envvar="STYLESPACE_TOKEN", help="What callers must know; 16 characters or more.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name browsers may call this machine by. Repeat for more.")
    ] = None,
    device: options.Device = None,
    threads: options.Threads = None,
    traceback: options.Traceback = False,
) -> None:  # fmt: skip
    """Open a page where styles are mixed by hand while the picture follows; the same over REST, described at /docs.

    stylespace studio --port 8765

    Only this machine can reach it, unless --host says otherwise. Ctrl-C stops it.
    """
    from stylespace.errors import MissingExtraError

    try:
        from stylespace.studio.server import address, serve
        from stylespace.studio.settings import StudioSettings
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"The studio needs '{error.name}': pip install 'stylespace[studio]'.") from error
    chosen: dict[str, Any] = {} if folder is None else {"folder": folder}
    settings = StudioSettings(
        network=network,
        host=host,
        port=port,
        token=token,
        hosts=tuple(allow_host or ()),
        device=device or "auto",
        threads=threads,
        **chosen,
    )
    typer.echo(f"Stylespace's studio: {address(settings)}", err=True)
    serve(settings, browser=not no_browser)


command = studio
