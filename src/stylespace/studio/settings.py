"""What a studio is started with."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from stylespace.errors import InputError

PORT = 8765
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}")


@dataclass(frozen=True)
class StudioSettings:
    """``folder``: where results, jobs and paintings are kept. ``host``: the address listened at; beyond loopback a ``token`` is needed.

    ``hosts``: further names under which browsers may call the server. ``max_bytes``, ``max_pixels``: of one upload. ``decode_seconds``,
    ``decode_bytes``: time and memory that decoding an upload may take. ``film_bytes``: of an upload with a film or many pictures;
    ``job_bytes``: memory that a film's job may take. ``keep_seconds``, ``keep_bytes``: age and total size above which
    results are deleted, oldest first; with more bytes in their files no jobs are taken. ``waiting``: pictures that may wait to be painted;
    ``jobs``: jobs that may wait; ``tables``: visitors who may mix, ``calls``: calls that may be open at once.
    """

    folder: Path = field(default_factory=lambda: Path(platformdirs.user_data_dir("stylespace")) / "studio")
    network: str = "classics"
    host: str = LOOPBACK[0]
    port: int = PORT
    token: str | None = None
    hosts: tuple[str, ...] = ()
    device: str = "auto"
    threads: int | None = None
    max_bytes: int = 64 << 20
    max_pixels: int = 40_000_000
    decode_seconds: float = 20.0
    decode_bytes: int = 3 << 30
    keep_seconds: float = 24 * 3600.0
    keep_bytes: int = 4 << 30
    film_bytes: int = 1 << 30
    job_bytes: int = 16 << 30
    waiting: int = 16
    jobs: int = 32
    tables: int = 32
    calls: int = 256

    def __post_init__(self) -> None:
        if not self.is_local and not self.token:
            raise InputError(f"Listening at {self.host} lets other machines in: give a token, or leave --host out.")
        if self.token is not None and not TOKEN.fullmatch(self.token):
            raise InputError("The token cannot be used: give 16 or more letters, digits, - and _.")
        if self.host in ("0.0.0.0", "::") and not self.hosts:
            raise InputError(
                f"Listening at {self.host} needs the name that browsers call this machine by: give --allow-host NAME."
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def names(self) -> frozenset[str]:
        """Host names under which the server may be called."""
        return frozenset(name.lower() for name in (*LOOPBACK, self.host, *self.hosts))
