"""``stylespace library``: hundreds of thousands of references: add, tag, search, blend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylespace.cli.failures import tell
from stylespace.cli.options import Json, Quiet

if TYPE_CHECKING:
    from stylespace.library import Library
    from stylespace.library.store import Reference

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True,
    help="""A library of references: pictures with titles, artists, years, tags and their texture.

    Wherever a style is expected, a query takes references from here: --style 'library:tag=ukiyo-e', 'library:artist="Claude Monet"',
    'library:like=photo.jpg,tag=oil'. Terms are separated by commas and must all hold; tag=a|b is either, -tag=a is not.
    Fields: tag, artist, title, path, text, year (1880..1900), like (a picture), limit.""",
)  # fmt: skip

Folder = Annotated[
    Path | None,
    typer.Option("--library", metavar="FOLDER", help="The library. [default: STYLESPACE_LIBRARY, or the user's data folder]"),
]
Query = Annotated[str, typer.Argument(metavar="QUERY", help="A query, such as 'tag=oil,artist=monet'; '' matches everything.")]


@app.command()
def add(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SOURCE...", help="Pictures, folders, CSV tables with a column 'file', films.")
    ],
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A tag for all of them; may be repeated.")] = None,
    artist: Annotated[str, typer.Option(metavar="NAME", help="The artist, where the metadata names none.")] = "",
    frames: Annotated[bool, typer.Option("--frames", help="Folders hold films' frames: add only key frames.")] = False,
    workers: Annotated[str | None, typer.Option(metavar="ray", help="Describe pictures on a Ray cluster.")] = None,
    library: Folder = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add pictures, with the metadata in an index.csv or sidecar files. Pictures already there are skipped: run it again to continue."""
    from stylespace.cli.progress import Reporter
    from stylespace.library.adding import Added
    from stylespace.library.adding import add as adding

    with Reporter(quiet) as reporter:

        def progress(done: Added, of: int) -> None:
            count = done.new + done.known + len(done.failures)
            if count % 50 == 0 and count:
                reporter.say(f"{count}{f' of {of}' if of else ''}: {done.new} new")

        done = adding(
            _library(library), sources, tags=tag or (), artist=artist, frames=frames, workers=workers, progress=progress
        )
        for path, reason in done.failures.items():
            tell(f"Passed over {path}: {reason}")
        reporter.say(f"{done.new} added, {done.known} already there, {len(done.failures)} skipped.")
    if as_json:
        failures = {str(path): reason for path, reason in done.failures.items()}
        typer.echo(json.dumps({"added": done.new, "there_already": done.known, "passed_over": failures}, indent=2))
    if done.interrupted:
        raise typer.Exit(130)
    if done.failures and not done.new and not done.known:
        raise typer.Exit(1)


@app.command()
def describe(
    workers: Annotated[str | None, typer.Option(metavar="ray", help="Describe pictures on a Ray cluster.")] = None,
    library: Folder = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Describe all pictures again, after an update with another encoder. Titles and tags stay; run it again to continue."""
    from stylespace.cli.progress import Reporter
    from stylespace.library.renewing import Renewed, describe_anew

    with Reporter(quiet) as reporter:

        def progress(state: Renewed) -> None:
            if state.done % 50 == 0:
                reporter.say(f"{state.done} of {state.of} described")

        done = describe_anew(_existing(library), workers=workers, progress=progress)
        for path, reason in done.failures.items():
            tell(f"{path} cannot be described: {reason}")
        reporter.say(f"{done.done} of {done.of} described again.")
    if as_json:
        typer.echo(json.dumps({"described": done.done, "of": done.of, "failures": done.failures}, indent=2))
    if done.interrupted:
        raise typer.Exit(130)
    if done.failures:
        tell("Until these pictures are put back or removed from the library, it needs its old encoder; then run this again.")
        raise typer.Exit(1)


@app.command()
def search(
    query: Query = "",
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Print at most this many.")] = 50,
    library: Folder = None,
    as_json: Json = False,
) -> None:
    """Print what matches a query; with like=picture.jpg the nearest in texture first."""
    from stylespace.library.choosing import matching

    found = matching(_existing(library), query)
    if as_json:
        typer.echo(json.dumps([_plain(r) for r in found.references[:limit]], indent=2))
        return
    for i, reference in enumerate(found.references[:limit]):
        near = f"{found.distances[i]:.4f}  " if found.distances else ""
        typer.echo(near + _line(reference))
    if len(found.references) > limit:
        typer.echo(f"... {len(found.references)} in all", err=True)


@app.command()
def blend(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO")], query: Query = "", library: Folder = None, as_json: Json = False
) -> None:
    """Print which of the matching references make up the blend nearest to a photo's texture, by their descriptors."""
    from stylespace.library.choosing import blended
    from stylespace.library.query import parse
    from stylespace.pictures.reading import read

    references, hull = blended(_existing(library), parse(query), read(photo).pixels, {})
    if hull is None:
        from stylespace.errors import InputError

        raise InputError(f"Nothing in the library matches '{query}'.")
    weighted = list(zip(references, sorted(hull.weights, reverse=True), strict=True))
    if as_json:
        blended_of = [{"weight": float(weight), **_plain(reference)} for reference, weight in weighted]
        typer.echo(json.dumps({"references": blended_of, "duality_gap": hull.gap, "distance": hull.square}, indent=2))
        return
    for reference, weight in weighted:
        typer.echo(f"{weight:.3f}  {_line(reference)}")
    typer.echo(f"duality gap {hull.gap:.2%} after {hull.passes} passes, distance {hull.square:.4f}", err=True)


@app.command()
def tag(
    query: Query,
    add: Annotated[list[str] | None, typer.Option("--add", metavar="TAG", help="Add this tag; may be repeated.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="TAG", help="Remove this tag; may be repeated.")] = None,
    library: Folder = None,
    as_json: Json = False,
) -> None:
    """Add tags to what matches, or remove them."""
    changed = _existing(library).tag(query, add or (), remove or ())
    typer.echo(json.dumps({"changed": changed}) if as_json else f"{changed} changed.")


@app.command()
def remove(
    query: Query,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; without this, they are only counted.")] = False,
    library: Folder = None,
    as_json: Json = False,
) -> None:
    """Remove what matches from the library; the picture files stay."""
    there = _existing(library)
    count = there.remove(query) if yes else len(there.search(query).references)
    if as_json:
        typer.echo(json.dumps({"matching": count, "removed": count if yes else 0}))
    else:
        typer.echo(f"{count} removed." if yes else f"{count} would be removed: add --yes.")


@app.command()
def info(library: Folder = None, as_json: Json = False) -> None:
    """Show how many pictures, tags and artists there are, the size, and which files have been moved."""
    about = _library(library).info()
    if as_json:
        typer.echo(json.dumps(about, indent=2))
        return
    typer.echo(f"{about['references']} references in {about['folder']}, {about['bytes'] / 1e6:.1f} MB")
    for name in ("tags", "artists"):
        often = list(about[name].items())
        typer.echo(f"{name}: " + (", ".join(f"{k} {v}" for k, v in often[:30]) or "none") + (" ..." if len(often) > 30 else ""))
    for path in about["moved"][:20]:
        tell(f"{path} is no longer there: add it from its new place, or remove it.")


@app.command()
def export(
    query: Query = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="A .json or .csv. [default: print JSON]")
    ] = None,
    library: Folder = None,
) -> None:
    """Write the metadata of what matches as JSON or CSV, which 'library add' takes."""
    import csv
    import io

    from stylespace.storage.atomic import write_text

    rows = _existing(library).export(query)
    if out is not None and out.suffix.lower() == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]) if rows else ["path"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "tags": ";".join(row["tags"])} for row in rows)
        made = text.getvalue()
    else:
        made = json.dumps(rows, indent=2) + "\n"
    if out is None:
        typer.echo(made, nl=False)
    else:
        typer.echo(write_text(out, made))


def _library(folder: Path | None) -> Library:
    from stylespace.library import Library

    return Library(folder)


def _existing(folder: Path | None) -> Library:
    from stylespace.errors import InputError

    library = _library(folder)
    if not library.exists():
        raise InputError(f"There is no library in {library.folder}: add pictures with 'stylespace library add FOLDER'.")
    return library


def _line(reference: Reference) -> str:
    parts = [reference.title, reference.artist, str(reference.year or ""), "; ".join(reference.tags), reference.path]
    return "  ".join(part for part in parts if part)


def _plain(reference: Reference) -> dict[str, Any]:
    from stylespace.library.store import SHOWN

    return {name: getattr(reference, name) for name in SHOWN}
