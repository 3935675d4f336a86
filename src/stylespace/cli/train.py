"""``stylespace train``: a network of many styles from a folder of photos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.failures import tell
from stylespace.cli.options import FILES, RUN
from stylespace.cli.progress import Reporter
from stylespace.cli.settings import values, with_settings
from stylespace.training.settings import TrainingSettings


def train(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS...", help="Photos to train on: folders, files, patterns.")],
    style: Annotated[
        list[str], typer.Option("--style", "-s", metavar="[NAME=]PICTURE", rich_help_panel=FILES, help="A style; repeat for more.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="NET.safetensors", help="The network.", rich_help_panel=FILES)],
    network: Annotated[
        Path | None, typer.Option(metavar="NET", help="Add the styles to this network: only they learn.", rich_help_panel=FILES)
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", rich_help_panel=FILES, help="Checkpoint, losses and samples. [default: OUT.training]"),
    ] = None,
    sample: Annotated[
        list[str] | None,
        typer.Option(metavar="PHOTO", help="Redraw this photo in samples.png as it learns; repeat.", rich_help_panel=FILES),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", min=0.01, help="Stop after so many minutes of training; run again to go on.", rich_help_panel=RUN),
    ] = None,
    force: options.Force = False,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
    **settings: Any,
) -> None:  # fmt: skip
    """Train one network for several styles, on photos of your own; a laptop's processor is enough.

    stylespace train photos/ --style starry=starry.jpg --style wave=wave.jpg -o mine.safetensors

    Interrupted (Ctrl-C, or worse) it goes on when the same command is run again, to the same bits. What cannot be read is passed over.
    """
    run(photos, style, out, network, folder, sample, minutes, force, threads, quiet, values(TrainingSettings, settings))


def run(
    photos: list[str], style: list[str], out: Path, network: Path | None, folder: Path | None, sample: list[str] | None,
    minutes: float | None, force: bool, threads: int | None, quiet: bool, settings: dict[str, Any],
) -> None:  # fmt: skip
    """What ``train`` and ``add-style`` share."""
    import torch

    from stylespace.errors import InputError
    from stylespace.networks.style_network import StyleNetwork
    from stylespace.pictures import fit, read, resize
    from stylespace.pictures.finding import find_pictures
    from stylespace.training.photos import prepare
    from stylespace.training.trainer import Trainer, TrainingStep, TrainingStyle

    if out.exists() and not force:
        raise InputError(f"{out} exists already: choose another name, or replace it with --force.")
    if threads:
        torch.set_num_threads(threads)
    chosen = TrainingSettings(**settings)
    place = folder or out.with_name(f"{out.stem}.training")
    styles = [TrainingStyle(name, read(path).pixels, {"file": path.name}) for name, path in map(_named, style)]
    base = None if network is None else StyleNetwork.load(network)
    side = chosen.crop
    samples = [resize(p, fit(p.shape[-2:], side)) for p in (read(Path(name)).pixels for name in sample or ())]
    with Reporter(quiet) as reporter:
        paths = find_pictures(photos)

        def counted(done: int, of: int) -> None:
            if done % 200 == 0:
                reporter.say(f"{done} of {of} photos read")

        prepared = prepare(paths, side, place, told=counted)
        if prepared.skipped:
            tell(f"{len(prepared.skipped)} photos passed over; the first: {next(iter(prepared.skipped.values()))}")
        trainer = Trainer(prepared, styles, chosen, place, network=base, samples=samples)
        if trainer.step:
            reporter.say(f"Going on from step {trainer.step}.")

        def told(step: TrainingStep) -> None:
            if step.cut:
                reporter.say(f"step {step.step}: the loss was not a finite number; the step was taken back and the rate halved.")
            elif step.step % 20 == 0:
                left = (step.of - step.step) * chosen.batch / max(step.photos_a_second, 1e-9)
                terms = ", ".join(f"{name} {value:.4f}" for name, value in step.losses.items())
                pace = f"{step.photos_a_second:.1f} photos a second, {left / 60:.0f} min left"
                reporter.say(f"step {step.step} of {step.of}: {terms}; {pace}")

        finished = trainer.run(told=told, until=None if minutes is None else 60 * minutes)
    trainer.network().save(out)
    if not quiet:
        typer.echo(out)
    if not finished and minutes is None:
        tell(f"Interrupted at step {trainer.step}: what was learned is in {out}; run the same again with --force to go on.")
        raise typer.Exit(130)


def _named(text: str) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    if separator and not Path(text).exists():
        return name, Path(path)
    return Path(text).stem, Path(text)


command = with_settings(train, TrainingSettings)
