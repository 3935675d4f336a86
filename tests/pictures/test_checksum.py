"""Checksums of what is in memory: equal for equal pictures, different for any difference."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace.pictures.checksum import checksum
from stylespace.pipelines.record import described, same


def test_a_checksum_tells_values_shapes_types_and_order_apart() -> None:
    x = torch.arange(6.0)
    found = {
        checksum(x), checksum(x + 1), checksum(x.view(2, 3)), checksum(x.bfloat16()), checksum(x, None), checksum(None, x), checksum(),
    }  # fmt: skip
    assert len(found) == 7
    assert checksum(x.view(2, 3).T.contiguous().T) == checksum(x.view(2, 3))
    assert checksum(torch.tensor(3.0)) != checksum(torch.tensor(4.0))


@pytest.mark.parametrize("of", [np.asarray, Image.fromarray, lambda array: torch.from_numpy(array).permute(2, 0, 1)])
def test_pictures_in_memory_have_one(of: object) -> None:
    one, other = np.full((4, 5, 3), 9, np.uint8), np.full((4, 5, 3), 8, np.uint8)
    assert callable(of)
    first, again, second = (described(of(array)) for array in (one, one.copy(), other))
    assert first == again
    assert first["sha256"] != second["sha256"]
    assert same({"photo": first}, {"photo": again})
    assert not same({"photo": first}, {"photo": second})


def test_what_is_no_picture_is_never_the_same() -> None:
    record = {"photo": described(object())}
    assert not same(record, record)
    assert not same({"photo": described("-")}, {"photo": described("-")})
