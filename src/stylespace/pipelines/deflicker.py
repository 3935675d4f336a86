"""Frames that another tool redrew, held still by the flow of the film they were made from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from stylespace import __version__
from stylespace.errors import InputError, PictureError
from stylespace.film.frame import Film, Frame, Pixels, as_pixels, as_tensor
from stylespace.film.reading import open_film
from stylespace.film.threads import Ahead, Behind
from stylespace.pictures.resizing import resize
from stylespace.pipelines.batch import unfinished
from stylespace.pipelines.film_out import Made
from stylespace.pipelines.video import FilmPace, FilmProgress, FilmResult, check_target, output_for
from stylespace.storage.journal import Journal
from stylespace.video.shots import Cuts
from stylespace.video.stable import Steadier, check_steady

Note = Callable[[str], None]


def deflicker(
    styled: str | Path,
    out: str | Path,
    guide: str | Path,
    *,
    steady: str = "best",
    codec: str | None = None,
    bits: int | None = None,
    crf: float | None = None,
    rate: float | None = None,
    force: bool = False,
    progress: Callable[[FilmProgress], None] | None = None,
    note: Note | None = None,
) -> FilmResult:
    """Hold the frames of ``styled`` still, as the film ``guide`` moves, from which they were made frame by frame.

    Both are films, animations or folders of frames, of any sizes; ``out`` and its ``codec``, ``bits`` and ``crf`` as for
    :func:`stylespace.stylize_video`, in ``styled``'s size, with ``styled``'s times and sound, or ``guide``'s sound where it has none.
    ``steady``: ``fast`` or ``best``. ``rate``: of folders. Interrupted or killed, the same call goes on where it was.

    Raises ``InputError`` where the two have different numbers of frames, ``PictureError``, ``MissingExtraError``.
    """
    began, note = time.perf_counter(), note or (lambda text: None)
    check_steady(steady)
    if steady == "off":
        raise InputError("Nothing would be held still: give --steady fast or best.")
    if str(styled) == "-" or str(guide) == "-" or str(out) == "-":
        raise InputError("Two films are read side by side, and more than once: give files or folders.")
    if rate is not None and not 0 < rate <= 1000:
        raise InputError(f"{rate:g} frames a second cannot be: give a rate from above 0 to 1000.")
    films = [
        open_film(source, rate=None if rate is None else Fraction(rate).limit_denominator(1001)) for source in (styled, guide)
    ]
    target = Path(out)
    for source in (styled, guide):
        check_target(target, source, force)
    if not _has_sound(films[0]):
        films[0].audio = films[1].audio if _has_sound(films[1]) else None
    steadier, cuts = Steadier(steady), Cuts()
    about = {
        "stylespace": __version__,
        "deflicker": _described(styled),
        "guide": _described(guide),
        "settings": {"steady": steady, "loop": False},
    }
    written = {"codec": codec, "bits": bits, "crf": crf}
    journal = Journal(unfinished(target), about | {"out": written})
    try:
        output = output_for(target, films[0], films[0].info.size, about, written, journal, note)
        number = output.done
        if number:
            note(f"Going on after frame {number}.")
            state = output.state()
            cuts.restore({name[5:]: tensor for name, tensor in state.items() if name.startswith("cuts ")})
            steadier.restore({name: tensor for name, tensor in state.items() if not name.startswith("cuts ")})

        def held() -> dict[str, Tensor]:
            return {f"cuts {name}": tensor for name, tensor in cuts.state().items()} | steadier.state()

        before, pace = held(), FilmPace("painting", films[0].info.count, number, progress or (lambda _: None))
        try:
            with Ahead(_pairs(films[0], films[1], number)) as pairs, Behind(output.write) as behind:
                for frame, photo in pairs:
                    if cuts.next(photo):
                        steadier.cut()
                    made = steadier.next(photo, as_tensor(frame.pixels[..., :3]))
                    alpha = frame.pixels[..., 3:] if frame.pixels.shape[2] == 4 else None
                    behind.put(Made(as_pixels(made, output.bits, alpha), frame.ticks, frame.duration, before))
                    before = held()
                    pace.step()
        except KeyboardInterrupt:
            output.pause(before)
            return FilmResult(target, output.written, time.perf_counter() - began, interrupted=True)
        except BaseException:
            output.drop()
            raise
        output.finish()
        return FilmResult(target, output.written, time.perf_counter() - began, repaired=tuple(films[0].repaired))
    finally:
        journal.leave()


def _pairs(styled: Film, guide: Film, skip: int) -> Iterator[tuple[Frame, Pixels]]:
    """Frames and the photos they were made from, in the frames' size. Raises ``InputError`` where one film is longer."""
    photos = guide.frames(skip)
    count = skip
    for frame in styled.frames(skip):
        photo = next(photos, None)
        if photo is None:
            raise InputError(f"{guide.name} ends after {count} frames, {styled.name} does not: give the film it was made from.")
        count += 1
        size = (frame.pixels.shape[0], frame.pixels.shape[1])
        yield frame, photo.pixels if photo.pixels.shape[:2] == size else as_pixels(resize(photo.tensor, size))
    if next(photos, None) is not None:
        raise InputError(f"{styled.name} ends after {count} frames, {guide.name} does not: give the film it was made from.")


def _has_sound(film: Film) -> bool:
    from stylespace.film.extra import pyav

    if film.audio is None:
        return False
    try:
        with pyav("Films need PyAV").open(str(film.audio), metadata_errors="replace") as held:
            return bool(held.streams.audio)
    except (OSError, ValueError):
        return False


def _described(source: str | Path) -> dict[str, object]:
    try:
        found = Path(source).stat()
    except OSError as error:
        raise PictureError(f"{source} is not there: check the name.") from error
    return {"name": Path(source).name, "bytes": found.st_size, "modified": found.st_mtime_ns}
