"""``stylespace train``: a network of many styles from a folder of photos."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from stylespace.cli import options
from stylespace.cli.failures import tell
from stylespace.cli.options import FILES, RUN
from stylespace.cli.progress import Reporter
from stylespace.cli.settings import values, with_settings
from stylespace.training.settings import TrainingSettings

SO_FAR = "unfinished.sha256"  # in the folder: the checksum of OUT while training is not finished


def train(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS...", help="Photos to train on: folders, files, patterns.")],
    style: Annotated[
        list[str],
        typer.Option(
            "--style", "-s", metavar="[NAME=]STYLE", rich_help_panel=FILES,
            help="A style: a picture; a folder or a query (library:tag=oil) of references of one style. Repeat for more.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="NET.safetensors", help="The network.", rich_help_panel=FILES)],
    network: Annotated[
        Path | None, typer.Option(metavar="NET", help="Add the styles to this network; only they are trained.", rich_help_panel=FILES)
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", rich_help_panel=FILES, help="Checkpoint, losses and samples. [default: OUT.training]"),
    ] = None,
    sample: Annotated[
        list[str] | None,
        typer.Option(metavar="PHOTO", help="Redraw this photo in samples.png during training. Repeat for more.", rich_help_panel=FILES),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", min=0.01, help="Stop after M minutes (exit code 130); run again to continue.", rich_help_panel=RUN),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Losses and samples for TensorBoard too, in FOLDER/tensorboard.", rich_help_panel=FILES)
    ] = False,
    device: options.Device = None,
    force: options.Force = False,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    traceback: options.Traceback = False,
    **settings: Any,
) -> None:  # fmt: skip
    """Train one network for several styles on your own photos; a laptop's processor is enough.

    stylespace train photos/ --style starry=starry.jpg --style wave=wave.jpg -o mine.safetensors

    After a stop (Ctrl-C, --minutes or a crash) the same command continues and gives the same result; meanwhile OUT holds the
    network so far. The exit code is 0 only when all steps are done. Files that cannot be read are skipped.
    Over several processes or graphics cards: accelerate launch --num_processes 2 -m stylespace train ...
    """
    if network is not None and "build" in settings:
        raise typer.BadParameter("a trained network keeps its body: leave it out.", param_hint="--build")
    chosen = TrainingSettings(**values(TrainingSettings, settings))
    run(photos, style, out, network, folder, sample, minutes, tensorboard, device, force, threads, quiet, chosen)


def run(
    photos: list[str], style: list[str], out: Path, network: Path | None, folder: Path | None, sample: list[str] | None,
    minutes: float | None, tensorboard: bool, device: str | None, force: bool, threads: int | None, quiet: bool, chosen: TrainingSettings,
) -> None:  # fmt: skip
    """What ``train`` and ``add-style`` share."""
    from stylespace.errors import InputError
    from stylespace.pipelines.train import train as training
    from stylespace.storage.atomic import write_text
    from stylespace.storage.checksum import of_file
    from stylespace.training.trainer import Trainer, TrainingStep

    place = folder or out.with_name(f"{out.stem}.training")
    if out.exists() and not force and not _so_far(place, out):
        raise InputError(f"{out} exists already: choose another name, or replace it with --force.")
    with Reporter(quiet or _is_another()) as reporter:

        def report(step: TrainingStep, trainer: Trainer) -> None:
            if step.cut:
                reporter.say(
                    f"step {step.step}: the loss was not a finite number; the step was undone and the learning rate halved."
                )
            elif step.step % 20 == 0:
                left = (step.of - step.step) * chosen.batch / max(step.photos_a_second, 1e-9)
                terms = ", ".join(f"{name} {value:.4f}" for name, value in step.losses.items())
                pace = f"{step.photos_a_second:.1f} photos a second, {left / 60:.0f} min left"
                reporter.say(f"step {step.step} of {step.of}: {terms}; {pace}")

        made = training(
            photos, _styles(style), chosen, place, network=network, samples=[Path(name) for name in sample or ()], minutes=minutes,
            tensorboard=tensorboard, device=device or "auto", threads=threads, progress=report, note=reporter.say, warn=tell,
        )  # fmt: skip
    if not made.first:
        if not made.finished:
            raise typer.Exit(130)
        return
    made.network.save(out)
    if made.finished:
        (place / SO_FAR).unlink(missing_ok=True)
    else:
        write_text(place / SO_FAR, of_file(out))
    if not quiet:
        typer.echo(out)
    if not made.finished:
        ended = "Stopped" if made.timed else "Interrupted"
        tell(
            f"{ended} at step {made.step} of {chosen.steps}: the network so far is in {out}; run the same command again to continue."
        )
        raise typer.Exit(130)


def _is_another() -> bool:
    """Whether this is one of several processes, and not the first, which tells."""
    return int(os.environ.get("RANK", "0")) > 0


def _styles(texts: list[str]) -> dict[str, str]:
    """Names of the styles and where they come from."""
    from stylespace.errors import InputError

    found: dict[str, str] = {}
    for name, source in map(_named, texts):
        if name in found:
            raise InputError("Two styles have the same name: rename one of their files.")
        found[name] = source
    return found


def _so_far(folder: Path, out: Path) -> bool:
    """Whether ``out`` was written by this training, which is not finished."""
    from stylespace.storage.checksum import of_file

    mark = folder / SO_FAR
    return mark.is_file() and mark.read_text() == of_file(out)


def _named(text: str) -> tuple[str, str]:
    name, separator, source = text.partition("=")
    if separator and not Path(text).exists() and not name.startswith("library:"):
        return name, source
    return text.removeprefix("library:") if text.startswith("library:") else Path(text).stem, text


command = with_settings(train, TrainingSettings)
