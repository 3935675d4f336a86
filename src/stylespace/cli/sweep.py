"""``stylespace sweep``: a contact sheet over settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.failures import tell
from stylespace.cli.progress import Reporter
from stylespace.cli.settings import values, with_settings
from stylespace.cli.transfer import BLEND, check_choice
from stylespace.methods.registry import METHODS, QUALITIES, STYLES


def sweep(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="The photo.")],
    vary: Annotated[
        list[str],
        typer.Option(
            metavar="SETTING=V1,V2,...", rich_help_panel="What to do",
            help="What varies: a setting of the method, or preset. Repeat for rows and columns. Separate values that have commas by"
            " slashes: style_layers=relu1_1,relu2_1/relu4_1.",
        ),
    ],
    style: options.Weighted = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="SHEET", help="The sheet.", rich_help_panel=options.FILES)] = Path(
        "sheet.png"
    ),
    force: options.Force = False,
    cell: Annotated[
        int, typer.Option(metavar="N", min=16, help="Long side of a picture on the sheet.", rich_help_panel=options.FILES)
    ] = 256,
    method: Annotated[str, typer.Option(metavar="|".join(METHODS), help="How.", rich_help_panel="What to do")] = "gatys",
    preset: options.Preset = None,
    quality: options.Quality = None,
    weights: options.Weights = None,
    device: options.Device = None,
    threads: options.Threads = None,
    max_pixels: options.MaxPixels = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
    **settings: Any,
) -> None:  # fmt: skip
    """Redraw PHOTO once for each value of a setting, or each pair of values of two, and arrange the results with labels.

    stylespace sweep photo.jpg --style painting.jpg --vary style_weight=0.3,1,3 --vary size=256,384 -o sheet.png
    """
    check_choice("--method", method, METHODS)
    check_choice("--preset", preset, METHODS[method].presets)
    check_choice("--quality", quality, QUALITIES)
    check_choice("--device", device and device.split(":")[0], options.DEVICES)
    if STYLES in METHODS[method].accepts and not style:
        raise typer.BadParameter("give at least one style picture.", param_hint="--style")
    if STYLES not in METHODS[method].accepts and style:
        raise typer.BadParameter(f"{method} takes no style: leave it out.", param_hint="--style")
    chosen = values(METHODS[method].settings, settings)

    from stylespace.cli import sources
    from stylespace.errors import InputError
    from stylespace.pictures import read, write
    from stylespace.pictures.writing import check_target
    from stylespace.pipelines import sweep as sweeps

    try:
        axes = [sweeps.axis(text, method) for text in vary]
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="--vary") from error
    check_target(out, force=force)
    styles = sources.weighted_styles(style or (), max_pixels)
    growing = None
    with Reporter(quiet) as reporter:
        reporter.begin("first")
        for growing in sweeps.sweep(
            sources.held(photo, max_pixels),
            styles,
            axes,
            method=method,
            preset=preset or "default",
            quality=quality,
            settings=chosen,
            weights=weights,
            device=device or "auto",
            threads=threads,
            max_pixels=max_pixels,
            side=cell,
            progress=reporter.step,
        ):
            made = len(growing.pictures) + len(growing.failures)
            if made < len(growing.places):
                reporter.begin(f"{made + 1} of {len(growing.places)}: {growing.label(growing.places[made])}")
    assert growing is not None
    for place, failure in growing.failures.items():
        tell(failure, growing.label(place))
    if growing.pictures:
        names = " + ".join(name.name if isinstance(name, Path) else "standard input" for name in styles)
        title = f"{Path(photo).name} in the style of {names}" if styles else f"{Path(photo).name}, rebuilt"
        record = {"sweep": vary, "method": method, "preset": preset or "default", "settings": chosen}
        write(read(growing.sheet(title=title)), out, force=force, settings=record)
        if not quiet:
            typer.echo(out)
    if growing.interrupted:
        where = f"on {out}" if growing.pictures else "made, so there is no sheet"
        tell(f"Interrupted: {len(growing.pictures)} of {len(growing.places)} pictures are {where}.")
        raise typer.Exit(130)
    if growing.failures:
        raise typer.Exit(1)


command = with_settings(sweep, *dict.fromkeys((METHODS[BLEND].settings, *(row.settings for row in METHODS.values()))))
