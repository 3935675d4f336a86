"""Reports what a command was doing when it died without a message, because a library crashed, memory ran out or it was killed.

A decoder that crashes takes the whole process with it, which can then no longer report anything. A separate process for every file would
cost more than the reading. So a small shell waits at a pipe until this process has ended, and names the file that it was reading.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SCRIPT = """
trap '' INT TERM HUP QUIT
while IFS= read -r line; do last=$line; done
case $last in
  done) ;;
  '') echo 'stylespace: The process was ended from outside, or memory ran out: try a smaller --size; what was finished is saved.' >&2 ;;
  *) printf '%s\\n' "stylespace: The process ended while it read $last: a decoder crashed, or memory ran out; leave that file out." >&2 ;;
esac
"""


class Witness:
    """The witness of one process. ``wanted``: whether there should be one; only the command line sets it."""

    def __init__(self) -> None:
        self.wanted = False
        self._pipe: int | None = None
        self._of = 0  # the watched process, not its forks

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """A context in which ``name`` is being read."""
        self._tell(name)
        try:
            yield
        finally:
            self._tell("")

    def dismiss(self) -> None:
        """The process ends normally: the witness keeps silent."""
        self.wanted = False
        if self._pipe is not None and self._of == os.getpid():
            self._tell("done")
            os.close(self._pipe)
        self._pipe = None

    def _tell(self, what: str) -> None:
        if self._pipe is None and self.wanted and os.path.exists("/bin/sh"):
            self._call()
        if self._pipe is not None and self._of == os.getpid():
            with suppress(OSError):
                os.write(self._pipe, re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", what).encode("utf-8", "replace")[:1000] + b"\n")

    def _call(self) -> None:
        self.wanted = False
        end, self._pipe = os.pipe()
        self._of = os.getpid()
        with suppress(OSError):
            os.posix_spawn(
                "/bin/sh", ["sh", "-c", _SCRIPT], os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, end, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
            )  # fmt: skip
        os.close(end)


WITNESS = Witness()
