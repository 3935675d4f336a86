"""``stylespace texture``: textures of any size, pictures that tile, holes filled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.failures import tell
from stylespace.cli.options import FILES
from stylespace.cli.progress import Reporter
from stylespace.cli.settings import values, with_settings
from stylespace.pipelines.texture_settings import TextureSettings

WHAT = "What to do"


def texture(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="The texture.", rich_help_panel=FILES)],
    source: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE...", help="Pictures to take from; with --apply, maps of them; left out with --from."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", rich_help_panel=WHAT, help="Width and height in pixels. [default: twice the first source's]"),
    ] = None,
    tile: Annotated[
        bool,
        typer.Option(
            "--tile", rich_help_panel=WHAT,
            help="Make it go on at the opposite edges; without --size the picture itself, of which a band at the edges is made anew.",
        ),
    ] = False,
    hole: Annotated[
        Path | None,
        typer.Option(metavar="MASK", rich_help_panel=WHAT, help="Fill the picture where the mask is white, from the rest of it."),
    ] = None,
    apply: Annotated[
        Path | None,
        typer.Option(
            metavar="COORDINATES", rich_help_panel=WHAT, help="Do what --coordinates wrote to other maps of the same sources."
        ),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(metavar="MASK", rich_help_panel=WHAT, help="Take only what is white, of each source in turn (none: all of it)."),
    ] = None,
    guide: options.Guide = None,
    maps: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="MAP", rich_help_panel=FILES,
            help="Rearrange this map of the source (normals, roughness) likewise, as OUT-MAP. Repeat; with several sources one for each.",
        ),
    ] = None,
    coordinates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.safetensors", rich_help_panel=FILES, help="Write where each pixel comes from, for --apply."
        ),
    ] = None,
    repeat: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="RESULT", rich_help_panel=FILES,
            help="Make a texture again from the settings in its file; settings given here replace the stored ones.",
        ),
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(metavar="8|16", help="Bits a channel. [default: 8, or those of the result]", rich_help_panel=FILES),
    ] = None,
    force: options.Force = False,
    threads: options.Threads = None,
    max_pixels: options.MaxPixels = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
    **settings: Any,
) -> None:  # fmt: skip
    """Textures of any size out of pictures, by image quilting (Efros & Freeman 2001). All pixels are copies.

    stylespace texture bricks.jpg -o wall.png --size 2048x1024 --tile

    stylespace texture bricks.jpg -o bricks-tile.png --tile --maps bricks-normal.png

    stylespace texture photo.jpg -o whole.png --hole mask.png

    stylespace texture --from wall.png -o other.png --seed 2

    The same pixels for a seed, whatever the threads. Ctrl-C: the same command goes on where it was.
    """
    if bits not in (None, 8, 16):
        raise typer.BadParameter(f"{bits} bits cannot be written: 8 or 16.", param_hint="--bits")
    chosen = values(TextureSettings, settings)
    wanted = None if size is None else _size(size)
    others = {
        "--size": size,
        "--tile": tile,
        "--hole": hole,
        "--mask": mask,
        "--guide": guide,
        "--maps": maps,
        "--coordinates": coordinates,
    }
    if apply is not None and (
        wrong := next((name for name, value in {**others, **chosen, "--from": repeat}.items() if value), None)
    ):
        raise typer.BadParameter(f"it does what was done before: leave {wrong} out.", param_hint="--apply")
    if repeat is None and not source:
        raise typer.BadParameter("give at least one picture, or a result with --from.", param_hint="SOURCE")
    stored = {"SOURCE": source, "--tile": tile, "--hole": hole, "--mask": mask, "--guide": guide}
    if repeat is not None and (wrong := next((name for name, value in stored.items() if value), None)):
        raise typer.BadParameter(f"the result says that itself: leave {wrong} out.", param_hint="--from")
    if coordinates is not None and coordinates.suffix != ".safetensors":
        raise typer.BadParameter(f"'{coordinates}': give a name that ends in .safetensors.", param_hint="--coordinates")

    from stylespace.cli import sources
    from stylespace.errors import InputError
    from stylespace.pictures import write
    from stylespace.pictures.writing import check_target
    from stylespace.pipelines import batch
    from stylespace.pipelines.repeat import stored_texture
    from stylespace.pipelines.sources import MAX_PIXELS
    from stylespace.pipelines.texture import rearrange, texture

    limit = max_pixels or MAX_PIXELS
    pictures: list[Any]
    if repeat is None:
        pictures, errors = sources.find_photos(source or ())
        if errors:
            raise errors[0]
        masks = [None if name == "none" else Path(name) for name in mask or ()]
        call = {"size": wanted, "tile": tile, "hole": hole, "masks": masks, "guides": sources.guides(guide or ())} | chosen
    else:
        call, own, differences = stored_texture(repeat)
        bits = bits or own
        pictures = call.pop("sources")
        if wanted is not None and call["size"] is None:
            raise typer.BadParameter("the result has the size of its source: leave it out.", param_hint="--size")
        call |= chosen | ({} if wanted is None else {"size": wanted})
        if differences and not quiet:
            tell(f"It may differ from {repeat.name}: {'; '.join(differences)}.")
    bits = bits or 8
    targets = [out.with_stem(f"{out.stem}-{path.stem}") for path in (maps or ())][:: len(pictures)]
    for target in (out, *targets):
        check_target(target, bits=bits, force=force)
    if coordinates is not None and coordinates.exists() and not force:
        raise InputError(f"{coordinates} exists already: choose another name, or replace it with --force.")
    if apply is not None:
        typer.echo(write(rearrange(apply, pictures, max_pixels=limit), out, bits=bits, force=force))
        return
    with Reporter(quiet) as reporter:
        reporter.begin(out.stem)
        made = texture(
            pictures, maps=maps or (), threads=threads, max_pixels=limit, progress=reporter.step, note=reporter.say,
            unfinished=batch.unfinished(out), **call,
        )  # fmt: skip
    if made.interrupted:
        state = batch.unfinished(out)
        tell(f"Interrupted: {out.name} is not written yet; run the same again to {'go on' if state.exists() else 'begin anew'}.")
        raise typer.Exit(130)
    written = [made.save(out, bits=bits, force=force)]
    written += [write(each, target, bits=bits, force=force) for each, target in zip(made.maps, targets, strict=True)]
    if coordinates is not None and made.rearrangement is not None:
        written.append(made.rearrangement.save(coordinates))
    if not quiet:
        for path in written:
            typer.echo(path)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text.strip().lower())
    if found is None:
        raise typer.BadParameter(f"'{text}' is no size: write 1024x512, width and height in pixels.", param_hint="--size")
    return int(found[1]), int(found[2])


command = with_settings(texture, TextureSettings)
