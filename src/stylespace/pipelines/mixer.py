"""Keys that mix styles while frames come, eased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

EASE = 0.6  # seconds from one mix to the next
STEP = 0.1


class Mixer:
    """A mix of ``styles`` that keys change; it stands where a track would (:class:`stylespace.pipelines.track.Track`).

    ``0`` to ``9``: the style of this number (0 is the tenth). ``left``, ``right``: the one before, the next. ``up``, ``down``: a tenth
    more or less of another style in the mix: the first ``up`` after a style was chosen brings in the next one. ``[``, ``]``: strength.
    ``space``: the photo itself, and back.
    """

    def __init__(self, styles: Sequence[str], begin: Mapping[str, float], strength: float = 1.0) -> None:
        self.names = list(styles)
        total = sum(begin.values())
        self._wanted = {name: weight / total for name, weight in begin.items() if weight > 0}
        self._from = dict(self._wanted)
        self._since = -EASE
        self._chosen = self.names.index(max(self._wanted, key=lambda name: self._wanted[name]))
        self._strength, self._plain = strength, False

    @property
    def changes(self) -> bool:
        """True."""
        return True

    @property
    def strength(self) -> float:
        """From 0, the photo, to 1."""
        return 0.0 if self._plain else self._strength

    @property
    def styles(self) -> dict[str, float]:
        """Those that take part."""
        return dict(self._wanted)

    def at(self, seconds: float) -> dict[str, float]:
        """The mix at a moment; shares that sum to 1."""
        share = min(1.0, max(0.0, (seconds - self._since) / EASE))
        share = share * share * (3 - 2 * share)
        mixed = {
            name: (1 - share) * self._from.get(name, 0.0) + share * self._wanted.get(name, 0.0)
            for name in {**self._from, **self._wanted}
        }
        return {name: weight for name, weight in mixed.items() if weight > 0}

    def press(self, key: str, seconds: float) -> None:
        """A key at a moment; others are passed over."""
        if key.isdecimal() and len(key) == 1:
            self._choose((int(key) - 1) % 10, seconds)
        elif key in ("left", "right"):
            self._choose((self._chosen + (1 if key == "right" else -1)) % len(self.names), seconds)
        elif key in ("up", "down"):
            self._lean(STEP if key == "up" else -STEP, seconds)
        elif key in ("[", "]"):
            self._strength = min(1.0, max(0.0, round(self._strength + (STEP if key == "]" else -STEP), 3)))
        elif key == "space":
            self._plain = not self._plain

    def status(self) -> str:
        """The mix in words."""
        mix = " + ".join(f"{name} {weight:.0%}" if weight < 1 else name for name, weight in self._wanted.items())
        return f"{mix}, strength {self.strength:.0%}" if self.strength < 1 else mix

    def _choose(self, number: int, seconds: float) -> None:
        if number < len(self.names):
            self._chosen = number
            self._ease({self.names[number]: 1.0}, seconds)

    def _lean(self, step: float, seconds: float) -> None:
        """More or less of a second style beside the chosen one."""
        chosen = self.names[self._chosen]
        others = [name for name in self._wanted if name != chosen] or [self.names[(self._chosen + 1) % len(self.names)]]
        if others[0] == chosen:
            return
        share = min(1.0, max(0.0, round(1 - self._wanted.get(chosen, 0.0) + step, 3)))
        rest = sum(self._wanted.get(name, 0.0) for name in others)
        parts = {name: self._wanted.get(name, 0.0) / rest if rest else 1 / len(others) for name in others}
        mix = {chosen: 1 - share} | {name: share * part for name, part in parts.items()}
        self._ease({name: weight for name, weight in mix.items() if weight > 0} or {chosen: 1.0}, seconds)

    def _ease(self, mix: dict[str, float], seconds: float) -> None:
        self._from, self._wanted, self._since = self.at(seconds), mix, seconds
