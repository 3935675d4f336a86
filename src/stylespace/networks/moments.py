"""Means and variances of a network's normalisations: measured, shared between the frames of a film, or averaged as frames come.

An instance normalisation divides every frame by its own deviation. What moves into the picture then changes the colours of all that
stands still. With one mean and variance for all frames of a shot every place is redrawn by what is around it alone. Nothing in a body
has to be prepared for this: what its normalisations ask of torch (``torch.var_mean`` over positions) is answered here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

POSITIONS = (2, 3)


@dataclass(frozen=True)
class Moments:
    """Mean and variance of each normalisation of a network, in order, each (1, C, 1, 1)."""

    means: tuple[Tensor, ...]
    variances: tuple[Tensor, ...]

    @classmethod
    def pooled(cls, several: Sequence[Moments], weights: Sequence[float] | None = None) -> Moments:
        """Those of all frames' positions together. ``weights``: what each of ``several`` counts."""
        shares = torch.tensor(weights or [1.0] * len(several), dtype=torch.float64)
        shares = shares / shares.sum()
        means, variances = [], []
        for number in range(len(several[0].means)):
            own = torch.stack([each.means[number].double().cpu() for each in several])
            spread = torch.stack([each.variances[number].double().cpu() for each in several])
            by = shares.view(-1, *[1] * (own.ndim - 1))
            mean = (by * own).sum(0)
            means.append(mean.to(several[0].means[number]))
            variances.append((by * (spread + (own - mean).square())).sum(0).to(several[0].variances[number]))
        return cls(tuple(means), tuple(variances))

    def tensors(self) -> dict[str, Tensor]:
        """By name, to be kept in a file."""
        named = {f"{number} mean": mean for number, mean in enumerate(self.means)}
        return named | {f"{number} variance": variance for number, variance in enumerate(self.variances)}

    @classmethod
    def of(cls, tensors: dict[str, Tensor]) -> Moments:
        """What :meth:`tensors` gave."""
        count = len(tensors) // 2
        return cls(
            tuple(tensors[f"{number} mean"] for number in range(count)),
            tuple(tensors[f"{number} variance"] for number in range(count)),
        )


class _Answers(TorchFunctionMode, ABC):
    """Stands between normalisations and torch."""

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        if function is torch.var_mean and tuple(arguments[1]) == POSITIONS:
            return self.answer(function, arguments, named or {})
        return function(*arguments, **(named or {}))

    @abstractmethod
    def answer(self, function: Any, arguments: Any, named: Any) -> tuple[Tensor, Tensor]:
        """Variance and mean, (N, C, 1, 1)."""


class _Measuring(_Answers):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[Tensor, Tensor]] = []

    def answer(self, function: Any, arguments: Any, named: Any) -> tuple[Tensor, Tensor]:
        variance, mean = function(*arguments, **named)
        self.found.append((variance, mean))
        return variance, mean


class _Fixed(_Answers):
    def __init__(self, moments: Moments) -> None:
        super().__init__()
        self.moments, self.number = moments, 0

    def answer(self, function: Any, arguments: Any, named: Any) -> tuple[Tensor, Tensor]:
        number = self.number
        self.number += 1
        return self.moments.variances[number], self.moments.means[number]


@contextmanager
def measured() -> Iterator[list[Moments]]:
    """While it lasts what one pass of a network measures of one picture is noted: the list holds it afterwards."""
    made: list[Moments] = []
    with torch.no_grad(), _Measuring() as noted:
        yield made
    made.append(Moments(tuple(mean for _, mean in noted.found), tuple(variance for variance, _ in noted.found)))


@contextmanager
def fixed(moments: Moments | None) -> Iterator[None]:
    """While it lasts one pass of a network takes ``moments`` instead of measuring; None: it measures."""
    if moments is None:
        yield
        return
    with _Fixed(moments):
        yield


class Running:
    """Averages over the frames so far, for films that are not known in advance: each frame counts ``share`` of the new average.

    ``restart`` where another shot begins.
    """

    def __init__(self, share: float = 0.05) -> None:
        self.share = share
        self.moments: Moments | None = None

    def restart(self) -> None:
        """The next frame begins anew."""
        self.moments = None

    @contextmanager
    def next(self) -> Iterator[None]:
        """Around one pass of a network over the next frame: it takes the average that the frame is part of."""
        mode = _Averaging(self.moments, self.share)
        with mode:
            yield
        self.moments = Moments(tuple(mean for _, mean in mode.made), tuple(variance for variance, _ in mode.made))


class _Averaging(_Answers):
    def __init__(self, before: Moments | None, share: float) -> None:
        super().__init__()
        self.before, self.share = before, share
        self.made: list[tuple[Tensor, Tensor]] = []

    def answer(self, function: Any, arguments: Any, named: Any) -> tuple[Tensor, Tensor]:
        variance, mean = function(*arguments, **named)
        if self.before is not None:
            number = len(self.made)
            old = self.before.means[number]
            joint = old.lerp(mean, self.share)
            old_spread = self.before.variances[number] + (old - joint).square()
            variance, mean = old_spread.lerp(variance + (mean - joint).square(), self.share), joint
        self.made.append((variance, mean))
        return variance, mean
