"""Runs the application."""

from __future__ import annotations

import socket
import webbrowser
from threading import Timer
from urllib.parse import quote

from stylespace.errors import InputError
from stylespace.studio.application import application
from stylespace.studio.settings import StudioSettings

AFTER = 0.5  # seconds until the browser is opened


def serve(settings: StudioSettings, *, browser: bool) -> None:
    """Serve until Ctrl-C. Raises ``InputError`` where the port is taken."""
    import uvicorn

    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise InputError(
                f"Port {settings.port} of {settings.host} cannot be used ({error.strerror}): give another --port."
            ) from error
    app = application(settings)
    if browser:
        clock = Timer(AFTER, webbrowser.open, [address(settings)])
        clock.daemon = True
        clock.start()
    uvicorn.run(
        app, host=settings.host, port=settings.port, log_level="warning", ws_max_size=settings.max_bytes, ws_max_queue=4,
        server_header=False, timeout_graceful_shutdown=2,
    )  # fmt: skip


def address(settings: StudioSettings) -> str:
    """Where the page is; with the token, which the page's first call puts into a cookie."""
    host = settings.hosts[0] if settings.host in ("0.0.0.0", "::") else settings.host
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.port}/" + (f"?token={quote(settings.token)}" if settings.token else "")
