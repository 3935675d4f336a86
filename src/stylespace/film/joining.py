"""Segments to a film: packets one after another as they are, sound from the source beside them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from stylespace.film.encoding import ANIMATED, Form
from stylespace.film.extra import pyav
from stylespace.film.frame import Film, Pixels, at_depth
from stylespace.storage.atomic import write_whole

Note = Callable[[str], None]


def join(
    segments: Sequence[Path], ticks: Sequence[int], last: int, form: Form, target: Path, source: Film | None = None, *,
    metadata: Mapping[str, str] | None = None, note: Note | None = None, repeats: bool = True,
) -> Path:  # fmt: skip
    """Write ``target`` from ``segments``, atomically. ``ticks``: every frame's time; ``last``: the last one's duration.

    ``source``: the film whose sound is copied, packet by packet. ``repeats``: whether an animation begins again at its end.
    """
    writer = _animated if target.suffix.lower() in ANIMATED else _film
    say = note or _silent

    def write(temporary: Path) -> None:
        arguments = (metadata or {}, say, repeats)
        try:
            writer(temporary, segments, ticks, last, form, target, source, *arguments)
        except (pyav("Films need PyAV").FFmpegError, ValueError) as error:
            if source is None or source.audio is None:
                raise
            say(f"The sound cannot be copied ({error}): it is left out.")
            writer(temporary, segments, ticks, last, form, target, None, *arguments)

    return write_whole(target, write)


def _silent(_: str) -> None:
    pass


def _film(
    path: Path, segments: Sequence[Path], ticks: Sequence[int], last: int, form: Form, target: Path, source: Film | None,
    metadata: Mapping[str, str], note: Note, repeats: bool,
) -> None:  # fmt: skip
    av = pyav("Films need PyAV")
    base = form.info.time_base
    kind = {".m4v": "mp4", ".mkv": "matroska"}.get(target.suffix.lower(), target.suffix.lower()[1:])
    # An edit list counts in the film's own ticks: in thousandths a second sound would be off by half of one.
    options = {"movflags": "+faststart+use_metadata_tags", "movie_timescale": "240000"} if kind in ("mp4", "mov") else {}
    with av.open(str(path), "w", format=kind, options=options) as film:
        film.metadata.update(metadata)
        with av.open(str(segments[0])) as first:
            pictures = film.add_stream_from_template(first.streams.video[0], opaque=True)
            if form.alpha and form.codec == "vp9":
                pictures.metadata["alpha_mode"] = "1"
        pictures.time_base = base
        if form.codec == "h265" and kind in ("mp4", "mov"):
            pictures.codec_context.codec_tag = "hvc1"
        if form.info.aspect != 1:
            pictures.sample_aspect_ratio = form.info.aspect
        sounds = None
        if source is not None and source.audio:
            sounds = _Sound(source, film, None if source.span.end is None else (ticks[-1] + last) * base, note)
        streams = [_pictures(segments, ticks, last, base, pictures), *([] if sounds is None else [sounds.packets()])]
        for _, _, packet in heapq.merge(*streams, key=lambda each: each[0]):
            film.mux(packet)
        if sounds is not None:
            sounds.close()


def _pictures(
    segments: Sequence[Path], ticks: Sequence[int], last: int, base: Fraction, stream: Any
) -> Iterator[tuple[float, int, Any]]:
    """Packets with their frames' times. Decoding times are the frames' times in order, late enough for every packet."""
    numbers = []  # of frames, in the order of their packets
    done = 0
    for path in segments:
        found = [number for number, _ in _numbered(path)]
        numbers += [done + number for number in found]
        done += len(found)
    wait = max((place - number for place, number in enumerate(numbers)), default=0)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else max(1, last)
    place = done = 0
    for path in segments:
        count = 0
        for number, packet in _numbered(path):
            at = done + number
            packet.stream, packet.time_base = stream, base
            packet.pts = ticks[at]
            packet.dts = ticks[place - wait] if place >= wait else ticks[0] - (wait - place) * step
            packet.duration = ticks[at + 1] - ticks[at] if at + 1 < len(ticks) else last
            place, count = place + 1, count + 1
            yield float(packet.dts * base), 0, packet
        done += count


def _numbered(path: Path) -> Iterator[tuple[int, Any]]:
    """Packets of a segment, each with its frame's number."""
    av = pyav("Films need PyAV")
    with av.open(str(path)) as film:
        for packet in film.demux(video=0):
            if packet.size and packet.pts is not None:
                yield round(packet.pts * packet.time_base * 25), packet


class _Sound:
    """Packets of all sound of a film, from the first in its span on; where the span ends, to the end of the pictures."""

    def __init__(self, source: Film, film: Any, end: Fraction | None, note: Note) -> None:
        av = pyav("Films need PyAV")
        self.source, self.end = source, end
        self.file = av.open(str(source.audio), metadata_errors="replace")
        self.streams = {}
        for stream in self.file.streams.audio:
            name = stream.codec_context.name if stream.codec_context else "unknown"
            try:
                self.streams[stream.index] = film.add_stream_from_template(stream)
            except (ValueError, av.FFmpegError):
                note(f"Sound of the form {name} does not go into {film.format.name}: it is left out (.mkv takes it).")

    def packets(self) -> Iterator[tuple[float, int, Any]]:
        """With their times in seconds."""
        if not self.streams:
            return
        start = Fraction(self.source.span.start)
        shift = start + Fraction(self.file.start_time or 0, 1_000_000)
        if start:
            self.file.seek(max(0, int((self.source.span.start - 0.5) * 1_000_000)) + (self.file.start_time or 0))
        for packet in self.file.demux([s for s in self.file.streams.audio if s.index in self.streams]):
            if not packet.size or packet.dts is None:
                continue
            base = packet.time_base
            seconds = (packet.pts if packet.pts is not None else packet.dts) * base - shift
            if start and seconds < 0:
                continue
            if self.end is not None and seconds >= self.end:
                continue  # other streams may have something left
            moved = round(shift / base)
            packet.stream = self.streams[packet.stream.index]
            packet.pts = None if packet.pts is None else packet.pts - moved
            packet.dts -= moved
            yield float(packet.dts * base), 1, packet

    def close(self) -> None:
        """Close the source."""
        self.file.close()


def _animated(
    path: Path, segments: Sequence[Path], ticks: Sequence[int], last: int, form: Form, target: Path, source: Film | None,
    metadata: Mapping[str, str], note: Note, repeats: bool,
) -> None:  # fmt: skip
    av = pyav("Films need PyAV")
    kind = target.suffix.lower()[1:]
    times = [round(t * form.info.time_base * 1000) for t in (*ticks, ticks[-1] + last)]
    options = {
        "gif": {"loop": "0" if repeats else "-1", "final_delay": str(max(1, round((times[-1] - times[-2]) / 10)))},
        "webp": {"loop": "0" if repeats else "1"},
        "apng": {"plays": "0" if repeats else "1", "final_delay": f"{times[-1] - times[-2]}/1000"},
    }[kind]
    encoder = {"gif": "gif", "webp": "libwebp_anim", "apng": "apng"}[kind]
    quality = {"webp": {"quality": f"{90 if form.crf is None else form.crf:g}"}}.get(kind, {})
    with av.open(str(path), "w", format=kind, options=options) as film:
        stream = film.add_stream(encoder, rate=25, options=quality)
        stream.height, stream.width = form.size
        stream.pix_fmt = {"gif": "pal8", "webp": "bgra", "apng": "rgba" if form.alpha else "rgb24"}[kind]
        ticking = Fraction(1, 100 if kind == "gif" else 1000)
        stream.codec_context.time_base = ticking
        palette = _palette(segments, form, len(ticks)) if kind == "gif" else None
        for number, pixels in enumerate(_decoded(segments)):
            frame = _indexed(pixels, palette) if palette is not None else av.VideoFrame.from_ndarray(pixels, "rgba")
            if palette is None and stream.pix_fmt != "rgba":
                frame = frame.reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = round(times[number] / 1000 / ticking), ticking
            frame.duration = round((times[number + 1] - times[number]) / 1000 / ticking)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


def _decoded(segments: Sequence[Path]) -> Iterator[Pixels]:
    """All frames of the segments, (H, W, 4)."""
    av = pyav("Films need PyAV")
    for path in segments:
        with av.open(str(path)) as film:
            for frame in film.decode(video=0):
                yield at_depth(frame.to_ndarray(format="rgba"), 8)


def _palette(segments: Sequence[Path], form: Form, count: int) -> Any:
    """255 colours for all frames together, from a few of them at a reduced size: one palette does not flicker."""
    from PIL import Image

    every = max(1, count // 16)
    stride = max(1, max(form.size) // 160)
    seen = [pixels[::stride, ::stride, :3] for number, pixels in enumerate(_decoded(segments)) if number % every == 0]
    return Image.fromarray(np.ascontiguousarray(np.concatenate(seen))).quantize(255, method=Image.Quantize.MEDIANCUT)


def _indexed(pixels: Pixels, palette: Any) -> Any:
    """A frame of palette numbers; number 255 shows through."""
    from PIL import Image

    av = pyav("Films need PyAV")
    indices = np.array(Image.fromarray(np.ascontiguousarray(pixels[..., :3])).quantize(palette=palette, dither=Image.Dither.NONE))
    indices[pixels[..., 3] < 128] = 255
    colours = np.zeros((255, 3), np.uint8)
    entries = np.array(palette.getpalette("RGB"), np.uint8).reshape(-1, 3)[:255]
    colours[: len(entries)] = entries
    table = np.zeros((256, 4), np.uint8)  # A, R, G, B
    table[:255, 0], table[:255, 1:] = 255, colours
    return av.VideoFrame.from_ndarray((indices, table), "pal8")
