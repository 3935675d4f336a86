"""The process of the one heavy job that a device does at a time."""

from __future__ import annotations

import signal
from asyncio.subprocess import Process
from contextlib import suppress

import torch

from stylespace.pipelines.run import choose_device


class Lane:
    """A device, and the ``process`` of the job ``running`` there, if any; ``paused``: it is suspended."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.process: Process | None = None
        self.running: str | None = None
        self.paused = False

    def pause(self) -> bool:
        """Suspend the process, where the system can; whether it went on until now."""
        if self.process is None or self.paused or not hasattr(signal, "SIGSTOP"):
            return False
        self.send(signal.SIGSTOP)
        self.paused = True
        return True

    def go_on(self) -> None:
        """Resume it."""
        if self.paused:
            self.send(signal.SIGCONT)
        self.paused = False

    def kill(self) -> None:
        """End it."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.kill()

    def send(self, number: int) -> None:
        """A signal to the process, if it is still there."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    def free(self) -> None:
        """The process has ended."""
        self.process = self.running = None
        self.paused = False


def devices(device: str) -> tuple[str, ...]:
    """The devices that ``device`` stands for: every CUDA device where it is ``cuda``, or ``auto`` and there is one. Raises
    ``InputError``."""
    chosen = str(choose_device(device))
    return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count())) if chosen == "cuda" else (chosen,)
