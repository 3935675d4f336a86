"""What was accepted and ignored, or taken for something else, is refused by one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stylespace as ss
from stylespace.errors import InputError

PHOTO = np.zeros((32, 32, 3), np.uint8)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "deformable", "base": "nnst"}, "base cannot be 'nnst': choose among strotss, gatys"),
        ({"method": "strotss", "statistic": "gram"}, "There is no setting 'statistic'"),
        ({"method": "nnst", "layer_divisor": "x"}, "layer_divisor cannot be 'x'"),
        ({"start": "nowhere"}, "start cannot be 'nowhere'"),
        ({"keep": "worst"}, "keep cannot be 'worst'"),
        ({"strokes": PHOTO, "method": "nnst"}, "Strokes are for"),
        ({"method": "deformable", "strength": 7.0}, "strength cannot be 7.0: give a number from 0 to 1"),
        ({"method": "strotss", "samples": 0}, "samples cannot be 0: give a number 1 or more"),
        ({"method": "nnst", "levels": 0}, "levels cannot be 0"),
        ({"content_weight": -1.0}, "content_weight cannot be -1.0: give a number 0 or more"),
        ({"sizes": (16, 0)}, r"sizes cannot be \(16, 0\): give numbers 1 or more"),
    ],
)
def test_transfer(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ss.transfer(PHOTO, PHOTO, **options)


@pytest.mark.parametrize(("setting", "value"), [("route", "x"), ("statistic", "x"), ("size", 4)])
def test_learning(setting: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"{setting} cannot be '?{value}'?"):
        ss.learn_style([PHOTO], **{setting: value})
