"""What is kept of the frame before, moved along with the picture: networks redraw each frame, and this holds them still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import InputError
from stylespace.film.frame import Pixels
from stylespace.video.extra import opencv
from stylespace.video.flow import Estimator, Match, warped

STEADY = ("off", "fast", "best")


@dataclass(frozen=True)
class How:
    """``keep``: share of the frame before where flow is trusted; ``long_side`` and ``preset`` of the flow."""

    keep: float
    long_side: int
    preset: int


FINE, AROUND = 1.5, 5.0  # pixels: what is detail, and the neighbourhood in which its energy is measured
GAIN = (0.8, 2.5)
HOW = {"fast": How(0.93, 320, 1), "best": How(0.95, 640, 2)}  # our choice; benchmarks/video.py measures it


def check_steady(steady: str) -> None:
    """Raise ``InputError`` for another word than ``STEADY``."""
    if steady not in STEADY:
        raise InputError(f"Steadiness '{steady}' is unknown: choose among {', '.join(STEADY)}.")


def sharpened(mixed: Pixels, like: Pixels) -> Pixels:
    """``mixed`` with as much detail, place by place, as ``like`` has; both (H, W, 3) float32.

    A mean of two textures that do not agree has less contrast than each. So what is finer than a few pixels is enlarged until its energy
    around each place is that of ``like`` (variance-preserving blending: Heitz & Neyret 2018, "By-Example Noise").
    """
    cv2 = opencv()
    high, wide = mixed.shape[:2]
    coarse = cv2.GaussianBlur(mixed, (0, 0), FINE)
    detail = cv2.subtract(mixed, coarse)
    half = (max(1, wide // 2), max(1, high // 2))  # energies are smooth
    has, wants = (_energy(fine, half) for fine in (detail, cv2.subtract(like, cv2.GaussianBlur(like, (0, 0), FINE))))
    gain = cv2.resize(cv2.sqrt(cv2.divide(wants, has)).clip(*GAIN), (wide, high), interpolation=cv2.INTER_LINEAR)
    made: Pixels = cv2.add(coarse, cv2.multiply(detail, cv2.merge([gain] * 3)))
    return made


def _energy(detail: Pixels, half: tuple[int, int]) -> Pixels:
    """Around each place, at ``half`` (w, h) the size."""
    cv2 = opencv()
    grey = cv2.cvtColor(detail, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(cv2.multiply(grey, grey), half, interpolation=cv2.INTER_AREA)
    made: Pixels = cv2.GaussianBlur(small, (0, 0), AROUND / 2) + np.float32(3e-5)
    return made


class Steadier:
    """Blends each redrawn frame with the one before, warped to where things are now.

    Every result is a mean of redrawn frames only, each counted with what is left of ``keep`` by then; so it cannot drift away from
    them, however long a film is. Cubic interpolation keeps what is warped again and again sharp, :func:`sharpened` what is averaged.
    """

    def __init__(self, steady: str = "fast") -> None:
        self.how = HOW[steady]
        self.flow = Estimator(self.how.long_side, self.how.preset)
        self.last: Pixels | None = None  # the latest result, (H, W, 3) float32

    def cut(self) -> None:
        """The next frame begins a shot."""
        self.flow.restart()
        self.last = None

    def moved(self, photo: Pixels) -> tuple[Pixels, Match] | None:
        """The latest result, warped to this ``photo`` (H, W, 3), and where it holds; None where there is none."""
        match = self.flow.next(photo)
        if match is None or self.last is None or self.last.shape[:2] != match.trust.shape:
            return None
        return warped(self.last, match.flow, sharp=True), match

    def next(self, photo: Pixels, made: Tensor, hold: float = 1.0) -> Tensor:
        """``made`` (1, 3, H, W) of ``photo`` (H, W, 3), held still. ``hold``: less of the frame before where something is to change."""
        return self.blend(self.moved(photo), made, hold)

    def blend(self, before: tuple[Pixels, Match] | None, made: Tensor, hold: float = 1.0) -> Tensor:
        """``made`` (1, 3, H, W) with what :meth:`moved` gave."""
        new: Pixels = made[0].permute(1, 2, 0).contiguous().numpy()
        if before is not None:
            old, match = before
            cv2 = opencv()
            share = cv2.merge([match.trust * np.float32(self.how.keep * hold)] * 3)
            new = sharpened(cv2.add(new, cv2.multiply(share, cv2.subtract(old.clip(0, 1), new))), new)
        self.last = new
        return torch.from_numpy(np.ascontiguousarray(new.transpose(2, 0, 1)))[None]

    def state(self) -> dict[str, Tensor]:
        """What the next frame depends on."""
        own = {} if self.last is None else {"last": torch.from_numpy(self.last)}
        return own | self.flow.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        self.last = state["last"].numpy() if "last" in state else None
        self.flow.restore(state)
