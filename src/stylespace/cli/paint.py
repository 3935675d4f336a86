"""``stylespace paint``: photos redrawn with a trained network, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.failures import tell
from stylespace.cli.options import FILES
from stylespace.cli.progress import Reporter
from stylespace.cli.transfer import report

HOW = "How"


def paint(
    photo: Annotated[list[str], typer.Argument(metavar="PHOTO...", help="Photos: files, folders, patterns in quotes ('*.jpg'), or -.")],
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style", "-s", metavar="NAME[=WEIGHT|=MAP]",
            help="A style of the network, or a painting's file or a style code's ('network read'); repeat to mix,"
            " each with its weight, or with a map that is white where the style goes."
            " LARGE/BRUSH: large shapes from one, brushwork from another (networks with several stages).",
        ),
    ] = None,
    mix_file: Annotated[
        Path | None,
        typer.Option("--mix", metavar="FILE.json", help="A mix that the studio saved: styles, maps, strength, colours, stroke size."),
    ] = None,
    repeat: Annotated[
        Path | None, typer.Option("--from", metavar="RESULT", help="As this result was painted: network, mix, size, colours, strength.")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            "--network", "-n", metavar="NET",
            help="A shipped name, a file, an exported .onnx, or owner/name on the Hub."
            " [default: classics; where a style is a painting or a code, arbitrary]",
        ),
    ] = None,
    out: options.Out = None,
    force: options.Force = False,
    bits: Annotated[int, typer.Option(metavar="8|16", help="Bits a channel.", rich_help_panel=FILES)] = 8,
    size: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", rich_help_panel=HOW,
            help="Long side of the result (0: the photo's); strokes keep their size. [default: the photo's, at most 1024]",
        ),
    ] = None,
    strength: Annotated[float, typer.Option(metavar="S", help="From 0, the photo, to 1.", rich_help_panel=HOW)] = 1.0,
    colour: Annotated[
        str,
        typer.Option(
            metavar="style|palette|luminance|cholesky|root|transport", rich_help_panel=HOW,
            help="Colours: as the network paints them; in the mean and spread of the style pictures' own (palette); or the photo's.",
        ),
    ] = "style",
    engine: Annotated[
        str, typer.Option(metavar="auto|torch|openvino|onnxruntime", help="What computes.", rich_help_panel=options.RUN)
    ] = "auto",
    stage: Annotated[
        int | None,
        typer.Option(metavar="1|2|3", min=1, help="Networks with several stages: stop after this stage.", rich_help_panel=HOW),
    ] = None,
    style_size: Annotated[
        float | None,
        typer.Option(
            metavar="N", rich_help_panel=HOW,
            help="Draw strokes as large as in style pictures of N pixels (long side), whatever the result's size. [default: as trained]",
        ),
    ] = None,
    keep_region: Annotated[
        Path | None,
        typer.Option(
            metavar="MASK", help="Leave the photo unchanged where MASK is white.", rich_help_panel=HOW
        ),
    ] = None,
    tiles: Annotated[
        str,
        typer.Option(
            metavar="auto|whole|exact", rich_help_panel=options.RUN,
            help="Large pictures: in memory (whole), or layer by layer over tiles from file to file (exact). [auto: by --memory]",
        ),
    ] = "auto",
    memory: Annotated[
        str | None, typer.Option(metavar="2GB", help="Memory to use at most. [default: all that is free]", rich_help_panel=options.RUN)
    ] = None,
    scratch: Annotated[
        str | None, typer.Option(metavar="20GB", help="Disk space for --tiles exact. [default: no limit]", rich_help_panel=options.RUN)
    ] = None,
    device: options.Device = None,
    threads: options.Threads = None,
    max_pixels: options.MaxPixels = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
) -> None:  # fmt: skip
    """Redraw photos with a trained network, in a fraction of a second each.

    stylespace paint photo.jpg --style starry_night=0.6 --style great_wave=0.4
    stylespace paint photo.jpg --style painting.jpg

    Finished results are skipped when the command is run again; a file that cannot be read is reported and skipped.
    """
    if bits not in (8, 16):
        raise typer.BadParameter(f"{bits} bits cannot be written: 8 or 16.", param_hint="--bits")

    from stylespace.cli import mixes, sources
    from stylespace.pipelines import batch
    from stylespace.pipelines.paint import Painting, PaintSettings
    from stylespace.pipelines.sources import MAX_PIXELS

    mix: dict[Any, Any] = {}
    keep: Any = keep_region
    if mix_file is not None:
        if style:
            raise typer.BadParameter("a saved mix names its styles: leave --style out, or --mix.", param_hint="--mix")
        look = mixes.saved(mix_file)
        (mix, kept), strength, colour = mixes.mapped(look), look.get("strength", strength), look.get("colour", colour)
        keep = keep_region or kept
        if look.get("stroke", 1) != 1:
            style_size = look["stroke"] * _trained_size(network, mix)
    if repeat is not None:
        if style or mix_file is not None:
            raise typer.BadParameter("the result has its own mix: leave --style and --mix out.", param_hint="--from")
        found = mixes.stored(repeat)
        mix, size, colour, strength = found["mix"], found["size"] if size is None else size, found["colour"], found["strength"]
        network, style_size = network or found["network"], style_size or found["style_size"]
    for name, weight in map(_weight, style or ()):
        if name in mix:
            raise typer.BadParameter(f"'{name}' is given twice: give each style once, with its weight.", param_hint="--style")
        mix[name] = weight
    painting = Painting(
        PaintSettings(mix, size, colour, strength, engine, stage, style_size, tiles, memory, scratch, keep),
        network,
        device or "auto",
        threads,
        max_pixels or MAX_PIXELS,
    )
    if not mix:
        known = ", ".join(painting.styles)
        raise typer.BadParameter(f"give at least one style of '{painting.source}': {known}.", param_hint="--style")
    painting.check_pictures()
    photos, errors = sources.find_photos(photo)
    titles = [style if isinstance(style, str) else str(style.about.get("title") or "painting") for style in mix]
    ending = f"-{'-'.join(Path(title).stem for title in titles)}"[:80]
    todo = sources.jobs(photos, out, ending, several=sources.many(photo), max_pixels=max_pixels) if photos else []
    for error in errors:
        tell(error)
    with Reporter(quiet) as reporter:
        outcomes = batch.run(
            todo, painting, force=force, bits=bits, begin=lambda job: reporter.begin(job.name), progress=reporter.step,
            note=reporter.say,
        )  # fmt: skip
        code = report(outcomes, reporter, trace=traceback, total=len(todo) + len(errors), failed=len(errors))
    if code:
        raise typer.Exit(code)


def _trained_size(network: str | None, mix: dict[str, Any]) -> float:
    from stylespace.networks.brush import trained_size
    from stylespace.networks.style_network import StyleNetwork

    return trained_size(StyleNetwork.painting(mix)[1] if network is None else StyleNetwork.load(network))


def _weight(text: str) -> tuple[str, Any]:
    """``name``, ``name=0.4`` or ``name=map.png``."""
    name, separator, value = text.partition("=")
    if not separator:
        return name, 1.0
    try:
        return name, float(value)
    except ValueError:
        return name, Path(value)


command = paint
