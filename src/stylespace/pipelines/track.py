"""Styles that change over time: a list of moments with the mix that is reached then, eased in between."""

from __future__ import annotations

import bisect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from stylespace.errors import InputError

EASINGS = ("smooth", "linear", "hold")
Mix = Mapping[str, float]


class Mixes(Protocol):
    """What says which mix of styles holds when; ``changes``: whether there is more than one."""

    @property
    def changes(self) -> bool:
        """Whether the mix changes."""
        ...

    def at(self, seconds: float) -> dict[str, float]:
        """Shares that sum to 1, at a moment."""
        ...


@dataclass(frozen=True)
class Key:
    """At ``seconds`` of the film the ``styles`` have these weights. ``easing``: how the next one is reached from here: ``smooth`` (slow at
    both ends), ``linear``, or ``hold``, which stays until then."""

    seconds: float
    styles: Mix
    easing: str = "smooth"


@dataclass(frozen=True)
class Track:
    """``keys`` in the order of time, one at least. Before the first and after the last their styles stay."""

    keys: tuple[Key, ...]

    def __post_init__(self) -> None:
        if not self.keys:
            raise InputError("A track wants one moment at least: give the styles of second 0.")
        times = [key.seconds for key in self.keys]
        if sorted(set(times)) != times or times[0] < 0:
            raise InputError(
                f"The moments of a track are {', '.join(f'{t:g}' for t in times)} s: let each be later than the one before."
            )
        for key in self.keys:
            weights = list(key.styles.values())
            if not weights or min(weights) < 0 or sum(weights) <= 0:
                raise InputError(f"The styles at {key.seconds:g} s have no weight: give one of them more than zero.")
            if key.easing not in EASINGS:
                raise InputError(f"The easing '{key.easing}' is unknown: choose among {', '.join(EASINGS)}.")

    @property
    def changes(self) -> bool:
        """Whether there is more than one mix."""
        return len(self.keys) > 1

    @property
    def styles(self) -> dict[str, float]:
        """Every style that takes part, with its largest share."""
        found: dict[str, float] = {}
        for key in self.keys:
            for name, weight in _shares(key.styles).items():
                found[name] = max(found.get(name, 0.0), weight)
        return found

    def at(self, seconds: float) -> dict[str, float]:
        """The mix at a moment; shares that sum to 1."""
        after = bisect.bisect_right([key.seconds for key in self.keys], seconds)
        if after in (0, len(self.keys)):
            return _shares(self.keys[max(0, after - 1)].styles)
        one, other = self.keys[after - 1], self.keys[after]
        share = (seconds - one.seconds) / (other.seconds - one.seconds)
        share = {"smooth": share * share * (3 - 2 * share), "linear": share, "hold": 0.0}[one.easing]
        first, second = _shares(one.styles), _shares(other.styles)
        mixed = {name: (1 - share) * first.get(name, 0.0) + share * second.get(name, 0.0) for name in {**first, **second}}
        return {name: weight for name, weight in mixed.items() if weight > 0}

    def as_json(self) -> dict[str, Any]:
        """As :func:`read_track` reads it."""
        return {"keys": [{"at": key.seconds, "styles": dict(key.styles), "easing": key.easing} for key in self.keys]}


def track_of(groups: Sequence[tuple[float, Mix]]) -> Track:
    """A track of moments and their mixes, eased smoothly; in any order."""
    return Track(tuple(Key(seconds, dict(styles)) for seconds, styles in sorted(groups, key=lambda group: group[0])))


def read_track(path: str | Path) -> Track:
    """A track from a file: ``{"keys": [{"at": SECONDS, "styles": {"NAME": WEIGHT, ...}, "easing": "smooth"}, ...]}``.

    Raises ``InputError`` that says what is wrong with it.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as a track ({error}): give JSON as docs/video.md describes it.") from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not keys:
        raise InputError(f'{path} has no "keys": write {{"keys": [{{"at": 0, "styles": {{"NAME": 1}}}}]}}.')
    made = []
    for key in keys:
        styles = key.get("styles") if isinstance(key, dict) else None
        if not isinstance(styles, dict) or not all(map(_is_number, [key.get("at"), *styles.values()])):
            raise InputError(f'{path} has a key {json.dumps(key)[:80]}: each wants "at" (seconds) and "styles" (name to weight).')
        made.append(Key(float(key["at"]), {str(k): float(w) for k, w in styles.items()}, str(key.get("easing", "smooth"))))
    return Track(tuple(made))


def _shares(styles: Mix) -> dict[str, float]:
    total = sum(styles.values())
    return {name: weight / total for name, weight in styles.items() if weight > 0}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
