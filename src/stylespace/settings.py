"""How settings declare a field: default, choices, range, source, help. They are checked here; each becomes a command-line option."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cache
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from stylespace.errors import InputError

_WORDS = ("yes", "true", "no", "false")
OURS = "ours: tuned by eye (docs/defaults.md)"


def option(
    default: Any,
    text: str,
    choices: tuple[str, ...] = (),
    source: str = OURS,
    *,
    least: float = -math.inf,
    most: float = math.inf,
) -> Any:
    """A dataclass field with ``help``, ``choices`` (of a text), ``least`` and ``most`` (of a number, or of each of several) and the
    default's ``source``.
    """
    metadata = {"help": text, "choices": choices, "source": source, "least": least, "most": most}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Base of all settings. Raises ``InputError`` for a value that is not of the field's type, choices or range."""

    def __post_init__(self) -> None:
        hints = kinds(type(self))  # type: ignore[arg-type]
        for each in fields(self):
            _check(each, hints[each.name], getattr(self, each.name))


@dataclass(frozen=True)
class EncoderSettings(Settings):
    """The network whose features a method compares."""

    encoder: str = option("compact", "network whose features are compared", ("compact", "vgg16", "vgg19"))
    pooling: str = option("max", "pooling between the encoder's blocks", ("max", "average"))
    padding: str = option("reflect", "padding of the encoder's convolutions", ("reflect", "replicate", "zero", "replicate-first"))
    precision: str = option(
        "auto", "precision that the encoder computes in; auto takes bf16 where it is faster", ("auto", "fp32", "bf16")
    )


@cache
def kinds(settings: type) -> Mapping[str, Any]:
    """The type of each field of a settings dataclass."""
    hints = get_type_hints(settings)
    return MappingProxyType({f.name: hints[f.name] for f in fields(settings)})


def parsed(settings: type, name: str, text: str) -> Any:
    """``text`` as a value of the field ``name``: ``0.5``, ``none``, ``yes``, ``128,256,512``, one of the choices.

    Raises ``InputError`` when there is no such field or the text is not a value of it.
    """
    known: dict[str, Field[Any]] = {f.name: f for f in fields(settings)}
    if name not in known:
        raise InputError(f"There is no setting '{name}': choose among {', '.join(sorted(known))}.")
    kind = kinds(settings)[name]
    if type(None) in get_args(kind) and text.strip().lower() == "none":
        return None
    try:
        value = _value(kind, text)
    except (ValueError, OverflowError):
        raise InputError(f"{name} cannot be '{text}': {wanted(kind)} is expected.") from None
    _check(known[name], kind, value)
    return value


def wanted(kind: Any) -> str:
    """In words, the text that a field of this type takes."""
    if get_origin(kind) is tuple:
        return "a list of whole numbers such as 128,256,512"
    if type(None) in get_args(kind):
        return wanted(get_args(kind)[0]) + " or none"
    return {int: "a whole number", float: "a number", bool: "yes or no"}.get(kind, "text")


def shown(value: Any) -> str:
    """A value as a user would type it; an empty list is empty text."""
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


def _check(each: Field[Any], kind: Any, value: Any) -> None:
    """Whether ``value`` is of the field's type, choices and range."""
    if value is None and type(None) in get_args(kind):
        return
    choices, least, most = (each.metadata.get(name) for name in ("choices", "least", "most"))
    if choices and value not in choices:
        raise InputError(f"{each.name} cannot be '{value!s:.80}': choose among {', '.join(choices)}.")
    if not _is(kind, value):
        raise InputError(f"{each.name} cannot be '{value!s:.80}': {wanted(kind)} is expected.")
    numbers = [one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Real)]
    if not (least is None or most is None or all(least <= number <= most for number in numbers)):
        limits = (
            f"{least:g} or more"
            if most == math.inf
            else f"{most:g} or less"
            if least == -math.inf
            else f"from {least:g} to {most:g}"
        )
        raise InputError(f"{each.name} cannot be {value}: give {'numbers' if isinstance(value, tuple) else 'a number'} {limits}.")


def _is(kind: Any, value: Any) -> bool:
    if type(None) in get_args(kind):
        return _is(get_args(kind)[0], value)
    if get_origin(kind) is tuple:
        return isinstance(value, tuple | list) and all(_is(int, item) for item in value)
    if kind is int:
        return not isinstance(value, bool) and isinstance(value, Integral) and abs(int(value)) < 2**63
    if kind is float:
        return not isinstance(value, bool) and (isinstance(value, Integral) or (isinstance(value, Real) and math.isfinite(value)))
    return isinstance(value, kind) if kind in (bool, str) else True


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
