"""A variant of an exported network that computes in 8-bit integers: smaller, and faster on processors with integer dot products."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np

from stylespace.errors import InputError, MissingExtraError
from stylespace.export.runtime import KEY, Pixels

if TYPE_CHECKING:
    from onnx import ModelProto

# Means and scales of normalisations are small numbers beside large ones: in 8 bits they would be lost.
EXACT = (
    "Add", "Concat", "Div", "Gemm", "MatMul", "Mul", "Reciprocal", "ReduceMean", "ReduceSum", "Reshape", "Sigmoid", "Sqrt", "Sub",
    "Unsqueeze",
)  # fmt: skip


def quantised(model: ModelProto, photos: Sequence[Pixels], rows: Pixels | None = None) -> ModelProto:
    """``model`` with 8-bit convolutions, whose ranges are measured on ``photos``, each (H, W, 3) of 8 bits, in one style after another.

    ``rows`` (S, P): the styles, for a painter's graph. Everything else is unchanged. Raises ``MissingExtraError`` without the extra
    ``int8`` (NNCF).
    """
    if not photos:
        raise InputError("There are no photos to measure ranges on: give some.")
    os.environ.setdefault("NNCF_TELEMETRY", "0")  # nothing may leave this machine
    try:
        import nncf
        import onnx
    except ImportError as error:
        raise MissingExtraError("8-bit integers need NNCF: pip install 'stylespace[int8]'.") from error
    about = json.loads(next(p.value for p in model.metadata_props if p.key == KEY))
    second = "weights" if rows is None else "row"
    styles = np.eye(len(about["names"]), dtype=np.float32) if rows is None else np.asarray(rows, np.float32)
    count = len(styles)
    bytes_ = about["pixels"] == "bytes"

    def sample(number: int) -> dict[str, Any]:
        photo = photos[number % len(photos)][None]
        return {
            "photo": photo if bytes_ else (photo / np.float32(255)).astype(np.float32),
            second: styles[number % count],
        }

    samples = max(len(photos), 2 * count)
    logging.getLogger("nncf").setLevel(logging.ERROR)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        made: ModelProto = nncf.quantize(
            model, nncf.Dataset(list(range(samples)), sample), subset_size=samples,
            ignored_scope=nncf.IgnoredScope(types=list(EXACT), validate=False),
        )  # fmt: skip
    onnx.helper.set_model_props(made, {KEY: json.dumps(about | {"integers": True})})
    return made
