"""A film of which some frames are painted, by hand or by a method, and the others carried from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.film.folder import Folder
from stylespace.film.frame import Film, Frame, Pixels, as_pixels, as_tensor
from stylespace.film.threads import Ahead, Behind
from stylespace.networks.finishing import finished
from stylespace.pictures.finding import find_pictures
from stylespace.pictures.reading import read
from stylespace.pictures.resizing import resize
from stylespace.pipelines.film_out import Made, Output
from stylespace.pipelines.film_progress import FilmPace, FilmProgress
from stylespace.pipelines.painters import Held, Painter, scaled
from stylespace.storage.journal import Journal
from stylespace.storage.scratch import Shelf
from stylespace.video.carrying import Carried, Carrier, joined, recoloured
from stylespace.video.keyframes import Stretch, every, numbered, stretches
from stylespace.video.shots import Cuts

Report = Callable[[FilmProgress], None]


class Keys(ABC):
    """Where key frames come from."""

    @abstractmethod
    def numbers(self, film: Film, shots: list[int], count: int) -> list[int]:
        """Of the frames that are painted. Raises ``InputError``."""

    @abstractmethod
    def paint(self, number: int, content: Tensor, seconds: float, held: Held | None) -> Tensor:
        """The frame ``given`` (1, 3, H, W), painted. ``held``: what the key frame before it looks like there."""


class ByHand(Keys):
    """Numbered files of a ``folder``."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(f"{folder} is no folder: give one of numbered key frames, or every=24.")
        self._paths = find_pictures([self.folder])
        self._files: dict[int, Path] = {}

    def numbers(self, film: Film, shots: list[int], count: int) -> list[int]:
        """See :meth:`Keys.numbers`."""
        frames = None
        if isinstance(film, Folder):
            base = film.info.time_base
            frames = [path for i, path in enumerate(film.paths) if film.taken(i, Fraction(i) * base)]
        self._files = numbered(self._paths, frames, count)
        return sorted(self._files)

    def paint(self, number: int, content: Tensor, seconds: float, held: Held | None) -> Tensor:
        """See :meth:`Keys.paint`."""
        return resize(read(self._files[number]).pixels, (content.shape[-2], content.shape[-1])).clamp(0, 1)

    def files(self) -> dict[str, list[int]]:
        """Names, sizes and times of the files, so that work is not gone on with from others."""
        return {path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in self._paths}


class Regular(Keys):
    """Each ``frames``-th frame of a shot, painted by ``painter``."""

    def __init__(self, frames: int, painter: Painter) -> None:
        self.frames, self.painter = frames, painter

    def numbers(self, film: Film, shots: list[int], count: int) -> list[int]:
        """See :meth:`Keys.numbers`."""
        return every(shots, count, self.frames)

    def paint(self, number: int, content: Tensor, seconds: float, held: Held | None) -> Tensor:
        """See :meth:`Keys.paint`."""
        return self.painter.alone(content, seconds, held)


def interval(keyframes: str | Path | int) -> int | None:
    """Frames from one key frame to the next, of a number or of ``every=N``; None of a folder. Raises ``InputError``."""
    text = str(keyframes)
    if not isinstance(keyframes, int) and not text.startswith("every="):
        return None
    number = text.removeprefix("every=")
    if not number.isdecimal() or not 1 <= int(number) <= 1_000_000:
        raise InputError(f"Key frames every {number or 'nothing'} frames cannot be: give a number, such as every=24.")
    return int(number)


def outlined(film: Film, journal: Journal | None, progress: Report) -> tuple[list[int], int]:
    """Where the film's shots begin, and how many frames it has; from the journal where it knows."""
    if journal is not None and "count" in journal.record:
        return list(journal.record["shots"]), int(journal.record["count"])
    cuts, shots, count = Cuts(), [0], 0
    pace = FilmPace("looking", film.info.count, 0, progress)
    with Ahead(film.frames()) as frames:
        for frame in frames:
            if cuts.next(frame.pixels):
                shots.append(count)
            count += 1
            pace.step()
    if journal is not None:
        journal.write({"shots": shots, "count": count})
    return shots, count


Step = tuple[Made, dict[str, Tensor]]  # a frame, and the state after it


class Carrying:
    """Paints the key frames of ``film`` and carries them to the others, of ``size`` (h, w)."""

    def __init__(
        self, film: Film, keys: Keys, size: tuple[int, int], steady: str, colour: str, strength: float, workers: int
    ) -> None:  # fmt: skip
        if film.once:
            raise InputError("Key frames are carried from both sides, so a film is read more than once: give a file or a folder.")
        if steady == "off":
            raise InputError("Key frames are carried by flow: give --steady fast or best.")
        self.film, self.keys, self.size, self.steady, self.workers = film, keys, size, steady, workers
        self.colour, self.strength = colour, strength

    def run(self, shots: list[int], count: int, output: Output, progress: Report) -> bool:
        """Make all frames that ``output`` has not yet; whether Ctrl-C ended it."""
        self.done, self.bits = output.done, output.bits
        numbers = self.keys.numbers(self.film, shots, count)
        left = [each for each in stretches(shots, count, numbers) if each.end > output.done]
        self.pace = FilmPace("painting", count, output.done, progress)
        self.begin = output.state() if output.done else {}  # with what the stretch begins
        self.ahead: Frame | None = None  # its first frame, where it has been read already
        state = self.begin
        try:
            with Ahead(self.film.frames(left[0].first if left else count)) as frames, Behind(output.write) as behind:
                self.photos = iter(frames)
                for stretch in left:
                    if int(self.begin.get("at", torch.tensor(-1))) != stretch.first:
                        self.begin = {}
                    for made, after in self._one_sided(stretch) if stretch.right is None else self._two_sided(stretch):
                        behind.put(made)
                        state = after
        except KeyboardInterrupt:
            output.pause(state)
            return True
        except BaseException:
            output.drop()
            raise
        return False

    def _one_sided(self, stretch: Stretch) -> Iterator[Step]:
        """A stretch that is carried from its left alone, frame by frame."""
        frame = self._next()
        carrier, key, made = self._begun(stretch, frame)
        own = {"at": torch.tensor(stretch.first), "key": key}
        before = self.begin if stretch.first < self.done else own
        if stretch.first < self.done:
            carrier.restore({name[8:]: tensor for name, tensor in self.begin.items() if name.startswith("carrier ")})
        for number in range(stretch.first, stretch.end):
            if number > stretch.first:
                frame = self._next()
            if number < self.done:
                continue
            if number > stretch.first:
                made = carrier.next(frame.pixels[..., :3]).pixels
            after = own | {f"carrier {name}": tensor for name, tensor in carrier.state().items()}
            done = self._finished(frame, made, before)
            self.pace.step(done.pixels)
            yield done, after
            before = after
        self.begin = {}

    def _two_sided(self, stretch: Stretch) -> Iterator[Step]:
        """A stretch that is carried from its left, in order, and from its right, backwards; all of it is made before any is handed on."""
        assert stretch.right is not None
        shelf = Shelf()
        carrier: Carrier | None = None
        own: dict[str, Tensor] = {"at": torch.tensor(stretch.first)}
        frames: list[Callable[[], Frame]] = []
        fronts: list[Callable[[], Carried] | None] = []
        for _ in range(stretch.first, stretch.end):
            frame = self._next()
            frames.append(_shelved(shelf, frame))
            if stretch.left is None:
                fronts.append(None)
            elif carrier is None:
                carrier, own["key"], rows = self._begun(stretch, frame)
                fronts.append(_kept(shelf, Carried(rows, np.zeros(self.size, np.float32))))
            else:
                fronts.append(_kept(shelf, carrier.next(frame.pixels[..., :3])))
        last = self._next()
        reached = None if carrier is None else carrier.next(last.pixels[..., :3])
        held = None if reached is None else (_picture(reached.pixels), torch.from_numpy(reached.trust)[None, None])
        right = self._painted(stretch.right, last, held)
        carrier = Carrier(last.pixels[..., :3], _rows(right), self.steady, self.workers)
        results: dict[int, Callable[[], Made]] = {}
        for number in reversed(range(max(stretch.first, self.done), stretch.end)):
            place = number - stretch.first
            frame, front = frames[place](), fronts[place]
            rows = self._joined(carrier, frame, None if front is None else front(), place / len(frames))
            done = self._finished(frame, rows, own)
            results[number] = _shelved(shelf, done)
            self.pace.step(done.pixels)
        self.ahead, self.begin = last, {"at": torch.tensor(stretch.end), "key": right}
        for number in sorted(results):
            yield results[number](), own if number + 1 < stretch.end else self.begin

    @staticmethod
    def _joined(carrier: Carrier, frame: Frame, front: Carried | None, share: float) -> Pixels:
        """A frame to which the left key frame was carried as ``front``, and the right one is by ``carrier``."""
        if front is not None and share == 0:
            return front.pixels
        back = carrier.next(frame.pixels[..., :3])
        return back.pixels if front is None else joined(front, back, share)

    def _begun(self, stretch: Stretch, frame: Frame) -> tuple[Carrier, Tensor, Pixels]:
        """What carries a stretch from its left, the painting there as a tensor and as pixels."""
        assert stretch.left is not None
        if "key" in self.begin:
            key = self.begin["key"]
        elif stretch.is_lost:
            source = self._far(stretch.left)
            painted = self._painted(stretch.left, source, None)
            key = recoloured(as_tensor(source.pixels[..., :3]), painted, as_tensor(frame.pixels[..., :3]), self.workers)
        else:
            key = self._painted(stretch.left, frame, None)
        return Carrier(frame.pixels[..., :3], _rows(key), self.steady, self.workers), key, _rows(key)

    def _painted(self, number: int, frame: Frame, held: Held | None) -> Tensor:
        """A key frame, (1, 3, H, W)."""
        seconds = float(frame.ticks * self.film.info.time_base)
        return self.keys.paint(number, as_tensor(frame.pixels[..., :3]), seconds, held).clamp(0, 1)

    def _next(self) -> Frame:
        """The next frame, of the result's size."""
        ahead, self.ahead = self.ahead, None
        return ahead or self._sized(next(self.photos))

    def _far(self, number: int) -> Frame:
        """Any frame of the film."""
        again = copy(self.film)
        again.repaired = []
        return self._sized(next(again.frames(number)))

    def _sized(self, frame: Frame) -> Frame:
        return replace(frame, pixels=scaled(frame.pixels, self.size))

    def _finished(self, frame: Frame, rows: Pixels, before: Mapping[str, Tensor]) -> Made:
        photo = frame.pixels
        made = finished(_picture(rows), as_tensor(photo[..., :3]), self.colour, self.strength)
        return Made(
            as_pixels(made, self.bits, photo[..., 3:] if photo.shape[2] == 4 else None), frame.ticks, frame.duration, before
        )


def _rows(picture: Tensor) -> Pixels:
    """(1, 3, H, W) as (H, W, 3)."""
    return np.ascontiguousarray(picture[0].permute(1, 2, 0).float().cpu().numpy())


def _picture(rows: Pixels) -> Tensor:
    """(H, W, 3) as (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(rows.transpose(2, 0, 1)))[None]


Shelved = TypeVar("Shelved", Frame, Made)


def _shelved(shelf: Shelf, each: Shelved) -> Callable[[], Shelved]:
    """A frame put aside."""
    get, rest = shelf.put(torch.from_numpy(each.pixels.copy())), replace(each, pixels=np.zeros(0))
    return lambda: replace(rest, pixels=get().numpy())


def _kept(shelf: Shelf, carried: Carried) -> Callable[[], Carried]:
    """What was carried, put aside in 16 bits."""
    pixels = shelf.put(torch.from_numpy((carried.pixels.clip(0, 1) * 65535 + 0.5).astype(np.uint16)))
    errors = shelf.put(torch.from_numpy(carried.errors).half())
    return lambda: Carried(pixels().numpy().astype(np.float32) / 65535, errors().float().numpy())
