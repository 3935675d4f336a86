"""One call from photos and styles to a network: what ``stylespace train``, ``add-style`` and the studio share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stylespace import encoders
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import fit, resize
from stylespace.pipelines.run import choose_device, threads_of
from stylespace.pipelines.training_style import gathered
from stylespace.training.devices import Devices
from stylespace.training.photos import prepare
from stylespace.training.settings import TrainingSettings
from stylespace.training.trainer import Trainer, TrainingStep

READ = 200  # photos between two notes


@dataclass(frozen=True)
class Trained:
    """The ``network`` so far, the ``step`` it is at, whether it is ``finished``, or else whether it was ``timed``: its minutes were over.

    ``first``: whether this is the process that writes, of several.
    """

    network: StyleNetwork
    step: int
    finished: bool
    timed: bool
    first: bool = True


def train(
    photos: Sequence[str],
    styles: Mapping[str, str],
    settings: TrainingSettings,
    folder: Path,
    *,
    network: str | Path | None = None,
    samples: Sequence[Path] = (),
    minutes: float | None = None,
    tensorboard: bool = False,
    device: str = "auto",
    threads: int | None = None,
    progress: Callable[[TrainingStep, Trainer], None] | None = None,
    note: Callable[[str], None] | None = None,
    warn: Callable[[str], None] | None = None,
) -> Trained:
    """Train a network, or new styles of ``network``, on ``photos`` (folders, files, patterns).

    ``styles``: name to a picture, a folder of references or a query. ``folder``: checkpoint, losses and samples; the same call goes on
    from there. ``samples``: photos that are redrawn meanwhile. ``progress`` is called after each step, ``note`` with a sentence about
    what is being done, ``warn`` with one about what was left out. Raises ``InputError``, ``PictureError`` and ``WeightsError``.
    """
    say, warn = note or _silent, warn or _silent
    devices = Devices.found(choose_device(device))
    base = None if network is None else StyleNetwork.load(network)
    side = settings.crop
    shown = [resize(p, fit(p.shape[-2:], side)) for p in (read(path).pixels for path in samples)]
    paths = find_pictures(photos)

    def counted(done: int, of: int) -> None:
        if done % READ == 0:
            say(f"{done} of {of} photos read")

    with threads_of(threads):
        if not devices.first:
            devices.wait()  # for the first to have read them
        prepared = prepare(paths, side, folder, progress=counted)
        if devices.first:
            devices.wait()
        if prepared.skipped and devices.first:
            warn(f"{len(prepared.skipped)} photos were skipped; the first: {next(iter(prepared.skipped.values()))}")
        encoder = encoders.of(settings, device=devices.device)
        learned = [
            gathered(name, source, prepared, encoder, size=max(settings.style_sizes), side=side, note=say)
            for name, source in styles.items()
        ]
        trainer = Trainer(
            prepared, learned, settings, folder, network=base, samples=shown, encoder=encoder, devices=devices, tensorboard=tensorboard
        )  # fmt: skip
        if trainer.step:
            say(f"Continuing from step {trainer.step}.")
        until = None if minutes is None else trainer.seconds + 60 * minutes
        finished = trainer.run(progress=lambda step: progress(step, trainer) if progress else None, until=until)
    timed = not finished and until is not None and trainer.seconds >= until
    return Trained(trainer.network(), trainer.step, finished, timed, devices.first)


def _silent(_: str) -> None:
    pass
