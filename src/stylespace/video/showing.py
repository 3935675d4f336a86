"""Where frames are shown as they are made: a window, a page on this computer, a virtual camera. Each hands over the keys pressed there."""

from __future__ import annotations

import io
import queue
import secrets
import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from stylespace.errors import InputError, MissingExtraError
from stylespace.film.frame import Pixels

QUIT = "q"
QUALITY = 88  # of the page's JPEGs


class Shown(ABC):
    """Takes frames; to be used as a context."""

    where = ""  # what to tell the user

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def show(self, pixels: Pixels, status: str) -> None:
        """A frame (H, W, 3) of 8 bits, and a line of text beside it."""

    @abstractmethod
    def keys(self) -> list[str]:
        """What was pressed since the last call: ``0`` to ``9``, ``left``, ``right``, ``up``, ``down``, ``space``, ``[``, ``]``, ``q``."""

    @abstractmethod
    def close(self) -> None:
        """The last frame was shown."""


class DisplayWindow(Shown):
    """A window, by pygame. Raises ``MissingExtraError`` without it, ``InputError`` where there is no screen."""

    def __init__(self) -> None:
        try:
            import pygame
        except ImportError as error:
            raise MissingExtraError("A window wants pygame: pip install 'stylespace[live]', or give --to page.") from error
        self._pygame: Any = pygame
        pygame.display.init()
        self._size: tuple[int, int] | None = None
        self.where = "a window"

    def show(self, pixels: Pixels, status: str) -> None:
        """See :meth:`Shown.show`."""
        pygame, size = self._pygame, (pixels.shape[1], pixels.shape[0])
        if self._size != size:
            try:
                pygame.display.set_mode(size, pygame.SCALED | pygame.RESIZABLE)
            except pygame.error as error:
                raise InputError(f"No window can be opened ({error}): give --to page.") from error
            self._size = size
        pygame.display.get_surface().blit(pygame.image.frombuffer(pixels.tobytes(), size, "RGB"), (0, 0))
        pygame.display.set_caption(f"Stylespace  {status}")
        pygame.display.flip()

    def keys(self) -> list[str]:
        """See :meth:`Shown.keys`."""
        pygame = self._pygame
        found = []
        for event in pygame.event.get() if self._size else ():
            if event.type == pygame.QUIT:
                found.append(QUIT)
            elif event.type == pygame.KEYDOWN:
                found.append(QUIT if event.key == pygame.K_ESCAPE else pygame.key.name(event.key))
        return found

    def close(self) -> None:
        """See :meth:`Shown.close`."""
        self._pygame.display.quit()


class VirtualCamera(Shown):
    """A camera that other programs can choose, by pyvirtualcam (with OBS's, v4l2loopback's or another driver)."""

    def __init__(self, rate: float = 30.0) -> None:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise MissingExtraError("A virtual camera wants pyvirtualcam: pip install 'stylespace[live]'.") from error
        self._module: Any = pyvirtualcam
        self._camera: Any = None
        self.rate, self.where = rate, "a virtual camera"

    def show(self, pixels: Pixels, status: str) -> None:
        """See :meth:`Shown.show`."""
        if self._camera is None:
            try:
                self._camera = self._module.Camera(width=pixels.shape[1], height=pixels.shape[0], fps=self.rate)
            except (RuntimeError, ValueError) as error:
                raise InputError(
                    f"No virtual camera can be opened ({error}): install OBS, or v4l2loopback on Linux; or give --to page."
                ) from error
        self._camera.send(pixels)

    def keys(self) -> list[str]:
        """None: it has no keyboard."""
        return []

    def close(self) -> None:
        """See :meth:`Shown.close`."""
        if self._camera is not None:
            self._camera.close()


class Page(Shown):
    """A page on this computer alone (127.0.0.1): frames as motion JPEG, keys from the browser. ``port`` 0: any that is free.

    Its address holds a secret, so that other pages cannot look.
    """

    def __init__(self, port: int = 0) -> None:
        self._keys: queue.Queue[str] = queue.Queue(100)
        self._ready = threading.Condition()
        self._jpeg, self._status, self._number, self._closed = b"", "", 0, False
        secret = secrets.token_urlsafe(9)
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self, secret))
        except (OSError, OverflowError) as error:
            raise InputError(f"Port {port} cannot be opened ({error}): give another --port.") from error
        self._server.daemon_threads = True
        self.where = f"http://127.0.0.1:{self._server.server_address[1]}/{secret}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def show(self, pixels: Pixels, status: str) -> None:
        """See :meth:`Shown.show`."""
        from PIL import Image

        held = io.BytesIO()
        Image.fromarray(pixels).save(held, "JPEG", quality=QUALITY)
        with self._ready:
            self._jpeg, self._status, self._number = held.getvalue(), status, self._number + 1
            self._ready.notify_all()

    def keys(self) -> list[str]:
        """See :meth:`Shown.keys`."""
        found = []
        while not self._keys.empty():
            found.append(self._keys.get())
        return found

    def close(self) -> None:
        """See :meth:`Shown.close`."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def newer(self, number: int) -> tuple[int, bytes] | None:
        """The newest frame after the ``number``-th, once there is one; None at the end."""
        with self._ready:
            self._ready.wait_for(lambda: self._number > number or self._closed)
            return None if self._closed else (self._number, self._jpeg)

    def press(self, key: str) -> None:
        """A key was pressed in the browser."""
        if not self._keys.full():
            self._keys.put(key[:8])

    @property
    def status(self) -> str:
        """The line beside the frame."""
        return self._status


def _handler(page: Page, secret: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            path = urlsplit(self.path)
            what = path.path.removeprefix(f"/{secret}/")
            if what == path.path:
                self.send_error(404)
            elif what == "":
                self._send(HTML.encode(), "text/html; charset=utf-8")
            elif what == "status":
                self._send(page.status.encode(), "text/plain; charset=utf-8")
            elif what == "frames":
                self._stream()
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            path = urlsplit(self.path)
            if path.path != f"/{secret}/key":
                self.send_error(404)
                return
            page.press(parse_qs(path.query).get("k", [""])[0])
            self._send(b"", "text/plain")

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            number = 0
            try:
                while (newest := page.newer(number)) is not None:
                    number, jpeg = newest
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:
                return  # the browser has gone

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 (its name in the standard library)
            """Say nothing."""

    return Handler


HTML = """<!doctype html><meta charset="utf-8"><title>Stylespace live</title>
<style>
body { margin: 0; background: #111; color: #ddd; font: 15px/1.5 system-ui, sans-serif; text-align: center }
img { display: block; margin: 0 auto; max-width: 100vw; max-height: calc(100vh - 4.5em); min-height: 50vh; object-fit: contain }
p { margin: .2em } kbd { background: #333; border-radius: 3px; padding: 0 .4em }
</style>
<img src="frames" alt="The redrawn picture"><p id="status" role="status"></p>
<p><kbd>1</kbd>–<kbd>9</kbd> a style · <kbd>←</kbd> <kbd>→</kbd> the one before, the next ·
<kbd>↑</kbd> <kbd>↓</kbd> mix more or less of the next ·
<kbd>[</kbd> <kbd>]</kbd> strength · <kbd>space</kbd> the photo · <kbd>q</kbd> end</p>
<script>
const names = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", " ": "space", Escape: "q" };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = names[event.key] || event.key;
  if (names[event.key]) event.preventDefault();
  if (key.length < 9) fetch("key?k=" + encodeURIComponent(key), { method: "POST" });
});
setInterval(async () => { document.getElementById("status").textContent = await (await fetch("status")).text() }, 500);
</script>
"""
