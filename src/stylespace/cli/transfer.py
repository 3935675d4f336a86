"""``stylespace transfer``: photos redrawn in the style of other pictures."""

from __future__ import annotations

import json
import traceback as tracebacks
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.failures import tell
from stylespace.cli.options import FILES
from stylespace.cli.progress import Reporter
from stylespace.cli.settings import values, with_settings
from stylespace.methods.registry import (
    AREAS,
    CLASSES,
    GUIDES,
    METHODS,
    POINTS,
    QUALITIES,
    SOURCE,
    START,
    STROKES,
    STYLES,
    accepting,
)

if TYPE_CHECKING:
    from stylespace.pipelines.batch import Job, Outcome
    from stylespace.pipelines.sources import Points
    from stylespace.pipelines.task import Task
    from stylespace.styles.space import Blend

REGIONS = "Regions and strokes"
BLEND = next(
    name for name, row in METHODS.items() if row.blends
)  # has all settings of gatys: it stands for a method not known yet


def transfer(
    photo: Annotated[
        list[str] | None,
        typer.Argument(metavar="PHOTO", help="Photos: files, folders, patterns in quotes ('*.jpg'), or - for standard input."),
    ] = None,
    style: options.Style = None,
    out: options.Out = None,
    force: options.Force = False,
    bits: Annotated[int | None, typer.Option(metavar="8|16", help="Bits a channel. [default: 8]", rich_help_panel=FILES)] = None,
    losses: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Write the losses, one line a step.", rich_help_panel=FILES)
    ] = None,
    curve: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the losses over steps (.png, .svg, .pdf).", rich_help_panel=FILES),
    ] = None,
    snapshots: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="Write the picture after these steps too, as OUT-N.", rich_help_panel=FILES),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option(
            "--dry-run", rich_help_panel=FILES,
            help="Only say what would be done: sizes, steps, tiles, memory, and the time, estimated from a few steps at small sizes.",
        )
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: print JSON.", rich_help_panel=FILES)] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="First write a preview of a quarter of the size, as OUT-preview.", rich_help_panel=FILES)
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", rich_help_panel=FILES,
            help="Print which references the blend chose, with weights and distances, and draw them as OUT-explain.png.",
        ),
    ] = False,
    parts: Annotated[
        bool,
        typer.Option(
            "--parts", rich_help_panel=FILES,
            help="deformable: also write the unwarped picture, the warped photo, and the warp as a grid and a file (stylespace warp).",
        ),
    ] = False,
    animation: Annotated[
        Path | None,
        typer.Option(metavar="FILE.gif|.mp4", help="deformable: also write a film of the deformation.", rich_help_panel=FILES),
    ] = None,
    cube: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.cube", rich_help_panel=FILES, help="photoreal, --route global: also write its colours for film and photo tools."
        ),
    ] = None,
    repeat: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="RESULT", rich_help_panel=FILES,
            help="Repeat this result: its photo, styles and settings, except where other options replace them.",
        ),
    ] = None,
    method: Annotated[
        str | None, typer.Option(
            metavar="|".join(METHODS), rich_help_panel="What to do",
            help="The method. [default: gatys; blend for several styles without weights, a folder, a library query]",
        )
    ] = None,
    preset: options.Preset = None,
    quality: options.Quality = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MASK=STYLE[:STYLEMASK]", rich_help_panel=REGIONS,
            help="Where MASK is white, use this style (only from where STYLEMASK is white). Repeat for more; --style is for the rest.",
        ),
    ] = None,
    keep_region: Annotated[
        list[str] | None,
        typer.Option(metavar="MASK", help="Leave the photo unchanged where MASK is white.", rich_help_panel=REGIONS),
    ] = None,
    style_regions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=REGIONS,
            help="Find the regions of learn-style --regions in the photo, and redraw each with the style picture learned for it.",
        ),
    ] = None,
    strokes: Annotated[
        Path | None,
        typer.Option(metavar="REF", help="First redraw the style with this painting's fine strokes.", rich_help_panel=REGIONS),
    ] = None,
    start_picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Start from this picture.", rich_help_panel=REGIONS)
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y=X,Y", rich_help_panel=REGIONS,
            help="strotss, deformable: a place in the photo and the one in the style it should look like, in shares of width and height."
            " Repeat.",
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(metavar="PAIRS.json", help="The same, from a file that stylespace match wrote.", rich_help_panel=REGIONS),
    ] = None,
    guide: options.Guide = None,
    style_source: Annotated[
        Path | None,
        typer.Option(
            metavar="A", rich_help_panel=REGIONS,
            help="analogies: the style picture before it was painted, or a map of what is where in it. [default: made from the style]",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="LABELS=STYLELABELS", rich_help_panel=REGIONS,
            help="What is what on photo and style: two pictures with one colour a class; each class takes its own style.",
        ),
    ] = None,
    segmenter: Annotated[
        Path | None,
        typer.Option(metavar="FILE.onnx", rich_help_panel=REGIONS, help="The same, from a trained segmenter of yours."),
    ] = None,
    find: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, rich_help_panel=REGIONS, help="The same, found: N classes of both pictures, by their features."),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE.csv", rich_help_panel=REGIONS,
            help="Which class goes with which: columns photo and style, of colours (#ffff00) or numbers. [default: alike classes]",
        ),
    ] = None,
    weights: options.Weights = None,
    device: options.Device = None,
    threads: options.Threads = None,
    max_pixels: options.MaxPixels = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
    **settings: Any,
) -> None:  # fmt: skip
    """Redraw photos in the style of other pictures.

    Finished results are skipped when the command is run again; a file that cannot be read is reported and skipped. Ctrl-C
    saves the best picture so far, marked as interrupted; the next run continues from there.
    """
    if not photo and repeat is None:
        raise typer.BadParameter("give at least one photo.", param_hint="PHOTO")
    if repeat is not None and (preset or quality):
        raise typer.BadParameter("the result has its own settings: leave --preset and --quality out.", param_hint="--from")
    if as_json and not dry_run:
        raise typer.BadParameter("it only goes with --dry-run.", param_hint="--json")
    if bits not in (None, 8, 16):
        raise typer.BadParameter(f"{bits} bits cannot be written: 8 or 16.", param_hint="--bits")
    check_choice("--method", method, METHODS)
    row = METHODS[method or BLEND]
    check_choice("--preset", preset, row.presets)
    check_choice("--quality", quality, QUALITIES)
    check_choice("--device", device and device.split(":")[0], options.DEVICES)
    check_choice("--curve", None if curve is None else curve.suffix.lower(), (".png", ".svg", ".pdf"))
    check_choice("--animation", None if animation is None else animation.suffix.lower(), (".gif", ".mp4"))
    if repeat is None and (parts or animation) and not (method and row.warps):
        owners = ", ".join(name for name, each in METHODS.items() if each.warps)
        raise typer.BadParameter(f"they only go with --method {owners}.", param_hint="--parts, --animation")
    steps = numbers(snapshots)
    asked = {
        STYLES: ("--style", style), AREAS: ("--region, --keep-region, --style-regions", region or keep_region or style_regions),
        STROKES: ("--strokes", strokes), START: ("--start-picture", start_picture), POINTS: ("--point, --pairs", point or pairs),
        GUIDES: ("--guide", guide), SOURCE: ("--style-source", style_source),
        CLASSES: ("--labels, --segmenter, --find, --classes", labels or segmenter or find or classes),
    }  # fmt: skip
    for what, (flag, value) in asked.items():
        if value and method and what not in row.accepts:
            raise typer.BadParameter(f"it is for {accepting(what)}, not {method}: leave it out.", param_hint=flag)
    if repeat is None and STYLES in row.accepts and not style and not region and style_regions is None:
        raise typer.BadParameter("give at least one style picture.", param_hint="--style")
    check_choice("--cube", None if cube is None else cube.suffix.lower(), (".cube",))
    if cube is not None and repeat is None and settings.get("route") != "global":
        raise typer.BadParameter("it only goes with --method photoreal --route global.", param_hint="--cube")
    if start_picture is not None:
        settings.setdefault("start", "picture")

    if repeat is None:
        values(row.settings, settings)  # mistakes first: blend has all settings of gatys

    from stylespace.cli import sources
    from stylespace.pictures import read_settings
    from stylespace.pipelines import batch
    from stylespace.pipelines.repeat import stored
    from stylespace.pipelines.task import Task
    from stylespace.pipelines.transfer import implied, resolve

    styles: Any = sources.given_styles(style, max_pixels) if style else None
    if repeat is None:
        method = method or implied(styles)
        row = METHODS[method]
        if not row.blends and isinstance(styles, str):
            raise typer.BadParameter("the references of a library query are blended: leave --method out.", param_hint="--method")
        if not row.blends and isinstance(styles, list):
            styles = dict.fromkeys(styles, 1.0)
        changes = values(row.settings, settings)
        if row.blends and isinstance(styles, dict) and len(set(styles.values())) > 1:
            raise typer.BadParameter("a blend finds its own weights: leave =WEIGHT out.", param_hint="--style")
        if row.blends and isinstance(styles, dict):
            styles = list(styles)
        if explain and not row.blends:
            raise typer.BadParameter(
                "it only explains blends: give several styles without weights, or a folder.", param_hint="--explain"
            )
    else:
        changes = {}
    chosen: dict[str, Any] = {
        "styles": styles,
        "areas": sources.areas(region or (), keep_region or ()) or None,
        "style_regions": style_regions,
        "strokes": strokes,
        "start_picture": start_picture,
        "weights": weights,
        "device": device,
        "threads": threads,
        "max_pixels": max_pixels,
        "guides": sources.guides(guide or ()) or None,
        "style_source": style_source,
        "classes": sources.classes(labels, segmenter, find, classes),
        "points": (*map(_pair, point or ()), *_pairs(pairs)) or None,
    }
    chosen = {name: value for name, value in chosen.items() if value is not None}
    names = photo or []
    if repeat is not None:
        was = str(read_settings(repeat).get("method"))
        if method not in (None, was):
            raise typer.BadParameter(f"{repeat} was made with {was}, not with {method}.", param_hint="--from")
        made = stored(repeat, changes=values(METHODS.get(was, row).settings, settings), instead=chosen, photo_given=bool(photo))
        task, bits = made.task, bits or made.bits
        names = photo or [str(made.photo)]
        if made.differences and not quiet:
            tell(f"{repeat} was made with {'; '.join(made.differences)}: the result may differ a little.")
    else:
        task = Task(resolve(preset or "default", quality, None, changes, method or BLEND), **chosen)

    photos, errors = sources.find_photos(names)
    several = sources.many(names)
    todo = sources.jobs(photos, out, _ending(task), several=several, max_pixels=max_pixels) if photos else []
    if len(todo) > 1:
        task.check_pictures()
    if dry_run:
        for error in errors:
            tell(error)
        _rehearse(todo, task, as_json, force=force, bits=bits or 8)
        raise typer.Exit(1 if errors else 0)
    beside = batch.Beside(losses, curve, steps, preview, several, explain, parts, animation, cube)
    for error in errors:
        tell(error)
    with Reporter(quiet) as reporter:
        outcomes = batch.run(
            todo, task, force=force, bits=bits or 8, beside=beside, begin=lambda job: reporter.begin(job.name),
            progress=reporter.step, note=reporter.say,
        )  # fmt: skip
        code = report(outcomes, reporter, trace=traceback, total=len(todo) + len(errors), failed=len(errors), explain=explain)
    if code:
        raise typer.Exit(code)


def _rehearse(jobs: Sequence[Job], task: Task, as_json: bool, *, force: bool, bits: int) -> None:
    """Print what a run would do with each photo."""
    from stylespace.pipelines import batch
    from stylespace.pipelines.plan import duration, plan

    plans = [(job, batch.look(job, task, force=force, bits=bits) == "finished", plan(task, job.photo)) for job in jobs]
    seconds = sum(made.seconds for _, finished, made in plans if not finished)
    if as_json:
        photos = [
            {"photo": job.name, "result": str(job.target), "finished": finished, **made.record()} for job, finished, made in plans
        ]
        typer.echo(json.dumps({"photos": photos, "seconds": round(seconds, 1)}, indent=2))
        return
    for job, finished, made in plans:
        typer.echo(f"{job.name} -> {job.target}{' (finished already: it would be skipped)' if finished else ''}")
        for line in made.lines():
            typer.echo(f"  {line}")
    if len(plans) > 1:
        typer.echo(f"{len(plans)} photos, about {duration(seconds)}")


def report(
    outcomes: Iterable[Outcome], reporter: Reporter, *, trace: bool, total: int, failed: int = 0, explain: bool = False
) -> int:
    """Print the outcome of each job: results' paths on standard output, the rest on standard error. Returns the exit code."""
    from stylespace.pipelines.batch import unfinished

    for outcome in outcomes:
        job = outcome.job
        reporter.settle()
        if outcome.state == "skipped":
            reporter.say(f"{job.target} is finished already: skipped (--force makes it again).")
        elif outcome.state == "interrupted":
            kept = f"the best so far is in {job.target}" if outcome.result else f"{job.target.name} is not written yet"
            state = unfinished(job.target)
            again = f"continue from there (its state is in {state})" if state.exists() else "finish"
            tell(f"Interrupted: {kept}; run the same command again to {again}.")
            return 130
        elif outcome.error is not None:
            failed += 1
            if trace:
                tracebacks.print_exception(outcome.error)
            tell(outcome.error, job.name if total > 1 else "")
        elif outcome.result is not None and not reporter.quiet:
            if outcome.state == "done" and explain and outcome.result.blend is not None:
                for line in _explained(outcome.result.blend):
                    typer.echo(line)
            typer.echo(job.target if outcome.state == "done" else job.target.with_stem(f"{job.target.stem}-preview"))
    if failed and total > 1:
        tell(f"{failed} of {total} photos could not be done.")
    return 1 if failed else 0


def _explained(blend: Blend) -> Iterable[str]:
    """The blend as a table: weight, distance alone, reference."""
    explained = blend.explained()
    yield "weight  distance alone  reference"
    for entry in explained["references"]:
        yield f"{entry['weight']:6.3f}  {entry['distance_alone']:14.4f}  {entry['reference']}"
    name, alone = blend.best_single
    yield f"blend of {len(explained['references'])} of {explained['of']}: distance {blend.distance:.4f}; nearest alone: {alone:.4f}, {name}"


def check_choice(flag: str, value: str | None, choices: Iterable[str]) -> None:
    """A value that is not one of ``choices`` is wrong usage."""
    if value is not None and value not in choices:
        raise typer.BadParameter(f"'{value}' is unknown: choose among {', '.join(choices)}.", param_hint=flag)


def numbers(text: str | None) -> tuple[int, ...]:
    """Step numbers as in ``15,150,1500``."""
    try:
        found = tuple(sorted({int(part) for part in (text or "").split(",") if part.strip()}))
    except ValueError:
        found = (0,)
    if any(number < 1 for number in found):
        raise typer.BadParameter(f"'{text}' are not step numbers: write 15,150,1500.", param_hint="--snapshots")
    return found


def _ending(task: Task) -> str:
    """What distinguishes results by default: ``-painting``."""
    row = METHODS[task.method]
    if row.ending is not None:
        return f"-{getattr(task.settings, row.ending)}"
    if row.blends:
        return f"-{task.method}"
    from stylespace.pipelines.record import weighted

    stems = [style.stem if isinstance(style, Path) else "picture" for style, _ in weighted(task.styles)]
    return "".join(f"-{stem}" for stem in stems)[:80] or "-regions"


def _pair(text: str) -> Points:
    try:
        (x, y), (u, v) = ([float(part) for part in side.split(",")] for side in text.split("="))
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a pair of places: write 0.5,0.3=0.2,0.8.", param_hint="--point") from None
    return (x, y), (u, v)


def _pairs(path: Path | None) -> Iterable[Points]:
    """The pairs of a file."""
    if path is None:
        return ()
    from stylespace.pipelines.match import Matches

    found = Matches.load(path)
    return zip(found.a, found.b, strict=True)


command = with_settings(transfer, *dict.fromkeys((METHODS[BLEND].settings, *(row.settings for row in METHODS.values()))))
