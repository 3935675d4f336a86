"""``stylespace video``: a film redrawn frame by frame and held still."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.options import FILES
from stylespace.cli.progress import Reporter

HOW, WHAT = "How", "What to do"


def video(
    ctx: typer.Context,
    film: Annotated[str, typer.Argument(metavar="FILM", help="A film, GIF, WebP or APNG, a folder of frames, or - (a pipe).")],
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="OUT", rich_help_panel=FILES,
            help="Result: .mp4, .mov, .mkv, .webm, .gif, .webp, .apng, a folder (name it with a slash), or - (raw frames).",
        ),
    ],
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style", "-s", metavar="STYLE[=WEIGHT]", rich_help_panel=WHAT,
            help="A style of the network, or a painting's file; repeat to mix.",
        ),
    ] = None,
    at: Annotated[
        list[float] | None,
        typer.Option(
            metavar="SECONDS", rich_help_panel=WHAT,
            help="The --style options that follow are reached at this moment; repeat for styles that change over time.",
        ),
    ] = None,
    track: Annotated[
        Path | None, typer.Option(metavar="MIX.json", rich_help_panel=WHAT, help="Styles over time from a file (docs/video.md).")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            "--network", "-n", metavar="NET", rich_help_panel=WHAT,
            help="A shipped network, a file, owner/name on the Hub. [default: classics; where a style is a painting or a code, arbitrary]",
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="network|gatys|strotss|...", help="A network, or a method that optimises.", rich_help_panel=WHAT)
    ] = "network",
    keyframes: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|every=N", rich_help_panel=WHAT,
            help="Carry painted frames to those between: numbered files painted by hand, or each N-th frame, redrawn as above.",
        ),
    ] = None,
    passes: Annotated[
        int, typer.Option(min=1, metavar="N", help="With --method: so often over each shot, forwards and backwards.", rich_help_panel=WHAT)
    ] = 1,
    preset: options.Preset = None,
    quality: options.Quality = None,
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="With --method: steps a frame.", rich_help_panel=WHAT)] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="With --method: one seed for all frames.", rich_help_panel=WHAT)] = None,
    encoder: Annotated[str | None, typer.Option(metavar="NAME", help="With --method: the encoder.", rich_help_panel=WHAT)] = None,
    steady: Annotated[
        str,
        typer.Option(
            metavar="off|fast|best", rich_help_panel=HOW,
            help="Hold still: not at all; by statistics that a shot's frames share and quick optical flow; by slower flow.",
        ),
    ] = "fast",
    size: Annotated[int | None, typer.Option(min=2, metavar="N", help="Long side. [default: the film's]", rich_help_panel=HOW)] = None,
    strength: Annotated[float, typer.Option(metavar="S", help="From 0, the film, to 1.", rich_help_panel=HOW)] = 1.0,
    colour: Annotated[
        str,
        typer.Option(
            "--colour", "--color", metavar="style|luminance|cholesky|root|transport", rich_help_panel=HOW,
            help="The style's colours, or the film's.",
        ),
    ] = "style",
    start: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Begin here.", rich_help_panel=HOW)] = 0.0,
    end: Annotated[float | None, typer.Option(metavar="SECONDS", help="End before this.", rich_help_panel=HOW)] = None,
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Take every N-th frame.", rich_help_panel=HOW)] = 1,
    loop: Annotated[bool, typer.Option("--loop", help="A loop: the last frame meets the first.", rich_help_panel=HOW)] = False,
    codec: Annotated[
        str | None,
        typer.Option(
            metavar="h264|h265|vp9|av1|prores|ffv1", rich_help_panel=FILES, help="By the suffix; of a folder's frames png, jpg, tif, webp."
        ),
    ] = None,
    crf: Annotated[
        float | None, typer.Option(metavar="Q", help="The codec's quality, lower is better. [default: 17 to 26]", rich_help_panel=FILES)
    ] = None,
    bits: Annotated[
        int | None, typer.Option(metavar="8|10|12|16", help="Bits a channel. [default: the film's]", rich_help_panel=FILES)
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="N", help="Frames a second of a folder. [default: 24]", rich_help_panel=FILES)
    ] = None,
    raw: Annotated[
        str | None, typer.Option(metavar="WxH[@RATE]", help="Standard input is raw RGB frames of this size.", rich_help_panel=FILES)
    ] = None,
    force: options.Force = False,
    device: options.Device = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
) -> None:  # fmt: skip
    """Redraw a film, with its own times, sound, colours and transparency.

    stylespace video holiday.mp4 --style starry_night=0.6 --style great_wave=0.4 -o out.mp4

    stylespace video holiday.mp4 --at 0 --style great_wave --at 8 --style starry_night -o out.mp4

    stylespace video holiday.mp4 --keyframes every=24 --method strotss --style painting.jpg -o out.mp4

    If the command is interrupted or killed, run it again: it goes on where it was.
    """
    from stylespace.pipelines.track import read_track
    from stylespace.pipelines.video import stylize_video

    if track is not None and (at or style):
        raise typer.BadParameter("a track says all styles: leave --at and --style out.", param_hint="--track")
    moments = _track(ctx.meta["order"], at or [], style or [])
    styles = None if at or not style else _styles(style, method)
    chosen = {name: value for name, value in (("steps", steps), ("seed", seed), ("encoder", encoder)) if value is not None}
    with Reporter(quiet or out == "-") as reporter:
        reporter.begin(film)
        result = stylize_video(
            film, out, styles, method=method, network=network, track=read_track(track) if track else moments, keyframes=keyframes,
            passes=passes, strength=strength, colour=colour, size=size, steady=steady, start=start, end=end, every=every, loop=loop,
            codec=codec, bits=bits, crf=crf, rate=rate, raw=raw, force=force, device=device or "auto", threads=threads,
            preset=preset or "default", quality=quality, progress=reporter.frame, note=reporter.say, **chosen,
        )  # fmt: skip
        if result.interrupted:
            reporter.say(f"Interrupted after frame {result.frames}: run the same command again to go on.")
            raise typer.Exit(130)
        if out != "-":
            pace = result.frames / max(result.seconds, 1e-9)
            reporter.say(f"{result.path}: {result.frames} frames in {result.seconds:.1f} s ({pace:.1f} a second).")


def _styles(texts: Sequence[str], method: str) -> Any:
    """Names of a network's styles with weights, or pictures as for ``transfer``."""
    from stylespace.cli import sources

    return mix(texts) if method == "network" else sources.given_styles(texts, None)


def mix(texts: Sequence[str]) -> dict[str, float]:
    """Names with their weights, of ``NAME`` and ``NAME=WEIGHT``."""
    found: dict[str, float] = {}
    for text in texts:
        name, separator, weight = text.rpartition("=")
        if not separator or Path(text).is_file():
            name, separator, weight = text, "", ""
        if name in found:
            raise typer.BadParameter(f"'{name}' is given twice: give each style once, with its weight.", param_hint="--style")
        try:
            found[name] = float(weight) if separator else 1.0
        except ValueError:
            raise typer.BadParameter(f"the weight of '{name}' is '{weight}': give a number.", param_hint="--style") from None
    return found


def _track(order: Sequence[str], moments: Sequence[float], styles: Sequence[str]) -> Any:
    """``--at`` and the ``--style`` options that follow each; None where there is no ``--at``."""
    from stylespace.pipelines.track import track_of

    if not moments:
        return None
    groups: list[tuple[float, list[str]]] = []
    left, texts = list(moments), list(styles)
    for name in order:
        if name == "at":
            groups.append((left.pop(0), []))
        elif name == "style":
            if not groups:
                raise typer.BadParameter("begin with --at 0, before the first --style.", param_hint="--at")
            groups[-1][1].append(texts.pop(0))
    if bare := [moment for moment, names in groups if not names]:
        raise typer.BadParameter(f"no --style follows --at {bare[0]:g}.", param_hint="--at")
    return track_of([(moment, mix(names)) for moment, names in groups])


command = video
