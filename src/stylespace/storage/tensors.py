"""Tensors and a JSON record in one safetensors file: the form of networks, spaces, regions and states of work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from stylespace.storage.atomic import write_whole
from stylespace.storage.plain import parse, reason

KEY = "stylespace"


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> Path:
    """Write ``tensors`` and ``record``, whole or not at all."""
    from safetensors.torch import save_file

    # Plain (not channels-last) copies: the memory format is chosen again when they are read.
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    return write_whole(path, lambda temporary: save_file(copies, temporary, {KEY: json.dumps(record)}))


def read_tensors(path: str | Path, *, tensors: bool = True) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The record (empty where there is none) and the tensors. Raises ``ValueError``, on one line, if anything is wrong with the file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            record = parse((file.metadata() or {}).get(KEY, "{}"))
            record = record if isinstance(record, dict) else {}
            return record, {name: file.get_tensor(name) for name in file.keys()} if tensors else {}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(reason(error)) from error
