"""Which style each picture gets: drawn by the seed and the picture's content, wherever and whenever it is redrawn."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from stylespace.errors import InputError

HOW = ("one", "mix", "all")


@dataclass(frozen=True)
class Choice:
    """A style that pictures may get. ``given``: a network's name for it, or a file; ``sha256``: of that file."""

    name: str
    weight: float = 1.0
    sha256: str = ""

    @property
    def label(self) -> str:
        """What it is known by, wherever its file lies."""
        return self.sha256 or self.name


@dataclass(frozen=True)
class Draw:
    """``how``: ``one`` style a picture, as often as its weight says; ``mix``: ``count`` different ones with weights drawn, too; ``all``
    in their given weights."""

    choices: tuple[Choice, ...]
    seed: int = 0
    how: str = "one"
    count: int = 2

    def __post_init__(self) -> None:
        if self.how not in HOW:
            raise InputError(f"Styles cannot be drawn as '{self.how}': choose among {', '.join(HOW)}.")
        if not self.choices:
            raise InputError("No style is given: give at least one.")
        for choice in self.choices:
            if not 0 < choice.weight < math.inf:
                raise InputError(f"The weight of '{choice.name}' is {choice.weight}: give more than 0.")
        if not 1 <= self.count <= len(self.choices) and self.how == "mix":
            raise InputError(f"A mix of {self.count} styles cannot be drawn from {len(self.choices)}.")

    def of(self, content: str, version: int) -> list[tuple[Choice, float]]:
        """The styles of a picture with the checksum ``content``, with weights that sum to 1.

        Every style runs for an exponential time by its weight and its own numbers; the first win (Efraimidis & Spirakis 2006,
        doi:10.1016/j.ipl.2005.11.003). So neither the order of styles nor those of other pictures matter, and of pictures that had other
        styles only those change that a new style wins.
        """
        if self.how == "all":
            total = sum(choice.weight for choice in self.choices)
            return [(choice, round(choice.weight / total, 4)) for choice in self.choices]
        runs = [(_numbers(f"{self.seed}/{content}/{version}/{choice.label}"), choice) for choice in self.choices]
        ranked = sorted(runs, key=lambda run: (-math.log(run[0][0]) / run[1].weight, run[1].label))
        if self.how == "one" or self.count == 1:
            return [(ranked[0][1], 1.0)]
        chosen = [(choice, -math.log(numbers[1])) for numbers, choice in ranked[: self.count]]
        total = sum(weight for _, weight in chosen)
        return [(choice, max(0.0001, round(weight / total, 4))) for choice, weight in chosen]  # uniform over all mixes


def merged(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Each style once, with its weights summed; in an order that does not depend on the given one."""
    found: dict[str, Choice] = {}
    for choice in choices:
        weight = found[choice.label].weight if choice.label in found else 0.0
        found[choice.label] = Choice(found.get(choice.label, choice).name, weight + choice.weight, choice.sha256)
    return tuple(found[label] for label in sorted(found))


def _numbers(text: str) -> tuple[float, float]:
    """Two numbers in (0, 1)."""
    digest = hashlib.sha256(text.encode()).digest()
    first, second = (int.from_bytes(digest[i : i + 8], "big") >> 11 for i in (0, 8))
    return (first + 0.5) / 2**53, (second + 0.5) / 2**53
