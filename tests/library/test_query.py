"""The query language: what it finds is tested with the store; here how it is read."""

from __future__ import annotations

import pytest

from stylespace.errors import InputError
from stylespace.library.query import Query, parse


@pytest.mark.parametrize("text", ["", "library:", " library: ", ","])
def test_everything(text: str) -> None:
    assert parse(text) == Query()


def test_terms() -> None:
    query = parse('library:tag=oil|ink,artist="Claude Monet",like=a b.jpg,limit=7')
    assert query.like == "a b.jpg"
    assert query.limit == 7
    assert query.condition == "(contains(tags, ';oil;') OR contains(tags, ';ink;')) AND (lower(artist) = 'claude monet')"


def test_quotes_keep_commas_and_bars() -> None:
    assert parse('title="The Sun, the Moon | Stars"').condition == "(lower(title) = 'the sun, the moon | stars')"


def test_an_apostrophe_cannot_end_the_text() -> None:
    assert "''" in parse("artist=O'Keeffe' OR 1=1").condition


@pytest.mark.parametrize(("text", "same"), [("tag!=night", "-tag=night"), ("TAG=Night", "tag=night")])
def test_ways_of_writing(text: str, same: str) -> None:
    assert parse(text) == parse(same)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour=red", "no field 'colour'"),
        ('artist="Claude', "quotation mark"),
        ("tag=", "no value"),
        ("tag=|", "no value"),
        ("limit=many", "limit=50"),
        ("limit=0", "limit=50"),
        ("year=old", "year=1889"),
        ("like=a.jpg,like=b.jpg", "one picture"),
        ("-like=a.jpg", "one picture"),
    ],
)
def test_mistakes(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse(text)
