"""Which codec writes a film, and pixels to packets."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from stylespace.errors import InputError, PictureError
from stylespace.film.colour import frame_of
from stylespace.film.extra import pyav
from stylespace.film.frame import Info, Pixels, at_depth

ANIMATED = (".gif", ".webp", ".apng")


@dataclass(frozen=True)
class Codec:
    """``formats``: bits a channel, with or without transparency, to FFmpeg's pixel format. ``even``: needs even sides. ``quality``: the
    option that it is called and its default."""

    encoder: str
    formats: dict[tuple[int, bool], str]
    even: bool = False
    quality: tuple[str, float] | None = None
    options: dict[str, str] = field(default_factory=dict)


CODECS = {
    "h264": Codec("libx264", {(8, False): "yuv420p", (10, False): "yuv420p10le"}, True, ("crf", 17), {"preset": "medium"}),
    "h265": Codec(
        "libx265", {(8, False): "yuv420p", (10, False): "yuv420p10le", (12, False): "yuv420p12le"}, True, ("crf", 20),
        {"preset": "medium", "x265-params": "log-level=error"},
    ),
    "vp9": Codec(
        "libvpx-vp9", {(8, False): "yuv420p", (8, True): "yuva420p"}, False, ("crf", 24),
        {"b": "0", "row-mt": "1", "deadline": "good", "cpu-used": "4", "auto-alt-ref": "0"},
    ),
    "av1": Codec("libsvtav1", {(8, False): "yuv420p", (10, False): "yuv420p10le"}, True, ("crf", 26), {"preset": "8"}),
    "prores": Codec("prores_ks", {(10, False): "yuv422p10le", (10, True): "yuva444p10le"}, False, None, {"vendor": "apl0"}),
    "ffv1": Codec(
        "ffv1", {(8, False): "bgr0", (8, True): "bgra", (10, False): "gbrp10le", (12, False): "gbrp12le", (16, False): "gbrp16le",
         (16, True): "gbrap16le"},
        options={"level": "3", "slicecrc": "1", "g": "1"},
    ),
}  # fmt: skip
# What a suffix may hold; the first is taken that has the film's bits (up to 10), with transparency the second of the pair.
SUFFIXES: dict[str, tuple[tuple[str, ...], str | None]] = {
    ".mp4": (("h264", "h265", "av1", "vp9"), None),
    ".m4v": (("h264", "h265"), None),
    ".mov": (("h264", "h265", "prores"), "prores"),
    ".mkv": (("h264", "h265", "vp9", "av1", "prores", "ffv1"), "ffv1"),
    ".webm": (("vp9", "av1"), "vp9"),
}


@dataclass(frozen=True)
class Form:
    """How a film is written: ``codec`` by name, ``bits`` a channel, ``crf`` (the encoder's quality, lower is better), the film's ``info``
    as it is written. Made by :func:`form_of`."""

    codec: str
    bits: int
    alpha: bool
    info: Info
    crf: float | None = None

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of it."""
        return CODECS[self.codec].formats[self.bits, self.alpha]

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) as written: a codec that needs even sides loses a row or a column."""
        high, wide = self.info.size
        return (high - high % 2, wide - wide % 2) if CODECS[self.codec].even else (high, wide)


def form_of(
    suffix: str, info: Info, *, codec: str | None = None, bits: int | None = None, crf: float | None = None
) -> tuple[Form, list[str]]:
    """How a film of ``info`` goes into a file of ``suffix``, and what is said about what the file does not hold.

    Raises ``InputError`` for a suffix, codec or depth that is not to be had.
    """
    suffix = suffix.lower()
    notes: list[str] = []
    if suffix in ANIMATED:
        if codec not in (None, suffix[1:]):
            raise InputError(f"A {suffix} has no codec '{codec}': leave --codec out.")
        return Form("ffv1", 8, info.alpha, info), notes  # on the way; see joining
    if suffix not in SUFFIXES:
        raise InputError(f"A film cannot be written as '{suffix}': give {', '.join([*SUFFIXES, *ANIMATED])}, a folder, or -.")
    choices, with_alpha = SUFFIXES[suffix]
    deep = next((c for c in choices if max(CODECS[c].formats)[0] >= min(bits or info.bits, 10)), choices[0])
    chosen = codec or (with_alpha if info.alpha and with_alpha else deep)
    if chosen not in choices:
        raise InputError(f"A {suffix} holds {', '.join(choices)}, not '{chosen}': give one of these, or another suffix.")
    formats = CODECS[chosen].formats
    alpha = info.alpha and any(a for _, a in formats)
    if info.alpha and not alpha:
        notes.append(f"{chosen} in {suffix} has no transparency: it is left out (.mov, .webm and .mkv keep it).")
    depths = sorted(b for b, a in formats if a == alpha)
    wanted = bits or info.bits
    if bits is not None and bits not in depths:
        raise InputError(f"{chosen} has {', '.join(map(str, depths))} bits a channel here, not {bits}: give one of these.")
    made = Form(chosen, next((d for d in depths if d >= wanted), depths[-1]), alpha, info, crf)
    if made.bits < wanted:
        notes.append(f"{chosen} has {made.bits} bits a channel here, the film {wanted}.")
    if min(made.size) < 2:
        raise InputError(f"{chosen} needs sides of 2 pixels and more: give another --codec, such as ffv1 in .mkv.")
    if made.size != info.size:
        notes.append(f"{chosen} needs even sides: {info.size[1]} x {info.size[0]} is written as {made.size[1]} x {made.size[0]}.")
    if crf is not None and CODECS[chosen].quality is None:
        raise InputError(f"{chosen} has no --crf: leave it out.")
    return made, notes


class Segment:
    """Packets of a part of a film, in Matroska. Frames are numbered 25 a second there; their own times are kept beside it."""

    def __init__(self, path: Path, form: Form) -> None:
        av = pyav("Films need PyAV")
        codec = CODECS[form.codec]
        self.form, self.count = form, 0
        options = dict(codec.options)
        if codec.quality is not None:
            name, default = codec.quality
            options[name] = f"{default if form.crf is None else form.crf:g}"
        if form.codec == "prores":
            options["profile"] = "4444" if form.alpha else "hq"
        try:
            self.film = av.open(str(path), "w", format="matroska")
            stream = self.film.add_stream(codec.encoder, rate=25, options=options)
        except (av.FFmpegError, ValueError) as error:
            raise PictureError(f"This PyAV cannot write {form.codec} ({error}): give another --codec.") from error
        self.stream: Any = stream
        stream.height, stream.width = form.size
        stream.pix_fmt = form.pixel_format
        stream.codec_context.time_base = Fraction(1, 25)
        if not av.VideoFormat(form.pixel_format).is_rgb:
            stream.codec_context.colorspace = form.info.matrix
            stream.codec_context.color_range = 2 if form.info.full else 1
        stream.codec_context.color_trc, stream.codec_context.color_primaries = form.info.transfer, form.info.primaries

    def write(self, pixels: Pixels) -> None:
        """Encode a frame, (H, W, 3 or 4)."""
        high, wide = self.form.size
        kept = pixels[:high, :wide, : 4 if self.form.alpha else 3]
        frame = frame_of(at_depth(kept, self.form.bits), self.form.pixel_format, self.form.info)
        frame.pts, frame.time_base = self.count, Fraction(1, 25)
        self.count += 1
        self._mux(frame)

    def close(self) -> None:
        """Encode what is waiting, end the file."""
        self._mux(None)
        self.film.close()

    def _mux(self, frame: Any) -> None:
        av = pyav("Films need PyAV")
        try:
            for packet in self.stream.encode(frame):
                self.film.mux(packet)
        except av.FFmpegError as error:
            raise PictureError(
                f"The film cannot be written as {self.form.codec} ({error.strerror or error}): make room, or give another --codec."
            ) from error
