"""Where a film cuts from one shot to the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median

import numpy as np
import torch
from torch import Tensor

from stylespace.film.frame import Pixels

CHANGE = 0.08  # mean absolute difference of two small frames, 0..1, below which no shot has ended
COLOURS = 0.3  # share of positions that changed their colour's bin, likewise
TIMES = 3.0  # so many times the usual change of late
USUAL = 12  # frames that say what is usual
SIDE = 48  # of small frames, at most


class Cuts:
    """Told one frame after another, says where another shot begins: much has changed, its colours too, and more than usual.

    A camera that moves fast changes every frame, but each about as much as the one before, and keeps its colours.
    """

    def __init__(self) -> None:
        self._small: Pixels | None = None
        self._bins = np.zeros(0)
        self._usual: deque[float] = deque(maxlen=USUAL)

    def next(self, pixels: Pixels) -> bool:
        """Whether this frame, (H, W, 3 or 4), is the first of a shot; of the first frame of all False."""
        small, last = shrunk(pixels), self._small
        bins = _bins(small)
        before, self._small, self._bins = self._bins, small, bins
        if last is None or last.shape != small.shape:
            return False
        change = float(np.abs(small - last).mean())
        colours = float(np.abs(bins - before).sum() / 2)
        usual = median(self._usual) if self._usual else 0.0
        self._usual.append(change)
        if change < CHANGE or colours < COLOURS or change < TIMES * usual:
            return False
        self._usual.clear()
        return True

    def state(self) -> dict[str, Tensor]:
        """What the next answer depends on."""
        if self._small is None:
            return {}
        usual = torch.tensor(list(self._usual), dtype=torch.float64)
        return {"small": torch.from_numpy(self._small), "bins": torch.from_numpy(self._bins), "usual": usual}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        if "small" in state:
            self._small, self._bins = state["small"].numpy(), state["bins"].numpy()
            self._usual = deque(state["usual"].tolist(), maxlen=USUAL)


def shrunk(pixels: Pixels) -> Pixels:
    """A frame at a long side of 48 pixels or fewer, means of blocks, float32 in [0, 1]."""
    step = max(1, -(-max(pixels.shape[:2]) // SIDE))
    high, wide = (max(step, side // step * step) for side in pixels.shape[:2])
    inner = max(1, step // 4)  # every fourth position of a block is enough
    kept = pixels[:high, :wide, :3]
    if min(pixels.shape[:2]) < step:
        return kept.mean((0, 1), dtype=np.float32, keepdims=True) / (65535 if pixels.dtype == np.uint16 else 255)
    blocks = kept.reshape(high // step, step, wide // step, step, 3)[:, ::inner, :, ::inner]
    made: Pixels = blocks.mean((1, 3), dtype=np.float32) / (65535 if pixels.dtype == np.uint16 else 255)
    return made


def _bins(small: Pixels) -> Pixels:
    """Shares of 4 x 4 x 4 colours."""
    number = (np.minimum(small * 4, 3).astype(np.int64) @ np.array([16, 4, 1])).ravel()
    return np.bincount(number, minlength=64) / number.size
