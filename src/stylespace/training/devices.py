"""One process, or several that share the work of a step: a part of the batch each, gradients summed (Hugging Face Accelerate)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from stylespace.errors import InputError, MissingExtraError

T = TypeVar("T")


@dataclass(frozen=True)
class Devices:
    """This process's ``number`` of ``count``, and its ``device``. All processes draw the same random numbers; each computes its part."""

    device: torch.device = torch.device("cpu")
    number: int = 0
    count: int = 1
    accelerator: Any = None

    @classmethod
    def found(cls, device: torch.device) -> Devices:
        """The processes that ``accelerate launch`` or ``torchrun`` started, this one among them; alone, ``device``."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls(device)
        try:
            from accelerate import Accelerator
        except ImportError as error:
            raise MissingExtraError(
                "Training in several processes wants Accelerate: pip install 'stylespace[devices]'."
            ) from error
        accelerator = Accelerator(cpu=device.type == "cpu")
        return cls(accelerator.device, accelerator.process_index, accelerator.num_processes, accelerator)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.number == 0

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """The items of the batch that are this process's. Raises ``InputError`` when they cannot be shared out evenly."""
        if len(items) % self.count:
            raise InputError(f"A batch of {len(items)} cannot be shared by {self.count} processes: give a multiple with --batch.")
        share = len(items) // self.count
        return items[self.number * share : (self.number + 1) * share]

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Add up every process's gradients, in place; all in one message."""
        if self.count == 1:
            return
        wanted = [p for p in parameters if p.requires_grad]
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in wanted])
        flat = self.accelerator.reduce(flat, reduction="sum")
        for p, grad in zip(wanted, flat.split([p.numel() for p in wanted]), strict=True):
            p.grad = grad.view_as(p).clone(memory_format=torch.preserve_format)

    def gathered(self, values: Tensor) -> Tensor:
        """``values`` (n,) of all processes, in the order of the batch."""
        return values if self.count == 1 else self.accelerator.gather(values)

    def wait(self) -> None:
        """Until every process is here."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()
