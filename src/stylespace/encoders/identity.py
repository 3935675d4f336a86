"""Which encoder something was made with: recorded beside it, and checked before it is compared with anything."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from stylespace import encoders
from stylespace.encoders import store
from stylespace.encoders.compact import SHIPPED
from stylespace.errors import InputError

Identity = Mapping[str, str]


def found(name: str, weights: str | Path | None = None) -> dict[str, str]:
    """Name and checksum of the encoder that :func:`stylespace.encoders.load` would load; the name alone if it still has to be downloaded.

    Raises ``WeightsError`` for a file that does not hold its weights.
    """
    path = Path(weights) if weights is not None else SHIPPED if name == "compact" else store.find(name)
    if path is None or not path.is_file():
        return {"name": name}
    about = path.stat()
    return dict(_read(name, path, about.st_size, about.st_mtime_ns))


def identity(record: object) -> Identity:
    """The identity in a record; earlier versions only stored the name. Raises ``InputError`` for anything else."""
    if isinstance(record, str):
        return {"name": record}
    if not isinstance(record, Mapping) or "name" not in record or not all(isinstance(v, str) for v in record.values()):
        raise InputError("A record names no encoder, so it is damaged: make its file again.")
    return record


def matching(one: Identity | None, other: Identity | None) -> bool:
    """Whether two records name one encoder. An unknown checksum, of weights still to be downloaded, matches any."""
    if one is None or other is None:
        return one is other
    return one["name"] == other["name"] and one.get("sha256", other.get("sha256")) == other.get("sha256", one.get("sha256"))


def refuse(what: str, wanted: Identity, here: Identity, todo: str) -> InputError:
    """The error for ``what`` needing another encoder than the one that is ``here``."""
    return InputError(f"{what} needs the encoder {shown(wanted)}, but {shown(here)} is here: {todo}.")


def shown(identity: Identity) -> str:
    """An encoder in words: ``'compact' (weights 1a2b3c4d5e6f)``. Records of earlier versions had no checksum."""
    known = f"(weights {identity['sha256'][:12]})" if "sha256" in identity else "of an earlier version of Stylespace"
    return f"'{identity['name']}' {known}"


@lru_cache(maxsize=8)
def _read(name: str, path: Path, size: int, time: int) -> tuple[tuple[str, str], ...]:
    return tuple(encoders.load(name, weights=path, precision="fp32").identity.items())
