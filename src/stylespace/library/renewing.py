"""Describes a library again with another encoder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stylespace.errors import InputError
from stylespace.library.adding import BATCH, describe_file
from stylespace.library.store import Library
from stylespace.storage.atomic import write_text

PROGRESS = "described-anew.jsonl"  # the encoder, then the keys that it has described, a list a line


@dataclass
class Renewed:
    """The outcome: how many are described, of how many, and which could not be (path to reason)."""

    done: int = 0
    of: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False


def describe_anew(library: Library, *, workers: str | None = None, progress: Callable[[Renewed], None] | None = None) -> Renewed:
    """Describe every picture of ``library`` with the current encoder, and record the encoder once all are.

    Continues after Ctrl-C or a crash. A picture that is missing or has changed cannot be described: the
    library then still needs its old encoder, until the picture is back or removed. ``workers`` as for
    :func:`stylespace.library.adding.add`. Titles, tags and everything else stay.
    """
    if workers not in (None, "ray"):
        raise InputError(f"Workers '{workers}' are unknown: leave it out, or give ray.")
    here = library.encoder_here()
    place = library.folder / PROGRESS
    finished = _finished(place, here)
    keys = library.keys()
    left = {path: key for key, path in keys.items() if key not in finished}
    state = Renewed(len(keys) - len(left), len(keys))
    write_text(place, "".join(json.dumps(line) + "\n" for line in (here, sorted(finished))))
    waiting: dict[str, Any] = {}

    def write() -> None:
        library.redescribe(waiting)
        with place.open("a", encoding="utf-8") as file:
            file.write(json.dumps(list(waiting)) + "\n")
        waiting.clear()

    try:
        for row in _described(left, workers):
            key = left[row["path"]]
            if row["error"] or row["key"] != key:
                state.failures[row["path"]] = row["error"] or "it has changed"
            else:
                waiting[key] = row["numbers"]
                state.done += 1
            if len(waiting) >= BATCH:
                write()
            if progress:
                progress(state)
    except KeyboardInterrupt:
        state.interrupted = True
    write()
    if state.done == state.of:
        library.described_by(here)
        place.unlink()
        library.tidy()
    return state


def _described(paths: Iterable[str], workers: str | None) -> Iterator[Mapping[str, Any]]:
    if workers == "ray":
        from stylespace.library.cluster import over

        return over(list(paths))
    return map(describe_file, paths)


def _finished(place: Path, encoder: Mapping[str, str]) -> set[str]:
    """Keys that ``encoder`` has described before; the last line may be half."""
    try:
        first, *lines = place.read_text(encoding="utf-8").splitlines()
        if json.loads(first) != encoder:
            return set()
    except (OSError, ValueError):
        return set()
    found: set[str] = set()
    for line in lines:
        try:
            found.update(json.loads(line))
        except ValueError:
            break
    return found
