"""One worker: a network (or a method), loaded once and used with one thread, and a part redrawn with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch

from stylespace.errors import InputError, StylespaceError, WeightsError
from stylespace.networks.code import StyleCode
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.formats import WRITABLE
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import resize
from stylespace.pictures.warp import Warp
from stylespace.pictures.writing import encoded
from stylespace.pipelines.dataset.along import Move
from stylespace.pipelines.dataset.draws import Choice, Draw
from stylespace.pipelines.dataset.manifest import Row
from stylespace.pipelines.dataset.part import Container, Part, Sample, Version, piece, state_folder
from stylespace.pipelines.paint import Painting
from stylespace.pipelines.task import Task
from stylespace.storage.memory import keep_freed_memory

DEATHS = 3  # of workers at one picture, after which it is given up


@dataclass(frozen=True)
class Job:
    """All that a worker has to know. ``work``: a painting by a network, or a task by a method, without styles. ``suffix``: of results
    (``.png``; empty: as the picture's own); ``shrink``: results keep the size they were painted at."""

    out: str
    work: Painting | Task
    draw: Draw
    versions: int = 1
    suffix: str = ""
    quality: int = 92
    shrink: bool = False
    form: str = "xywh"


@dataclass(frozen=True)
class Join:
    """The pieces of a container are complete: put them together."""

    container: Container
    parts: int


@dataclass(frozen=True)
class Done:
    """What came of an order: rows for the manifest, or the size of a joined file."""

    order: Part | Join
    rows: list[Row] = field(default_factory=list)
    size: int = 0


def settle() -> None:
    """Make this process a worker's: one thread, freed memory kept."""
    import pyvips

    torch.set_num_threads(1)
    pyvips.vips_lib.vips_concurrency_set(1)
    keep_freed_memory()


class Worker:
    """Does orders. Its process has been made a worker's by :func:`settle`."""

    def __init__(self, job: Job) -> None:
        self.job, self.out = job, Path(job.out)

    def do(self, order: Part | Join) -> Done:
        """A part redrawn, or pieces joined; everything is in place on the disk when it returns.

        A picture that cannot be read is a failed row. Raises ``StylespaceError`` for what would hit every other picture, too.
        """
        if isinstance(order, Join):
            name = order.container.name
            whole = order.container.join(self.out, [piece(self.out, name, i) for i in range(order.parts)])
            return Done(order, size=whole.stat().st_size)
        trail = Trail(self.out, order)
        writer = order.writer(self.out)
        rows: list[Row] = []
        for i, sample in enumerate(order.samples()):
            failed = trail.begin(i)
            made, versions = self._versions(order, i, sample, failed)
            rows += made
            if not failed and all(row.state != "failed" for row in made):
                writer.take(sample, versions)
        size = writer.finish()
        trail.end()
        return Done(order, rows, size)

    def _versions(self, part: Part, number: int, sample: Sample, failed: str) -> tuple[list[Row], list[Version]]:
        about: dict[str, Any] = {
            "name": sample.name,
            "container": part.container,
            "part": part.number,
            "stamp": part.stamps[number],
        }
        if (data := sample.picture) is None:
            content = hashlib.sha256(b"".join(sample.beside.values())).hexdigest()
            return [Row(content, version=1, state="copied", target=sample.name, **about)], []
        content = hashlib.sha256(data).hexdigest()
        if reason := failed or sample.error:
            return [Row(content, version=1, state="failed", error=reason, **about)], []
        rows, versions = [], []
        try:
            picture = read(data, max_pixels=self.job.work.max_pixels)
            suffix = self._suffix(sample.suffix)
            targets = part.targets(sample.name, suffix, self.job.versions)
            for version, target in enumerate(targets, 1):
                styles = self.job.draw.of(content, version)
                made, warp = self._redrawn(picture, styles)
                move = Move(picture.size, made.size, warp, self.job.form)
                file = encoded(made, suffix or sample.suffix, quality=self.job.quality)
                beside = {name: move.beside(name, each) for name, each in sample.beside.items()}
                versions.append(Version(target, file, beside))
                chosen = [[choice.name, choice.sha256, weight] for choice, weight in styles]
                rows.append(
                    Row(
                        content, version=version, state="done", styles=json.dumps(chosen), target=target,
                        target_sha256=hashlib.sha256(file).hexdigest(), bytes=len(file),
                        warp="" if warp is None else json.dumps({"points": warp.points, "moved": warp.moved, "size": warp.size}), **about,
                    )
                )  # fmt: skip
        except (InputError, WeightsError):
            raise
        except Exception as error:  # noqa: BLE001 (one picture's trouble is not the others')
            return [Row(content, version=1, state="failed", error=_reason(error, sample.name), **about)], []
        return rows, versions

    def _suffix(self, own: str) -> str:
        if self.job.suffix:
            return self.job.suffix
        return own if own.lower() in WRITABLE else ".png"

    def _redrawn(self, picture: Picture, styles: list[tuple[Choice, float]]) -> tuple[Picture, Warp | None]:
        """The picture in its styles, at its own size unless results shrink."""
        if isinstance(self.job.work, Task):
            result = self._task({Path(choice.name): weight for choice, weight in styles}).run(picture)
            made, warp = result.source, result.warp
        else:
            mix = {self._style(choice): weight for choice, weight in styles}
            made, warp = self._painting.mixing(mix).redrawn(picture), None
        if not self.job.shrink and made.size != picture.size:
            made = picture.with_pixels(resize(made.pixels, picture.size))
        return made, warp

    @cached_property
    def _painting(self) -> Painting:
        assert isinstance(self.job.work, Painting)
        return self.job.work

    def _task(self, styles: Mapping[Path, float]) -> Task:
        assert isinstance(self.job.work, Task)
        return replace(self.job.work, styles=dict(styles), encoder=self._encoder)

    @cached_property
    def _encoder(self) -> Any:
        from stylespace import encoders
        from stylespace.pipelines.run import choose_device

        assert isinstance(self.job.work, Task)
        return encoders.of(self.job.work.settings, weights=self.job.work.weights, device=choose_device(self.job.work.device))

    def _style(self, choice: Choice) -> Any:
        """What the network takes: its name for a style, or the code of a painting, which is read once."""
        return self._coded(choice.name, choice.label) if choice.sha256 else choice.name

    @cached_property
    def _coded(self) -> Callable[[str, str], StyleCode]:
        @lru_cache(maxsize=4096)
        def coded(path: str, label: str) -> StyleCode:
            network = self._painting.painter
            if not isinstance(network, StyleNetwork):
                raise InputError(f"An exported network cannot read {path}: give the network itself.")
            if path.endswith(".safetensors"):
                code = StyleCode.load(path)
                code.check(network.checksum())
                return replace(code, name=label)
            return network.code(path, label)

        return coded


def _reason(error: Exception, name: str) -> str:
    text = " ".join(str(error).replace("The data given", name).split())
    return text if isinstance(error, StylespaceError) else f"{type(error).__name__}: {text[:200]}"


class Trail:
    """Notes on the disk which picture is at work, so that one which ends its process again and again can be told from the others."""

    def __init__(self, out: Path, part: Part) -> None:
        name = hashlib.sha256(f"{part.container}/{part.names[0]}".encode()).hexdigest()[:32]
        self.path = state_folder(out) / "at-work" / name
        self.at, self.deaths = -1, 0
        with suppress(OSError, ValueError):
            self.at, self.deaths = map(int, self.path.read_text().split())
            self.deaths += 1
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def begin(self, number: int) -> str:
        """A picture begins; says why it should not."""
        deaths = self.deaths if number == self.at else 0
        if deaths >= DEATHS:
            return f"Its process ended {deaths} times at this picture: leave it out, or save it again."
        with suppress(OSError):  # full disks are told by what must be written
            self.path.write_text(f"{number} {deaths}")
        return ""

    def end(self) -> None:
        """The part is done."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
