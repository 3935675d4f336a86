"""One task over many photos: finished results are skipped, a bad file does not stop the others, Ctrl-C keeps what there is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from stylespace.errors import InputError, PictureError, WeightsError
from stylespace.pictures.decoding import header
from stylespace.pictures.settings import read_settings
from stylespace.pictures.writing import check_target
from stylespace.pipelines.explanation import explained
from stylespace.pipelines.record import same
from stylespace.pipelines.result import Result
from stylespace.pipelines.run import Progress
from stylespace.pipelines.sources import Source

State = Literal["preview", "done", "skipped", "failed", "interrupted"]


PARTS = ("stylised", "warped-photo", "grid")  # of deformable transfer


class Work(Protocol):
    """What is applied to each photo: a :class:`~stylespace.pipelines.task.Task`, or a :class:`~stylespace.pipelines.paint.Painting`."""

    def run(
        self,
        photo: Source,
        *,
        snapshots: Iterable[int] = (),
        progress: Callable[[Progress], None] | None = None,
        note: Callable[[str], None] | None = None,
        unfinished: Path | None = None,
    ) -> Result:
        """The result for ``photo``."""

    def inputs(self, photo: Source) -> dict[str, Any]:
        """What the record of that result will say about its inputs."""

    def smaller(self) -> Work:
        """The same, small, for a preview."""


@dataclass(frozen=True)
class Job:
    """A photo, what to call it, and the file its result goes to."""

    photo: Source
    target: Path
    name: str


@dataclass(frozen=True)
class Beside:
    """What is written beside a result: losses as JSON lines, the learning curve, pictures of single steps, a small version first.

    With ``explain`` a sheet of the references that a blend chose, with their weights. With ``parts`` the intermediate pictures of
    deformable transfer, and its warp; ``animation``: a film (.gif, .mp4) from the undeformed to the deformed picture.
    ``cube``: the colours of photorealistic transfer as a .cube file.
    ``losses`` and ``curve`` are file names; with ``several`` photos each photo's name is inserted before the suffix.
    """

    losses: Path | None = None
    curve: Path | None = None
    snapshots: tuple[int, ...] = ()
    preview: bool = False
    several: bool = False
    explain: bool = False
    parts: bool = False
    animation: Path | None = None
    cube: Path | None = None

    def losses_file(self, job: Job) -> Path | None:
        """The file for the losses of ``job``."""
        return self._own(self.losses, job)

    def curve_file(self, job: Job) -> Path | None:
        """The file for the curve of ``job``."""
        return self._own(self.curve, job)

    def snapshot_file(self, job: Job, step: int) -> Path:
        """The file for the picture of one step: ``out-150.png``."""
        return job.target.with_stem(f"{job.target.stem}-{step}")

    def preview_file(self, job: Job) -> Path:
        """The file for the preview: ``out-preview.png``."""
        return job.target.with_stem(f"{job.target.stem}-preview")

    def explained_file(self, job: Job) -> Path:
        """The file for the sheet of a blend's references: ``out-explain.png``."""
        return job.target.with_name(f"{job.target.stem}-explain.png")

    def part_file(self, job: Job, part: str) -> Path:
        """The file for one of the parts: ``out-stylised.png``."""
        return job.target.with_stem(f"{job.target.stem}-{part}")

    def warp_file(self, job: Job) -> Path:
        """The file for the warp: ``out-warp.json``."""
        return job.target.with_name(f"{job.target.stem}-warp.json")

    def animation_file(self, job: Job) -> Path | None:
        """The file for the animation."""
        return self._own(self.animation, job)

    def cube_file(self, job: Job) -> Path | None:
        """The file for the map of colours."""
        return self._own(self.cube, job)

    def files(self, job: Job) -> list[Path]:
        """All these files."""
        asked = (self.losses_file(job), self.curve_file(job), self.animation_file(job), self.cube_file(job))
        named = [path for path in asked if path is not None]
        if self.parts:
            named += [*(self.part_file(job, part) for part in PARTS), self.warp_file(job)]
        pictures = [self.snapshot_file(job, step) for step in self.snapshots]
        sheets = [self.explained_file(job)] if self.explain else []
        return named + pictures + sheets + ([self.preview_file(job)] if self.preview else [])

    def write(self, job: Job, result: Result, bits: int) -> None:
        """Write what belongs to ``result``, except the preview."""
        for step, picture in result.snapshots.items():
            record = result.record | {"snapshot": step}
            Result(picture, record=record).save(self.snapshot_file(job, step), bits=bits, force=True)
        if (losses := self.losses_file(job)) is not None:
            result.save_losses(losses)
        if (curve := self.curve_file(job)) is not None and result.losses:
            result.plot(curve)
        if self.explain and result.blend is not None:
            explained(result, self.explained_file(job))
        if self.parts and result.warp is not None:
            for part, picture in result.extras.items():
                Result(picture, record=result.record | {"part": part}).save(self.part_file(job, part), bits=bits, force=True)
            result.warp.save(self.warp_file(job))
        if (film := self.animation_file(job)) is not None and result.warp is not None:
            result.animate(film)
        if (cube := self.cube_file(job)) is not None:
            result.save_cube(cube)

    def _own(self, path: Path | None, job: Job) -> Path | None:
        return path.with_stem(f"{path.stem}-{job.target.stem}") if path is not None and self.several else path


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job. ``result``: with ``done``, ``preview`` and ``interrupted`` (None when there was no picture yet)."""

    job: Job
    state: State
    result: Result | None = None
    error: Exception | None = None


def run(
    jobs: Iterable[Job],
    task: Work,
    *,
    force: bool = False,
    bits: int = 8,
    beside: Beside | None = None,
    begin: Callable[[Job], None] | None = None,
    progress: Callable[[Progress], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> Iterator[Outcome]:
    """Apply ``task`` to each job in turn and write its result; yields each outcome as it comes.

    A target that already holds this result is skipped, an interrupted one is continued, and any other file is left alone
    (``failed``) unless ``force``. An error with one photo becomes its outcome, and the next photo follows; ``InputError`` and
    ``WeightsError``, which would hit every photo, are raised. Ctrl-C writes the best picture so far, marked as interrupted in
    its settings, and ends the run; the next run continues long work where it stopped. ``begin`` is called before each
    job, ``note`` with sentences as in :func:`stylespace.transfer`.
    """
    beside = beside or Beside()
    for job in jobs:
        try:
            standing = look(job, task, force=force, bits=bits, beside=beside)
            if standing == "finished":
                yield Outcome(job, "skipped")
                continue
            if begin:
                begin(job)
            if beside.preview:
                small = task.smaller().run(job.photo, progress=progress, note=note)
                if small.interrupted:
                    yield Outcome(job, "interrupted")
                    return
                small.save(beside.preview_file(job), bits=bits, force=True)
                yield Outcome(job, "preview", small)
            result = task.run(
                job.photo, snapshots=beside.snapshots, progress=progress, note=note, unfinished=unfinished(job.target)
            )
            beside.write(job, result, bits)
            result.save(job.target, bits=bits, force=force or standing == "unfinished")
        except (InputError, WeightsError):
            raise
        except KeyboardInterrupt:
            yield Outcome(job, "interrupted")
            return
        except Exception as error:  # noqa: BLE001 (one photo's trouble is not the others')
            yield Outcome(job, "failed", error=error)
            continue
        yield Outcome(job, "interrupted" if result.interrupted else "done", result)
        if result.interrupted:
            return


def look(
    job: Job, task: Work, *, force: bool = False, bits: int = 8, beside: Beside | None = None
) -> Literal["new", "unfinished", "finished"]:
    """What is at the job's target: nothing (or what ``force`` replaces), an interrupted result, or the finished one.

    Raises ``PictureError`` when another file is there, when it is the photo itself, or when nothing can be written there.
    """
    check_target(job.target, bits=bits, force=True)
    if isinstance(job.photo, str | Path) and _one_file(Path(job.photo), job.target):
        raise PictureError(f"{job.target} is the photo itself: give -o another name or folder.")
    _check_folder(job.target)
    standing = "new" if force or not job.target.exists() else _compared(job, task, bits)
    if standing == "new" and not force:
        for path in (beside or Beside()).files(job):
            if path.exists():
                raise PictureError(f"{path} exists already: choose another name, or replace it with --force (force=True).")
    return standing


def unfinished(target: Path) -> Path:
    """The folder beside ``target`` where the state of its work is kept."""
    return target.with_name(f".{target.name}.unfinished")


def _one_file(one: Path, other: Path) -> bool:
    if one.exists() and other.exists() and one.samefile(other):
        return True
    return os.path.realpath(one) == os.path.realpath(other)


def _compared(job: Job, task: Work, bits: int) -> Literal["unfinished", "finished"]:
    try:
        stored = read_settings(job.target)
    except PictureError:
        stored = {}
    if not same(stored, task.inputs(job.photo)):
        raise PictureError(
            f"{job.target} exists already, made from another photo, style or settings: choose another name, or replace it with"
            " --force (force=True)."
        )
    deep = header(job.target, job.target.name).format == "ushort"
    return (
        "unfinished"
        if stored.get("interrupted") or stored.get("snapshot") or stored.get("part") or deep != (bits == 16)
        else "finished"
    )


def _check_folder(target: Path) -> None:
    """Check before long work that the nearest existing parent of ``target`` is a writable folder."""
    above = next(folder for folder in target.absolute().parents if folder.exists())
    if not above.is_dir():
        raise PictureError(f"{target} cannot be written: {above} is a file, not a folder.")
    if not os.access(above, os.W_OK):
        raise PictureError(f"{target} cannot be written: the folder {above} is not writable.")
