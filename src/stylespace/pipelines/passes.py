"""Several passes over each shot, forwards and backwards.

Ruder, Dosovitskiy & Brox 2016, "Artistic Style Transfer for Videos", section 4.4.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylespace.film.frame import Film, Frame, as_pixels, as_tensor
from stylespace.film.threads import Ahead, Behind
from stylespace.networks.finishing import finished
from stylespace.pipelines.film_out import Made, Output
from stylespace.pipelines.film_progress import FilmPace, FilmProgress
from stylespace.pipelines.painters import MethodPainter, scaled
from stylespace.storage.journal import Journal
from stylespace.storage.scratch import Shelf
from stylespace.storage.tensors import read_tensors, write_tensors
from stylespace.video.stable import Steadier


class Passes:
    """Redraws ``film`` by ``painter``, each shot ``count`` times: forwards, backwards, and so on.

    The first pass starts each frame from the one before it. In those after it each starts from its own last result, blended with its
    neighbour's where flow is trusted, so what was hidden in one direction is agreed upon from the other. Results of a shot lie in files, in
    ``journal`` where there is one, so a killed run goes on at the frame where it was.
    """

    def __init__(self, film: Film, painter: MethodPainter, steady: str, count: int, journal: Journal | None) -> None:
        self.film, self.painter, self.steady, self.count, self.journal = film, painter, steady, count, journal

    def run(self, shots: list[int], count: int, output: Output, progress: Callable[[FilmProgress], None]) -> bool:
        """Make all frames that ``output`` has not yet; whether Ctrl-C ended it."""
        spans = [(first, end) for first, end in pairwise([*shots, count]) if end > output.done]
        done = output.done
        begun = spans[0][0] if spans else count
        pace = FilmPace("painting", (count - begun) * self.count, 0, progress)
        try:
            with (
                tempfile.TemporaryDirectory(prefix="stylespace-") as scratch, Ahead(self.film.frames(begun)) as frames,
                Behind(output.write) as behind,
            ):  # fmt: skip
                photos = iter(frames)
                for first, end in spans:
                    for number, made in enumerate(self._shot(photos, first, end, Path(scratch), output.bits, pace), first):
                        if number >= done:
                            behind.put(made)
        except KeyboardInterrupt:
            output.pause({})
            return True
        except BaseException:
            output.drop()
            raise
        return False

    def _shot(self, photos: Iterator[Frame], first: int, end: int, scratch: Path, bits: int, pace: FilmPace) -> Iterator[Made]:
        shelf = Shelf()
        frames = []
        for _ in range(first, end):
            frame = next(photos)
            photo = torch.from_numpy(scaled(frame.pixels, self.painter.size).copy())
            frames.append((replace(frame, pixels=photo.numpy()[:0]), shelf.put(photo)))

        def file(turn: int, number: int) -> Path:
            name = f"pass-{first + number:06d}-{turn}"
            return scratch / name if self.journal is None else self.journal.file(name)

        reached = max(
            (turn for turn in range(self.count) for number in range(end - first) if file(turn, number).exists()), default=0
        )
        for _ in range(reached * (end - first)):
            pace.step()
        for turn in range(reached, self.count):
            self._pass(turn, frames, file, pace)
        for number, (frame, get) in enumerate(frames):
            original = get().numpy()
            made = finished(
                _kept(file(self.count - 1, number)), as_tensor(original[..., :3]), self.painter.colour, self.painter.strength
            )
            pixels = as_pixels(made, bits, original[..., 3:] if original.shape[2] == 4 else None)
            yield Made(pixels, frame.ticks, frame.duration, {})

    def _pass(self, turn: int, frames: list[Any], file: Callable[[int, int], Path], pace: FilmPace) -> None:
        """One pass over a shot: forwards where ``turn`` is even."""
        steadier = Steadier(self.steady)
        for number in range(len(frames)) if turn % 2 == 0 else reversed(range(len(frames))):
            photo = frames[number][1]().numpy()[..., :3]
            before = steadier.moved(photo)  # also of frames that are there already: flow starts from the flow before
            if not file(turn, number).exists():
                own = None if turn == 0 else _kept(file(turn - 1, number))
                held = None if before is None else _held(before)
                made = self.painter.redraw(as_tensor(photo), own, held)
                write_tensors(
                    file(turn, number), {"picture": (made.clamp(0, 1) * 65535).round().to(torch.int32).to(torch.uint16)}, {}
                )
            if turn:
                file(turn - 1, number).unlink(missing_ok=True)
            steadier.blend(None, _kept(file(turn, number)))
            pace.step()


def _kept(file: Path) -> Tensor:
    found: Tensor = read_tensors(file)[1]["picture"].to(torch.int32).float() / 65535
    return found


def _held(before: Any) -> tuple[Tensor, Tensor]:
    old, match = before
    kept = torch.from_numpy(old.clip(0, 1).transpose(2, 0, 1).copy())[None]
    return kept, torch.from_numpy(match.trust.copy())[None, None]
