"""Checksums of what is in memory: equal for equal pictures, different for any difference."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from stylespace.pipelines.record import described, same
from stylespace.storage.checksum import of_tensors


def test_a_checksum_tells_values_shapes_types_and_order_apart() -> None:
    x = torch.arange(6.0)
    given = [(x,), (x + 1,), (x.view(2, 3),), (x.bfloat16(),), (x, None), (None, x), ()]
    assert len({of_tensors(*each) for each in given}) == 7
    assert of_tensors(x.view(2, 3).T.contiguous().T) == of_tensors(x.view(2, 3))
    assert of_tensors(torch.tensor(3.0)) != of_tensors(torch.tensor(4.0))


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
