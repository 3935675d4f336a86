"""One call from a film to a redrawn film: what the command line and Python users share."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

import stylespace
from stylespace import encoders
from stylespace.errors import InputError, MissingExtraError, PictureError
from stylespace.film.encoding import ANIMATED, CODECS, form_of
from stylespace.film.folder import FORMATS
from stylespace.film.frame import Film, Frame, Span
from stylespace.film.reading import open_film
from stylespace.film.threads import Ahead, Behind
from stylespace.methods.registry import METHODS, STYLES
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.resizing import fit
from stylespace.pipelines.batch import unfinished
from stylespace.pipelines.film_out import Frames, Made, Output, Pipe, Segments
from stylespace.pipelines.film_progress import FilmPace as FilmPace
from stylespace.pipelines.film_progress import FilmProgress as FilmProgress
from stylespace.pipelines.keyframes import ByHand, Carrying, Regular, interval, outlined
from stylespace.pipelines.painters import ColourPainter, MethodPainter, NetworkPainter, Painter
from stylespace.pipelines.passes import Passes
from stylespace.pipelines.run import choose_device, threads_of
from stylespace.pipelines.sources import MAX_PIXELS, Styles, style_pictures
from stylespace.pipelines.track import Track, track_of
from stylespace.pipelines.transfer import redraw, resolve
from stylespace.solvers.coarse_to_fine import Problem
from stylespace.storage.journal import Journal
from stylespace.storage.memory import keep_freed_memory
from stylespace.video.sharing import Sharing
from stylespace.video.shots import Cuts
from stylespace.video.stable import Steadier, check_steady
from stylespace.video.temporal import Again, Temporal

Note = Callable[[str], None]
COLOURS = "photoreal"  # the method that on film is one map of colours a shot, unless its route is to optimise
WARM = 12  # frames of the end that are redrawn before the first one of a loop


@dataclass(frozen=True)
class FilmResult:
    """What a run left: the file, its frames, seconds that it took, numbers of the frames that begin shots, seconds of the film at
    which frames were repaired, whether it was interrupted (the same call goes on from there)."""

    path: Path
    frames: int
    seconds: float
    shots: tuple[int, ...] = ()
    repaired: tuple[float, ...] = ()
    interrupted: bool = False


@dataclass(frozen=True)
class FilmSettings:
    """How frames are redrawn. ``steady``: ``off``, each frame by itself; ``fast``, with statistics that the frames of a shot share
    and optical flow at a reduced size; ``best``, with flow that is looked for longer. ``size``: long side; None: the film's. ``loop``: the
    last frame meets the first."""

    strength: float = 1.0
    colour: str = "style"
    size: int | None = None
    steady: str = "fast"
    loop: bool = False


def stylize_video(
    source: str | Path,
    out: str | Path,
    style: Styles | None = None,
    *,
    method: str = "network",
    network: str | Path | StyleNetwork | None = None,
    track: Track | None = None,
    keyframes: str | Path | int | None = None,
    passes: int = 1,
    strength: float = 1.0,
    colour: str = "style",
    size: int | None = None,
    steady: str = "fast",
    start: float = 0.0,
    end: float | None = None,
    every: int = 1,
    loop: bool = False,
    codec: str | None = None,
    bits: int | None = None,
    crf: float | None = None,
    rate: float | None = None,
    raw: str | None = None,
    force: bool = False,
    device: str = "auto",
    threads: int | None = None,
    preset: str = "default",
    quality: str | None = None,
    progress: Callable[[FilmProgress], None] | None = None,
    note: Note | None = None,
    **settings: Any,
) -> FilmResult:
    """Redraw the film ``source`` into ``out``.

    ``source``: a film of any form that FFmpeg reads, a GIF, WebP or APNG, a folder of frames (``rate`` a second, by default 24), or ``-``,
    standard input (``raw``: ``WIDTHxHEIGHT@RATE`` of raw RGB frames). ``out``: .mp4, .mov, .mkv, .webm, .gif, .webp, .apng, a folder, or
    ``-`` for raw frames on standard output. Times, matrix, range, depth, transparency and sound are the source's.

    ``method``: ``network``, with ``style`` a style of ``network`` (None: ``classics``, or ``arbitrary`` where a style is a painting),
    several, or a mapping to weights; or a method of :func:`stylespace.transfer` with its ``style``, ``preset``, ``quality`` and
    ``settings``; ``photoreal`` gives each shot one map of colours, unless ``route="optimise"`` is set. ``track``: styles that
    change over time.
    ``steady``: ``off``; ``fast``: statistics shared by each shot's frames, and flow; ``best``: slower flow that holds stiller.
    ``keyframes``: a folder of frames painted by hand, numbered as the film's frames (from 1), which are the style; or a number: of so many
    frames one is redrawn as above. They are carried to the frames between (extra ``patches``).
    ``passes``: a method that optimises goes so often over each shot, forwards and backwards in turn.
    ``start``, ``end`` in seconds; ``every``: of how many frames one is taken. ``loop``: the last frame meets the first. ``codec``, ``bits``
    a channel and ``crf`` of the file.

    Interrupted or killed, the same call goes on where it was. Raises ``InputError``, ``PictureError``, ``WeightsError`` and
    ``MissingExtraError``, each with one sentence that says what to do.
    """
    began = time.perf_counter()
    note = note or _silent
    check_steady(steady)
    if rate is not None and not 0 < rate <= 1000:
        raise InputError(f"{rate:g} frames a second cannot be: give a rate from above 0 to 1000.")
    film = open_film(
        source, Span(start, end, every), raw=raw, rate=None if rate is None else Fraction(rate).limit_denominator(1001)
    )
    chosen = FilmSettings(strength, colour, size, steady, loop)
    target = Path(out)
    piped = str(out) == "-"
    if not piped:
        check_target(target, source, force)
    keep_freed_memory()
    with threads_of(threads):
        painting = _size(film, size, codec, target)
        apart = None if keyframes is None else interval(keyframes)
        by_hand = None if keyframes is None or apart is not None else ByHand(str(keyframes))
        painter: Painter | None = None
        if by_hand is not None:
            if style is not None or track is not None or settings or method != "network":
                raise InputError("Key frames painted by hand are the style: leave styles and method out, or give every=24.")
        elif method == "network":
            network = network or StyleNetwork.painting(style if track is None else track.styles)[0]
            painter = _network_painter(network, style, track, chosen, film, painting, device, note)
        else:
            if track is not None:
                raise InputError("Styles change over time with a network only: leave --at, --track or --method out.")
            painter = _method_painter(method, style, chosen, painting, preset, quality, device, settings)
        if settings and method == "network":
            raise InputError(f"A network has no setting '{next(iter(settings))}': leave it out, or give a --method.")
        carrying = None
        if keyframes is not None:
            if loop:
                raise InputError("Key frames have a first and a last: leave --loop out.")
            keys = by_hand if painter is None else Regular(apart or 1, painter)
            assert keys is not None
            carrying = Carrying(film, keys, painting, steady, colour, strength, torch.get_num_threads())
        about = _about(source, film, method, style, network, track, chosen, {**settings, "preset": preset, "quality": quality})
        if passes != 1:
            if not isinstance(painter, MethodPainter) or keyframes is not None or steady == "off" or film.once or loop:
                raise InputError(
                    "Several passes are for a --method that optimises, held still, over a file or folder without --keyframes and --loop."
                )
            if not 1 <= passes <= 100:
                raise InputError(f"{passes} passes cannot be: give 1 to 100.")
            about["passes"] = passes
        if keyframes is not None:
            about["keyframes"] = apart if by_hand is None else by_hand.files()
        written = {"codec": codec, "bits": bits, "crf": crf}
        journal = None if piped else Journal(unfinished(target), about | {"out": written})
        try:
            output = output_for(target, film, painting, about, written, journal, note)
            report = progress or _unseen

            def redrawn() -> tuple[tuple[int, ...], bool]:
                work: Carrying | Passes | None = carrying
                if passes != 1 and isinstance(painter, MethodPainter):
                    work = Passes(film, painter, steady, passes, journal)
                if work is None:
                    assert painter is not None
                    return _painted(film, painter, output, chosen, journal, report, note)
                shots, count = outlined(film, journal, report)
                if output.done:
                    note(f"Going on after frame {output.done}.")
                return tuple(shots), work.run(shots, count, output, report)

            return _run(film, output, target, began, note, redrawn)
        finally:
            if journal is not None:
                journal.leave()


def _silent(_: str) -> None:
    pass


def _unseen(_: FilmProgress) -> None:
    pass


def _run(
    film: Film, output: Output, target: Path, began: float, note: Note, redrawn: Callable[[], tuple[tuple[int, ...], bool]]
) -> FilmResult:  # fmt: skip
    """Have the frames ``redrawn``, which gives the shots and whether Ctrl-C ended it, and make the result whole."""
    shots: tuple[int, ...] = ()
    try:
        shots, interrupted = redrawn()
    except KeyboardInterrupt:
        interrupted = True
    seconds = time.perf_counter() - began
    repaired = tuple(film.repaired)
    for moment in repaired[:5]:
        note(f"The frame at {moment:.2f} s is broken: it was made from its neighbours.")
    if len(repaired) > 5:
        note(f"{len(repaired)} broken frames in all were made from their neighbours.")
    if not interrupted:
        output.finish()
    return FilmResult(target, output.written, seconds, shots, repaired, interrupted)


def _painted(
    film: Film, painter: Painter, output: Output, chosen: FilmSettings, journal: Journal | None,
    progress: Callable[[FilmProgress], None], note: Note,
) -> tuple[tuple[int, ...], bool]:  # fmt: skip
    """Every frame redrawn; shots, and whether Ctrl-C ended it."""
    shots: tuple[int, ...] = ()
    if isinstance(painter, NetworkPainter) and painter.running is None and chosen.steady != "off":
        painter.sharing = _shared(film, painter, chosen, journal, progress)
        shots = tuple(painter.sharing.firsts)
    if output.done:
        note(f"Going on after frame {output.done}.")
        painter.restore(output.state())
    elif chosen.loop and painter.steadier is not None and not film.once:
        _warm_up(film, painter)
    return shots, _paint(film, painter, output, progress)


def _paint(film: Film, painter: Painter, output: Output, progress: Callable[[FilmProgress], None]) -> bool:
    """Redraw what is not done yet; whether Ctrl-C ended it."""
    base, number = film.info.time_base, output.done
    state = painter.state()
    pace = FilmPace("painting", film.info.count, number, progress)
    try:
        with Ahead(film.frames(number)) as frames, Behind(output.write) as behind:
            for frame in frames:
                pixels = painter.next(frame, float(frame.ticks * base), number, output.bits)
                behind.put(Made(pixels, frame.ticks, frame.duration, state))
                state = painter.state()
                number += 1
                pace.step(pixels)
    except KeyboardInterrupt:
        output.pause(state)
        return True
    except BaseException:
        output.drop()
        raise
    return False


def _shared(
    film: Film, painter: NetworkPainter, chosen: FilmSettings, journal: Journal | None, progress: Callable[[FilmProgress], None]
) -> Sharing:
    """Shots and their statistics, from a first pass over the film, or from the journal."""
    changing = painter.track.changes
    if journal is not None and "shots" in journal.record:
        return Sharing.of(journal.record["shots"], journal.tensors("moments"), changing)
    made, cuts = Sharing(changing), Cuts()
    base = film.info.time_base
    pace = FilmPace("looking", film.info.count, 0, progress)
    first: Frame | None = None
    last: Frame | None = None
    with Ahead(film.frames()) as frames:
        for number, frame in enumerate(frames):
            if cuts.next(frame.pixels) or not number:
                made.cut(number)
            if made.wants(number):
                made.add(number, painter.measure(frame, float(frame.ticks * base)))
            first, last = first or frame, frame
            pace.step()
    joined = Cuts()
    if first is not None and last is not None:
        joined.next(last.pixels)
        made.close(chosen.loop and not joined.next(first.pixels))
    if journal is not None:
        journal.write({"shots": made.firsts}, {"moments": made.tensors()})
    return made


def _warm_up(film: Film, painter: Painter) -> None:
    """Redraw a loop's end once, so that its beginning is held to it."""
    count = film.info.count
    latest: deque[Frame] = deque(maxlen=WARM)
    for frame in film.frames(max(0, count - 2 * WARM) if count else 0):
        latest.append(frame)
    begin = (count or WARM) - len(latest)
    for number, frame in enumerate(latest, max(0, begin)):
        painter.next(frame, float(frame.ticks * film.info.time_base), number)


def _size(film: Film, size: int | None, codec: str | None, target: Path) -> tuple[int, int]:
    """Height and width at which the film is redrawn."""
    if size is None:
        return film.info.size
    if size < 2:
        raise InputError(f"A long side of {size} pixels is too small: give 2 or more.")
    made = fit(film.info.size, size)
    even = (
        target.suffix.lower() in (".mp4", ".m4v", ".mov", ".mkv") and CODECS[codec or "h264"].even
        if codec in (None, *CODECS)
        else False
    )
    return (max(2, made[0] - made[0] % 2), max(2, made[1] - made[1] % 2)) if even else made


def _network_painter(
    network: str | Path | StyleNetwork, style: Styles | None, track: Track | None, chosen: FilmSettings, film: Film,
    size: tuple[int, int], device: str, note: Note,
) -> NetworkPainter:  # fmt: skip
    loaded = network if isinstance(network, StyleNetwork) else StyleNetwork.load(network)
    loaded = loaded.to(choose_device(device))
    if track is None:
        loaded, mix = loaded.taking({loaded.names[0]: 1.0} if style is None else _mix(style))
        track = track_of([(0.0, mix)])
    elif style is not None:
        raise InputError("A track says all styles: leave the style out.")
    else:
        loaded, _ = loaded.taking(track.styles)
    loaded.check(track.styles)
    steadier = _steadier(chosen.steady, note)
    return NetworkPainter(
        loaded, track, size, chosen.colour, chosen.strength, steadier, running=film.once and chosen.steady != "off"
    )


def _steadier(steady: str, note: Note) -> Steadier | None:
    """What holds still by flow; ``fast`` does without where OpenCV is not installed."""
    try:
        return None if steady == "off" else Steadier(steady)
    except MissingExtraError:
        if steady == "best":
            raise
        note("Without OpenCV frames share their statistics only: pip install 'stylespace[video]' holds them stiller, by flow.")
        return None


def _mix(style: Styles) -> dict[Any, float]:
    """Names, or paintings of a network that reads them, with their weights."""
    if isinstance(style, Mapping):
        return {name: float(weight) for name, weight in style.items()}
    return dict.fromkeys(style if isinstance(style, list | tuple) else [style], 1.0)


def _method_painter(
    method: str, style: Styles | None, chosen: FilmSettings, size: tuple[int, int], preset: str, quality: str | None, device: str,
    settings: Mapping[str, Any],
) -> Painter:  # fmt: skip
    if method not in METHODS or STYLES not in METHODS[method].accepts:
        names = ", ".join(["network", *(name for name, row in METHODS.items() if STYLES in row.accepts)])
        raise InputError(f"The method '{method}' cannot redraw a film: choose among {names}.")
    if style is None:
        raise InputError(f"{method} wants a style picture: give --style.")
    if method == COLOURS:
        settings = {"route": "global", **settings}
    resolved = resolve(preset, quality, None, {"size": max(size), **settings}, method)
    if method == COLOURS and resolved.route != "optimise":
        from stylespace.methods.photoreal import one_map

        pictures = style_pictures(style, None, MAX_PIXELS)
        return ColourPainter(lambda frame: one_map(frame, pictures, resolved), size, chosen.colour, chosen.strength)
    encoder = encoders.of(resolved, weights=None, device=choose_device(device))

    def once(inputs: Any, own: Any, temporal: Any) -> Any:
        around: Callable[[Problem], Problem] | None = None
        if own is not None:
            held = temporal or (own, torch.zeros_like(own[:, :1]))
            around = lambda problem: Again(problem, own, *held)  # noqa: E731
        elif temporal is not None:
            around = lambda problem: Temporal(problem, *temporal)  # noqa: E731
        made = redraw(inputs[0], style, method, resolved, device=device, encoder=encoder, around=around)
        if made.interrupted:
            raise KeyboardInterrupt
        return made.source.pixels

    return MethodPainter(once, size, chosen.colour, chosen.strength, None if chosen.steady == "off" else Steadier(chosen.steady))


def output_for(
    target: Path,
    film: Film,
    size: tuple[int, int],
    about: Mapping[str, Any],
    written: Mapping[str, Any],
    journal: Journal | None,
    note: Note,
) -> Output:
    """Where frames go, by what ``target`` is. Raises ``InputError`` for what it does not hold."""
    bits, codec = written["bits"], written["codec"]
    info = replace(film.info, size=size)
    if journal is None:
        return Pipe(16 if (bits or info.bits) > 8 else 8)
    suffix = target.suffix.lower()
    if not suffix or target.is_dir():
        kind = codec or "png"
        if kind not in FORMATS or bits not in (None, 8, 16) or written["crf"] is not None:
            raise InputError(f"A folder takes --codec {', '.join(FORMATS)}, --bits 8 or 16, and no --crf.")
        return Frames(target, kind, 16 if (bits or info.bits) > 8 else 8, journal)
    form, notes = form_of(suffix, info, codec=codec, bits=bits, crf=written["crf"])
    for each in notes:
        note(each)
    repeats = about["settings"]["loop"] or film.info.repeats or suffix in ANIMATED
    return Segments(target, form, journal, film, {"comment": json.dumps(about)}, note, repeats)


def check_target(target: Path, source: str | Path, force: bool) -> None:
    """Raise ``PictureError`` where ``target`` is the film itself, is there already, or cannot be written."""
    if target.is_dir() and any(target.iterdir()) and not unfinished(target).exists() and not force:
        raise PictureError(
            f"The folder {target} holds files already: choose another one, or write into it with --force (force=True)."
        )
    if target.is_file():
        if str(source) != "-" and Path(source).exists() and target.samefile(source):
            raise PictureError(f"{target} is the film itself: give -o another name.")
        if not force:
            raise PictureError(f"{target} exists already: choose another name, or replace it with --force (force=True).")
    above = next(folder for folder in target.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise PictureError(f"{target} cannot be written: {above} is no folder that can be written to.")


def _about(
    source: str | Path,
    film: Film,
    method: str,
    style: Any,
    network: Any,
    track: Track | None,
    chosen: FilmSettings,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """What the result is made from, as plain JSON."""
    about: dict[str, Any] = {"stylespace": stylespace.__version__, "method": method, "film": Path(film.name).name}
    with suppress(OSError):
        found = Path(source).stat()
        about |= {"bytes": found.st_size, "modified": found.st_mtime_ns}
    about["network"] = network.checksum() if isinstance(network, StyleNetwork) else str(network) if method == "network" else None
    listed = {str(each): weight for each, weight in style.items()} if isinstance(style, Mapping) else list(_each(style))
    about["styles"] = json.loads(json.dumps(listed, default=str))
    about["track"] = None if track is None else track.as_json()
    span = {"start": film.span.start, "end": film.span.end, "every": film.span.every}
    return about | {"settings": {**chosen.__dict__, **span, **json.loads(json.dumps(dict(settings), default=str))}}


def _each(style: Any) -> Iterator[str]:
    yield from () if style is None else map(str, style if isinstance(style, list | tuple) else [style])
