"""Which iterate is the result: the one of smallest loss, a moving average, or the last."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from stylespace.errors import InputError

KEEPS = ("best", "average", "last")


class Keeper:
    """Collects iterates and returns the one to keep.

    ``best``: smallest total loss seen (the course project). ``average``: bias-corrected exponential moving average with
    ``decay`` (style-transfer-pytorch). ``last``: where the solver stopped.
    """

    def __init__(self, keep: str, decay: float = 0.99) -> None:
        if keep not in KEEPS:
            raise InputError(f"Cannot keep '{keep}': choose among {', '.join(KEEPS)}.")
        self.keep, self.decay = keep, decay
        self.loss = float("inf")
        self._kept: Tensor | None = None
        self._weight = 0.0

    def offer(self, picture: Tensor, loss: float) -> None:
        """Consider an iterate (1, 3, H, W) with its total loss."""
        picture = picture.detach()
        if self.keep == "average":
            self._weight = self.decay * self._weight + (1 - self.decay)
            self._kept = picture.clone() if self._kept is None else self._kept.lerp_(picture, (1 - self.decay) / self._weight)
        elif self.keep == "last" or loss < self.loss:
            self._kept = picture.clone() if self._kept is None else self._kept.copy_(picture)
        self.loss = min(self.loss, loss)

    def packed(self) -> tuple[dict[str, float], dict[str, Tensor]]:
        """The state, for :meth:`restore`."""
        numbers = {"loss": self.loss, "weight": self._weight}
        return numbers, {} if self._kept is None else {"kept": self._kept}

    def restore(self, numbers: Mapping[str, float], tensors: Mapping[str, Tensor]) -> None:
        """Continue with the state of another keeper."""
        self.loss, self._weight = numbers["loss"], numbers["weight"]
        self._kept = tensors["kept"].clone() if "kept" in tensors else None

    def picture(self) -> Tensor | None:
        """The iterate kept so far, or None before the first."""
        return None if self._kept is None else self._kept.clone()
