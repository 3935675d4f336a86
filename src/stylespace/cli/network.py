"""``stylespace network``: what a trained network holds; remove, rename and merge styles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stylespace.networks.style_network import StyleNetwork

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True,
    help="Trained networks: show what they hold; remove, rename and merge styles; read a painting as a style code; fix the statistics.",
)  # fmt: skip

Net = Annotated[str, typer.Argument(metavar="NET", help="A file, or the name of a shipped network.")]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="NET.safetensors", help="The new network.")]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]


@app.command()
def info(net: Net) -> None:
    """Print styles, body and training of a network as JSON."""
    network = _load(net)
    about = {name: {k: v for k, v in network.about.get(name, {}).items() if k != "thumbnail"} for name in network.names}
    provenance = {k: v for k, v in network.provenance.items() if k != "curve"}
    modules = [network.body] if network.reader is None else [network.body, network.reader]
    parameters = sum(p.numel() for module in modules for p in module.parameters()) + network.rows.numel()
    reads = network.reader is not None
    found = {"styles": about, "build": network.build, "reads paintings": reads, "parameters": parameters, "training": provenance}
    typer.echo(json.dumps(found, indent=2))


@app.command()
def remove(net: Net, style: Annotated[str, typer.Argument(metavar="STYLE")], out: Out, force: Force = False) -> None:
    """Remove a style."""
    _save(_load(net).remove(style), out, force)


@app.command()
def rename(
    net: Net, style: Annotated[str, typer.Argument(metavar="STYLE")], name: Annotated[str, typer.Argument(metavar="NAME")], out: Out,
    force: Force = False,
) -> None:  # fmt: skip
    """Give a style another name."""
    _save(_load(net).rename(style, name), out, force)


@app.command()
def merge(net: Net, other: Annotated[str, typer.Argument(metavar="OTHER")], out: Out, force: Force = False) -> None:
    """Combine the styles of two networks that share a body."""
    _save(_load(net).merge(_load(other)), out, force)


@app.command()
def read(
    net: Net, painting: Annotated[Path, typer.Argument(metavar="PAINTING", help="A picture.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="CODE.safetensors", help="The style code.")], force: Force = False,
) -> None:  # fmt: skip
    """Read a painting once and keep its style code, a few kilobytes that paint --style takes like a style of the network."""
    from stylespace.errors import InputError

    if out.exists() and not force:
        raise InputError(f"{out} exists already: choose another name, or replace it with --force.")
    typer.echo(_load(net).code(painting).save(out))


@app.command()
def steady(
    net: Net, photo: Annotated[list[str], typer.Argument(metavar="PHOTO...", help="Photos or folders like those that will be redrawn.")],
    out: Out,
    style: Annotated[
        list[str] | None,
        typer.Option("--style", "-s", metavar="NAME", help="Only this style, or painting, or style code; repeat. [default: all]"),
    ] = None,
    force: Force = False,
) -> None:  # fmt: skip
    """Fix the network's means and deviations to those over some photos, for browsers and stable video.

    Its results depend on what is around each place alone, and the exported graph has no statistics in it.
    """
    from stylespace.networks.steady import steady as made_steady
    from stylespace.pictures import fit, read, resize
    from stylespace.pictures.finding import find_pictures

    network = _load(net)
    pictures = [read(path).pixels for path in find_pictures(photo)[:64]]
    small = [resize(each, fit(each.shape[-2:], min(512, max(each.shape[-2:])))) for each in pictures]
    _save(made_steady(network.of(style) if style else network, small), out, force)


def _load(net: str) -> StyleNetwork:
    from stylespace.networks.style_network import StyleNetwork

    return StyleNetwork.load(net)


def _save(network: StyleNetwork, out: Path, force: bool) -> None:
    from stylespace.errors import InputError

    if out.exists() and not force:
        raise InputError(f"{out} exists already: choose another name, or replace it with --force.")
    typer.echo(network.save(out))
