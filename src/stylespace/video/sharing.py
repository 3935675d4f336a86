"""Means and variances of a network that the frames of a shot share, gathered in a first pass over the film."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping

from torch import Tensor

from stylespace.networks.moments import Moments

EVERY = 8  # frames of which one is measured
MOST = 64  # measured frames of a shot; more are thinned out, and fewer measured from then on
NEAR = 12.0  # frames within which measured ones count, where styles change during the shot


class Sharing:
    """``changing``: styles change over time, so that a shot has no one mean: near frames count more."""

    def __init__(self, changing: bool = False) -> None:
        self.changing = changing
        self.firsts: list[int] = []
        self.samples: list[list[tuple[int, Moments]]] = []
        self._every = EVERY
        self._pooled: dict[int, Moments] = {}

    def cut(self, number: int) -> None:
        """A shot begins at the frame of this number."""
        self.firsts.append(number)
        self.samples.append([])
        self._every = EVERY // 2 if self.changing else EVERY

    def wants(self, number: int) -> bool:
        """Whether this frame of the latest shot is to be measured."""
        return (number - self.firsts[-1]) % self._every == 0

    def add(self, number: int, moments: Moments) -> None:
        """What was measured."""
        samples = self.samples[-1]
        samples.append((number, moments))
        if len(samples) > MOST and not self.changing:
            del samples[1::2]
            self._every *= 2

    def close(self, joined: bool) -> None:
        """The film has been seen. ``joined``: it begins again at its end without a cut, so that its ends are one shot."""
        if joined and len(self.samples) > 1:
            both = self.samples[0] + self.samples[-1]
            self.samples[0], self.samples[-1] = both, both

    def at(self, number: int) -> Moments | None:
        """What holds for a frame; None of a network that measures nothing."""
        shot = max(0, bisect.bisect_right(self.firsts, number) - 1)
        samples = self.samples[shot]
        if not samples or not samples[0][1].means:
            return None
        if self.changing:
            weights = [math.exp(-(((number - at) / NEAR) ** 2)) + 1e-12 for at, _ in samples]
            near = [(w, m) for w, (_, m) in zip(weights, samples, strict=True) if w > 1e-4 * max(weights)]
            return Moments.pooled([m for _, m in near], [w for w, _ in near])
        if shot not in self._pooled:
            self._pooled = {shot: Moments.pooled([moments for _, moments in samples])}
        return self._pooled[shot]

    def tensors(self) -> dict[str, Tensor]:
        """To be kept in a file."""
        return {
            f"{shot}/{number}/{name}": tensor
            for shot, samples in enumerate(self.samples)
            for number, moments in samples
            for name, tensor in moments.tensors().items()
        }

    @classmethod
    def of(cls, firsts: list[int], tensors: Mapping[str, Tensor], changing: bool) -> Sharing:
        """What :attr:`firsts` and :meth:`tensors` gave."""
        made = cls(changing)
        made.firsts, made.samples = list(firsts), [[] for _ in firsts]
        groups: dict[tuple[int, int], dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            at, of, name = key.split("/")
            groups.setdefault((int(at), int(of)), {})[name] = tensor
        for (shot, number), group in sorted(groups.items()):
            made.samples[shot].append((number, Moments.of(group)))
        return made
