"""What a film is made of: frames with their times, and what holds for all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylespace.errors import InputError

Pixels = np.ndarray[Any, np.dtype[Any]]  # (H, W, 3 or 4), uint8 or uint16, sRGB as coded, alpha straight


@dataclass(frozen=True)
class Info:
    """What holds for a whole film.

    ``size`` (h, w) as it is shown, turned already. ``rate``: frames a second on average. ``time_base``: seconds a tick. ``bits`` a channel
    of the source. ``matrix``: of its colour differences as H.273 numbers it (1 BT.709, 5 and 6 BT.601, 9 BT.2020); ``full``: whether
    black is 0, not 16; ``transfer`` and ``primaries`` likewise numbered, 2 where unsaid. ``aspect``: of a pixel. ``count``: frames, where
    known. ``repeats``: whether an animation begins again at its end.
    """

    size: tuple[int, int]
    rate: Fraction = Fraction(24)
    time_base: Fraction = Fraction(1, 24000)
    bits: int = 8
    alpha: bool = False
    matrix: int = 1
    full: bool = False
    transfer: int = 2
    primaries: int = 2
    aspect: Fraction = Fraction(1)
    count: int | None = None
    repeats: bool = False


@dataclass(frozen=True)
class Frame:
    """One picture of a film: ``ticks`` from the film's beginning, in its ``time_base``; ``duration`` in ticks, 0 where unknown.

    ``repaired``: the file's own frame is broken, and this one was made from its neighbours.
    """

    pixels: Pixels
    ticks: int
    duration: int = 0
    repaired: bool = False

    @property
    def tensor(self) -> Tensor:
        """Its colours, (1, 3, H, W) in [0, 1]."""
        return as_tensor(self.pixels[..., :3])


@dataclass(frozen=True)
class Span:
    """Which frames of a film: from ``start`` to before ``end`` in seconds, of those each ``every``-th."""

    start: float = 0.0
    end: float | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if self.start < 0 or (self.end is not None and self.end <= self.start):
            raise InputError(f"From {self.start:g} s to {self.end} s is no part of a film: let the end be later than the start.")
        if self.every < 1:
            raise InputError(f"Every {self.every}th frame cannot be taken: give 1 or more.")


@dataclass
class Film(ABC):
    """A film that is read frame by frame, again from its beginning at each :meth:`frames`.

    ``repaired``: seconds at which the latest reading met broken frames. ``audio``: the file that its sound is in. ``once``: it can be read
    once only.
    """

    name: str
    span: Span = field(default_factory=Span)
    repaired: list[float] = field(default_factory=list)
    audio: Path | None = None
    once: bool = False

    @property
    @abstractmethod
    def info(self) -> Info:
        """What holds for all frames."""

    @abstractmethod
    def frames(self, skip: int = 0) -> Iterator[Frame]:
        """The frames of the span, in order of time, without the first ``skip``. Raises ``PictureError``."""

    def taken(self, number: int, seconds: Fraction) -> bool | None:
        """Whether the frame at ``seconds`` belongs to the span, the ``number``-th since its start; None: neither it nor any after."""
        if self.span.end is not None and seconds >= Fraction(self.span.end):
            return None
        return seconds >= Fraction(self.span.start) - Fraction(1, 10**6) and number % self.span.every == 0


def as_tensor(pixels: Pixels) -> Tensor:
    """Pixels (H, W, C) as (1, C, H, W) in [0, 1]."""
    largest = 65535 if pixels.dtype == np.uint16 else 255
    made = torch.empty(1, pixels.shape[2], *pixels.shape[:2])  # torch's own memory: products of others may round otherwise
    made[0] = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)
    return made.mul_(1 / largest)


def as_pixels(picture: Tensor, bits: int = 8, alpha: Pixels | None = None) -> Pixels:
    """(1, 3, H, W) in [0, 1] as pixels of 8 or 16 bits, with ``alpha`` (H, W, 1) where there is one."""
    kind, largest = (np.uint16, 65535) if bits > 8 else (np.uint8, 255)
    rows = picture[0].detach().permute(1, 2, 0)
    found = (rows.clamp(0, 1) * largest + 0.5).cpu().numpy().astype(kind)
    return found if alpha is None else np.concatenate([found, at_depth(alpha, bits)], 2)


def at_depth(pixels: Pixels, bits: int) -> Pixels:
    """Pixels of 8 or 16 bits as pixels of the other depth where ``bits`` says so."""
    if pixels.dtype == np.uint8 and bits > 8:
        return pixels.astype(np.uint16) * 257
    if pixels.dtype == np.uint16 and bits <= 8:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return pixels
