"""Styles over time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stylespace.errors import InputError
from stylespace.pipelines.track import Key, Track, read_track, track_of


def test_a_mix_is_eased_from_moment_to_moment() -> None:
    track = track_of([(4.0, {"b": 2.0}), (0.0, {"a": 1.0}), (8.0, {"a": 1.0, "b": 3.0})])
    assert track.at(-1) == track.at(0) == {"a": 1.0}
    assert track.at(2) == {"a": 0.5, "b": 0.5}
    assert track.at(1) == pytest.approx({"a": 1 - 0.15625, "b": 0.15625})  # 3 s^2 - 2 s^3 at a quarter
    assert track.at(4) == {"b": 1.0}
    assert track.at(9) == {"a": 0.25, "b": 0.75}
    assert track.styles == {"a": 1.0, "b": 1.0}
    assert track.changes


def test_easings() -> None:
    keys = (Key(0, {"a": 1.0}, "linear"), Key(1, {"b": 1.0}, "hold"), Key(2, {"a": 1.0}))
    track = Track(keys)
    assert track.at(0.25) == pytest.approx({"a": 0.75, "b": 0.25})
    assert track.at(1.99) == {"b": 1.0}


def test_a_track_is_read_as_it_is_written(tmp_path: Path) -> None:
    track = Track((Key(0, {"a": 1.0}), Key(2.5, {"a": 1.0, "b": 1.0}, "linear")))
    (tmp_path / "mix.json").write_text(json.dumps(track.as_json()))
    assert read_track(tmp_path / "mix.json") == track


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no", "cannot be read as a track"),
        ("[]", 'has no "keys"'),
        ('{"keys": [3]}', "has a key 3"),
        ('{"keys": [{"at": "x", "styles": {"a": 1}}]}', "each wants"),
        ('{"keys": [{"at": 0, "styles": {"a": true}}]}', "each wants"),
        ('{"keys": [{"at": 0, "styles": {"a": 0}}]}', "have no weight"),
        ('{"keys": [{"at": 0, "styles": {"a": 1}, "easing": "x"}]}', "easing 'x' is unknown"),
        ('{"keys": [{"at": 1, "styles": {"a": 1}}, {"at": 1, "styles": {"a": 1}}]}', "later than the one before"),
        ("[" * 20000, "cannot be read as a track"),
    ],
)
def test_what_is_no_track(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "mix.json").write_text(text)
    with pytest.raises(InputError, match=words):
        read_track(tmp_path / "mix.json")
