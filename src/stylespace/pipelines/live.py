"""A camera, the screen or a film through a network as it comes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylespace.errors import InputError
from stylespace.film.frame import Frame, Pixels
from stylespace.film.reading import open_film
from stylespace.networks.style_network import StyleNetwork
from stylespace.pictures.resizing import fit
from stylespace.pipelines.mixer import Mixer
from stylespace.pipelines.painters import NetworkPainter
from stylespace.pipelines.run import choose_device, threads_of
from stylespace.storage.memory import keep_freed_memory
from stylespace.video.capture import Newest, camera, played, screen
from stylespace.video.showing import QUIT, DisplayWindow, Page, Shown, VirtualCamera
from stylespace.video.stable import Steadier, check_steady

Note = Callable[[str], None]
LATEST = 24  # frames that the rate is taken from
SAY = 5.0  # seconds from one line about the rate to the next
OUTPUTS = ("window", "page", "camera")


@dataclass(frozen=True)
class LiveResult:
    """``shown`` and ``dropped`` frames; ``rate``: frames a second, of the latest; ``seconds`` in all."""

    shown: int
    dropped: int
    rate: float
    seconds: float


def live(
    source: str | int | Path = 0,
    style: Any = None,
    *,
    to: str | Shown = "window",
    network: str | Path | StyleNetwork | None = None,
    size: int = 640,
    steady: str = "fast",
    strength: float = 1.0,
    colour: str = "style",
    seconds: float | None = None,
    port: int = 0,
    device: str = "auto",
    threads: int | None = None,
    note: Note | None = None,
) -> LiveResult:
    """Redraw ``source`` as it comes: the number of a camera, ``screen`` (``screen:2`` for the second one), or a film at its own pace.

    ``style``: as for :func:`stylespace.stylize_video`; keys change it (:class:`stylespace.pipelines.mixer.Mixer`). ``to``: a ``window``,
    a ``page`` on this computer (``port``), a virtual ``camera``. ``size``: long side. What comes while a frame is made is dropped, so that
    what is shown is never late. ``steady``: ``fast`` or ``best`` hold still by flow and by averages of the frames so far, ``off`` each
    frame by itself. ``seconds``: ends after so many; else with the film, by ``q``, or Ctrl-C.

    Raises ``InputError``, ``PictureError``, ``WeightsError`` and ``MissingExtraError``, each with one sentence that says what to do.
    """
    note = note or (lambda text: None)
    check_steady(steady)
    if size < 16:
        raise InputError(f"A long side of {size} pixels is too small: give 16 or more.")
    network = network or StyleNetwork.painting(style)[1]
    loaded = network if isinstance(network, StyleNetwork) else StyleNetwork.load(network)
    loaded, mix = loaded.to(choose_device(device)).taking({loaded.names[0]: 1.0} if style is None else style)
    loaded.check(mix)
    mixer = Mixer(loaded.names, {name: float(weight) for name, weight in mix.items()}, strength)
    steadier = None if steady == "off" else Steadier(steady)
    frames = _frames(source)
    keep_freed_memory()
    with threads_of(threads), _shown(to, port) as shown, Newest(frames) as newest:
        note(f"Shown in {shown.where}; 1 to 9, arrows, [ and ] mix, q ends.")
        painter: _Live | None = None
        times: deque[float] = deque(maxlen=LATEST)
        began = said = time.monotonic()
        count = 0

        def rate() -> float:
            return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0

        try:
            while seconds is None or time.monotonic() - began < seconds:
                keys = shown.keys()
                for key in keys:
                    mixer.press(key, time.monotonic() - began)
                if QUIT in keys:
                    break
                pixels = newest.next()
                if pixels is None:
                    continue
                now = time.monotonic() - began
                if painter is None or painter.shape != pixels.shape[:2]:
                    painter = _Live(loaded, mixer, pixels, size, colour, steadier, steady != "off")
                painter.strength = mixer.strength
                made = painter.next(Frame(pixels, count), now, count)
                times.append(time.monotonic())
                count += 1
                status = f"{rate():.1f} frames/s, {newest.dropped} dropped, {mixer.status()}"
                shown.show(made, status)
                if time.monotonic() - said > SAY:
                    said = time.monotonic()
                    note(status)
        except (EOFError, KeyboardInterrupt):
            pass
        return LiveResult(count, newest.dropped, rate(), time.monotonic() - began)


class _Live(NetworkPainter):
    """``given``: size of the frames that come."""

    def __init__(
        self,
        network: StyleNetwork,
        mixer: Mixer,
        pixels: Pixels,
        size: int,
        colour: str,
        steadier: Steadier | None,
        running: bool,
    ) -> None:
        self.shape = pixels.shape[:2]
        if steadier is not None:
            steadier.cut()
        super().__init__(network, mixer, fit(self.shape, size), colour, mixer.strength, steadier, running)


def _frames(source: str | int | Path) -> Iterator[Pixels]:
    text = str(source)
    if text.isdecimal() and not Path(text).exists():
        return camera(int(text))
    name, _, number = text.partition(":")
    if name == "screen" and (number.isdecimal() or not number):
        return screen(int(number or 1))
    if text == "-":
        raise InputError("Frames from a pipe have no pace: give them to 'stylespace video'.")
    return played(open_film(source))  # type: ignore[arg-type]


def _shown(to: str | Shown, port: int) -> Shown:
    if isinstance(to, Shown):
        return to
    if to not in OUTPUTS:
        raise InputError(f"'{to}' is no place to show frames: choose among {', '.join(OUTPUTS)}.")
    return DisplayWindow() if to == "window" else Page(port) if to == "page" else VirtualCamera()
