"""Queries: ``tag=oil|ink,artist="Claude Monet",year=1880..1900,-tag=night,like=photo.jpg``.

Terms are separated by commas and must all hold; ``|`` inside a value means either; ``-`` before a term or ``!=`` in it means not. Fields:
``tag``, ``artist``, ``title``, ``path``, ``text`` (every word, anywhere in the metadata; a word without a field is text), ``year`` (1889 or
1880..1900), ``like`` (a picture: nearest first), ``limit`` (the most results). Values are compared without regard to case;
``artist=monet`` finds every name with monet in it, ``artist="Claude Monet"`` that name alone. Tags are whole words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from stylespace.errors import InputError

PREFIX = "library:"
FIELDS = ("tag", "artist", "title", "path", "text", "year", "like", "limit")
_TERM = re.compile(r'\s*((?:[^,"]|"[^"]*")*)\s*(?:,|$)')
_PART = re.compile(r'(?:[^|"]|"[^"]*")+')


@dataclass(frozen=True)
class Query:
    """``condition``: an SQL expression over the store's columns, empty for all. ``like``: a picture's path. ``limit``: the most results."""

    condition: str = ""
    like: str | None = None
    limit: int | None = None


def parse(text: str) -> Query:
    """Read a query, with or without ``library:`` before it. Raises ``InputError`` that says what is wrong and how to write it."""
    text = text.strip().removeprefix(PREFIX).strip()
    if text.count('"') % 2:
        raise InputError(f"The query '{text}' has an open quotation mark: close it.")
    conditions: list[str] = []
    like: str | None = None
    limit: int | None = None
    for term in (match.group(1).strip() for match in _TERM.finditer(text)):
        if not term:
            continue
        field, value, negated = _split(term)
        if field == "limit":
            if negated or not value.isdigit() or not int(value):
                raise InputError(f"'{term}' is not a limit: write limit=50.")
            limit = int(value)
        elif field == "like":
            if negated or like:
                raise InputError(f"'{term}': give one picture to compare with, as in like=photo.jpg.")
            like = _bare(value)
        else:
            either = [_condition(field, part.strip(), term) for part in _PART.findall(value) if part.strip()]
            if not either:
                raise InputError(f"'{term}' has no value: write {field}=something.")
            whole = " OR ".join(either)
            conditions.append(f"NOT ({whole})" if negated else f"({whole})")
    return Query(" AND ".join(conditions), like, limit)


def _split(term: str) -> tuple[str, str, bool]:
    negated = term.startswith("-")
    term = term.removeprefix("-").strip()
    match = re.match(r"([A-Za-z_]+)\s*(!?=)(.*)", term, re.DOTALL)
    if not match:
        return "text", term, negated
    field, sign, value = match.group(1).lower(), match.group(2), match.group(3).strip()
    if field not in FIELDS:
        raise InputError(f"The library has no field '{field}': choose among {', '.join(FIELDS)}.")
    if not value:
        raise InputError(f"'{term}' has no value: write {field}=something.")
    return field, value, negated != (sign == "!=")


def _condition(field: str, value: str, term: str) -> str:
    if field == "year":
        return _year(value, term)
    text = quoted(_bare(value).lower())
    whole = value.startswith('"')
    made: dict[str, Callable[[], str]] = {
        "tag": lambda: f"contains(tags, {quoted(';' + _bare(value).lower() + ';')})",
        "artist": lambda: f"lower(artist) = {text}" if whole else f"contains(lower(artist), {text})",
        "title": lambda: f"lower(title) = {text}" if whole else f"contains(lower(title), {text})",
        "path": lambda: f"contains(lower(path), {text})",
        "text": lambda: _words(value),
    }
    return made[field]()


def _words(value: str) -> str:
    words = [_bare(value)] if value.startswith('"') else _bare(value).split()
    return "(" + " AND ".join(f"contains(words, {quoted(word.lower())})" for word in words) + ")"


def _year(value: str, term: str) -> str:
    first, dots, last = _bare(value).partition("..")
    try:
        low = int(first) if first else -(10**6)
        high = (int(last) if last else 10**6) if dots else low
    except ValueError:
        raise InputError(f"'{term}' is not a year: write year=1889 or year=1880..1900.") from None
    return f"(year >= {low} AND year <= {high})"


def _bare(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value.startswith('"') and value.endswith('"') else value


def quoted(value: str) -> str:
    """A text quoted for SQL."""
    return "'" + value.replace("'", "''") + "'"
