"""libvips is quiet and its errors can be told."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import pyvips

from stylespace.pictures import vips


def test_messages_that_quote_bytes_of_a_file_can_be_read() -> None:
    assert pyvips.error._to_string(pyvips.ffi.new("char[]", b"bad tag \xfb")) == "bad tag \ufffd"
    assert pyvips.error._to_string(pyvips.ffi.NULL) == "NULL"


def test_remarks_have_somewhere_to_go() -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("pyvips").handlers)


def test_reason_is_one_line_without_the_pipes_and_calls() -> None:
    assert vips.reason(ValueError("unable to call x\n  tiff2vips: no such tag.\nmore")) == " (no such tag)"
    assert vips.reason(ValueError("unable to call pngload_buffer\n  \n")) == ""


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_samples_go_in_and_out(channels: int, dtype: type) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype(dtype)
    for array in (samples, samples[:, ::-1]):
        image = vips.from_samples(array)
        assert (image.width, image.height, image.bands) == (7, 5, channels)
        assert np.array_equal(vips.to_samples(image), array)
