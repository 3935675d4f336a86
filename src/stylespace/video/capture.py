"""Frames as they come: a camera, the screen, or a film at its own pace. Always the newest one; what nobody took in time is dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np

from stylespace.errors import InputError, MissingExtraError, PictureError
from stylespace.film.frame import Film, Pixels, at_depth
from stylespace.video.extra import opencv


def camera(number: int) -> Iterator[Pixels]:
    """Frames of a camera, (H, W, 3) of 8 bits, mirrored as people know themselves. Raises ``PictureError`` where there is none."""
    cv2 = opencv()
    device = cv2.VideoCapture(number)
    try:
        if not device.isOpened():
            raise PictureError(f"There is no camera {number}: give another number, a film, or screen.")
        device.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        while True:
            whole, frame = device.read()
            if not whole:
                raise PictureError(f"Camera {number} gives no more frames: is another program using it?")
            yield np.ascontiguousarray(frame[:, ::-1, ::-1])
    finally:
        device.release()


def screen(number: int = 1) -> Iterator[Pixels]:
    """What is on a screen, (H, W, 3) of 8 bits. Raises ``MissingExtraError`` without mss, ``InputError`` where there is no such screen."""
    try:
        import mss
        from mss.exception import ScreenShotError
    except ImportError as error:
        raise MissingExtraError("The screen is read by mss: pip install 'stylespace[live]'.") from error
    try:
        with mss.mss() as grabber:
            if not 0 < number < len(grabber.monitors):
                raise InputError(f"There is no screen {number}: give a number from 1 to {len(grabber.monitors) - 1}.")
            while True:
                grabbed = np.asarray(grabber.grab(grabber.monitors[number]))  # blue, green, red, alpha
                yield np.ascontiguousarray(grabbed[..., 2::-1])
    except ScreenShotError as error:
        raise PictureError(f"The screen cannot be read ({error}): give a film or a camera.") from error


def played(film: Film) -> Iterator[Pixels]:
    """The frames of a film, (H, W, 3) of 8 bits, each at its time."""
    began: float | None = None
    base = float(film.info.time_base)
    for frame in film.frames():
        began = time.monotonic() - frame.ticks * base if began is None else began
        time.sleep(max(0.0, began + frame.ticks * base - time.monotonic()))
        yield at_depth(frame.pixels[..., :3], 8)


class Newest:
    """The newest of ``frames``, which a thread takes as they come; to be used as a context.

    ``dropped``: frames that were followed by another before anyone took them.
    """

    def __init__(self, frames: Iterator[Pixels]) -> None:
        self._frames = frames
        self._ready = threading.Condition()
        self._frame: Pixels | None = None
        self._ended = self._left = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.dropped = 0

    def __enter__(self) -> Newest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._ready:
            self._left = True
        self._thread.join(5.0)  # a camera that does not answer is left behind

    def next(self, patience: float = 0.2) -> Pixels | None:
        """The newest frame that nobody took yet; None where none came within ``patience`` seconds. Raises what the source raised.

        Raises ``EOFError`` at the end.
        """
        with self._ready:
            self._ready.wait_for(lambda: self._frame is not None or self._ended, patience)
            frame, self._frame = self._frame, None
            if frame is None and self._ended:
                raise self._error or EOFError
            return frame

    def _work(self) -> None:
        try:
            for frame in self._frames:
                with self._ready:
                    if self._left:
                        break
                    self.dropped += self._frame is not None
                    self._frame = frame
                    self._ready.notify()
        except BaseException as error:  # noqa: BLE001 (raised again where frames are taken)
            self._error = error
        with self._ready:
            self._ended = True
            self._ready.notify()
