"""``stylespace learn-style``: one style picture from many references."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.failures import tell
from stylespace.cli.options import FILES
from stylespace.cli.progress import Reporter
from stylespace.cli.settings import values, with_settings
from stylespace.methods.learned_style_settings import PRESETS, LearnedStyleSettings


def learn_style(
    references: Annotated[list[str], typer.Argument(metavar="REF[=WEIGHT]...", help="Pictures, folders, patterns, or a library query.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="STYLE.png", help="The style picture.", rich_help_panel=FILES)] = Path(
        "style.png"
    ),
    mask: Annotated[
        list[str] | None,
        typer.Option(metavar="REF=MASK", rich_help_panel=FILES, help="White where REF gives its style; the rest is learned apart."),
    ] = None,
    snapshots: Annotated[
        str, typer.Option(metavar="N,N,...", help="Write the picture after these steps too, as OUT-N.", rich_help_panel=FILES)
    ] = "15,150,1500",
    losses: Annotated[Path | None, typer.Option(metavar="FILE.jsonl", help="Write the losses.", rich_help_panel=FILES)] = None,
    curve: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="The learning curve. [default: OUT-curve.png]", rich_help_panel=FILES)
    ] = None,
    force: options.Force = False,
    preset: Annotated[
        str, typer.Option(metavar="NAME", help=f"Settings to start from: {', '.join(PRESETS)}.", rich_help_panel="What to do")
    ] = "default",
    weights: options.Weights = None,
    device: options.Device = None,
    threads: options.Threads = None,
    max_pixels: options.MaxPixels = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
    **settings: Any,
) -> None:  # fmt: skip
    """Learn one picture of the style that many references share, starting from white noise, without content.

    The result can be used as a style anywhere: --style style.png. --regions N, or masks, make one picture for each part and a file
    OUT-regions.safetensors: with it, transfer --style-regions finds these parts in a photo and redraws each in its own style.
    If the command is interrupted, run it again to continue.
    """
    from stylespace.cli import sources
    from stylespace.cli.transfer import check_choice, numbers
    from stylespace.pictures.writing import check_target
    from stylespace.pipelines.learn_style import learn_style
    from stylespace.pipelines.result import Result
    from stylespace.pipelines.sources import MAX_PIXELS

    check_choice("--preset", preset, PRESETS)
    check_choice("--device", device and device.split(":")[0], options.DEVICES)
    chosen = values(LearnedStyleSettings, settings)
    steps = numbers(snapshots)
    check_target(out, force=force)
    found = sources.query(references) or sources.weighted_styles(references, max_pixels)
    masks = dict(_pair(text) for text in mask or ())
    checkpoint = out.with_name(f".{out.name}.learning")
    with Reporter(quiet) as reporter:
        reporter.begin(out.stem)
        learned = learn_style(
            found, preset=preset, masks=masks, snapshots=steps, checkpoint=checkpoint, device=device or "auto", threads=threads,
            weights=weights, max_pixels=max_pixels or MAX_PIXELS, progress=reporter.step, note=reporter.say, **chosen,
        )  # fmt: skip
    if learned.interrupted:
        tell(f"Interrupted: what was learned is in {checkpoint}; run the same command again to continue.")
        raise typer.Exit(130)

    def place(number: int) -> Path:
        return out if len(learned.parts) == 1 else out.with_stem(f"{out.stem}-{number}")

    written = []
    for number, result in enumerate(learned.parts, 1):
        if result is None:
            continue
        target = place(number)
        written.append(result.save(target, force=force))
        for step, picture in result.snapshots.items():
            Result(picture, record=result.record | {"snapshot": step}).save(target.with_stem(f"{target.stem}-{step}"), force=True)
        if result.losses:
            result.plot(curve or target.with_name(f"{target.stem}-curve.png"))
        if losses is not None:
            result.save_losses(losses if len(learned.parts) == 1 else losses.with_stem(f"{losses.stem}-{number}"))
    if learned.regions is not None:
        written.append(_regions(learned, [None if r is None else place(i) for i, r in enumerate(learned.parts, 1)], out))
    if not quiet:
        for path in written:
            typer.echo(path)


def _regions(learned: Any, places: list[Path | None], out: Path) -> Path:
    from dataclasses import replace

    saved: Path = replace(learned.regions, pictures=tuple(places)).save(out.with_name(f"{out.stem}-regions.safetensors"))
    return saved


def _pair(text: str) -> tuple[str, Path]:
    name, separator, mask = text.rpartition("=")
    if not separator or not name or not mask:
        raise typer.BadParameter(f"'{text}' is not a reference and its mask: write REF=MASK.", param_hint="--mask")
    return name, Path(mask)


command = with_settings(learn_style, LearnedStyleSettings)
