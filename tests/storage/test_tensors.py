"""Tensors with a record in one file, and files that are none."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch

from stylespace.storage.plain import parse, reason
from stylespace.storage.tensors import read_tensors, write_tensors

DEEP = "[" * 100_000 + "]" * 100_000


def test_what_is_written_is_read(tmp_path: Path) -> None:
    tensors = {"a": torch.rand(2, 3, 4, 5).contiguous(memory_format=torch.channels_last), "b": torch.arange(3)}
    path = write_tensors(tmp_path / "some.safetensors", tensors, {"names": ["x", "\u00e4"], "deep": {"n": None}})
    record, found = read_tensors(path)
    assert record == {"names": ["x", "\u00e4"], "deep": {"n": None}}
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    assert read_tensors(path, tensors=False) == (record, {})


def written(path: Path, header: object, data: bytes = bytes(64)) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.mark.parametrize(
    "header",
    [
        b"", b"x" * 5000, b"{", DEEP.encode(), {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 9]}},
        {"a": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}}, {"__metadata__": {"stylespace": DEEP}},
        {"__metadata__": {"stylespace": "{"}},
    ],
)  # fmt: skip
def test_whatever_is_wrong_is_a_line(tmp_path: Path, header: object) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        read_tensors(written(tmp_path / "bad.safetensors", header))
    said = str(raised.value)
    assert 0 < len(said) <= 200
    assert "\n" not in said


def test_no_file_and_a_cut_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        read_tensors(tmp_path / "none.safetensors")
    path = write_tensors(tmp_path / "some.safetensors", {"a": torch.rand(100)}, {})
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"."):
        read_tensors(path)


def test_a_record_that_is_none_is_empty(tmp_path: Path) -> None:
    assert read_tensors(written(tmp_path / "a.safetensors", {"__metadata__": {"stylespace": "[1]"}}, b"")) == ({}, {})
    assert read_tensors(written(tmp_path / "a.safetensors", {}, b"")) == ({}, {})


def test_json_of_others() -> None:
    assert parse('{"a": [1]}') == {"a": [1]}
    for text in (DEEP, "{", "", b"\xff", '{"a": ' * 100_000):
        with pytest.raises(ValueError, match=r"."):
            parse(text)


def test_reasons_are_short_lines() -> None:
    assert reason(FileNotFoundError(2, "No such file", "x" * 999)) == "No such file"
    assert reason(RuntimeError("a\n  b\n" + "c" * 999)) == "a b " + "c" * 196
    assert reason(KeyError()) == "KeyError"
