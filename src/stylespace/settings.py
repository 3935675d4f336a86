"""Fields of settings that explain themselves: the command line makes an option of each."""

from __future__ import annotations

import math
from dataclasses import Field, field, fields
from typing import Any, get_args, get_origin, get_type_hints

from stylespace.errors import InputError

_WORDS = ("yes", "true", "no", "false")
OURS = "ours: tuned by eye (docs/defaults.md)"


def option(default: Any, text: str, choices: tuple[str, ...] = (), source: str = OURS) -> Any:
    """A dataclass field with ``help``, ``choices`` and the ``source`` of its default as metadata."""
    metadata = {"help": text, "choices": choices, "source": source}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def kinds(settings: type) -> dict[str, Any]:
    """The type of each field of a settings dataclass."""
    hints = get_type_hints(settings)
    return {f.name: hints[f.name] for f in fields(settings)}


def parsed(settings: type, name: str, text: str) -> Any:
    """``text`` as a value of the field ``name``: ``0.5``, ``none``, ``yes``, ``128,256,512``, one of the choices.

    Raises ``InputError`` when there is no such field or the text is not such a value.
    """
    known: dict[str, Field[Any]] = {f.name: f for f in fields(settings)}
    if name not in known:
        raise InputError(f"There is no setting '{name}': choose among {', '.join(sorted(known))}.")
    kind, choices = kinds(settings)[name], known[name].metadata["choices"]
    if choices and text not in choices:
        raise InputError(f"{name} cannot be '{text}': choose among {', '.join(choices)}.")
    if type(None) in get_args(kind) and text.strip().lower() == "none":
        return None
    try:
        return _value(kind, text)
    except (ValueError, OverflowError):
        raise InputError(f"{name} cannot be '{text}': {wanted(kind)} is wanted.") from None


def wanted(kind: Any) -> str:
    """What text a field of this type takes, in words."""
    if get_origin(kind) is tuple:
        return "a list of whole numbers such as 128,256,512"
    if type(None) in get_args(kind):
        return wanted(get_args(kind)[0]) + " or none"
    return {int: "a whole number", float: "a number", bool: "yes or no"}.get(kind, "text")


def shown(value: Any) -> str:
    """A value as one would type it; nothing for an empty list."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple | list):
        return ",".join(shown(item) for item in value)
    if isinstance(value, dict):
        return ",".join(f"{key}={shown(item)}" for key, item in value.items())
    return str(value)


def _value(kind: Any, text: str) -> Any:
    if get_origin(kind) is tuple:
        return tuple(int(part) for part in text.split(",") if part.strip())
    if type(None) in get_args(kind):
        return _value(get_args(kind)[0], text)
    if kind is bool:
        return _WORDS.index(text.lower()) < 2
    if kind is float and not math.isfinite(float(text)):
        raise ValueError
    return kind(text) if kind in (int, float) else text
