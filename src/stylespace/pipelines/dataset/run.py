"""A data set redrawn: what is there, what is done already, who does the rest."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import stylespace
from stylespace.errors import InputError, PictureError, StylespaceError
from stylespace.export.runtime import Runtime
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.formats import WRITABLE
from stylespace.pictures.tiles import free_memory
from stylespace.pipelines.dataset import provenance
from stylespace.pipelines.dataset.along import FORMS
from stylespace.pipelines.dataset.draws import Choice, Draw, merged
from stylespace.pipelines.dataset.files import FilePart, Listed
from stylespace.pipelines.dataset.manifest import Manifest
from stylespace.pipelines.dataset.on_ray import on_ray
from stylespace.pipelines.dataset.part import Container, Part, piece, put, state_folder
from stylespace.pipelines.dataset.pool import on_pool
from stylespace.pipelines.dataset.sources import containers
from stylespace.pipelines.dataset.work import Done, Job, Join
from stylespace.pipelines.paint import BYTES_A_PIXEL, STANDING, Painting
from stylespace.pipelines.sources import is_query, references_of
from stylespace.pipelines.task import Task
from stylespace.storage.checksum import of_file


@dataclass(frozen=True)
class Plan:
    """How a data set is redrawn.

    ``seed``, ``draw`` (``one``, ``mix``, ``all``) and ``mixed`` (styles of a mix): see :class:`~stylespace.pipelines.dataset.draws.Draw`.
    ``versions``: of each picture, each with styles of its own. ``format``: ``jpg``, ``png``, ``webp``...; empty: each picture's own.
    ``quality``: of JPEG and WebP. ``shrink``: results keep the size they were painted at; by default they get the photo's, so that boxes
    and masks hold. ``masks``: where masks are: a subfolder, or a pattern such as ``*_mask.png``; in Parquet names of columns. Those
    ``boxes`` that are in pixels are ``xywh`` or ``xyxy``. ``column``: of pictures in Parquet.
    """

    seed: int = 0
    draw: str = "one"
    mixed: int = 2
    versions: int = 1
    format: str = ""
    quality: int = 92
    shrink: bool = False
    masks: str = ""
    boxes: str = "xywh"
    column: str = ""

    def __post_init__(self) -> None:
        if self.versions < 1:
            raise InputError(f"{self.versions} versions of each picture are impossible: give 1 or more.")
        if self.format and f".{self.format}" not in WRITABLE:
            raise InputError(f"The format '{self.format}' is unknown: choose among {', '.join(s[1:] for s in WRITABLE)}.")
        if not 1 <= self.quality <= 100:
            raise InputError(f"A quality of {self.quality} is impossible: give 1 to 100.")
        if self.boxes not in FORMS:
            raise InputError(f"The kind of boxes '{self.boxes}' is unknown: choose among {', '.join(FORMS)}.")


@dataclass(frozen=True)
class Totals:
    """Where a run is: results of this run and of earlier ones, pictures that could not be redrawn, seconds so far."""

    done: int
    before: int
    failed: int
    seconds: float

    @property
    def rate(self) -> float:
        """Results a second of this run."""
        return self.done / max(self.seconds, 1e-9)


def restyle(
    source: str | Path | Sequence[str | Path],
    out: str | Path,
    styles: Mapping[Any, float] | Sequence[Any],
    *,
    work: Painting | Task,
    plan: Plan | None = None,
    workers: int | None = None,
    ray: str | None = None,
    force: bool = False,
    progress: Callable[[Totals], None] | None = None,
) -> Totals:
    """Redraw every picture of a data set; ``provenance.parquet`` in ``out`` says which style each one got.

    ``source``: a folder with subfolders, shards (``.tar``), ``.parquet`` files, a ``.txt`` of paths, or several of these; the result has
    the same layout. ``styles``: names of the network's, paintings, style codes, folders, library queries, with weights.
    ``work``: a network, or a method's task without styles. ``workers``: processes with one thread each; None: as many as processors and
    memory allow. ``ray``: a cluster's address, ``auto`` or ``local``; None: processes of this machine, with the same results.
    ``force``: begin again in a folder that holds the results of other settings.

    Run again after any stop, it goes on; the bytes are those of a run that was not stopped. Raises ``StylespaceError`` (``InputError`` and
    ``PictureError`` among them); a picture that cannot be redrawn is counted, noted and left out.
    """
    plan, out = plan or Plan(), Path(out)
    found = containers([source] if isinstance(source, str | Path) else source, out, plan)
    draw = Draw(choices(styles, work), plan.seed, plan.draw, plan.mixed)
    fresh = replace(work)  # without the network that was loaded here
    suffix = f".{plan.format}" if plan.format else ""
    job = Job(str(out.absolute()), fresh, draw, plan.versions, suffix, plan.quality, plan.shrink, plan.boxes)
    settings = _settings(work, draw, plan)
    with ExitStack() as stack:
        manifest = _begun(out, settings, force, stack)
        run = _Run(job, manifest, found, progress)
        count = workers or allowed(work)

        def carried(orders: Iterator[Part | Join]) -> Iterator[Done]:
            return on_pool(orders, job, count) if ray is None else on_ray(orders, job, count, ray)

        run.all(carried)
        for container in found:
            if isinstance(container, Listed):
                _list(container, out, manifest)
        provenance.write(out, manifest, settings)
        return run.totals()


class _Run:
    """Which orders are left, and what came of them."""

    def __init__(
        self, job: Job, manifest: Manifest, found: Sequence[Container], progress: Callable[[Totals], None] | None
    ) -> None:
        self.job, self.out, self.manifest, self.found, self.progress = job, Path(job.out), manifest, found, progress
        self.ready: deque[Join] = deque()
        self.left: dict[str, int] = {}  # parts of a container that are at work
        self.listed: dict[str, Join] = {}
        self.containers = {container.name: container for container in found}
        self.started, self.done, self.failed = time.perf_counter(), 0, 0
        self.before = manifest.counts().get("done", 0)

    def all(self, carried: Callable[[Iterator[Part | Join]], Iterable[Done]]) -> None:
        """Carry out all orders; joins that became possible at the very end in a second round."""
        orders = self._orders()
        for done in carried(orders):
            self._note(done)
        if self.ready:
            for done in carried(iter(list(self.ready))):
                self._note(done)

    def totals(self) -> Totals:
        """Where the run is."""
        failed = self.manifest.counts().get("failed", 0)
        return Totals(self.done, self.before, failed, time.perf_counter() - self.started)

    def _orders(self) -> Iterator[Part | Join]:
        for container in self.found:
            for part in self._parts(container):
                while self.ready:
                    yield self.ready.popleft()
                yield part
        while self.ready:
            yield self.ready.popleft()

    def _parts(self, container: Container) -> Iterator[Part]:
        if not container.joined:
            yield from self._files(container)
            return
        name, target = container.name, self.out / container.name
        joined = self.manifest.joined(name)
        if joined == (container.stamp, target.stat().st_size if target.is_file() else -1):
            self._tidy(name)
            return
        if joined is not None:  # it has changed, or its result is gone
            self.manifest.forget(name)
        count = 0
        self.left[name] = 1  # one for the listing itself
        for part in container.parts():
            count += 1
            place = piece(self.out, name, part.number)
            if self.manifest.piece(name, part.number) == (container.stamp, place.stat().st_size if place.is_file() else -1):
                continue
            self.left[name] += 1
            yield part
        self.listed[name] = Join(container, count)
        self._less(name)

    def _files(self, container: Container) -> Iterator[Part]:
        for part in container.parts():
            assert isinstance(part, FilePart)
            left = tuple(each for each in part.found if not self._is_done(each.name, each.stamp, each.path))
            if left:
                yield FilePart(part.container, part.number, left)

    def _is_done(self, name: str, changed: str, path: str | None) -> bool:
        rows = self.manifest.of(name)
        if not rows or any(row.state == "failed" for row in rows):
            return False
        for row in rows:
            target = self.out / row.target
            if not target.is_file() or (row.state == "done" and target.stat().st_size != row.bytes):
                return False
        if rows[0].stamp == changed:
            return True
        return path is not None and of_file(Path(path)) == rows[0].source_sha256  # touched, but the same

    def _note(self, done: Done) -> None:
        if isinstance(done.order, Join):
            container = done.order.container
            self.manifest.join(container.name, container.stamp, done.size)
            self._tidy(container.name)
            return
        part = done.order
        container = self.containers[part.container]
        held = (part.container, part.number, part.stamps[0], done.size) if container.joined else None
        self.manifest.note(done.rows, held)
        self.done += sum(row.state == "done" for row in done.rows)
        self.failed += sum(row.state == "failed" for row in done.rows)
        if container.joined:
            self._less(part.container)
        if self.progress:
            self.progress(Totals(self.done, self.before, self.failed, time.perf_counter() - self.started))

    def _less(self, name: str) -> None:
        self.left[name] -= 1
        if not self.left[name]:
            self.ready.append(self.listed[name])

    def _tidy(self, name: str) -> None:
        shutil.rmtree(state_folder(self.out) / "pieces" / name, ignore_errors=True)


def choices(styles: Mapping[Any, float] | Sequence[Any], work: Painting | Task) -> tuple[Choice, ...]:
    """The styles that pictures may get. A folder's and a query's weight is shared among its pictures. Raises ``InputError``."""
    pairs = list(styles.items()) if isinstance(styles, Mapping) else [(style, 1.0) for style in styles]
    known = work.styles if isinstance(work, Painting) else ()
    found: list[Choice] = []
    for style, weight in pairs:
        text = str(style)
        if isinstance(work, Painting) and text and all(part in known for part in ([text] if text in known else text.split("/"))):
            work.mixing({text: 1.0}).check_pictures()
            found.append(Choice(text, float(weight)))
            continue
        if is_query(text):
            paths = references_of(text)
        elif isinstance(work, Painting) and not Path(text).exists():
            work.mixing({text: 1.0}).check_pictures()  # says what there is
            raise InputError(f"The style '{text}' is unknown.")
        else:
            paths = find_pictures([text])
        if (
            isinstance(work, Painting)
            and getattr(work.painter, "reader", None) is None
            and Path(paths[0]).suffix != ".safetensors"
        ):
            raise InputError(
                f"The network '{work.source}' paints in its own styles only: choose among {', '.join(known)}, or give a"
                " --network that reads paintings, or a --method."
            )
        found += [Choice(str(Path(path).absolute()), float(weight) / len(paths), of_file(Path(path))) for path in paths]
    return merged(found)


def allowed(work: Painting | Task) -> int:
    """Workers for which there are processors and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    side = (work.settings.size or 1024) if isinstance(work, Painting) else getattr(work.settings, "size", 1024) * 2
    return max(1, min(cores, int(0.8 * free_memory() / (STANDING + BYTES_A_PIXEL * side * side))))


def _settings(work: Painting | Task, draw: Draw, plan: Plan) -> dict[str, Any]:
    """What every result depends on, as plain JSON."""
    if isinstance(work, Painting):
        painter, names = work.painter, [choice.name for choice in draw.choices if not choice.sha256]
        of = painter.checksum if isinstance(painter, Runtime) else painter.checksum(names)
        about: dict[str, Any] = {"network": Path(work.source).name, "checksum": of, **asdict(work.settings)}
    else:
        about = {"method": work.method, **asdict(work.settings)}
    described = json.dumps(about, sort_keys=True, default=str)
    return {
        "stylespace": stylespace.__version__, "work": described, "styles": [[choice.label, choice.weight] for choice in draw.choices],
        **asdict(plan),
    }  # fmt: skip


def _begun(out: Path, settings: Mapping[str, Any], force: bool, stack: ExitStack) -> Manifest:
    """The manifest of ``out``, with what killed processes left half-written taken away. One run at a time holds it."""
    from filelock import FileLock, Timeout

    state = state_folder(out)
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not state.is_dir() and not force):
        raise PictureError(f"{out} holds other files: give a new folder, or write among them with --force (force=True).")
    try:
        state.mkdir(parents=True, exist_ok=True)
        stack.enter_context(FileLock(state / "lock", timeout=0))
    except Timeout as error:
        raise StylespaceError(f"Another process is at work in {out}: wait for it, or give another folder.") from error
    except OSError as error:
        raise PictureError(f"{out} cannot be written ({error.strerror or error}): give another folder.") from error
    for name in ("writing", "at-work"):
        shutil.rmtree(state / name, ignore_errors=True)
    manifest = Manifest(state / "manifest.sqlite")
    stack.callback(manifest.close)
    before = manifest.settings
    if before is not None and before != json.loads(json.dumps(settings)):
        if not force:
            different = [name for name in settings if before.get(name) != json.loads(json.dumps(settings[name]))]
            raise InputError(
                f"{out} was begun with other settings ({', '.join(different)}): give those or another folder, or begin again with --force"
                " (force=True)."
            )
        before = None
    if before is None:
        shutil.rmtree(state / "pieces", ignore_errors=True)
        manifest.begin(settings)
    return manifest


def _list(container: Listed, out: Path, manifest: Manifest) -> None:
    """The list with the results' places, and everything else in its lines as it was."""
    lines = container.lines()
    root = Path(os.path.commonpath([path.parent for path, _ in lines]))
    made = []
    for path, rest in lines:
        rows = manifest.of(path.relative_to(root).as_posix())
        made += [f"{row.target}{rest}\n" for row in rows if row.state == "done"]
    put(out, Path(container.path).name, "".join(made).encode())
