"""``stylespace dataset``: every picture of a data set redrawn, with its labels, on one machine or many."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.failures import tell
from stylespace.cli.options import FILES
from stylespace.cli.progress import Reporter

DRAW, HOW = "Which styles", "How"


def dataset(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="IN...",
            help="A folder with subfolders, WebDataset shards (.tar, 'part-{000..099}.tar'), .parquet files, a .txt of paths.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OUT", help="A folder for the results, laid out as IN.", rich_help_panel=FILES)
    ],
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style", "-s", metavar="REF[=WEIGHT]", rich_help_panel=DRAW,
            help="A style that pictures may get: a network's name for it, a painting (for networks that read them and methods),"
            " a style code, a folder, a query ('library:tag=oil'); repeat for more, each with how often. 'all': all of the network's.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Draws the styles.", rich_help_panel=DRAW)] = 0,
    draw: Annotated[
        str,
        typer.Option(
            metavar="one|mix|all", rich_help_panel=DRAW,
            help="Each picture gets one style, a drawn mix of --mixed styles, or all of them in their weights.",
        ),
    ] = "one",
    mixed: Annotated[int, typer.Option(metavar="N", min=1, help="Styles of a drawn mix.", rich_help_panel=DRAW)] = 2,
    versions: Annotated[
        int, typer.Option(metavar="K", min=1, help="Results of each picture, each with styles of its own.", rich_help_panel=DRAW)
    ] = 1,
    network: Annotated[
        str | None,
        typer.Option(
            "--network", "-n", metavar="NET", rich_help_panel=HOW,
            help="A shipped name, a file, an exported .onnx, or owner/name on the Hub."
            " [default: classics, or for paintings arbitrary]",
        ),
    ] = None,
    method: Annotated[
        str | None, typer.Option(metavar="METHOD", help="A method instead of a network: deformable, strotss...", rich_help_panel=HOW)
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", rich_help_panel=HOW, help="Long side at which pictures are painted (0: their own). [default: at most 1024]"
        ),
    ] = None,
    shrink: Annotated[
        bool,
        typer.Option("--shrink", rich_help_panel=HOW, help="Keep that size; masks and boxes shrink along. [default: the photo's size]"),
    ] = False,
    strength: Annotated[float, typer.Option(metavar="S", help="From 0, the photo, to 1.", rich_help_panel=HOW)] = 1.0,
    colour: Annotated[
        str,
        typer.Option(metavar="style|luminance|cholesky|root|transport", help="Colours: the style's or the photo's.", rich_help_panel=HOW),
    ] = "style",
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Steps of a method.", rich_help_panel=HOW)] = None,
    engine: Annotated[
        str, typer.Option(metavar="auto|torch|onnxruntime", help="What computes.", rich_help_panel=options.RUN)
    ] = "auto",
    format_: Annotated[
        str, typer.Option("--format", metavar="jpg|png|webp", help="Files of results. [default: as each photo's]", rich_help_panel=FILES)
    ] = "",
    quality: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="Of JPEG and WebP.", rich_help_panel=FILES)] = 92,
    masks: Annotated[
        str,
        typer.Option(
            metavar="WHERE", rich_help_panel=FILES,
            help="Masks, which are not redrawn: a subfolder of IN, a pattern ('*_mask.png'), or columns of a Parquet file.",
        ),
    ] = "",
    boxes: Annotated[str, typer.Option(metavar="xywh|xyxy", help="What boxes in pixels are.", rich_help_panel=FILES)] = "xywh",
    column: Annotated[
        str, typer.Option(metavar="NAME", help="The column of pictures. [default: found by name]", rich_help_panel=FILES)
    ] = "",
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, rich_help_panel=options.RUN, help="Processes, one thread each. [default: as processors and memory allow]"
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Work on a Ray cluster: its address, auto, or local.", rich_help_panel=options.RUN),
    ] = None,
    device: options.Device = None,
    max_pixels: options.MaxPixels = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
) -> None:  # fmt: skip
    """Redraw a data set, each picture in styles drawn by the seed; labels, boxes and masks go along.

    stylespace dataset photos/ -o painted/ --style starry_night --style great_wave=2 --seed 1

    Run again after any stop, it goes on. OUT/provenance.parquet says which style each picture got.
    """
    from stylespace.networks.style_network import StyleNetwork
    from stylespace.pipelines.dataset import Plan, restyle
    from stylespace.pipelines.paint import Painting, PaintSettings
    from stylespace.pipelines.sources import MAX_PIXELS

    plan = Plan(seed, draw, mixed, versions, format_.removeprefix("."), quality, shrink, masks, boxes, column)
    pixels = max_pixels or MAX_PIXELS
    work: Any
    if method is None:
        if steps is not None:
            raise typer.BadParameter("it belongs to methods: give --method, too.", param_hint="--steps")
        if engine == "openvino":
            raise typer.BadParameter(
                "OpenVINO's pictures depend on the sizes before: give onnxruntime, which is as exact everywhere.",
                param_hint="--engine",
            )
        named = [name for name, _ in map(_weighed, style or ()) if name != "all"]
        chosen = network or StyleNetwork.painting(named or None)[0]
        work = Painting(PaintSettings({}, size, colour, strength, engine), chosen, device or "auto", 1, pixels)
    else:
        work = _task(method, {"size": size, "steps": steps, "seed": seed}, device or "auto", pixels)
    styles = _styles(style or [], work)
    with Reporter(quiet) as reporter:
        result = restyle(
            source, out, styles, work=work, plan=plan, workers=workers, ray=ray, force=force, progress=reporter.pictures,
        )  # fmt: skip
        reporter.settle()
        reporter.say(f"{result.done + result.before} pictures, {result.done} of them now, at {result.rate:.1f} a second.")
    if not quiet:
        typer.echo(out / "provenance.parquet")
    if result.failed:
        tell(f"{result.failed} pictures could not be redrawn: provenance.parquet says why (state 'failed').")
        raise typer.Exit(1)


def _task(method: str, options: dict[str, Any], device: str, max_pixels: int) -> Any:
    from stylespace.methods.registry import METHODS, STYLES
    from stylespace.pipelines.task import Task
    from stylespace.pipelines.transfer import resolve

    known = [name for name, row in METHODS.items() if STYLES in row.accepts and not row.blends]
    if method not in known:
        raise typer.BadParameter(f"'{method}' is unknown: choose among {', '.join(known)}.", param_hint="--method")
    settings = {name: value for name, value in options.items() if value is not None and hasattr(METHODS[method].settings(), name)}
    return Task(resolve("default", "good", None, settings, method), device=device, threads=1, max_pixels=max_pixels)


def _styles(texts: list[str], work: Any) -> dict[str, float]:
    from stylespace.pipelines.paint import Painting

    names = work.styles if isinstance(work, Painting) else ()
    if not texts:
        known = f"of '{work.source}': all, {', '.join(names)}" if names else "picture"
        raise typer.BadParameter(f"give at least one style {known}.", param_hint="--style")
    found: dict[str, float] = {}
    for text in texts:
        name, weight = _weighed(text)
        for each in names if name == "all" and "all" not in names else [name]:
            found[each] = found.get(each, 0.0) + weight
    return found


def _weighed(text: str) -> tuple[str, float]:
    name, separator, weight = text.rpartition("=")
    if not separator or Path(text).exists() or (text.startswith("library:") and not _is_number(weight)):
        return text, 1.0
    if not _is_number(weight):
        raise typer.BadParameter(f"the weight of '{name}' is '{weight}': give a number more than 0.", param_hint="--style")
    return name, float(weight)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


command = dataset
