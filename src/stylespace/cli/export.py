"""``stylespace export``: a trained network for other programs and fast engines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.options import FILES
from stylespace.cli.progress import Reporter


def export(
    net: Annotated[str, typer.Argument(metavar="NET", help="A network: a file, a shipped name, owner/name on the Hub.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="NET.onnx|DIR", help="The exported network; with --web a folder.", rich_help_panel=FILES
        ),
    ],
    to: Annotated[str, typer.Option("--to", metavar="onnx", help="Kind of file.")] = "onnx",
    graph: Annotated[
        str,
        typer.Option(
            metavar="styles|painter|reader",
            help="What goes in: a photo and weights of the network's styles; a photo and a style's row of numbers; or a painting, whose row"
            " comes out.",
        ),
    ] = "styles",
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style", "-s", metavar="NAME",
            help="Only this style; where the network reads paintings also a painting's file or a style code's. Repeat."
            " [default: all of the network's]",
        ),
    ] = None,
    pixels: Annotated[
        str, typer.Option(metavar="bytes|float", help="Pixels in and out: 8-bit, or numbers from 0 to 1.")
    ] = "bytes",
    int8: Annotated[
        bool, typer.Option("--int8", help="Compute in 8-bit integers: a third of the size, faster, slightly less exact.")
    ] = False,
    photos: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PHOTO",
            help="With --int8: photos or folders to calibrate the number ranges on. [default: three photographs of scikit-image]",
        ),
    ] = None,
    web: Annotated[
        bool, typer.Option("--web", help="A static page that redraws photos and the camera in the browser; needs --runtime.")
    ] = False,
    runtime: Annotated[
        Path | None,
        typer.Option(metavar="FILE.tgz", help="With --web: onnxruntime-web, which 'npm pack onnxruntime-web@1.30.0' fetches."),
    ] = None,
    check: Annotated[bool, typer.Option(help="Compare the file's pictures with PyTorch's.")] = True,
    force: options.Force = False,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
) -> None:  # fmt: skip
    """Write a trained network as ONNX: photo (1, H, W, 3) and weights of its styles (S) in, picture out, any size.

    stylespace export classics -o classics.onnx

    It runs without PyTorch (stylespace.export.runtime, OpenVINO, ONNX Runtime). A network that reads paintings is also exported in two
    files, --graph reader and --graph painter, which take any painting. 'stylespace network steady' makes a network without statistics.

    stylespace export classics --web --runtime onnxruntime-web-1.30.0.tgz -o page/

    Serve that folder with any static host, or try it: python -m http.server -d page
    """
    if to != "onnx":
        raise typer.BadParameter(f"'{to}' is unknown: choose onnx.", param_hint="--to")
    if pixels not in ("bytes", "float"):
        raise typer.BadParameter(f"'{pixels}' is unknown: choose bytes or float.", param_hint="--pixels")
    if graph not in ("styles", "painter", "reader"):
        raise typer.BadParameter(f"'{graph}' is unknown: choose styles, painter or reader.", param_hint="--graph")
    if graph == "reader" and (style or int8):
        raise typer.BadParameter("a reader has neither styles nor integers: leave them out.", param_hint="--style, --int8")
    if photos and not int8:
        raise typer.BadParameter("it only goes with --int8.", param_hint="--photos")
    if web:
        if int8 or graph != "styles":
            raise typer.BadParameter(
                "a page has graphs of its own, in single precision: leave it out.", param_hint="--int8, --graph"
            )
        _page(net, out, runtime, style, force, quiet)
        return
    if runtime is not None:
        raise typer.BadParameter("it only goes with --web.", param_hint="--runtime")

    from stylespace.errors import InputError, MissingExtraError
    from stylespace.export.check import difference
    from stylespace.export.onnx import model
    from stylespace.networks.style_network import StyleNetwork
    from stylespace.storage.atomic import write_whole

    if out.exists() and not force:
        raise InputError(f"{out} exists already: choose another name, or replace it with --force.")
    network = StyleNetwork.load(net)
    if style:
        network = network.of(style)
    with Reporter(quiet) as reporter:
        reporter.say("exporting")
        made = model(network, pixels, graph)
        if int8:
            from stylespace.export.integers import quantised

            reporter.say("measuring number ranges on photos")
            made = quantised(made, _photos(photos), network.rows.numpy() if graph == "painter" else None)
        write_whole(out, lambda temporary: Path(temporary).write_bytes(made.SerializeToString()))
        if not quiet:
            typer.echo(out)
        for engine in ("openvino", "onnxruntime") if check and not quiet else ():
            try:
                found = difference(network, out, engine)
            except MissingExtraError:
                continue
            if graph == "reader":
                typer.echo(
                    f"{engine}: rows at most {found.worst:.4f} of the styles' deviation from PyTorch, {found.mean:.5f} on average"
                )
            else:
                typer.echo(f"{engine}: at most {255 * found.worst:.2f}/255 from PyTorch, {255 * found.mean:.3f}/255 on average")


def _page(net: str, out: Path, runtime: Path | None, style: list[str] | None, force: bool, quiet: bool) -> None:
    from stylespace.errors import InputError
    from stylespace.export.web import RUNTIME, export_web
    from stylespace.networks.style_network import StyleNetwork

    if runtime is None:
        raise InputError(
            f"The page needs onnxruntime-web: get it by 'npm pack onnxruntime-web@{RUNTIME}' and give the .tgz file (--runtime)."
        )
    network = StyleNetwork.load(net)
    network = network if style is None else network.of(style)
    with Reporter(quiet) as reporter:
        reporter.say("exporting")
        made = export_web(network, out, runtime, force=force)
    if not quiet:
        typer.echo(made)


def _photos(names: list[str] | None) -> list[Any]:
    import numpy as np

    from stylespace.export.check import photos
    from stylespace.pictures import fit, read, resize
    from stylespace.pictures.finding import find_pictures

    if not names:
        return list(photos())
    found = []
    for path in find_pictures(names)[:64]:
        pixels = read(path).pixels
        small = resize(pixels, fit(pixels.shape[-2:], 512))[0].permute(1, 2, 0).clamp(0, 1)
        found.append((small * 255 + 0.5).byte().numpy().astype(np.uint8))
    return found


command = export
