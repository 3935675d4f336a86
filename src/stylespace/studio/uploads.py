"""Uploaded files to pictures, by a process with limits of time and memory."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from typing import IO

import numpy as np

from stylespace.errors import PictureError
from stylespace.pictures.picture import Picture
from stylespace.pictures.reading import read
from stylespace.studio.decoder import LENGTH, LENGTHS, READY
from stylespace.studio.settings import StudioSettings


class Decoder:
    """One process, started with the first file, and again when a file has ended it. Calls wait for each other."""

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def decode(self, data: bytes) -> Picture:
        """The picture in ``data``. Raises ``PictureError`` for what is not one, or takes too much time or memory."""
        if len(data) > self.settings.max_bytes:
            raise PictureError(f"The file is larger than {self.settings.max_bytes >> 20} MB: make the picture smaller.")
        with self._turn:
            return self._decoded(data)

    def warm(self) -> None:
        """Start the process, so that the first file does not wait for it."""
        with self._turn:
            self._running()

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._end()

    def _decoded(self, data: bytes) -> Picture:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        clock = threading.Timer(self.settings.decode_seconds, process.kill)
        clock.start()
        try:
            process.stdin.write(LENGTHS.pack(len(data), self.settings.max_pixels) + data)
            process.stdin.flush()
            about = json.loads(_all(process.stdout, LENGTH.unpack(_all(process.stdout, LENGTH.size))[0]))
            if "error" in about:
                raise PictureError(about["error"])
            kind = np.uint8 if about["bits"] == 8 else np.uint16
            count = int(np.prod(about["shape"])) * np.dtype(kind).itemsize
            samples = np.frombuffer(_all(process.stdout, count), kind).reshape(about["shape"])
        except (OSError, EOFError) as error:
            self._end()
            raise PictureError("The file cannot be decoded: it takes too long, needs too much memory, or is damaged.") from error
        finally:
            clock.cancel()
        picture = read(samples)
        return Picture(picture.pixels, picture.alpha, about["bits"], base64.b64decode(about["exif"]) or None, None, "photo")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            command = [sys.executable, "-m", "stylespace.studio.decoder", str(self.settings.decode_bytes)]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            assert self._process.stdout is not None
            if self._process.stdout.read(len(READY)) != READY:  # the clock starts after this
                raise PictureError("Pictures cannot be decoded: the process for it does not start. Start the studio again.")
        return self._process

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what it had not read
                    continue
        self._process.wait()
        self._process = None


def _all(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data
