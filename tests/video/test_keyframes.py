"""Which frames are painted, and from which the others are carried."""

from __future__ import annotations

from pathlib import Path

import pytest

from stylespace.errors import InputError
from stylespace.video.keyframes import Stretch, every, numbered, stretches


def test_frames_are_carried_within_their_shot() -> None:
    """Three shots: key frames inside the first, none in the second, one at the beginning of the third."""
    assert stretches([0, 10, 14], 20, [2, 6, 14]) == [
        Stretch(0, 2, None, 2), Stretch(2, 6, 2, 6), Stretch(6, 10, 6, None), Stretch(10, 14, 6, None), Stretch(14, 20, 14, None),
    ]  # fmt: skip
    assert [each.is_lost for each in stretches([0, 10, 14], 20, [2, 6, 14])] == [False, False, False, True, False]
    assert stretches([0], 1, [0]) == [Stretch(0, 1, 0, None)]


def test_regular_key_frames_begin_with_each_shot() -> None:
    assert every([0, 10], 25, 4) == [0, 4, 8, 10, 14, 18, 22]


def test_key_frames_have_their_frames_numbers() -> None:
    names = [Path("shot2_0001.png"), Path("shot2_0012.jpg")]
    assert numbered(names, None, 12) == {0: names[0], 11: names[1]}
    assert numbered([Path("0.png"), Path("11.png")], None, 12) == {0: Path("0.png"), 11: Path("11.png")}
    assert numbered(names, [Path(f"f{n:03d}.png") for n in range(1, 20, 11)], 2) == {0: names[0], 1: names[1]}
    for wrong, words in (
        ([Path("a.png")], "has no number"), ([Path("1.png"), Path("01.jpg")], "have one number"), ([Path("13.png")], "numbered 1 to 12"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            numbered(wrong, None, 12)
